"""Promises of the handlers: each update has its one answer, and poison its end."""

import asyncio
from collections.abc import Coroutine
from types import SimpleNamespace
from typing import Any

import pytest
from telegram import Update
from telegram.error import BadRequest, TelegramError
from tests.builders import (
    ALICE,
    BOB,
    Clock,
    a_begun_login,
    a_key,
    a_profile,
    a_tap,
    an_outgoing,
    an_update,
    chat_code_of,
)
from tests.fakes import USERNAME

from tgauth.bot import handlers
from tgauth.bot.handlers import Handlers
from tgauth.bot.updates import key_of
from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Session
from tgauth.flows.browser_sessions import Browser
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import next_update, receive_update
from tgauth.store import Store, Topic, inbox, outbox, sessions

pytestmark = pytest.mark.anyio

ANONYMOUS: dict[str, Any] = {"from": {"id": 1087968824, "is_bot": True, "first_name": "Group"}}
A_BOT: dict[str, Any] = {"from": {"id": 5, "is_bot": True, "first_name": "B"}}
POST: dict[str, Any] = {
    "message_id": 1,
    "date": 1,
    "chat": {"id": -9, "type": "channel"},
    "text": "/login",
}
GROUP: dict[str, Any] = {"chat": {"id": -5, "type": "group", "title": "G"}}


