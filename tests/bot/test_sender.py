"""Promises of the sender: owed until Telegram has it, patient with trouble, quick to stop."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import anyio
import pytest
from telegram import Bot
from telegram.error import NetworkError, TimedOut
from tests.builders import (
    ALICE,
    BOB,
    LIFETIME,
    NOW,
    Clock,
    a_begun_login,
    a_profile,
    an_issuer,
    chat_code_of,
)
from tests.fakes import Answer, FakeTelegram, accepted, refused

from tgauth.bot.pace import Pace
from tgauth.bot.sender import Sender
from tgauth.bot.waking import Bell
from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Notice, Outgoing, owe
from tgauth.domain.session import Visitor
from tgauth.flows.browser_sessions import Browser
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.store import Store, outbox

pytestmark = pytest.mark.anyio


#: The senders at work.
RUNNING: list[Sender] = []
#: Seconds that marking what was sent may take. A test in which it never is waits for all of them.
MARKED_WITHIN = 1.0


@asynccontextmanager
async def sending(deployment: Deployment, bot: Bot) -> AsyncIterator[Bell]:
    """Run a sender for the length of the block, and stop it at its end."""
    bell = Bell()
    sender = Sender(deployment, bot, bell, Pace(clock=lambda: deployment.now() / SECOND))
    run = asyncio.create_task(sender.run())
    RUNNING.append(sender)
    try:
        yield bell
    finally:
        RUNNING.remove(sender)
        sender.stop()
        with anyio.fail_after(5):
            await run


async def row(store: Store, number: int = 1) -> Outgoing:
    """Return a message's row."""
    async with store.reading() as connection:
        message = await outbox.get(connection, number)
    assert message is not None
    return message


async def until_sent(
    telegram: FakeTelegram, number: int = 1, *, method: str = "sendMessage"
) -> None:
    """Wait until so many messages were sent and are marked, and a little longer."""
    with anyio.fail_after(5):
        while len(telegram.sent(method)) < number:  # noqa: ASYNC110 - what it waits for knows no events
            await anyio.sleep(0.005)
    with anyio.move_on_after(MARKED_WITHIN):
        while any(sender._busy for sender in RUNNING):  # noqa: ASYNC110 - the same
            await anyio.sleep(0.005)
    await anyio.sleep(0.03)


async def promise(store: Store, *chats: int, notice: Notice = Notice.HELP) -> None:
    """Owe a message to each of these chats."""
    async with store.writing() as connection:
        for chat_id in chats:
            await outbox.add(connection, owe(notice, chat_id=chat_id, language="en", now=NOW))


