"""A store with something in it, and a look at what a file holds, for tests of backups."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

from tests.builders import a_person, a_profile

from tgauth.store import Store, persons
from tgauth.store.master_key import load_master_key


async def make(database: Path, *names: str, key: Path | None = None) -> None:
    """Make a store and its key as a first start does, with an account for each name."""
    key = key or database.with_name(f"{database.name}.key")
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
