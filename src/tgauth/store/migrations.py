"""Numbered SQL files, each applied once; those that a store lacks, together or not at all."""

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import aiosqlite

from tgauth.domain.errors import TgauthError
from tgauth.logs import Log
from tgauth.migration_files import folder
from tgauth.store.lock_files import as_owner_of

_log = Log("store")


class SchemaTooNew(TgauthError):
    """The store was written by a newer version: this one must not touch it."""

    code = "schema_too_new"

    def __init__(self, *, found: int, known: int) -> None:
        super().__init__(
            f"the store's schema is version {found}, and this tgauth knows only up to {known}: "
            "install the newer tgauth again, or restore a backup from before the upgrade"
        )


class SchemaTooOld(TgauthError):
    """The store waits for its migration, and what was asked for does not migrate."""

    code = "schema_too_old"

    def __init__(self, *, found: int, known: int) -> None:
        super().__init__(
            f"the store's schema is version {found}, and this tgauth works with {known}: "
            "`tgauth db migrate` brings it there, and so does the next start"
        )


class DanglingReference(TgauthError):
    """A migration would have left a row that refers to none: it was rolled back."""

    code = "dangling_reference"

    def __init__(self, migration: str, table: str) -> None:
        super().__init__(f"{migration} would leave rows of {table} that refer to nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One step of the schema.

    Attributes:
        number: Its place, from 1; the schema's version after it.
        name: The file's name.
        sql: Its statements.
    """

    number: int
    name: str
    sql: str

    def statements(self) -> Iterator[str]:
        """Split the file: `executescript` would commit first and leave half a step behind."""
        pending = ""
        for line in self.sql.splitlines(keepends=True):
            pending += line
            if sqlite3.complete_statement(pending):
                yield pending
                pending = ""


def shipped() -> list[Migration]:
    """Return the migrations of this version, in order."""
    found = [
        Migration(number=int(entry.name[:4]), name=entry.name, sql=entry.read_text("utf-8"))
        for entry in folder().iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.number)


async def migrate(connection: aiosqlite.Connection, path: Path) -> None:
    """Bring the store to this version's schema. The caller holds the turn of writing.

    A store that has something in it is copied first: the way back to the earlier version.

    Args:
        connection: To the store, outside any transaction.
        path: Where the store is.

    Raises:
        SchemaTooNew: The store was written by a newer version.
    """
    migrations = shipped()
    current = await version_of(connection)
    newest = migrations[-1].number
    if current > newest:
        raise SchemaTooNew(found=current, known=newest)
    if 0 < current < newest:
        await _copy(connection, copy_of(path, current))
    await apply(connection, *(one for one in migrations if one.number > current))
    if 0 < current < newest:
        _log.info(
            "store.migrated", from_schema=current, to_schema=newest, copy=copy_of(path, current)
        )


def copy_of(path: Path, version: int) -> Path:
    """Return where the store is kept as it was before it was migrated from this version."""
    return path.with_name(f"{path.name}.v{version}")


async def _copy(connection: aiosqlite.Connection, target: Path) -> None:
    # Once, before anything is served: nobody else's work is done under that account.
    with as_owner_of(target.parent):
        # An earlier attempt's, which may be half a copy.
        target.unlink(missing_ok=True)  # noqa: ASYNC240 - see above
        await connection.execute_fetchall("VACUUM INTO :target", {"target": str(target)})
        await asyncio.to_thread(_sync, target)


def _sync(path: Path) -> None:
    """Make a file outlive a power cut: SQLite does not promise it of a copy."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


async def apply(connection: aiosqlite.Connection, *steps: Migration) -> None:
    """Take some steps, all of them or none: no version in between is ever seen.

    Raises:
        DanglingReference: A row would refer to nothing after it.
    """
    if not steps:
        return
    # A table is made anew by dropping the old one, and with foreign keys on that would delete what
    # refers to it (sqlite.org/lang_altertable.html §7). The pragma means nothing inside BEGIN.
    await connection.execute_fetchall("PRAGMA foreign_keys = OFF")
    try:
        await connection.execute_fetchall("BEGIN IMMEDIATE")
        try:
            for migration in steps:
                for statement in migration.statements():
                    await connection.execute_fetchall(statement)
                await _check_references(connection, migration)
                # A pragma takes no parameters; the number is our own file's.
                await connection.execute_fetchall(f"PRAGMA user_version = {migration.number}")
        except BaseException:
            await connection.execute_fetchall("ROLLBACK")
            raise
        await connection.execute_fetchall("COMMIT")
    finally:
        await connection.execute_fetchall("PRAGMA foreign_keys = ON")


async def _check_references(connection: aiosqlite.Connection, migration: Migration) -> None:
    dangling = list(await connection.execute_fetchall("PRAGMA foreign_key_check"))
    if dangling:
        raise DanglingReference(migration.name, str(dangling[0][0]))


async def version_of(connection: aiosqlite.Connection) -> int:
    """Return the number of the last migration that was applied; 0 for an empty file."""
    rows = list(await connection.execute_fetchall("PRAGMA user_version"))
    return int(rows[0][0])


async def require_no_migration(connection: aiosqlite.Connection) -> None:
    """Refuse a store that waits for its migration.

    Raises:
        SchemaTooOld: It does.
    """
    current, newest = await version_of(connection), shipped()[-1].number
    if current < newest:
        raise SchemaTooOld(found=current, known=newest)
