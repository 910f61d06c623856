"""Promises of the sender under load and in trouble: nobody waits for somebody else's trouble."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
from telegram import Bot
from telegram.error import NetworkError
from tests.builders import ALICE, BOB, NOW, Clock
from tests.fakes import FakeTelegram, accepted, refused

from tgauth.bot import sender as sender_module
from tgauth.bot.pace import AWAY_DELAYS, Limits, Pace
from tgauth.bot.sender import Sender
from tgauth.bot.waking import Bell
from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Notice, owe
from tgauth.flows import deliver_messages
from tgauth.flows.deployment import Deployment
from tgauth.store import Store, outbox

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def sending(
    deployment: Deployment, bot: Bot, limits: Limits | None = None
) -> AsyncIterator[Bell]:
    """Run a sender that goes by the test's clock."""
    bell = Bell()
    pace = Pace(clock=lambda: deployment.now() / SECOND, limits=limits or Limits())
    sender = Sender(deployment, bot, bell, pace)
    run = asyncio.create_task(sender.run())
    try:
        yield bell
    finally:
        sender.stop()
        with anyio.fail_after(5):
            await run


async def promise(store: Store, *chats: int, notice: Notice = Notice.HELP) -> None:
    """Owe a message to each of these chats."""
    async with store.writing() as connection:
        for chat_id in chats:
            await outbox.add(connection, owe(notice, chat_id=chat_id, language="en", now=NOW))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait for something that knows no events."""
    with anyio.fail_after(5):
        while not await condition():  # noqa: ASYNC110 - as the docstring says
            await anyio.sleep(0.005)


def spoken_to(telegram: FakeTelegram) -> list[int]:
    """Return the chats that Telegram was asked to send to, in order."""
    return [sent["chat_id"] for sent in telegram.sent()]


async def until_sent(telegram: FakeTelegram, number: int) -> None:
    """Wait until Telegram was asked to send so many messages."""

    async def sent() -> bool:
        return len(telegram.sent()) >= number

    await until(sent)


async def unmarked(store: Store) -> int:
    """Count the messages that are owed."""
    async with store.reading() as connection:
        rows = await connection.run(
            "SELECT id FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL"
        )
    return len(rows)


class HeldUp(FakeTelegram):
    """A Telegram that does not answer about one chat."""

    def __init__(self, chat_id: int) -> None:
        super().__init__()
        self.chat_id = chat_id
        self.released = asyncio.Event()

    async def do_request(self, url: str, *args: Any, **options: Any) -> tuple[int, bytes]:
        """Answer one request, where it is not about that chat."""
        answer = await super().do_request(url, *args, **options)
        if self.calls[-1][1].get("chat_id") == self.chat_id:
            await self.released.wait()
        return answer


async def test_a_slow_chat_holds_up_no_other(
    deployment: Deployment, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many come after it; they used to wait for the slowest of twenty."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    telegram = HeldUp(ALICE)
    async with Bot("1:token", request=telegram, get_updates_request=telegram) as bot:
        await promise(store, ALICE, *range(1, 26))
        async with sending(deployment, bot):

            async def all_but_hers() -> bool:
                return await unmarked(store) == 1

            await until(all_but_hers)
            await promise(store, BOB)
            await until(all_but_hers)
            telegram.released.set()
    assert 0 == await unmarked(store)
    assert 1 == spoken_to(telegram).count(ALICE)


async def test_a_chats_burst_is_sent_at_once_and_the_rest_in_its_time(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, clock: Clock
) -> None:
    """Three, then one a second."""
    await promise(store, *[ALICE] * 5)
    async with sending(deployment, bot) as bell:
        await until_sent(telegram, 3)
        await anyio.sleep(0.1)
        assert 3 == len(telegram.sent())
        for number in (4, 5):
            clock.advance(SECOND)
            bell.ring()
            await until_sent(telegram, number)
            await anyio.sleep(0.1)
            assert number == len(telegram.sent())


async def test_a_chat_that_rests_hides_nobody_behind_it(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Whoever may be spoken to is, although others that may not be asked first."""
    crowd = [chat for chat in range(1, 5) for _ in range(4)]
    await promise(store, *crowd)
    async with sending(deployment, bot):
        await until_sent(telegram, 12)
        await promise(store, BOB)
        await until_sent(telegram, 13)
    assert BOB == spoken_to(telegram)[-1]


