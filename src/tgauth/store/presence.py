"""Who has a store open: a lock file that everybody who opens it shares, until they end.

The kernel lets go of it when a process ends, however that happens, so there is nothing to clean up
after a kill. Whoever puts another file in the store's place needs the lock alone.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from tgauth.database_file import unavailable
from tgauth.domain.errors import StoreUnavailable, TgauthError
from tgauth.store.lock_files import open_lock_file

#: How somebody opens a store: `present` or `alone`.
Presence = Callable[[Path], AbstractContextManager[None]]


class StoreInUse(TgauthError):
    """Another process has the store open, and this cannot be done meanwhile."""

    code = "store_in_use"

    def __init__(self, path: Path, by: str = "a running tgauth") -> None:
        super().__init__(f"{path} is in use by {by}: stop that first")


@contextmanager
def present(path: Path) -> Iterator[None]:
    """Be known as somebody who has the store open, for the length of the block.

    Raises:
        StoreUnavailable: It is being replaced right now, or the lock file cannot be opened.
    """
    with _held(path, fcntl.LOCK_SH) as is_held:
        if not is_held:
            raise StoreUnavailable(f"{path} is being restored or migrated right now", may_pass=True)
        yield


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Be the only one who has the store open; nobody can open it for the length of the block.

    Raises:
        StoreInUse: Somebody has it open.
        StoreUnavailable: The lock file cannot be opened.
    """
    with _held(path, fcntl.LOCK_EX) as is_held:
        if not is_held:
            raise StoreInUse(path)
        yield


@contextmanager
def _held(path: Path, operation: int) -> Iterator[bool]:
    whole = path.resolve()  # two names of one file are one store
    lock = whole.with_name(f"{whole.name}.open")
    try:
        descriptor = open_lock_file(lock)
    except OSError as error:
        raise unavailable(lock, error) from error
    try:
        try:
            fcntl.flock(descriptor, operation | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)
