"""Promises of the queue: what is put is committed, and what waits is handed out, restart or not."""

import asyncio
import json
from pathlib import Path
from typing import Any

import aiosqlite
import anyio
import pytest
from telegram import Bot, Update
from telegram.error import NetworkError
from tests.builders import Clock, a_deployment, a_key, an_update

from tgauth.bot.inbox_queue import InboxQueue
from tgauth.bot.intake import Intake
from tgauth.bot.updates import key_of
from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import SECOND
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import dismiss_update, receive_update
from tgauth.store import Store, Topic, inbox
from tgauth.store.watching import watching

pytestmark = pytest.mark.anyio

A_MESSAGE: dict[str, Any] = {
    "message_id": 1,
    "date": 1_800_000_000,
    "chat": {"id": 1, "type": "private"},
    "from": {"id": 1, "is_bot": False, "first_name": "A"},
    "text": "/login",
}


@pytest.fixture
def queue(deployment: Deployment, bot: Bot) -> InboxQueue:
    """Return a queue over the deployment's inbox."""
    return InboxQueue(deployment, bot)


async def waiting(store: Store) -> list[int]:
    """Return the numbers of the updates that wait, as another process sees them."""
    async with store.reading() as connection:
        rows = await connection.run(
            "SELECT update_id FROM inbox WHERE state = 'waiting' ORDER BY sequence"
        )
    return [row["update_id"] for row in rows]


async def get(queue: InboxQueue) -> Update:
    """Return what the application would handle next."""
    with anyio.fail_after(5):
        update = await queue.get()
    assert isinstance(update, Update)
    return update


async def test_put_commits_before_it_returns(queue: InboxQueue, database: Path) -> None:
    """Once Telegram hears that we have it, another process can see that we have it."""
    await queue.put(an_update())
    async with Store.open(database) as other:
        assert [1] == await waiting(other)


async def test_the_same_update_again_is_one(queue: InboxQueue, store: Store) -> None:
    """Telegram repeats what it does not know to be confirmed."""
    for _ in range(3):
        await queue.put(an_update())
    assert [1] == await waiting(store)


async def test_a_number_used_again_is_another_update(queue: InboxQueue, store: Store) -> None:
    """Telegram's numbers restart at random after a quiet week."""
    await queue.put(an_update())
    await queue.put(an_update(message_id=99))
    assert [1, 1] == await waiting(store)


async def test_a_store_that_cannot_write_is_trouble_of_the_network(
    queue: InboxQueue, store: Store
) -> None:
    """The updater then fetches the update again; any other exception would end its loop."""
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(NetworkError):
        await queue.put(an_update())
    await store._writer.execute_fetchall("PRAGMA query_only = OFF")
    await queue.put(an_update())
    assert [1] == await waiting(store)


async def test_the_oldest_is_handed_out_until_it_is_settled(
    queue: InboxQueue, deployment: Deployment
) -> None:
    """An update that was not settled comes again; afterwards the next one comes."""
    first, second = an_update(update_id=8), an_update("/start", update_id=3)
    await queue.put(first)
    await queue.put(second)
    assert first == await get(queue)
    assert first == await get(queue)
    await dismiss_update(deployment, key_of(first))
    assert second == await get(queue)


async def test_what_waited_is_handed_out_after_a_restart(
    bot: Bot, database: Path, clock: Clock
) -> None:
    """With everything that the person wrote."""
    async with Store.open(database) as store:
        await InboxQueue(a_deployment(store, now=clock), bot).put(an_update("/login now"))
    async with Store.open(database) as store:
        update = await get(InboxQueue(a_deployment(store, now=clock), bot))
    assert an_update("/login now").to_dict() == update.to_dict()


