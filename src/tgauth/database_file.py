"""What can be told of the store's file without SQLite: whose it is, whether it is a database."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

from tgauth.domain.errors import StoreUnavailable

#: How every database begins (sqlite.org/fileformat2.html §1.3.1).
MAGIC: Final = b"SQLite format 3\0"
#: What belongs to it: SQLite's own, and our lock files.
_BESIDE: Final = ("", "-wal", "-shm", ".lock", ".open")
#: What keeps a file from being opened and goes by: no room, no descriptors.
_PASSING: Final = {errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE, errno.EINTR}


def require_access(path: Path) -> None:
    """Make sure that this account may read and write the store, and what belongs to it.

    Raises:
        StoreUnavailable: It may not; SQLite would only say that the file cannot be opened.
    """
    for suffix in _BESIDE:
        file = path.with_name(f"{path.name}{suffix}")
        try:
            status = file.stat()
        except FileNotFoundError:
            continue
        except OSError as error:
            raise unavailable(file, error) from error
        if not os.access(file, os.R_OK | os.W_OK):
            raise StoreUnavailable(
                f"{file} belongs to user {status.st_uid} with mode "
                f"{stat.S_IMODE(status.st_mode):04o}, and this process is user {os.geteuid()}: "
                "run it as the store's owner, or give the files to this one (chown)"
            )


def require_database(path: Path) -> None:
    """Refuse a file that cannot be a store; none at all, and an empty one, become one.

    Raises:
        StoreUnavailable: It is another file, or cannot be read.
    """
    begins = header_of(path)
    if begins and not begins.startswith(MAGIC):
        raise StoreUnavailable(
            f"{path} is not a database: TGAUTH_DATABASE__PATH names another file, or it is damaged"
        )


def header_of(path: Path) -> bytes:
    """Return the first 100 bytes of a store's file, as many as there are; none where it is not.

    Raises:
        StoreUnavailable: It cannot be read.
    """
    try:
        with path.open("rb") as file:
            return file.read(100)
    except FileNotFoundError:
        return b""
    except OSError as error:
        raise unavailable(path, error) from error


def unavailable(path: Path, error: OSError) -> StoreUnavailable:
    """Return what the system says about a file in the domain's words."""
    return StoreUnavailable(f"{path}: {error.strerror or error}", may_pass=error.errno in _PASSING)
