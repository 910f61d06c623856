"""Look at a store without making, migrating or changing anything."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiosqlite

from tgauth.domain.errors import StoreUnavailable
from tgauth.store.migrations import shipped

SELECT_FINGERPRINTS: Final = "SELECT fingerprint FROM master_key"
SELECT_KIDS: Final = "SELECT kid FROM signing_keys"
SELECT_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table'"

#: sqlite.org/wal.html#walresetbug: since when, and where it was mended.
_WAL_RESET_BUG: Final = (3, 7, 0)
_WAL_RESET_MENDED: Final = (3, 51, 3)
_WAL_RESET_BACKPORTS: Final = ((3, 44, 6), (3, 50, 7))


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreFacts:
    """What can be seen of a store.

    Attributes:
        schema: The version of its schema; 0 is a file in which nothing is yet.
        newest_schema: The newest version that this tgauth knows.
        is_ours: Whether it can be a tgauth store at all.
        fingerprint: What it remembers its master key by.
        kids: The ids of its signing keys.
    """

    schema: int
    newest_schema: int
    is_ours: bool
    fingerprint: str | None = None
    kids: frozenset[str] = frozenset()


async def inspect_store(path: Path) -> StoreFacts:
    """Look at the store at `path`, which exists.

    Raises:
        StoreUnavailable: It cannot be read, or is no SQLite file.
    """
    try:
        async with aiosqlite.connect(_address(path), uri=True) as connection:
            return await _facts(connection)
    except sqlite3.Error as error:
        raise StoreUnavailable(str(error)) from error


async def _facts(connection: aiosqlite.Connection) -> StoreFacts:
    [[schema]] = await connection.execute_fetchall("PRAGMA user_version")
    tables = {str(name) for [name] in await connection.execute_fetchall(SELECT_TABLES)}
    is_ours = "master_key" in tables if schema else not tables
    fingerprint, kids = None, frozenset[str]()
    if schema and is_ours:
        rows = list(await connection.execute_fetchall(SELECT_FINGERPRINTS))
        fingerprint = str(rows[0][0]) if rows else None
        kids = frozenset(str(kid) for [kid] in await connection.execute_fetchall(SELECT_KIDS))
    return StoreFacts(
        schema=int(schema),
        newest_schema=shipped()[-1].number,
        is_ours=is_ours,
        fingerprint=fingerprint,
        kids=kids,
    )


def _address(path: Path) -> str:
    # Without a write-ahead log nobody has the file open, and `immutable` keeps SQLite from making
    # files beside it, which would belong to whoever looks instead of to whoever serves.
    beside = path.with_name(f"{path.name}-wal")
    mode = "mode=ro" if beside.exists() else "mode=ro&immutable=1"
    return f"file:{quote(str(path.absolute()))}?{mode}"


def sqlite_version() -> str:
    """Return which SQLite this Python runs."""
    return sqlite3.sqlite_version


def has_wal_reset_bug(version: str) -> bool:
    """Say whether a version of SQLite can damage a WAL that two connections reset at once."""
    number = tuple(map(int, version.split(".")))
    mended = any(number[:2] == fixed[:2] and number >= fixed for fixed in _WAL_RESET_BACKPORTS)
    return _WAL_RESET_BUG <= number < _WAL_RESET_MENDED and not mended
