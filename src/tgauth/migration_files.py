"""Where the numbered SQL files of this version are, for whoever must not load the store to know."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path


def folder() -> Traversable:
    """Return the folder of the migrations."""
    packaged = files("tgauth") / "migrations"
    # An editable install does not see what the wheel's force-include ships.
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "migrations"


def newest() -> int:
    """Return the number of the schema that this version brings a store to."""
    return max(int(entry.name[:4]) for entry in folder().iterdir() if entry.name.endswith(".sql"))
