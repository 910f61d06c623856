"""Promises of the inbox's rows: each update once, in order, erased when it was handled."""

import pytest
from tests.builders import ALICE, NOW, a_key, a_stored_update

from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import CLOCK_TOLERANCE, HOUR, SECOND
from tgauth.store import Store, inbox

pytestmark = pytest.mark.anyio


async def test_an_update_is_kept_once(store: Store) -> None:
    """The same update again is one row; another one under the same number is two."""
    async with store.writing() as connection:
        assert await inbox.add(connection, a_key(7, "message:1"), "{}", now=NOW)
        assert not await inbox.add(connection, a_key(7, "message:1"), "{}", now=NOW)
        assert await inbox.add(connection, a_key(7, "message:2"), "{}", now=NOW)
        [row] = await connection.run("SELECT count(*) AS number FROM inbox")
        assert 2 == row["number"]


async def test_an_update_comes_back(store: Store) -> None:
    """What Telegram handed over comes back as it was, until it is handled."""
    async with store.writing() as connection:
        await inbox.add(connection, a_key(), "{}", now=NOW)
        assert a_stored_update() == await inbox.get(connection, a_key())
        assert a_stored_update() == await inbox.due(connection, now=NOW)
        assert await inbox.get(connection, a_key(2)) is None


async def test_finishing_an_update_erases_it_once(store: Store) -> None:
    """The first to finish it hears yes; its content is gone, and nobody finishes it again."""
    async with store.writing() as connection:
        await inbox.add(connection, a_key(), '{"secret": 1}', now=NOW)
        assert await inbox.finish(connection, a_key())
        expected = a_stored_update(payload=None, state=UpdateState.DONE)
        assert expected == await inbox.get(connection, a_key())
        assert not await inbox.finish(connection, a_key())
        assert not await inbox.finish(connection, a_key(2))
        assert await inbox.due(connection, now=NOW) is None


@pytest.mark.parametrize("failures", [1, 2, 3])
async def test_what_became_of_a_failed_update_is_kept(store: Store, failures: int) -> None:
    """Attempts, waiting time and parking survive being stored."""
    update = a_stored_update()
    for _ in range(failures):
        update = update.failed(now=NOW)
    async with store.writing() as connection:
        await inbox.add(connection, a_key(), "{}", now=NOW)
        await inbox.save(connection, update)
        assert update == await inbox.get(connection, a_key())


async def test_an_update_that_waits_holds_up_no_other(store: Store) -> None:
    """A failed update waits for its time while those behind it go on."""
    async with store.writing() as connection:
        for number in (1, 2):
            await inbox.add(connection, a_key(number), "{}", now=NOW)
        await inbox.save(connection, a_stored_update().failed(now=NOW))
        assert a_stored_update(key=a_key(2)) == await inbox.due(connection, now=NOW)
        assert NOW == await inbox.next_time(connection)
        await inbox.finish(connection, a_key(2))
        assert await inbox.due(connection, now=NOW + SECOND - 1) is None
        assert NOW + SECOND == await inbox.next_time(connection)
        assert a_stored_update().failed(now=NOW) == await inbox.due(connection, now=NOW + SECOND)


async def test_sweeping_spares_what_waits_and_what_is_new(store: Store) -> None:
    """Only what was settled before the given instant goes, a batch at a time, oldest first."""
    async with store.writing() as connection:
        for number in range(1, 6):
            await inbox.add(connection, a_key(number), "{}", now=NOW + number)
        for number in (1, 2, 4, 5):
            await inbox.finish(connection, a_key(number))
        await inbox.sweep(connection, before=NOW + 5, most=2)
        rows = await connection.run("SELECT update_id FROM inbox ORDER BY update_id")
        assert [3, 4, 5] == [row["update_id"] for row in rows]
        await inbox.sweep(connection, before=NOW + 5, most=2)
        rows = await connection.run("SELECT update_id FROM inbox ORDER BY update_id")
        assert [3, 5] == [row["update_id"] for row in rows]


async def test_a_sweep_says_how_much_it_deleted(store: Store) -> None:
    """Whoever sweeps knows whether more may be left."""
    async with store.writing() as connection:
        for number in range(1, 4):
            await inbox.add(connection, a_key(number), "{}", now=NOW)
            await inbox.finish(connection, a_key(number))
        swept = [await inbox.sweep(connection, before=NOW + 1, most=2) for _ in range(3)]
    assert [2, 1, 0] == swept


@pytest.mark.parametrize(
    ("back", "due"),
    [(0, False), (CLOCK_TOLERANCE, False), (CLOCK_TOLERANCE + 1, True), (HOUR, True)],
)
async def test_what_was_received_in_the_future_is_due(
    store: Store, back: int, *, due: bool
) -> None:
    """After the clock was set back nobody waits until it has caught up."""
    failed = a_stored_update(attempts=1, not_before=NOW + SECOND)
    async with store.writing() as connection:
        await inbox.add(connection, a_key(), "{}", now=NOW)
        await inbox.save(connection, failed)
        assert (failed if due else None) == await inbox.due(connection, now=NOW - back)


async def test_forgetting_a_chat_deletes_what_it_sent_and_nobody_could_handle(
    store: Store,
) -> None:
    """Of that chat alone: an id that begins alike is another, and so is what still waits."""
    identities = {
        1: f"message:{ALICE}:1:0",
        2: f"callback:{ALICE}:4711",
        3: f"message:{ALICE}1:1:0",
        4: f"callback:{ALICE}1:4711",
        5: f"message:-{ALICE}:1:0",
        6: "other",
        7: f"message:{ALICE}:7:0",
        8: f"message:{ALICE}:8:0",
    }
    async with store.writing() as connection:
        for number, identity in identities.items():
            key = a_key(number, identity)
            await inbox.add(connection, key, "{}", now=NOW)
            if number == 7:
                await inbox.finish(connection, key)
            elif number != 8:
                parked = a_stored_update(key=key, attempts=3, state=UpdateState.PARKED)
                await inbox.save(connection, parked)
        hers = await inbox.parked_by(connection, ALICE)
        await inbox.forget(connection, ALICE)
        rows = await connection.run("SELECT update_id FROM inbox ORDER BY update_id")
    assert [1, 2] == [update.key.update_id for update in hers]
    assert [3, 4, 5, 6, 7, 8] == [row["update_id"] for row in rows]