async def test_waiting_ends_at_once_when_something_comes(
    queue: InboxQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No poll is waited for."""
    monkeypatch.setattr("tgauth.bot.inbox_queue._LOOK_AGAIN", 60)
    began = anyio.current_time()
    getting = asyncio.create_task(get(queue))
    await asyncio.sleep(0.02)
    await queue.put(an_update())
    await getting
    assert anyio.current_time() - began < 20


async def test_what_another_process_stored_is_found_at_once(
    queue: InboxQueue,
    store: Store,
    database: Path,
    clock: Clock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A webhook's update is committed by an API process."""
    monkeypatch.setattr("tgauth.bot.inbox_queue._LOOK_AGAIN", 60)
    monkeypatch.setattr("tgauth.store.watching.LOOK_EVERY", 60)
    update = an_update()
    async with (
        Store.open(database) as other,
        watching(store, {Topic.INBOX: queue.came.ring}),
    ):
        getting = asyncio.create_task(get(queue))
        await asyncio.sleep(0.1)
        began = anyio.current_time()
        await receive_update(a_deployment(other, now=clock), key_of(update), update.to_json())
        assert update == await getting
        assert anyio.current_time() - began < 20


async def test_the_applications_stop_signal_passes(queue: InboxQueue, store: Store) -> None:
    """It is no update, is not stored, and comes before what waits."""
    stop = object()
    await queue.put(an_update())
    await queue.put(stop)
    with anyio.fail_after(5):
        assert stop is await queue.get()
    assert [1] == await waiting(store)


async def test_the_queue_counts_what_is_under_way(queue: InboxQueue) -> None:
    """`join` waits for `task_done`, and for nothing that is only stored."""
    await queue.put(an_update())
    with anyio.fail_after(10):
        await queue.join()
    await get(queue)
    joining = asyncio.create_task(queue.join())
    await asyncio.sleep(0.02)
    assert not joining.done()
    queue.task_done()
    with anyio.fail_after(10):
        await joining
    with pytest.raises(ValueError, match="task_done"):
        queue.task_done()


async def test_an_unreadable_update_is_parked_and_holds_up_nobody(
    queue: InboxQueue, deployment: Deployment, clock: Clock
) -> None:
    """It is tried three times like any other poison."""
    await receive_update(deployment, a_key(7), '{"update_id": "x"')
    await queue.put(an_update())
    for _ in range(3):
        assert an_update() == await get(queue)
        clock.advance(10 * SECOND)
    async with deployment.store.reading() as connection:
        parked = await inbox.get(connection, a_key(7))
    assert parked is not None
    assert (UpdateState.PARKED, 3) == (parked.state, parked.attempts)


async def test_an_update_that_is_null_is_parked_as_well(
    queue: InboxQueue, deployment: Deployment
) -> None:
    """Whatever is in the inbox must not stop the queue."""
    await receive_update(deployment, a_key(7), "null")
    await queue.put(an_update())
    with anyio.fail_after(4):
        assert an_update() == await queue.get()


def without(name: str) -> dict[str, Any]:
    """Return a message that lacks a field."""
    return {key: value for key, value in A_MESSAGE.items() if key != name}


async def test_what_was_fetched_is_kept_as_telegram_sent_it(
    deployment: Deployment, bot: Bot, store: Store
) -> None:
    """To the letter, also what python-telegram-bot knows nothing of."""
    intake = Intake()
    sent = {"update_id": 7, "message": A_MESSAGE | {"unheard_of": "ü"}}
    queue = InboxQueue(deployment, bot, intake)
    await put_fetched(queue, intake, sent)
    async with store.reading() as connection:
        kept = await inbox.due(connection, now=deployment.now())
    assert kept is not None
    assert ("message:1:1:1800000000", sent) == (kept.key.identity, json.loads(kept.payload or ""))
    assert 7 == (await get(queue)).update_id


@pytest.mark.parametrize(
    "message",
    [without("date"), A_MESSAGE | {"date": 10**18}, A_MESSAGE | {"chat": [1]}, "text", 5],
    ids=["no date", "huge date", "chat is a list", "a text", "a number"],
)
async def test_an_unreadable_update_that_was_fetched_holds_up_nobody(
    deployment: Deployment, bot: Bot, message: object
) -> None:
    """It is in the inbox like the others of its batch, and they are handled."""
    intake = Intake()
    queue = InboxQueue(deployment, bot, intake)
    whole = {"update_id": 8, "message": A_MESSAGE}
    await put_fetched(queue, intake, {"update_id": 7, "message": message}, whole)
    assert 8 == (await get(queue)).update_id


async def put_fetched(queue: InboxQueue, intake: Intake, *batch: dict[str, object]) -> None:
    """Do with a batch what the updater does."""
    for stub in intake.leave(list(batch)):
        await queue.put(Update.de_json(dict(stub), None))


async def test_a_store_that_cannot_be_read_ends_nothing(queue: InboxQueue, store: Store) -> None:
    """The application's loop goes on, and finds what waits once the store is back."""
    await queue.put(an_update())
    good = store._raw_reader
    async with aiosqlite.connect(":memory:") as empty:
        store._raw_reader = empty
        getting = asyncio.create_task(get(queue))
        await asyncio.sleep(0.05)
        assert not getting.done()
        store._raw_reader = good
        assert an_update() == await getting


@pytest.mark.parametrize("update_id", [2**63, 10**30])
async def test_an_update_that_cannot_be_stored_ends_no_polling(
    queue: InboxQueue, store: Store, update_id: int
) -> None:
    """It is skipped with a line in the log: asking again would bring the same for ever."""
    await queue.put(an_update(update_id=update_id))
    await queue.put(an_update(update_id=2))
    assert [2] == await waiting(store)
