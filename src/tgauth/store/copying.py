"""A whole copy of a store under a name of its own: there entirely, or not at all."""

import contextlib
import fcntl
import os
import sqlite3
import stat
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tgauth.domain.errors import TgauthError
from tgauth.store.connection import Connection
from tgauth.store.plain import (
    Identity,
    NoStore,
    address,
    damages,
    identity_of,
    opened_to_check,
    schema_of,
)

VACUUM_INTO: Final = "VACUUM INTO :target"
#: What is wrong with the file that is read, by SQLite's names; all else is the target's.
_NO_STORE: Final = {"SQLITE_CORRUPT": "it is damaged", "SQLITE_NOTADB": "it is no SQLite file"}


class CopyFailed(TgauthError):
    """A copy of the store cannot be written where it was asked for."""

    code = "copy_failed"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} cannot be written: {why}")


class CopyExists(TgauthError):
    """A file is there already, and nobody said that it may be replaced."""

    code = "copy_exists"

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} exists already: --force replaces it")


@contextmanager
def being_written(target: Path) -> Iterator[Path]:
    """Lend the name under which `target` is written until it is whole; nothing is left of it.

    What a killed attempt left there is written over.

    Raises:
        CopyFailed: It cannot be made, or somebody else is writing it.
    """
    part = target.with_name(f"{target.name}.part")
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    try:
        descriptor = os.open(part, flags, 0o600)
    except OSError as error:
        raise CopyFailed(part, error.strerror or str(error)) from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CopyFailed(target, "somebody else is writing it right now") from None
        except OSError:  # a file system without locks: then nobody else is noticed
            pass
        try:
            _require_own(part, descriptor)
            os.fchmod(descriptor, 0o600)
            os.ftruncate(descriptor, 0)
            yield part
        except OSError as error:
            raise CopyFailed(target, error.strerror or str(error)) from error
        finally:
            if _is(part, descriptor):
                part.unlink()
    finally:
        os.close(descriptor)


async def copy_into(
    connection: Connection,
    source: Path,
    part: Path,
    *,
    look: Callable[[Connection, Path], Awaitable[object]] = schema_of,
) -> Identity:
    """Copy a store as it is at this moment into an empty file, and look whether it is whole.

    Whoever writes meanwhile goes on: the copy is of one moment all the same. What was deleted is
    not in it.

    Args:
        connection: To what is copied.
        source: Where that is.
        part: The file to write.
        look: Raises what is wrong with a schema. It sees what is copied, and the copy, before
            SQLite is let loose on them: a CHECK or an index of somebody else is code.

    Raises:
        CopyFailed: The copy cannot be written.
        NoStore: What is copied is no store, or is damaged.
    """
    # Our own flock is on that file, and on some network file systems SQLite's would run into it.
    target = address(part, "nolock=1")
    with _damage_told(source):
        await look(connection, source)
        try:
            await connection.run(VACUUM_INTO, {"target": target})
        except sqlite3.Error as error:
            if _damage(error) is not None:
                raise
            raise CopyFailed(part.with_suffix(""), str(error)) from error
    async with opened_to_check(part) as copied:
        await look(copied, source)
        broken = await damages(copied)
        if broken:
            raise NoStore(source, broken[0])
        return await identity_of(copied, source)


@contextmanager
def _damage_told(source: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        why = _damage(error)
        if why is None:
            raise
        raise NoStore(source, why) from error


def _damage(error: sqlite3.Error) -> str | None:
    name = getattr(error, "sqlite_errorname", "")
    return next((why for kind, why in _NO_STORE.items() if name.startswith(kind)), None)


def settle(part: Path, target: Path, *, may_replace: bool) -> None:
    """Give a whole copy its name, durably.

    Raises:
        CopyExists: There is a file of that name, and it may not be replaced.
        OSError: It cannot be done.
    """
    _sync(part, os.O_RDWR)
    if may_replace:
        part.replace(target)
    else:
        try:
            os.link(part, target)
        except FileExistsError:
            raise CopyExists(target) from None
        except OSError:  # a file system without hard links
            if target.exists():
                raise CopyExists(target) from None
            part.rename(target)
        with contextlib.suppress(FileNotFoundError):
            part.unlink()
    _sync(target.parent, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_own(part: Path, descriptor: int) -> None:
    """Refuse a file that has another name as well: what is written here would be written there."""
    file = os.fstat(descriptor)
    if not stat.S_ISREG(file.st_mode) or file.st_nlink > 1:
        raise CopyFailed(part, "it is no file of its own: find out who made it, and remove it")


def _is(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
