"""How a connection to the store's file is made, and what goes wrong with one."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import aiosqlite

from tgauth.domain.errors import StoreUnavailable
from tgauth.store.cancellation import uninterrupted

#: Seconds to wait for another process's write before the store counts as unavailable.
PATIENCE: Final = 5.0

#: SQLite's names for what goes by: another program's lock, a full disk, a disk that did not answer.
_PASSING: Final = ("SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_NOMEM")

_PRAGMAS: Final = (
    # A login that was acknowledged to a person survives a power cut: NORMAL does not promise that.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
)


async def connect(path: Path) -> aiosqlite.Connection:
    """Connect to the store's file; the caller holds the turn of writing."""
    connection = await aiosqlite.connect(path, isolation_level=None, timeout=PATIENCE)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            await connection.execute_fetchall(pragma)
    except BaseException:
        await uninterrupted(connection.close())
        raise
    return connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's troubles into the domain's word for them; our own mistakes stay themselves."""
    try:
        yield
    except (sqlite3.OperationalError, sqlite3.DatabaseError) as error:
        if isinstance(error, (sqlite3.IntegrityError, sqlite3.ProgrammingError)):
            raise
        name = getattr(error, "sqlite_errorname", "")
        raise StoreUnavailable(str(error), may_pass=name.startswith(_PASSING)) from error


@contextmanager
def only_for_us() -> Iterator[None]:
    """Make new files readable by this account alone."""
    before = os.umask(0o077)
    try:
        yield
    finally:
        os.umask(before)
