"""Whether the store's file is there."""

from pathlib import Path

from tgauth.domain.errors import TgauthError


class StoreMissing(TgauthError):
    """There is no store where one was expected, and what was asked for makes none."""

    code = "store_missing"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"there is no store at {path.absolute()}: TGAUTH_DATABASE__PATH names another file, "
            "or tgauth has never run here"
        )


def require_store(path: Path) -> None:
    """Refuse a path where no file is.

    Raises:
        StoreMissing: There is none.
    """
    if not path.is_file():
        raise StoreMissing(path)
