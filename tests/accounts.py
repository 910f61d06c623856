"""What a test needs in which another account of this machine looks at a file."""

from pathlib import Path
from tempfile import gettempdir


def open_the_way(folder: Path) -> None:
    """Let every account reach a folder of this test run.

    pytest closes what it makes, and makes one more folder where it runs in several processes.
    """
    everybodys = Path(gettempdir())
    for one in (folder, *folder.parents):
        if one == everybodys or not one.is_relative_to(everybodys):
            return
        one.chmod(one.stat().st_mode | 0o055)
