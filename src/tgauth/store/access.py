"""Whose file the store is."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tgauth.domain.errors import StoreUnavailable


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


@contextmanager
def only_for_us() -> Iterator[None]:
    """Make new files readable by this account alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
