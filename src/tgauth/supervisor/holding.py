"""A file that one process at a time holds, so that nothing is supervised twice.

The kernel lets go of it when its holder ends, however that happens: there is nothing to clean up.
Standard library only.
"""

import contextlib
import errno
import fcntl
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_LONGEST = 4096


class AlreadyHeld(Exception):
    """Another process holds the file.

    Attributes:
        path: The file.
        holder: The pid of that process, where it could be learnt.
    """

    code = "already_held"

    def __init__(self, path: Path, holder: int | None) -> None:
        """Name the file and its holder."""
        self.path = path
        self.holder = holder
        super().__init__(
            f"{path} is held by {f'process {holder}' if holder else 'another process'}"
        )


@contextmanager
def hold(path: Path, *, note: str = "") -> Iterator[None]:
    """Hold a file for the length of the block. Children do not inherit it.

    Args:
        note: One line that others may read, see `noted`.
        path: The file; made when missing, and left where it is: removing it would let a third
            process hold a new file of the same name while a second still waits for the old.

    Raises:
        AlreadyHeld: Somebody else holds it.
        OSError: It cannot be opened, or is a symbolic link: whoever owns the folder may have put
            one there, and a supervisor that runs as root must not write where it leads.
    """
    descriptor = _opened(path)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyHeld(path, _holder(descriptor)) from None
        with contextlib.suppress(OSError):  # a full disk: the note is a convenience
            _note(descriptor, note)
        yield
    finally:
        os.close(descriptor)


def _opened(path: Path) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        return os.open(path, flags, 0o600)
    except OSError as error:
        if error.errno == errno.ELOOP:
            why = "is a symbolic link, which is not followed: find out who made it, and remove it"
            raise OSError(errno.ELOOP, why, str(path)) from error
        raise


def noted(path: Path) -> str:
    """Return what the holder of a file has noted there, or the last one had; or nothing."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return ""
    try:
        lines = os.pread(descriptor, _LONGEST, 0).decode(errors="replace").split("\n")
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return lines[1] if len(lines) > 1 else ""


def _note(descriptor: int, note: str) -> None:
    file = os.fstat(descriptor)
    if stat.S_ISREG(file.st_mode) and file.st_nlink == 1:  # else it is somebody's who linked it
        os.ftruncate(descriptor, 0)
        line = f"{note}\n" if note else ""
        os.pwrite(descriptor, f"{os.getpid()}\n{line}".encode(), 0)


def _holder(descriptor: int) -> int | None:
    note = os.pread(descriptor, _LONGEST, 0).partition(b"\n")[0].strip()
    return int(note) if note.isdigit() else None