async def test_a_link_is_sent_as_a_button_and_marked(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Once, without a preview that would open it, and nobody can forward it."""
    login = await a_begun_login(deployment)
    telegram.script = [accepted(message_id=77)]
    async with sending(deployment, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    link = f"https://login.example.org/auth/callback?code={chat_code_of(deployment, login)}"
    [[button]] = sent["reply_markup"]["inline_keyboard"]
    assert {"text": "Log in to The Shop", "url": link} == button
    assert (ALICE, True) == (sent["chat_id"], sent["protect_content"])
    assert {"is_disabled": True} == sent["link_preview_options"]
    assert link not in sent["text"]
    assert "2 minutes" in sent["text"]
    message = await row(store)
    assert (NOW, 77, None) == (message.sent_at, message.message_id, message.given_up_at)


async def test_a_link_that_no_button_takes_stands_in_the_text(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """On localhost, where Telegram refuses buttons."""
    local = replace(deployment, issuer=an_issuer("http://localhost:8000"))
    login = await a_begun_login(local)
    async with sending(local, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    assert "reply_markup" not in sent
    assert sent["text"].endswith(f"/auth/callback?code={chat_code_of(local, login)}")


async def test_a_refused_button_falls_back_to_the_text(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Telegram knows best which addresses a button may have."""
    await a_begun_login(deployment)
    telegram.script = [
        refused(400, "Bad Request: inline keyboard button URL 'x' is invalid: Wrong HTTP URL")
    ]
    async with sending(deployment, bot):
        await until_sent(telegram, 2)
    first, second = telegram.sent()
    assert ("reply_markup" in first, "reply_markup" in second) == (True, False)
    assert "https://login.example.org/auth/callback?code=" in second["text"]
    assert NOW == (await row(store)).sent_at


TROUBLES: dict[str, tuple[Answer, int]] = {
    "no network": (NetworkError("no route"), 1),
    "no answer in time": (TimedOut(), 1),
    "a broken server": (refused(502, "Bad Gateway"), 1),
    "flood control": (refused(429, "Too Many Requests: retry after 7", retry_after=7), 7),
}


@pytest.mark.parametrize("case", TROUBLES)
async def test_trouble_postpones_a_message(  # noqa: PLR0913, PLR0917 - fixtures
    deployment: Deployment,
    bot: Bot,
    telegram: FakeTelegram,
    store: Store,
    clock: Clock,
    case: str,
) -> None:
    """It stays owed, waits as long as it should, and is sent then."""
    answer, seconds = TROUBLES[case]
    await promise(store, ALICE)
    telegram.script = [answer]
    async with sending(deployment, bot) as bell:
        await until_sent(telegram)
        message = await row(store)
        assert (1, NOW + seconds * SECOND, None) == (
            message.attempts,
            message.not_before,
            message.sent_at,
        )
        clock.advance(seconds * SECOND - 1)
        bell.ring()
        await anyio.sleep(0.05)
        assert 1 == len(telegram.sent())
        clock.advance(1)
        bell.ring()
        await until_sent(telegram, 2)
    assert clock() == (await row(store)).sent_at


@pytest.mark.parametrize(
    "answer",
    [
        refused(403, "Forbidden: bot was blocked by the user"),
        refused(400, "Bad Request: chat not found"),
        refused(400, "Bad Request: group migrated", migrate_to_chat_id=-100),
    ],
    ids=["blocked", "deleted", "migrated"],
)
async def test_what_can_never_be_delivered_is_given_up_with_the_reason(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, answer: Answer
) -> None:
    """Once, and it is not tried again."""
    await promise(store, ALICE)
    telegram.script = [answer]
    async with sending(deployment, bot) as bell:
        await until_sent(telegram)
        bell.ring()
        await anyio.sleep(0.05)
    assert 1 == len(telegram.sent())
    message = await row(store)
    assert (NOW, None) == (message.given_up_at, message.sent_at)
    assert message.reason


async def test_a_refused_token_gives_up_on_nothing(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """The process is about to end because of it: what is owed stays owed."""
    await promise(store, ALICE)
    telegram.script = [refused(401, "Unauthorized")] * 500
    sender = Sender(deployment, bot, Bell())
    run = asyncio.create_task(sender.run())
    await until_sent(telegram)
    sender.stop()
    await run
    message = await row(store)
    assert (None, None, 0) == (message.sent_at, message.given_up_at, message.attempts)


async def test_a_refused_token_is_not_hammered(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Until the process ends Telegram is asked a few times at most."""
    await promise(store, ALICE)
    telegram.script = [refused(401, "Unauthorized")] * 5000
    async with sending(deployment, bot):
        await until_sent(telegram)
        await anyio.sleep(0.2)
    assert len(telegram.sent()) < 5


async def test_one_chats_trouble_holds_up_no_other(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Bob gets his answer while Alice's waits; and Alice's second one waits behind her first."""
    await promise(store, ALICE, ALICE, BOB)
    telegram.script = [NetworkError("no route")]
    async with sending(deployment, bot):
        await until_sent(telegram, 2)
    chats = [sent["chat_id"] for sent in telegram.sent()]
    assert [ALICE, BOB] == chats
    assert [None, None, NOW] == [(await row(store, n)).sent_at for n in (1, 2, 3)]


async def test_a_chats_messages_come_in_order(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """One after the other."""
    await promise(store, ALICE, notice=Notice.GREETING)
    await promise(store, ALICE, notice=Notice.HELP)
    async with sending(deployment, bot):
        await until_sent(telegram, 2)
    assert ["Hello", "I log"] == [sent["text"][:5] for sent in telegram.sent()]


async def test_the_bell_starts_sending_at_once(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No poll is waited for."""
    monkeypatch.setattr("tgauth.bot.sender._LOOK_AGAIN", 60)
    async with sending(deployment, bot) as bell:
        await anyio.sleep(0.03)
        await a_begun_login(deployment)
        bell.ring()
        await until_sent(telegram)


async def test_stopping_finishes_what_is_under_way(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """The message that Telegram is about to accept is marked; the next one stays owed."""
    await promise(store, ALICE, ALICE)
    telegram.pause = asyncio.Event()
    sender = Sender(deployment, bot, Bell())
    run = asyncio.create_task(sender.run())
    with anyio.fail_after(5):
        while not telegram.sent():  # noqa: ASYNC110 - the same
            await anyio.sleep(0.005)
    sender.stop()
    await anyio.sleep(0.03)
    assert not run.done()
    telegram.pause.set()
    with anyio.fail_after(5):
        await run
    assert [NOW, None] == [(await row(store, number)).sent_at for number in (1, 2)]


async def test_a_store_that_fails_sends_nothing_twice(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """What Telegram has is marked once the store is back; nobody gets it again in between."""
    await promise(store, ALICE)
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    async with sending(deployment, bot) as bell:
        await until_sent(telegram)
        for _ in range(3):
            bell.ring()
            await anyio.sleep(0.03)
        assert (await row(store)).sent_at is None
        await store._writer.execute_fetchall("PRAGMA query_only = OFF")
        bell.ring()
        await anyio.sleep(0.1)
        assert NOW == (await row(store)).sent_at
    assert 1 == len(telegram.sent())


async def test_a_store_that_fails_under_many_messages_sends_none_twice(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """One message that cannot be marked cancels no other that is under way."""
    chats = range(1, 13)
    await promise(store, *chats)
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    async with sending(deployment, bot) as bell:
        await until_sent(telegram, len(chats))
        for _ in range(3):
            bell.ring()
            await anyio.sleep(0.05)
        await store._writer.execute_fetchall("PRAGMA query_only = OFF")
        bell.ring()
        await anyio.sleep(0.3)
    assert sorted(chats) == sorted(sent["chat_id"] for sent in telegram.sent())
    assert {NOW} == {(await row(store, number)).sent_at for number in chats}


async def test_an_answer_that_nobody_can_read_is_one_messages_trouble(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, clock: Clock
) -> None:
    """It is tried three times and given up on with the reason; the others get theirs."""
    await promise(store, ALICE, BOB)
    odd: Answer = (200, {"ok": True, "result": {"message_id": 1}})
    telegram.script = [odd, accepted(), odd, odd]
    async with sending(deployment, bot) as bell:
        await until_sent(telegram, 2)
        for number in (3, 4):
            clock.advance(10 * SECOND)
            bell.ring()
            await until_sent(telegram, number)
    given_up, delivered = await row(store, 1), await row(store, 2)
    assert NOW == delivered.sent_at
    assert (None, NOW + 20 * SECOND) == (given_up.sent_at, given_up.given_up_at)
    assert given_up.reason is not None
    assert "date" in given_up.reason


async def test_what_was_sent_and_not_marked_is_sent_again_after_a_restart(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Twice rather than never; and it is the very same link."""
    await a_begun_login(deployment)
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    async with sending(deployment, bot):
        await until_sent(telegram)
    await store._writer.execute_fetchall("PRAGMA query_only = OFF")
    async with sending(deployment, bot):
        await until_sent(telegram, 2)
    first, second = telegram.sent()
    assert first["reply_markup"] == second["reply_markup"]
    assert NOW == (await row(store)).sent_at


async def test_a_message_for_nobody_allowed_tells_the_own_id(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Whoever is refused can pass it on."""
    await promise(store, ALICE, notice=Notice.NOT_ALLOWED)
    async with sending(deployment, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    assert str(ALICE) in sent["text"]


async def test_many_chats_are_served_at_once(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Twenty messages are under way together, and no more."""
    await promise(store, *range(1, 31))
    telegram.pause = asyncio.Event()
    async with sending(deployment, bot):
        await until_sent(telegram, 20)
        assert 20 == len(telegram.sent())
        telegram.pause.set()
        await until_sent(telegram, 30)


async def closing(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, end: Callable[[], Awaitable[object]]
) -> dict[str, Any]:
    """Send a link, let its login end, and return how its message was changed."""
    telegram.script = [accepted(message_id=77)]
    async with sending(deployment, bot) as bell:
        await until_sent(telegram)
        await end()
        bell.ring()
        await until_sent(telegram, method="editMessageText")
    [edit] = telegram.sent("editMessageText")
    assert (ALICE, 77, {"is_disabled": True}) == (
        edit["chat_id"],
        edit["message_id"],
        edit["link_preview_options"],
    )
    return edit


def buttons(message: dict[str, Any]) -> list[dict[str, str]]:
    """Return the buttons under a message."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button for row in rows for button in row]


async def test_a_used_link_says_so_and_offers_to_end_the_login(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """With which browser and from where, and a button for whoever it was not."""
    login = await a_begun_login(deployment)
    visitor = Visitor(device="Firefox, Linux", address="203.0.113.7")

    async def use() -> None:
        code = chat_code_of(deployment, login)
        browser = Browser(name="b", visitor=visitor)
        await continue_in_browser(deployment, code, browser=browser, switch=False)

    edit = await closing(deployment, bot, telegram, use)
    assert "You logged in to The Shop." in edit["text"]
    assert "Firefox, Linux, from 203.0.113.7" in edit["text"]
    [button] = buttons(edit)
    assert re.fullmatch(r"undo:[0-9a-f]{32}", button["callback_data"])
    assert "auth/callback" not in json.dumps(edit)


async def test_an_expired_link_says_so_with_nobody_writing(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, clock: Clock
) -> None:
    """At the moment itself, and a new one is a tap away."""
    await a_begun_login(deployment)

    async def wait() -> None:
        clock.advance(LIFETIME - 1)
        await anyio.sleep(0.05)
        assert [] == telegram.sent("editMessageText")
        clock.advance(1)

    edit = await closing(deployment, bot, telegram, wait)
    assert "has expired" in edit["text"]
    assert ["new"] == [button["callback_data"] for button in buttons(edit)]


async def test_a_replaced_link_says_so(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """And has no button any more."""
    await a_begun_login(deployment, update_id=1)
    edit = await closing(deployment, bot, telegram, lambda: a_begun_login(deployment, update_id=2))
    assert "was replaced by a newer one" in edit["text"]
    assert [] == buttons(edit)


async def test_a_link_that_was_never_sent_is_not_changed(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, clock: Clock
) -> None:
    """It was too late for it: the apology stays, and nothing is left owed."""
    await a_begun_login(deployment)
    clock.advance(LIFETIME)
    async with sending(deployment, bot):
        await until_sent(telegram)
        await anyio.sleep(0.1)
    [sent] = telegram.sent()
    assert "I was away" in sent["text"]
    assert ["new"] == [button["callback_data"] for button in buttons(sent)]
    assert [] == telegram.sent("editMessageText")
    assert Notice.TOO_LATE == (await row(store, 1)).notice
    assert clock() == (await row(store, 2)).given_up_at


CHANGES: dict[str, tuple[Answer, bool]] = {
    "the same already": (refused(400, "Bad Request: message is not modified: same content"), True),
    "deleted": (refused(400, "Bad Request: message to edit not found"), False),
    "too old": (refused(400, "Bad Request: message can't be edited"), False),
    "blocked": (refused(403, "Forbidden: bot was blocked by the user"), False),
}


@pytest.mark.parametrize("case", CHANGES)
async def test_a_change_that_cannot_be_made_ends_as_well(  # noqa: PLR0913, PLR0917 - fixtures
    deployment: Deployment,
    bot: Bot,
    telegram: FakeTelegram,
    store: Store,
    clock: Clock,
    case: str,
) -> None:
    """Once: it is made already, or can never be."""
    answer, made = CHANGES[case]
    await a_begun_login(deployment)
    telegram.script = [accepted(message_id=77), answer]
    async with sending(deployment, bot) as bell:
        await until_sent(telegram)
        clock.advance(LIFETIME)
        bell.ring()
        await until_sent(telegram, method="editMessageText")
        bell.ring()
        await anyio.sleep(0.05)
    assert 1 == len(telegram.sent("editMessageText"))
    message = await row(store, 2)
    assert (made, not made) == (message.sent_at is not None, message.given_up_at is not None)


async def test_the_list_of_sessions_is_true_when_it_is_sent(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Each with a button to end it, and one for all."""
    login = await a_begun_login(deployment)
    await promise(store, ALICE, notice=Notice.SESSIONS)
    outcome = await continue_in_browser(
        deployment, chat_code_of(deployment, login), browser=Browser(name="b"), switch=False
    )
    async with sending(deployment, bot):
        await until_sent(telegram, 2)
    listed = telegram.sent()[1]
    assert "1. The Shop" in listed["text"]
    assert [f"end:{outcome.session.id}", "all"] == [
        button["callback_data"] for button in buttons(listed)
    ]


async def test_nobodys_list_is_empty(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """And says how to begin, also to somebody who was never here."""
    await promise(store, BOB, notice=Notice.SESSIONS)
    async with sending(deployment, bot):
        await until_sent(telegram)
    [listed] = telegram.sent()
    assert ("You are not logged in anywhere. Send /login to log in.", []) == (
        listed["text"],
        buttons(listed),
    )


async def test_an_answer_is_in_the_language_of_who_asked(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """The link, its button, and what becomes of it."""
    await a_begun_login(deployment, profile=a_profile(language="ru"))
    async with sending(deployment, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    assert sent["text"].startswith("Вот ваша ссылка для входа в The Shop.")
    assert ["Войти в The Shop"] == [button["text"] for button in buttons(sent)]


async def test_a_link_that_was_replaced_before_it_was_sent_is_not_sent(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Only the newest one reaches the chat."""
    await a_begun_login(deployment, update_id=1)
    newest = await a_begun_login(deployment, update_id=2)
    async with sending(deployment, bot):
        await until_sent(telegram)
        await anyio.sleep(0.1)
    [sent] = telegram.sent()
    assert chat_code_of(deployment, newest) in buttons(sent)[0]["url"]
    assert [NOW, NOW] == [(await row(store, number)).given_up_at for number in (1, 2)]


async def test_a_link_that_is_repeated_after_its_use_holds_no_link(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram
) -> None:
    """It was sent and not marked, and used meanwhile: what became of it is what helps."""
    login = await a_begun_login(deployment)
    await continue_in_browser(
        deployment, chat_code_of(deployment, login), browser=Browser(name="b"), switch=False
    )
    async with sending(deployment, bot):
        await until_sent(telegram)
    [sent] = telegram.sent()
    assert "You logged in to The Shop." in sent["text"]
    assert [True] == ["callback_data" in button for button in buttons(sent)]
