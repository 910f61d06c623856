"""Lock files beside the store: NAME.lock and NAME.open of a store NAME. They are never removed.

The account that the service runs as owns that folder and may put anything under a name of ours,
while an operator's command may run as root. So no link is followed there, and root gives away
nothing but what it made itself.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tgauth.domain.errors import StoreUnavailable

#: `O_NONBLOCK`: nobody waits for the other end of a pipe that lies there.
_FLAGS: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS


def open_lock_file(path: Path) -> int:
    """Open a lock file, made when missing, and return its descriptor. Children do not inherit it.

    Raises:
        StoreUnavailable: Something else than a file is in its place.
        OSError: It cannot be opened.
    """
    try:
        return open_itself(path, os.O_RDWR)
    except FileNotFoundError:
        pass
    try:
        return _made_by_root(path) if os.geteuid() == 0 else os.open(path, _NEW, 0o600)
    except FileExistsError:
        return open_itself(path, os.O_RDWR)


def _made_by_root(path: Path) -> int:
    """Make a lock file that has its name only once it has its owner.

    Killed in between, root would otherwise leave one that keeps the service out.

    Raises:
        FileExistsError: Somebody else made it meanwhile.
    """
    made = path.with_name(f"{path.name}.{os.urandom(8).hex()}")
    descriptor = os.open(made, _NEW, 0o600)
    try:
        _give(descriptor, made, of=path.with_suffix(""))
        os.link(made, path, follow_symlinks=False)
    except BaseException:
        os.close(descriptor)
        raise
    finally:
        made.unlink()
    return descriptor


def open_itself(path: Path, flags: int) -> int:
    """Open a file that is there and return its descriptor: a link in its place is not followed.

    Raises:
        StoreUnavailable: Something else than a file is in its place.
        OSError: It cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | _FLAGS)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise StoreUnavailable(
                f"{path} is a symbolic link, which is not followed: find out who made it, and "
                "remove it"
            ) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise StoreUnavailable(f"{path} is no regular file: find out who made it, and remove it")
    return descriptor


def copy_itself(source: Path, target: Path, *, of: Path) -> None:
    """Copy a file to a name that is not taken, for the owner of the store alone.

    Args:
        source: What is copied; a link in its place is not followed.
        target: The new file.
        of: The store.

    Raises:
        FileExistsError: The name is taken, if only by a link to nothing.
        StoreUnavailable: The source is no file.
        OSError: It cannot be done.
    """
    with os.fdopen(open_itself(source, os.O_RDONLY), "rb") as reading:
        made = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600)
        with os.fdopen(made, "wb") as writing:
            shutil.copyfileobj(reading, writing)
            if os.geteuid() == 0:
                _give(made, target, of=of)


def give_to_owner(path: Path, *, of: Path) -> None:
    """Give a file that root made beside a store to that store's owner, as SQLite does with its own.

    A command that an operator runs as root must not leave files that the service cannot open.

    Raises:
        StoreUnavailable: Something else than that file is in its place by now.
        OSError: It cannot be done.
    """
    descriptor = open_itself(path, os.O_RDONLY)
    try:
        _give(descriptor, path, of=of)
    finally:
        os.close(descriptor)


@contextmanager
def as_owner_of(folder: Path) -> Iterator[None]:
    """Be the owner of a folder while something is written there by its name, where we are root.

    That owner may put a link in its place at any moment, which leads wherever root may write and
    the owner may not. Files that are open already stay so.
    """
    owner, group = folder.stat(), os.getegid()
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    groups = os.getgroups()
    try:
        os.setgroups([])
        os.setegid(owner.st_gid)
        os.seteuid(owner.st_uid)
        yield
    finally:
        os.seteuid(0)
        os.setegid(group)
        os.setgroups(groups)


def _give(descriptor: int, path: Path, *, of: Path) -> None:
    try:
        owner = of.stat()
    except FileNotFoundError:
        owner = of.parent.stat()
    file = os.fstat(descriptor)
    if file.st_uid == owner.st_uid:
        return
    if not stat.S_ISREG(file.st_mode) or file.st_nlink != 1:
        raise StoreUnavailable(
            f"{path} has another name as well, and is not given away: find out who made it"
        )
    os.fchown(descriptor, owner.st_uid, owner.st_gid)
