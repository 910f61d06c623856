"""Numbered SQL files, each applied once, whole or not at all."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

import aiosqlite
import anyio

from tgauth.domain.errors import TgauthError


class SchemaTooNew(TgauthError):
    """The store was written by a newer version: this one must not touch it."""

    code = "schema_too_new"

    def __init__(self, *, found: int, known: int) -> None:
        super().__init__(
            f"the store's schema is version {found}, and this tgauth knows only up to {known}: "
            "install the newer tgauth again, or restore a backup from before the upgrade"
        )


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
        for entry in _folder().iterdir()
        if entry.name.endswith(".sql")
    ]
    return sorted(found, key=lambda migration: migration.number)


async def migrate(connection: aiosqlite.Connection) -> None:
    """Bring the store to this version's schema. The caller holds the turn of writing.

    Raises:
        SchemaTooNew: The store was written by a newer version.
    """
    migrations = shipped()
    current = await _version(connection)
    newest = migrations[-1].number
    if current > newest:
        raise SchemaTooNew(found=current, known=newest)
    for migration in migrations:
        if migration.number > current:
            await _apply(connection, migration)


async def _apply(connection: aiosqlite.Connection, migration: Migration) -> None:
    with anyio.CancelScope(shield=True):
        await connection.execute_fetchall("BEGIN IMMEDIATE")
        try:
            for statement in migration.statements():
                await connection.execute_fetchall(statement)
            # A pragma takes no parameters; the number is our own file's.
            await connection.execute_fetchall(f"PRAGMA user_version = {migration.number}")
        except BaseException:
            await connection.execute_fetchall("ROLLBACK")
            raise
        await connection.execute_fetchall("COMMIT")


async def _version(connection: aiosqlite.Connection) -> int:
    rows = list(await connection.execute_fetchall("PRAGMA user_version"))
    return int(rows[0][0])


def _folder() -> Traversable:
    packaged = files("tgauth") / "migrations"
    # An editable install does not see what the wheel's force-include ships.
    return packaged if packaged.is_dir() else Path(__file__).parents[3] / "migrations"
