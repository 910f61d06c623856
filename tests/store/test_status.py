"""Promises of a store's status: the numbers are right, and nothing changes."""

# ruff: noqa: ASYNC240 - a few bytes, in a test

import sqlite3
from pathlib import Path

import pytest
from tests.builders import NOW, a_key, a_stored_update, an_outgoing
from tests.store.whole import make

from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import SECOND
from tgauth.store import Store, inbox, outbox
from tgauth.store.access import StoreMissing
from tgauth.store.migrating import plan_migration
from tgauth.store.migrations import SchemaTooNew, shipped
from tgauth.store.plain import NoStore
from tgauth.store.presence import StoreInUse
from tgauth.store.status import status_of

pytestmark = pytest.mark.anyio

MIGRATIONS = shipped()


async def test_it_counts_rows_and_what_waits(database: Path) -> None:
    """Waiting, failed, owed and given up on, with the oldest of each; beside a running store."""
    await make(database, "ann", "bob")
    async with Store.open(database) as store:
        async with store.writing() as connection:
            for number in (1, 2, 3):
                await inbox.add(connection, a_key(number), "{}", now=NOW + number * SECOND)
            await inbox.save(
                connection, a_stored_update(key=a_key(1), state=UpdateState.PARKED, attempts=3)
            )
            for number in (1, 2):
                await outbox.add(connection, an_outgoing(created_at=NOW + number))
            first = await outbox.get(connection, 1)
            assert first is not None
            await outbox.save(connection, first.given_up(reason="blocked", now=NOW))
        found = await status_of(database)
    assert (2, NOW + 2 * SECOND, 1) == (found.waiting, found.oldest_waiting, found.parked)
    assert (1, NOW + 2, 1) == (found.owed, found.oldest_owed, found.given_up)
    assert 2 == found.rows["persons"]
    assert 3 == found.rows["inbox"]
    assert 0 == found.rows["bans"]
    assert found.wal_size > 0
    assert (found.schema, found.newest_schema) == (MIGRATIONS[-1].number,) * 2
    assert sqlite3.sqlite_version == found.sqlite
    closed = await status_of(database)
    assert 0 == closed.wal_size
    assert database.stat().st_size == closed.size
    assert (0, None) == (closed.rows["sessions"], None)


async def make_first_version(database: Path) -> None:
    """Make a store as the first version made it."""
    connection = sqlite3.connect(database)
    connection.executescript(MIGRATIONS[0].sql)
    connection.execute("PRAGMA user_version = 1")
    connection.close()


async def test_an_older_store_is_counted_as_it_is(database: Path) -> None:
    """What it has no table for is left out, and it is not migrated."""
    await make_first_version(database)
    found = await status_of(database)
    assert 1 == found.schema
    assert "bans" not in found.rows
    assert 0 == found.rows["persons"]
    assert 1 == (await status_of(database)).schema


async def test_what_is_no_store_is_told(database: Path) -> None:
    """Missing or another program's."""
    with pytest.raises(StoreMissing):
        await status_of(database)
    database.touch()
    with pytest.raises(NoStore):
        await status_of(database)


async def test_a_migration_is_planned_and_done(database: Path) -> None:
    """The copy that is named is the one that is made; the second time nothing is to be done."""
    await make_first_version(database)
    plan = await plan_migration(database)
    newest = MIGRATIONS[-1].number
    assert (1, newest, database.with_name("tgauth.db.v1")) == (plan.current, plan.newest, plan.copy)
    await Store.migrate(database)
    assert plan.copy is not None
    assert plan.copy.is_file()
    again = await plan_migration(database)
    assert (newest, None) == (again.current, again.copy)


async def test_nothing_is_migrated_under_a_running_tgauth(database: Path) -> None:
    """It would go on by rules that are no longer so."""
    await make(database)
    async with Store.open(database):
        with pytest.raises(StoreInUse):
            await Store.migrate(database)
    with pytest.raises(StoreMissing):
        await Store.migrate(database.with_name("other.db"))


async def test_a_newer_store_is_not_migrated(database: Path) -> None:
    """It is refused by its number."""
    await make(database)
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(SchemaTooNew):
        await plan_migration(database)
