"""A store with something in it, and a look at what a file holds, for tests of backups."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from anyio import to_thread
from tests.builders import a_person, a_profile
from tests.stores import begin_store

from tgauth.store import Store, persons
from tgauth.store.master_key import load_master_key
from tgauth.store.migrations import shipped


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreign:
    """A change of the schema that tgauth never makes.

    Attributes:
        sql: What changes it.
        told: What is told of it.
    """

    sql: str
    told: str


#: A trigger hidden under a name of SQLite's own, a CHECK that takes all memory, and so on.
FOREIGN = {
    "a trigger": Foreign(
        sql="CREATE TRIGGER spy AFTER INSERT ON sessions BEGIN DELETE FROM bans; END",
        told="the trigger 'spy' in its schema is not tgauth's",
    ),
    "a hidden trigger": Foreign(
        sql="CREATE TRIGGER spy AFTER INSERT ON sessions BEGIN DELETE FROM bans; END;"
        "UPDATE sqlite_schema SET name = 'sqlite_autoindex_spy', sql = "
        "replace(sql, 'spy', 'sqlite_autoindex_spy') WHERE name = 'spy'",
        told="the trigger 'sqlite_autoindex_spy' in its schema is not tgauth's",
    ),
    "a view": Foreign(
        sql="CREATE VIEW spy AS SELECT zeroblob(1000000000)",
        told="the view 'spy' in its schema is not tgauth's",
    ),
    "an index": Foreign(
        sql="CREATE INDEX spy ON probes (length(zeroblob(1000000000 + number)))",
        told="the index 'spy' in its schema is not tgauth's",
    ),
    "a table in the place of SQLite's statistics": Foreign(
        sql="CREATE TABLE spy (tbl, idx, stat CHECK (zeroblob(1000000000)));"
        "UPDATE sqlite_schema SET name = 'sqlite_stat1', tbl_name = 'sqlite_stat1', sql = "
        "replace(sql, 'spy', 'sqlite_stat1') WHERE name = 'spy'",
        told="the table 'sqlite_stat1' in its schema is not tgauth's",
    ),
    "a CHECK": Foreign(
        sql="UPDATE sqlite_schema SET sql = replace(sql, 'only_row = 1)', "
        "'only_row = 1 AND length(zeroblob(1000000000)))') WHERE name = 'probes'",
        told="the table 'probes' in its schema is not as tgauth made it",
    ),
    "white space within a text": Foreign(
        sql="UPDATE sqlite_schema SET sql = replace(sql, 'denied', ' denied') "
        "WHERE name = 'logins'",
        told="the table 'logins' in its schema is not as tgauth made it",
    ),
    "a missing table": Foreign(
        sql="DROP TABLE bans", told="the table 'bans' of its schema is missing"
    ),
    "a missing index": Foreign(
        sql="DROP INDEX sessions_by_expiry",
        told="the index 'sessions_by_expiry' of its schema is missing",
    ),
}


def make_foreign(path: Path, change: str) -> None:
    """Change a file's schema, as `FOREIGN` names it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.executescript(FOREIGN[change].sql)


def make_first_version(path: Path, *, fingerprint: str | None = None) -> None:
    """Make a store as the first version made it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.executescript(shipped()[0].sql)
        connection.execute("PRAGMA user_version = 1")
        if fingerprint is not None:
            connection.execute("INSERT INTO master_key VALUES (1, ?)", (fingerprint,))


async def make(database: Path, *names: str, key: Path | None = None) -> None:
    """Make a store and its key as a first start does, with an account for each name."""
    key = key or database.with_name(f"{database.name}.key")
    await to_thread.run_sync(begin_store, database)
    async with Store.open(database) as store:
        await load_master_key(store, key, may_create=True)
        await add(store, *names)


async def add(store: Store, *names: str) -> None:
    """Add an account for each name."""
    async with store.writing() as connection:
        for number, name in enumerate(names):
            telegram_id = 5000 + sum(name.encode()) * 100 + number
            person = a_person(f"subject-of-{name}", profile=a_profile(telegram_id, username=name))
            await persons.save(connection, person)


def names_in(path: Path) -> set[str]:
    """Return whose accounts a file holds, as SQLite alone reads it; fail when it is damaged."""
    with closing(
        sqlite3.connect(f"file:{quote(str(path))}?mode=ro&immutable=1", uri=True)
    ) as connection:
        assert [("ok",)] == connection.execute("PRAGMA integrity_check").fetchall()
        return {name for [name] in connection.execute("SELECT username FROM persons")}


def beside(path: Path) -> set[str]:
    """Return the names in a file's folder, without those of locks."""
    return {
        one.name for one in path.parent.iterdir() if one.suffix not in {".lock", ".open", ".key"}
    }
