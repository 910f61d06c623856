"""Works off the outbox: send, then mark."""

from dataclasses import replace
from datetime import timedelta
from typing import Final

import anyio
from telegram import Bot, LinkPreviewOptions
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    RetryAfter,
    TelegramError,
)

from tgauth.bot.rendering import Rendered, render
from tgauth.bot.waking import Bell
from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Outgoing
from tgauth.flows.deliver_messages import DueMessage, due_messages, settle_message
from tgauth.flows.deployment import Deployment
from tgauth.logs import Log

_log = Log("bot")

#: Messages under way at once: to as many different chats.
_AT_ONCE: Final = 20
_POINTLESS: Final = "nobody has to be told any more"
#: However sure we are that nothing is owed, look again after this many seconds: clocks jump.
_LOOK_AGAIN: Final = 5.0
#: Seconds until a store that refuses is tried again.
_STORE_PAUSE: Final = 1.0


class Sender:
    """Sends what is owed until told to stop."""

    def __init__(self, deployment: Deployment, bot: Bot, promised: Bell) -> None:
        """Take what sending needs.

        Args:
            deployment: The installation.
            bot: An initialized bot.
            promised: Rung when a message has been promised.
        """
        self._deployment = deployment
        self._bot = bot
        self._promised = promised
        self._stopping = False
        # Accepted by Telegram and not marked yet: while the store refuses to be written, marking is
        # tried again and nothing is sent again, or one full disk would flood every chat.
        self._store_is_well = True
        self._accepted: dict[int | None, Outgoing] = {}

    def stop(self) -> None:
        """Finish what is under way, and nothing more."""
        self._stopping = True
        self._promised.ring()

    async def run(self) -> None:
        """Send what is owed, oldest first, one message for each chat at a time."""
        while not self._stopping:
            wait = _LOOK_AGAIN if self._store_is_well else _STORE_PAUSE
            try:
                due, next_at = await due_messages(self._deployment, most=_AT_ONCE)
                if due:
                    async with anyio.create_task_group() as tasks:
                        for one in due:
                            tasks.start_soon(self._deliver, one)
                    if self._store_is_well:
                        continue
                if next_at is not None:
                    wait = min(wait, (next_at - self._deployment.now()) / SECOND)
            except StoreUnavailable as error:
                _log.error("outbox.unavailable", reason=str(error))
                wait = _STORE_PAUSE
            await self._promised.wait(max(wait, 0.01))

    async def _deliver(self, due: DueMessage) -> None:
        settled = self._accepted.get(due.outgoing.id) or await self._settled(due)
        if settled is None:
            return
        if settled.sent_at is not None:
            self._accepted[settled.id] = settled
        try:
            await settle_message(self._deployment, settled)
        except StoreUnavailable as error:
            # Caught here: one message's trouble must not cancel the others that are under way.
            self._store_is_well = False
            _log.error("outbox.unavailable", reason=str(error))
            return
        self._store_is_well = True
        self._accepted.pop(settled.id, None)
        if settled.given_up_at is not None and settled.reason != _POINTLESS:
            _log.warning("message.given_up", id=settled.id, reason=settled.reason)

    async def _settled(self, due: DueMessage) -> Outgoing | None:
        if due.is_pointless:
            return due.outgoing.given_up(reason=_POINTLESS, now=self._deployment.now())
        return await self._try(due)

    async def _try(self, due: DueMessage) -> Outgoing | None:
        """Send a message once, and say what became of it; nothing when the bot is about to end."""
        # What was said is kept: an apology is no message that a link can be found in.
        outgoing = replace(due.outgoing, notice=due.notice)
        now = self._deployment.now
        try:
            message_id = await self._send(due)
        except InvalidToken:
            # The process ends because of it (`TokenWatch`); until then nothing more is tried.
            self._stopping = True
            return None
        except RetryAfter as error:
            return outgoing.postponed(now=now(), wait=_milliseconds(error.retry_after))
        except (Forbidden, ChatMigrated, BadRequest) as error:
            # BadRequest is a NetworkError to python-telegram-bot, but trying again cannot help.
            return outgoing.given_up(reason=error.message, now=now())
        except TelegramError as error:
            _log.warning("message.postponed", id=outgoing.id, error=error.message)
            return outgoing.postponed(now=now())
        except Exception as error:  # noqa: BLE001 - one answer that nobody can read is one message
            _log.exception("message.failed", error, id=outgoing.id)
            return outgoing.failed(reason=repr(error), now=now())
        return outgoing.sent(message_id=message_id, now=now())

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
            protect_content=rendered.holds_link_in_button,
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
