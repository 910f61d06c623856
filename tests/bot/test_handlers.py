"""Promises of the handlers: each update has its one answer, and poison its end."""

from types import SimpleNamespace
from typing import Any

import pytest
from telegram import Update
from tests.builders import ALICE, Clock, a_key, an_outgoing, an_update
from tests.fakes import USERNAME

from tgauth.bot import handlers
from tgauth.bot.handlers import Handlers
from tgauth.bot.updates import key_of
from tgauth.bot.waking import Bell
from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Notice
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import next_update, receive_update
from tgauth.store import Store, inbox, outbox

pytestmark = pytest.mark.anyio

GROUP: dict[str, Any] = {"chat": {"id": -5, "type": "group", "title": "G"}}


def a_context(error: Exception | None = None) -> Any:
    """Return what the application hands to a handler."""
    return SimpleNamespace(bot=SimpleNamespace(username=USERNAME), error=error)


async def owed(store: Store, clock: Clock) -> list[tuple[int, Notice]]:
    """Return to whom which notices are owed."""
    async with store.reading() as connection:
        return [
            (message.chat_id, message.notice)
            for message in await outbox.due(connection, now=clock(), most=9)
        ]


ANSWERS: dict[str, tuple[Update, list[tuple[int, Notice]]]] = {
    "/login": (an_update("/login"), [(ALICE, Notice.LOGIN_LINK)]),
    "/start": (an_update("/start"), [(ALICE, Notice.GREETING)]),
    "another command": (an_update("/what"), [(ALICE, Notice.HELP)]),
    "a text": (an_update("hello"), [(ALICE, Notice.HELP)]),
    "a photo": (an_update(None), [(ALICE, Notice.HELP)]),
    "/login for another bot": (an_update("/login@other"), [(ALICE, Notice.HELP)]),
    "/login in a group": (an_update("/login", **GROUP), [(-5, Notice.PRIVATE_ONLY)]),
    "a text in a group": (an_update("hello", **GROUP), []),
    "/login for another bot in a group": (an_update("/login@other", **GROUP), []),
    "forwarded": (
        an_update(forward_origin={"type": "hidden_user", "date": 1, "sender_user_name": "X"}),
        [],
    ),
    "nothing that we know": (Update(update_id=1), []),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_each_update_is_settled_with_its_answer(
    deployment: Deployment, store: Store, clock: Clock, case: str
) -> None:
    """The answer that the table says, once, however often the update is handed over."""
    update, expected = ANSWERS[case]
    bell = Bell()
    await receive_update(deployment, key_of(update), update.to_json())
    for _ in range(2):
        await Handlers(deployment, bell).handle(update, a_context())
    assert expected == await owed(store, clock)
    assert (None, None) == await next_update(deployment)


async def test_a_failing_update_is_parked_with_an_apology(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """At the third failure, and the person hears of it."""
    update = an_update()
    await receive_update(deployment, key_of(update), update.to_json())
    for _ in range(3):
        await Handlers(deployment, Bell()).fail(update, a_context(ValueError("poison")))
        clock.advance(10 * SECOND)
    async with store.reading() as connection:
        stored = await inbox.get(connection, key_of(update))
        [message] = await outbox.due(connection, now=clock(), most=9)
    assert stored is not None
    assert UpdateState.PARKED == stored.state
    assert (an_outgoing().chat_id, Notice.FAILED) == (message.chat_id, message.notice)


async def test_an_unavailable_store_does_not_count_against_an_update(
    deployment: Deployment, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays in the inbox as it was."""
    monkeypatch.setattr(handlers, "_STORE_PAUSE", 0)
    update = an_update()
    await receive_update(deployment, key_of(update), update.to_json())
    for _ in range(5):
        await Handlers(deployment, Bell()).fail(update, a_context(StoreUnavailable("full")))
    async with store.reading() as connection:
        stored = await inbox.get(connection, key_of(update))
    assert stored is not None
    assert (UpdateState.WAITING, 0) == (stored.state, stored.attempts)


async def test_failing_while_the_store_is_away_raises_nothing(
    deployment: Deployment, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error handler that raises would end the application's loop."""
    monkeypatch.setattr(handlers, "_STORE_PAUSE", 0)
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    await Handlers(deployment, Bell()).fail(an_update(), a_context(ValueError("poison")))


@pytest.mark.parametrize(
    ("update", "error"), [(None, ValueError()), ("text", ValueError()), (an_update(), None)]
)
async def test_what_is_no_failed_update_changes_nothing(
    deployment: Deployment, store: Store, update: object, error: Exception | None
) -> None:
    """The application reports its own errors through the same door."""
    await receive_update(deployment, a_key(), "{}")
    await Handlers(deployment, Bell()).fail(update, a_context(error))
    async with store.reading() as connection:
        stored = await inbox.get(connection, a_key())
    assert stored is not None
    assert 0 == stored.attempts


async def test_a_promise_rings_the_sender(deployment: Deployment) -> None:
    """So that the answer is on its way at once."""
    bell = Bell()
    update = an_update()
    await receive_update(deployment, key_of(update), update.to_json())
    await Handlers(deployment, bell).handle(update, a_context())
    assert bell._rung.is_set()
