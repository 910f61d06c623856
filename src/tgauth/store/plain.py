"""A store opened as a plain file, whatever its version: nothing is made, migrated or changed.

For what an operator does to the store as a whole. Logins go through `Store`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import aiosqlite

from tgauth.domain.errors import TgauthError
from tgauth.store.access import require_store
from tgauth.store.cancellation import uninterrupted
from tgauth.store.connecting import PATIENCE, translated
from tgauth.store.connection import Connection, Row
from tgauth.store.database import turns_of
from tgauth.store.presence import present

SELECT_TABLES: Final = "SELECT name FROM sqlite_schema WHERE type = 'table'"
SELECT_FINGERPRINT: Final = "SELECT fingerprint FROM master_key"
#: What stands in a file's schema may call no function that could do harm.
_DISTRUST: Final = "PRAGMA trusted_schema = OFF"


class NoStore(TgauthError):
    """A file is none of tgauth's, or is damaged beyond being read."""

    code = "no_store"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} is no whole store of tgauth: {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What a store says of itself.

    Attributes:
        schema: The version of its schema.
        fingerprint: What it remembers its master key by; none before its first start has ended.
    """

    schema: int
    fingerprint: str | None


@asynccontextmanager
async def opened(path: Path) -> AsyncIterator[Connection]:
    """Open the store in use at `path`, beside whoever has it open as well.

    What runs is broken off when the block is cancelled.

    Raises:
        StoreMissing: There is none.
        StoreUnavailable: It cannot be read at the moment.
    """
    require_store(path)
    turns = turns_of(path)
    with present(path), translated():
        # The first to open may recover the WAL, the last to close writes it back.
        async with turns.turn():
            raw = await aiosqlite.connect(
                address(path, "mode=rw"), uri=True, timeout=PATIENCE, isolation_level=None
            )
            try:
                await raw.execute_fetchall(_DISTRUST)
                await raw.execute_fetchall(SELECT_TABLES)
            except BaseException:
                await uninterrupted(raw.close())
                raise
        try:
            raw.row_factory = Row
            yield Connection(raw)
        except BaseException:
            await raw.interrupt()
            raise
        finally:
            await uninterrupted(_close(raw, path))


@asynccontextmanager
async def opened_to_read(path: Path) -> AsyncIterator[Connection]:
    """Open a file that is in nobody's use, only to read it.

    Raises:
        StoreUnavailable: It cannot be read, or is no SQLite file.
    """
    # A store that was copied as it lay there may have its newest writes in a WAL beside it. Where
    # there is none, nothing has to be made beside it either.
    has_wal = path.with_name(f"{path.name}-wal").exists()
    async with _opened(path, "mode=ro" if has_wal else "mode=ro&immutable=1") as connection:
        yield connection


@asynccontextmanager
async def opened_to_check(path: Path) -> AsyncIterator[Connection]:
    """Open a file of our own that nobody else knows of yet.

    To write, because SQLite looks at no CHECK in a file that it may only read; without SQLite's
    locks, which on some network file systems would run into our own.
    """
    async with _opened(path, "mode=rw&nolock=1") as connection:
        yield connection


@asynccontextmanager
async def _opened(path: Path, options: str) -> AsyncIterator[Connection]:
    with translated():
        raw = await aiosqlite.connect(address(path, options), uri=True, isolation_level=None)
        try:
            await raw.execute_fetchall(_DISTRUST)
            raw.row_factory = Row
            yield Connection(raw)
        except BaseException:
            await raw.interrupt()
            raise
        finally:
            await uninterrupted(raw.close())


def address(path: Path, options: str) -> str:
    """Return how SQLite is told to open a file in a certain way (sqlite.org/uri.html)."""
    return f"file:{quote(str(path.absolute()))}?{options}"


async def schema_of(connection: Connection, path: Path) -> int:
    """Return the version of a store's schema; no row of it is read.

    Raises:
        NoStore: It is none.
    """
    schema = await version(connection)
    tables = {row["name"] for row in await connection.run(SELECT_TABLES)}
    if schema < 1 or "master_key" not in tables:
        raise NoStore(path, "it is empty or another program's")
    return schema


async def identity_of(connection: Connection, path: Path) -> Identity:
    """Return what a store says of itself.

    Raises:
        NoStore: It is none.
    """
    schema = await schema_of(connection, path)
    row = await connection.one(SELECT_FINGERPRINT)
    return Identity(schema=schema, fingerprint=row["fingerprint"] if row else None)


async def version(connection: Connection) -> int:
    """Return the version of a store's schema; 0 for an empty file."""
    row = await connection.one("PRAGMA user_version")
    return int(row["user_version"]) if row else 0


async def damages(connection: Connection) -> list[str]:
    """Return what SQLite finds broken in a file; at most a hundred things."""
    found = [str(row[0]) for row in await connection.run("PRAGMA integrity_check")]
    return [] if found == ["ok"] else found


async def dangling(connection: Connection) -> list[str]:
    """Return the tables with rows that refer to nothing."""
    rows = await connection.run("PRAGMA foreign_key_check")
    return sorted({str(row["table"]) for row in rows})


async def _close(raw: aiosqlite.Connection, path: Path) -> None:
    try:
        async with turns_of(path).turn():
            await raw.close()
    except BaseException:
        await raw.close()
        raise
