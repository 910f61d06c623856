"""Works off the outbox: send, then mark."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Final

import anyio
from anyio.abc import TaskGroup
from telegram import Bot, LinkPreviewOptions
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from tgauth.bot.pace import Kind, Pace
from tgauth.bot.rendering import Rendered, render
from tgauth.bot.waking import Bell
from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Outgoing
from tgauth.flows.deliver_messages import DueMessage, due_messages, settle_messages
from tgauth.flows.deployment import Deployment
from tgauth.logs import Log

_log = Log("bot")

_POINTLESS: Final = "nobody has to be told any more"
#: However sure we are that nothing is owed, look again after this many seconds: clocks jump.
_LOOK_AGAIN: Final = 5.0
#: Seconds until a store that refuses is tried again.
_STORE_PAUSE: Final = 1.0
#: Messages that were sent and could not be marked: with more nothing is sent any more.
_MOST_UNMARKED: Final = 30
#: Seconds between two looks at what is owed while Telegram's limits hold it back.
_BETWEEN_LOOKS: Final = 0.05


class Sender:
    """Sends what is owed until told to stop.

    Each message is under way by itself, as many at once as Telegram allows, and one for each chat.
    What became of them is marked by one task, all at once that came together meanwhile. While the
    store refuses that, nothing is sent again, or one full disk would flood every chat.
    """

    def __init__(
        self, deployment: Deployment, bot: Bot, promised: Bell, pace: Pace | None = None
    ) -> None:
        """Take what sending needs.

        Args:
            deployment: The installation.
            bot: An initialized bot.
            promised: Rung when a message has been promised.
            pace: How fast it may go; Telegram's usual limits where none is given.
        """
        self._deployment = deployment
        self._bot = bot
        self._promised = promised
        self._pace = pace or Pace(clock=asyncio.get_running_loop().time)
        self._stopping = False
        self._all_sent = False
        #: Chats that something is under way to, or was sent to and is not marked yet.
        self._busy: set[int] = set()
        self._outcomes: list[Outgoing] = []
        self._to_settle = Bell()

    def stop(self) -> None:
        """Finish what is under way, and nothing more."""
        self._stopping = True
        self._promised.ring()

    async def run(self) -> None:
        """Send what is owed, whoever asked first is answered first."""
        async with anyio.create_task_group() as settling:
            settling.start_soon(self._settle)
            async with anyio.create_task_group() as sending:
                await self._dispatch(sending)
            self._all_sent = True
            self._to_settle.ring()

    async def _dispatch(self, sending: TaskGroup) -> None:
        while not self._stopping:
            try:
                wait = await self._start_due(sending)
            except StoreUnavailable as error:
                _log.error("outbox.unavailable", reason=str(error))
                wait = _STORE_PAUSE
            await self._promised.wait(wait)
            if self._outcomes:
                self._to_settle.ring()

    async def _start_due(self, sending: TaskGroup) -> float:
        """Start what is due and allowed; return the seconds until there may be more."""
        room = self._pace.room() if len(self._outcomes) < _MOST_UNMARKED else 0
        next_at, is_held = None, True
        if room:
            # What is marked while we look may still be due by what we see.
            busy = frozenset(self._busy)
            most = room + 2 * len(busy) + self._pace.resting()
            due, next_at = await due_messages(self._deployment, most=most)
            started = 0
            for one in due:
                if one.outgoing.chat_id not in busy and room and self._start(sending, one):
                    room -= 1
                    started += 1
            is_held = started < len(due) or len(due) == most
        waits = [_LOOK_AGAIN]
        if next_at is not None:
            waits.append((next_at - self._deployment.now()) / SECOND)
        # With all of it under way, more room is nothing to wake up for.
        allowed_at = self._pace.next_at() if is_held else None
        if allowed_at is not None:
            waits.append(allowed_at - self._pace.clock())
        return max(min(waits), _BETWEEN_LOOKS)

    def _start(self, sending: TaskGroup, due: DueMessage) -> bool:
        """Start sending a message, where its chat may be spoken to now."""
        chat_id = due.outgoing.chat_id
        if chat_id in self._busy:
            return False
        if due.is_pointless:
            self._busy.add(chat_id)
            self._note(due.outgoing.given_up(reason=_POINTLESS, now=self._deployment.now()))
            return False
        if not self._pace.may(chat_id, _kind_of(due)):
            return False
        self._busy.add(chat_id)
        self._pace.depart()
        sending.start_soon(self._deliver, due)
        return True

    async def _deliver(self, due: DueMessage) -> None:
        chat_id = due.outgoing.chat_id
        try:
            outcome = await self._try(due)
        finally:
            self._pace.arrive(chat_id, _kind_of(due))
        if outcome is not None:
            self._note(outcome)

    def _note(self, outcome: Outgoing) -> None:
        self._outcomes.append(outcome)
        self._to_settle.ring()

    async def _settle(self) -> None:
        """Mark what was sent, until all is sent and marked."""
        while not self._all_sent or self._outcomes:
            settled = tuple(self._outcomes)
            if settled:
                try:
                    await settle_messages(self._deployment, settled)
                except StoreUnavailable as error:
                    _log.error("outbox.unavailable", reason=str(error))
                    if self._all_sent:
                        return  # sent again after the next start: twice rather than never
                else:
                    self._forget(settled)
                    continue
            await self._to_settle.wait(_STORE_PAUSE if settled else _LOOK_AGAIN)

    def _forget(self, settled: tuple[Outgoing, ...]) -> None:
        del self._outcomes[: len(settled)]
        self._busy -= {one.chat_id for one in settled}
        for one in settled:
            if one.given_up_at is not None and one.reason != _POINTLESS:
                _log.warning("message.given_up", id=one.id, reason=one.reason)
        self._promised.ring()

    async def _try(self, due: DueMessage) -> Outgoing | None:
        """Send a message once, and say what became of it; nothing when the bot is about to end."""
        # What was said is kept: an apology is no message that a link can be found in.
        outgoing = replace(due.outgoing, notice=due.notice)
        now = self._deployment.now
        try:
            message_id = await self._send(due)
        except InvalidToken:
            # The process ends because of it (`TelegramWatch`); until then nothing more is tried.
            self._stopping = True
            return None
        except RetryAfter as error:
            return outgoing.postponed(now=now(), wait=self._heed(outgoing.chat_id, error))
        except (Forbidden, ChatMigrated, BadRequest) as error:
            # BadRequest is a NetworkError to python-telegram-bot, but trying again cannot help.
            self._pace.succeed()
            return outgoing.given_up(reason=error.message, now=now())
        except TelegramError as error:
            self._pace.fail(outgoing.chat_id)
            _log.warning("message.postponed", id=outgoing.id, error=error.message)
            return outgoing.postponed(now=now())
        except Exception as error:  # noqa: BLE001 - one answer that nobody can read is one message
            _log.exception("message.failed", error, id=outgoing.id)
            return outgoing.failed(reason=repr(error), now=now())
        self._pace.succeed()
        return outgoing.sent(message_id=message_id, now=now())

    def _heed(self, chat_id: int, error: RetryAfter) -> int:
        """Honour Telegram's wish to be left alone; return the milliseconds."""
        self._pace.succeed()
        wait = _milliseconds(error.retry_after)
        self._pace.flood(chat_id, wait / SECOND)
        _log.warning("telegram.flood_limit", chat_id=chat_id, seconds=wait / SECOND)
        return wait

    async def _send(self, due: DueMessage) -> int:
        """Send or change a message; return Telegram's id of it."""
        client = self._deployment.client
        rendered = render(due, client)
        if due.target is not None:
            return await self._change(due.outgoing.chat_id, due.target, rendered)
        try:
            return await self._post(due.outgoing.chat_id, rendered)
        except BadRequest as error:
            # Telegram knows best which addresses a button may have.
            if not rendered.holds_link_in_button or "button" not in error.message.lower():
                raise
            return await self._post(due.outgoing.chat_id, render(due, client, link_in_text=True))

    async def _post(self, chat_id: int, rendered: Rendered) -> int:
        message = await self._bot.send_message(
            chat_id=chat_id,
            text=rendered.text,
            reply_markup=rendered.keyboard,
            link_preview_options=LinkPreviewOptions(is_disabled=True),
            protect_content=rendered.is_protected,
        )
        return message.message_id

    async def _change(self, chat_id: int, message_id: int, rendered: Rendered) -> int:
        try:
            await self._bot.edit_message_text(
                chat_id=chat_id,
                message_id=message_id,
                text=rendered.text,
                reply_markup=rendered.keyboard,
                link_preview_options=LinkPreviewOptions(is_disabled=True),
            )
        except BadRequest as error:
            # Changed already: the answer to the first attempt was lost.
            if "not modified" not in error.message.lower():
                raise
        return message_id


def _milliseconds(wait: int | timedelta) -> int:
    seconds = wait.total_seconds() if isinstance(wait, timedelta) else wait
    return int(seconds * SECOND)


def _kind_of(due: DueMessage) -> Kind:
    return Kind.SEND if due.target is None else Kind.EDIT
