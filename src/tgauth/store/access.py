"""Whether the store's file is there, and whose it is."""

import os
import stat
from pathlib import Path

from tgauth.domain.errors import StoreUnavailable, TgauthError


class StoreMissing(TgauthError):
    """There is no store where one was expected, and what was asked for makes none."""

    code = "store_missing"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"there is no store at {path}: TGAUTH_DATABASE__PATH names another file, or tgauth "
            "has never run here"
        )


def require_store(path: Path) -> None:
    """Refuse a path where no file is.

    Raises:
        StoreMissing: There is none.
    """
    if not path.is_file():
        raise StoreMissing(path)


def require_access(path: Path) -> None:
    """Make sure that this account may read and write the store.

    Raises:
        StoreUnavailable: It may not; SQLite would only say that the file cannot be opened.
    """
    if path.exists() and not os.access(path, os.R_OK | os.W_OK):
        status = path.stat()
        raise StoreUnavailable(
            f"{path} belongs to user {status.st_uid} with mode {stat.S_IMODE(status.st_mode):04o}, "
            f"and this process is user {os.geteuid()}: run it as the store's owner, or give the "
            "files to this one (chown)"
        )