async def test_the_limit_over_all_chats_is_kept_oldest_first(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, clock: Clock
) -> None:
    """So many, and the next ones a second later."""
    await promise(store, *range(1, 12))
    async with sending(deployment, bot, Limits(per_second=5)) as bell:
        for number in (5, 10, 11):
            await until_sent(telegram, number)
            await anyio.sleep(0.1)
            assert list(range(1, number + 1)) == sorted(spoken_to(telegram))
            clock.advance(SECOND)
            bell.ring()


async def test_what_telegram_refuses_to_several_chats_pauses_everything(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, clock: Clock
) -> None:
    """For as long as it wants; nobody is given up on, and then all are served."""
    telegram.script = [refused(429, "Too Many Requests: retry after 9", retry_after=9)] * 3
    await promise(store, 1, 2, 3)
    async with sending(deployment, bot) as bell:
        await until_sent(telegram, 3)
        await anyio.sleep(0.05)
        await promise(store, BOB)
        bell.ring()
        clock.advance(9 * SECOND - 1)
        bell.ring()
        await anyio.sleep(0.1)
        assert 3 == len(telegram.sent())
        clock.advance(1)
        bell.ring()
        await until_sent(telegram, 7)
    assert 0 == await unmarked(store)


async def test_an_outage_is_tried_by_one_and_ends_for_all(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store, clock: Clock
) -> None:
    """Fifty owed messages are not fifty attempts each time."""
    telegram.script = [NetworkError("no route")] * 22
    await promise(store, *range(1, 51))
    async with sending(deployment, bot) as bell:
        await until_sent(telegram, 20)
        await anyio.sleep(0.05)
        for number, delay in enumerate((*AWAY_DELAYS[:2], AWAY_DELAYS[2]), start=21):
            assert number - 1 == len(telegram.sent())
            clock.advance(int(delay * SECOND))
            bell.ring()
            await until_sent(telegram, number)
            await anyio.sleep(0.1)
        clock.advance(20 * SECOND)
        bell.ring()

        async def nothing_owed() -> bool:
            clock.advance(100)
            bell.ring()
            return await unmarked(store) == 0

        await until(nothing_owed)
    assert 50 + 22 == len(telegram.sent())


async def test_what_is_marked_while_somebody_looks_is_not_sent_again(
    deployment: Deployment,
    bot: Bot,
    telegram: FakeTelegram,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A look at the outbox may be older than what became of a message meanwhile."""
    look = deliver_messages.due_messages

    async def slowly(*args: Any, **options: Any) -> Any:
        seen = await look(*args, **options)
        await anyio.sleep(0.05)
        return seen

    monkeypatch.setattr(sender_module, "due_messages", slowly)
    async with sending(deployment, bot) as bell:
        for chat_id in range(1, 9):
            await promise(store, chat_id)
            bell.ring()
            await anyio.sleep(0.02)
        await until_sent(telegram, 8)
        await anyio.sleep(0.3)
    assert list(range(1, 9)) == sorted(spoken_to(telegram))


async def test_messages_that_came_together_are_marked_together(
    deployment: Deployment,
    bot: Bot,
    telegram: FakeTelegram,
    store: Store,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One commit for all that were accepted while the one before it ran."""
    settle, batches = deliver_messages.settle_messages, list[int]()

    async def counting(deployment: Deployment, messages: Any) -> None:
        batches.append(len(messages))
        await anyio.sleep(0.05)
        await settle(deployment, messages)

    monkeypatch.setattr(sender_module, "settle_messages", counting)
    telegram.script = [accepted(message_id=number) for number in range(1, 21)]
    await promise(store, *range(1, 21))
    async with sending(deployment, bot):

        async def nothing_owed() -> bool:
            return await unmarked(store) == 0

        await until(nothing_owed)
    assert 20 == sum(batches)
    assert len(batches) < 6
    async with store.reading() as connection:
        kept = [await outbox.get(connection, number) for number in range(1, 21)]
    assert set(range(1, 21)) == {one.message_id for one in kept if one is not None}


async def test_an_answer_comes_before_changes_that_are_due(
    deployment: Deployment, bot: Bot, telegram: FakeTelegram, store: Store
) -> None:
    """Whoever asks waits for nobody's list to be changed."""
    async with store.writing() as connection:
        for chat_id in range(1, 31):
            await outbox.add(
                connection,
                owe(Notice.SESSIONS, chat_id=chat_id, language="en", edits=7, now=NOW),
            )
    await promise(store, BOB)
    async with sending(deployment, bot, Limits(per_second=1)):
        await until_sent(telegram, 1)
    assert [BOB] == spoken_to(telegram)
    assert [] == telegram.sent("editMessageText")
    assert "I log" in json.dumps(telegram.sent())
