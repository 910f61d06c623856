"""Promises of `Store.write` and `Store.read`: a whole transaction in the store's own thread."""

import asyncio
import threading
from pathlib import Path

import anyio
import pytest

from tgauth.domain.errors import StoreUnavailable
from tgauth.store import Connection, Store

pytestmark = pytest.mark.anyio

INSERT = """
    INSERT INTO persons (subject, telegram_id, first_name, created_at, updated_at)
    VALUES (:subject, :id, 'A', 0, 0)
"""


async def add(connection: Connection, number: int, *, fail: bool = False) -> int:
    """Add an account and return its number, or fail afterwards."""
    await connection.run(INSERT, {"subject": f"s{number}", "id": number})
    if fail:
        raise ZeroDivisionError
    return number


async def count(connection: Connection) -> int:
    """Return the number of accounts."""
    row = await connection.one("SELECT count(*) AS number FROM persons")
    return row["number"] if row else 0


async def test_returning_commits_and_hands_the_outcome_back(store: Store, database: Path) -> None:
    """Others see it once the call is over."""
    assert 7 == await store.write(add, 7)
    async with Store.open(database) as other:
        assert 1 == await other.read(count)


async def test_raising_rolls_back_and_goes_on_as_itself(store: Store) -> None:
    """Nothing of it stays, and the next one works."""
    with pytest.raises(ZeroDivisionError):
        await store.write(add, 1, fail=True)
    assert 0 == await store.read(count)
    await store.write(add, 2)
    assert 1 == await store.read(count)


async def test_waiting_for_something_else_is_a_mistake_and_rolled_back(store: Store) -> None:
    """The thread has no loop: whoever waits for the network in a transaction hears of it."""

    async def dream(connection: Connection) -> None:
        await add(connection, 1)
        await asyncio.sleep(0)

    with pytest.raises(RuntimeError, match="something else"):
        await store.write(dream)
    assert 0 == await store.read(count)


async def test_the_whole_runs_beside_the_loop(store: Store) -> None:
    """In one thread that is not the loop's, so that a slow disk holds nobody up."""
    threads = []

    async def look(_: Connection) -> None:
        threads.append(threading.current_thread())

    await store.write(look)
    await store.read(look)
    assert threading.current_thread() not in threads


@pytest.mark.parametrize("how", ["the task", "a scope"])
async def test_a_cancelled_transaction_is_whole(store: Store, how: str) -> None:
    """It ends before the cancellation goes on: committed, and no connection left inside."""
    began, go_on = threading.Event(), threading.Event()

    async def slow(connection: Connection) -> None:
        began.set()
        go_on.wait(5)
        await add(connection, 1)

    async def work(scope: anyio.CancelScope) -> None:
        with scope:
            await store.write(slow)

    scope = anyio.CancelScope()
    task = asyncio.create_task(work(scope))
    await asyncio.to_thread(began.wait, 5)
    if how == "the task":
        task.cancel()
    else:
        scope.cancel()
    await asyncio.sleep(0.02)
    assert not task.done()
    go_on.set()
    await asyncio.gather(task, return_exceptions=True)
    assert 1 == await store.read(count)
    await store.write(add, 2)
    assert 2 == await store.read(count)


async def test_both_ways_of_writing_take_turns(store: Store, database: Path) -> None:
    """Also between two stores on one file: nobody is told that it is locked."""

    async def block(target: Store, number: int) -> None:
        async with target.writing() as connection:
            await add(connection, number)

    async with Store.open(database) as second:
        await asyncio.gather(
            *(one.write(add, n) for n, one in enumerate([store, second] * 20)),
            *(block(one, 100 + n) for n, one in enumerate([store, second] * 20)),
        )
    assert 80 == await store.read(count)


async def test_a_store_that_refuses_is_told_in_the_houses_words(store: Store) -> None:
    """As unavailable, and it works again once the cause is gone."""
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        await store.write(add, 1)
    await store._writer.execute_fetchall("PRAGMA query_only = OFF")
    await store.write(add, 1)
    assert 1 == await store.read(count)


async def test_what_was_left_open_by_mistake_is_undone_first(store: Store) -> None:
    """One login fails by it, and not all that follow."""
    await store._writer.execute_fetchall("BEGIN IMMEDIATE")
    await store._writer.execute_fetchall(INSERT, {"subject": "lost", "id": 5})
    await store.write(add, 1)
    assert 1 == await store.read(count)