class Chat:
    """What the application hands to a handler: it remembers the answers to taps."""

    def __init__(self, trouble: TelegramError | None = None) -> None:
        self.username = USERNAME
        self.toasts: list[tuple[str, str | None]] = []
        self.tasks: list[asyncio.Task[None]] = []
        self.trouble = trouble

    async def answer_callback_query(self, query_id: str, *, text: str | None) -> None:
        """Stop a button's waiting."""
        self.toasts.append((query_id, text))
        if self.trouble is not None:
            raise self.trouble

    def create_task(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something that nobody waits for."""
        self.tasks.append(asyncio.ensure_future(coroutine))


def a_context(error: Exception | None = None, chat: Chat | None = None) -> Any:
    """Return what the application hands to a handler."""
    chat = chat or Chat()
    return SimpleNamespace(bot=chat, application=chat, error=error)


async def handled(deployment: Deployment, update: Update, *, times: int = 1) -> Chat:
    """Receive an update and handle it."""
    chat = Chat()
    await receive_update(deployment, key_of(update), update.to_json())
    for _ in range(times):
        await Handlers(deployment).handle(update, a_context(chat=chat))
    await asyncio.gather(*chat.tasks)
    return chat


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
    "/sessions in a group": (an_update("/sessions", **GROUP), [(-5, Notice.PRIVATE_ONLY)]),
    "/logout in a group": (an_update("/logout", **GROUP), [(-5, Notice.PRIVATE_ONLY)]),
    "/start in a group": (an_update("/start", **GROUP), []),
    "/login of an anonymous admin": (
        an_update(**GROUP, sender_chat=GROUP["chat"], **ANONYMOUS),
        [(-5, Notice.PRIVATE_ONLY)],
    ),
    "/login in the name of a channel": (
        an_update(**GROUP, sender_chat={"id": -9, "type": "channel"}, **ANONYMOUS),
        [(-5, Notice.PRIVATE_ONLY)],
    ),
    "/login of a bot": (an_update(**A_BOT), []),
    "/login forwarded": (
        an_update(forward_origin={"type": "hidden_user", "date": 1, "sender_user_name": "X"}),
        [(ALICE, Notice.FORWARDED)],
    ),
    "/login through another bot": (
        an_update(via_bot={"id": 5, "is_bot": True, "first_name": "B"}),
        [(ALICE, Notice.FORWARDED)],
    ),
    "a post in a channel": (
        Update.de_json({"update_id": 1, "channel_post": POST}, None),
        [],
    ),
    "/sessions": (an_update("/sessions"), [(ALICE, Notice.SESSIONS)]),
    "/logout": (an_update("/logout"), [(ALICE, Notice.NOT_LOGGED_IN)]),
    "/help": (an_update("/help"), [(ALICE, Notice.HELP)]),
    "a tap for a new link": (a_tap("new"), [(ALICE, Notice.LOGIN_LINK)]),
    "a tap in a group": (a_tap("new", chat=GROUP["chat"]), []),
    "a tap in another's chat": (a_tap("new", chat={"id": BOB, "type": "private"}), []),
    "a tap that says nothing": (a_tap("end:"), []),
    "a tap that says too much": (a_tap(f"end:{'0' * 33}"), []),
    "a tap on nobody's session": (a_tap(f"end:{'0' * 32}"), [(ALICE, Notice.SESSIONS)]),
    "a tap on nobody's login": (a_tap(f"undo:{'0' * 32}"), []),
    "nothing that we know": (Update(update_id=1), []),
}


@pytest.mark.parametrize("case", ANSWERS)
async def test_each_update_is_settled_with_its_answer(
    deployment: Deployment, store: Store, clock: Clock, case: str
) -> None:
    """The answer that the table says, once, however often the update is handed over."""
    update, expected = ANSWERS[case]
    await handled(deployment, update, times=2)
    assert expected == await owed(store, clock)
    assert (None, None) == await next_update(deployment)


async def test_a_failing_update_is_parked_with_an_apology(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """At the third failure, and the person hears of it."""
    update = an_update()
    await receive_update(deployment, key_of(update), update.to_json())
    for _ in range(3):
        await Handlers(deployment).fail(update, a_context(ValueError("poison")))
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
        await Handlers(deployment).fail(update, a_context(StoreUnavailable("full")))
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
    await Handlers(deployment).fail(an_update(), a_context(ValueError("poison")))


@pytest.mark.parametrize(
    ("update", "error"), [(None, ValueError()), ("text", ValueError()), (an_update(), None)]
)
async def test_what_is_no_failed_update_changes_nothing(
    deployment: Deployment, store: Store, update: object, error: Exception | None
) -> None:
    """The application reports its own errors through the same door."""
    await receive_update(deployment, a_key(), "{}")
    await Handlers(deployment).fail(update, a_context(error))
    async with store.reading() as connection:
        stored = await inbox.get(connection, a_key())
    assert stored is not None
    assert 0 == stored.attempts


async def test_a_promise_rings_the_sender(deployment: Deployment) -> None:
    """So that the answer is on its way at once."""
    rung: list[str] = []
    update = an_update()
    await receive_update(deployment, key_of(update), update.to_json())
    with deployment.store.wakeups.listening({Topic.OUTBOX: lambda: rung.append("outbox")}):
        await Handlers(deployment).handle(update, a_context())
    assert rung


async def a_session_of(deployment: Deployment, telegram_id: int = ALICE) -> Session:
    """Log somebody in with a browser."""
    login = await a_begun_login(deployment, update_id=telegram_id, profile=a_profile(telegram_id))
    browser = Browser(name=f"browser of {telegram_id}")
    outcome = await continue_in_browser(
        deployment, chat_code_of(deployment, login), browser=browser, switch=False
    )
    return outcome.session


async def lives(store: Store, session: Session, clock: Clock) -> bool:
    """Say whether a session still lives."""
    async with store.reading() as connection:
        found = await sessions.get(connection, session.id)
    assert found is not None
    return found.lives_at(clock())


@pytest.mark.parametrize("where", ["end", "undo"])
async def test_a_tap_ends_ones_own_session_once(
    deployment: Deployment, store: Store, clock: Clock, where: str
) -> None:
    """The tap is answered, the message changes, and a second tap says that it was over."""
    session = await a_session_of(deployment)
    first = await handled(deployment, a_tap(f"{where}:{session.id}", update_id=1))
    assert not await lives(store, session, clock)
    second = await handled(deployment, a_tap(f"{where}:{session.id}", update_id=2))
    assert [("query-1", "Logged out.")] == first.toasts
    assert [("query-2", "That login had ended already.")] == second.toasts
    notice = Notice.SESSIONS if where == "end" else Notice.LOGIN_CLOSED
    async with store.reading() as connection:
        rows = await connection.run("SELECT notice, edits FROM outbox WHERE edits IS NOT NULL")
    assert [(notice, 77), (notice, 77)] == [tuple(row) for row in rows]


@pytest.mark.parametrize("where", ["end", "undo"])
async def test_a_tap_ends_nobody_elses_session(
    deployment: Deployment, store: Store, clock: Clock, where: str
) -> None:
    """Whoever knows the id of another's session can do nothing with it."""
    session = await a_session_of(deployment, BOB)
    chat = await handled(deployment, a_tap(f"{where}:{session.id}"))
    assert await lives(store, session, clock)
    assert [("query-1", "That login had ended already.")] == chat.toasts


@pytest.mark.parametrize("update", [an_update("/logout"), a_tap("all")], ids=["command", "tap"])
async def test_logging_out_ends_every_session_of_that_person_only(
    deployment: Deployment, store: Store, clock: Clock, update: Update
) -> None:
    """All of Alice's, none of Bob's."""
    mine, other = await a_session_of(deployment), await a_session_of(deployment, BOB)
    await handled(deployment, update)
    assert [False, True] == [await lives(store, one, clock) for one in (mine, other)]


async def test_an_unanswered_tap_is_done_all_the_same(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Telegram forgets a tap after a while; what it asked for is done."""
    session = await a_session_of(deployment)
    update = a_tap(f"end:{session.id}")
    await receive_update(deployment, key_of(update), update.to_json())
    chat = Chat(trouble=BadRequest("Query is too old and response timeout expired"))
    await Handlers(deployment).handle(update, a_context(chat=chat))
    await asyncio.gather(*chat.tasks)
    assert not await lives(store, session, clock)


async def test_a_tap_is_answered_in_the_language_of_who_taps(deployment: Deployment) -> None:
    """A short text, or none where the chat itself answers."""
    raw = a_tap("nonsense").to_dict()
    raw["callback_query"]["from"]["language_code"] = "ru"
    chat = await handled(deployment, Update.de_json(raw, None))
    assert [("query-1", "Эта кнопка больше не действует. Отправьте /help.")] == chat.toasts
    assert [("query-2", None)] == (await handled(deployment, a_tap("new", update_id=2))).toasts
