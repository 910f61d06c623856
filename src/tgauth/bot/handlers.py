"""What an update leads to."""

import re
from typing import Any, Final, assert_never

import anyio
from telegram import Bot, Update
from telegram.error import TelegramError
from telegram.ext import Application, CallbackContext, TypeHandler

from tgauth.bot.rendering import (
    ALLOW,
    BLOCK,
    DECLINE,
    END_ALL,
    END_LISTED,
    END_LOGIN,
    NEW_LINK,
    PICK,
)
from tgauth.bot.updates import Request, Tap, key_of, language_of, private_chat_of, read
from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Notice
from tgauth.flows.approve_in_chat import Answer, Answered, answer_approval, open_approval
from tgauth.flows.begin_chat_login import Asked, answer_with, begin_chat_login
from tgauth.flows.block_approvals import block_approvals
from tgauth.flows.chat_sessions import Ending, end_from_chat, log_out_everywhere, show_sessions
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import dismiss_update, fail_update
from tgauth.logs import Log
from tgauth.texts import Words, approval, chat, words_for

AnyApplication = Application[Any, Any, Any, Any, Any, Any]
AnyContext = CallbackContext[Any, Any, Any, Any]

_log = Log("bot")

#: Seconds to leave the store alone after it refused a write: the update waits in the inbox.
_STORE_PAUSE: Final = 1.0
#: Commands that are answered in public as well, by asking to come to a private chat; not those that
#: every bot of a group has.
_ANSWERED_IN_PUBLIC: Final = frozenset({"login", "sessions", "logout"})
_END_ONE: Final = re.compile(
    f"(?P<where>{re.escape(END_LISTED)}|{re.escape(END_LOGIN)})(?P<session>[0-9a-f]{{32}})"
)
_ANSWER: Final = re.compile(
    f"{re.escape(DECLINE)}(?P<declined>[0-9a-f]{{32}})"
    f"|{re.escape(PICK)}(?P<picked>[0-9a-f]{{32}}):(?P<number>[0-9]{{2}})",
    re.ASCII,
)


class Handlers:
    """Answers updates by flows; what a flow promises is sent by the sender."""

    def __init__(self, deployment: Deployment) -> None:
        """Take what the flows need.

        Args:
            deployment: The installation.
        """
        self._deployment = deployment

    def mount(self, application: AnyApplication) -> None:
        """Put the handlers into the application."""
        application.add_handler(TypeHandler(Update, self.handle))
        application.add_error_handler(self.fail)

    async def handle(self, update: Update, context: AnyContext) -> None:
        """Handle one update; it is settled in the transaction that holds its effects."""
        found = read(update, bot_username=context.bot.username, now=self._deployment.now())
        match found:
            case None:
                await dismiss_update(self._deployment, key_of(update))
                return
            case Request(is_private=True):
                await self._answer(found)
            case Request():
                await self._answer_in_public(found)
            case Tap():
                toast = await self._press(found)
                # Not waited for: a Telegram that is slow now must not hold up the next update.
                context.application.create_task(_answer_tap(context.bot, found.query_id, toast))

    async def fail(self, update: object, context: AnyContext) -> None:
        """Leave an update whose handling failed for another attempt, or park it."""
        error = context.error
        if isinstance(error, StoreUnavailable):
            # Not the update's fault, so it does not count against it.
            _log.error("store.unavailable", reason=str(error))
            await anyio.sleep(_STORE_PAUSE)
            return
        if not isinstance(update, Update) or error is None:
            return
        _log.exception("update.failed", error, update_id=update.update_id)
        try:
            parked = await fail_update(
                self._deployment,
                key_of(update),
                chat_id=private_chat_of(update),
                language=language_of(update),
            )
        except Exception as trouble:  # noqa: BLE001 - it would be handed over again at once
            _log.error("update.unsettled", update_id=update.update_id, error=repr(trouble))
            await anyio.sleep(_STORE_PAUSE)
            return
        if parked:
            _log.error("update.parked", update_id=update.update_id)

    async def _answer(self, request: Request) -> None:
        asked = request.asked
        if not request.is_own_word:
            await answer_with(self._deployment, asked, Notice.FORWARDED)
            return
        match request.command:
            case "login":
                await self._log_in(asked)
            case "sessions":
                await show_sessions(self._deployment, asked)
            case "logout":
                number = await log_out_everywhere(self._deployment, asked)
                if number is not None:
                    _tell_end(asked, number)
            case _ if request.handle is not None:
                await self._open(asked, request.handle)
            case "start":
                await answer_with(self._deployment, asked, Notice.GREETING)
            case _:
                await answer_with(self._deployment, asked, Notice.HELP)

    async def _answer_in_public(self, request: Request) -> None:
        is_opening = request.command == "start" and request.handle is not None
        if is_opening or request.command in _ANSWERED_IN_PUBLIC:
            await answer_with(self._deployment, request.asked, Notice.PRIVATE_ONLY)
        else:
            await dismiss_update(self._deployment, request.asked.key)

    async def _press(self, tap: Tap) -> str:
        """Do what a button says, and return the short answer to the tap."""
        asked, words = tap.asked, words_for(tap.asked.language)
        end_one, answer = _END_ONE.fullmatch(tap.data), _answer_in(tap)
        if not tap.is_private:
            await dismiss_update(self._deployment, asked.key)
        elif tap.data == NEW_LINK:
            await self._log_in(asked)
            return ""
        elif tap.data == END_ALL:
            number = await log_out_everywhere(self._deployment, asked, message_id=tap.message_id)
            if number is not None:
                _tell_end(asked, number)
            return chat.ended_toast(words)
        elif end_one:
            return await self._end_one(tap, end_one["session"], end_one["where"])
        elif answer:
            return await self._decide(asked, answer)
        elif tap.data in {BLOCK, ALLOW}:
            return await self._block(tap, blocked=tap.data == BLOCK)
        else:
            await dismiss_update(self._deployment, asked.key)
        return chat.useless_toast(words)

    async def _end_one(self, tap: Tap, session_id: str, where: str) -> str:
        ending = await end_from_chat(
            self._deployment,
            tap.asked,
            session_id,
            message_id=tap.message_id,
            in_list=where == END_LISTED,
        )
        words = words_for(tap.asked.language)
        if ending is Ending.ENDED_BEFORE:
            return chat.ended_before_toast(words)
        if ending is Ending.ENDED:
            _log.info("session.ended", session_id=session_id, by="chat")
        return chat.ended_toast(words)

    async def _open(self, asked: Asked, handle: str) -> None:
        outcome = await open_approval(self._deployment, asked, handle)
        telegram_id = asked.profile.telegram_id
        if isinstance(outcome, LoginRequest):
            _log.info("login.opened", login_id=outcome.id, telegram_id=telegram_id)
        elif outcome is not None:
            _log.info("login.refused", reason=outcome.value, telegram_id=telegram_id)

    async def _decide(self, asked: Asked, answer: Answer) -> str:
        answered = await answer_approval(self._deployment, asked, answer)
        if answered is None:
            return ""  # this very tap was handled before, and its answer is in the chat
        _log.info(
            "login.answered",
            login_id=answer.login_id,
            answer=answered.value,
            telegram_id=asked.profile.telegram_id,
        )
        return _answered_toast(words_for(asked.language), answered)

    async def _block(self, tap: Tap, *, blocked: bool) -> str:
        asked, words = tap.asked, words_for(tap.asked.language)
        await block_approvals(self._deployment, asked, blocked=blocked, message_id=tap.message_id)
        return approval.blocked_toast(words) if blocked else approval.allowed_toast(words)

    async def _log_in(self, asked: Asked) -> None:
        outcome = await begin_chat_login(self._deployment, asked)
        telegram_id = asked.profile.telegram_id
        if isinstance(outcome, LoginRequest):
            _log.info("login.begun", login_id=outcome.id, telegram_id=telegram_id)
        elif outcome is not None:
            _log.info("login.refused", reason=outcome.value, telegram_id=telegram_id)


def _answer_in(tap: Tap) -> Answer | None:
    """Return the answer to a question that a button says, if it says one."""
    found = _ANSWER.fullmatch(tap.data)
    if found is None:
        return None
    return Answer(
        login_id=found["declined"] or found["picked"],
        number=int(found["number"]) if found["number"] else None,
        message_id=tap.message_id,
    )


def _answered_toast(words: Words, answered: Answered) -> str:
    match answered:
        case Answered.APPROVED:
            return approval.approved_toast(words)
        case Answered.DECLINED:
            return approval.declined_toast(words)
        case Answered.WRONG_NUMBER:
            return approval.wrong_number_toast(words)
        case Answered.TOO_LATE:
            return approval.too_late_toast(words)
        case Answered.NOT_ALLOWED:
            return approval.not_allowed_toast(words)
        case _:
            assert_never(answered)


async def _answer_tap(bot: Bot, query_id: str, toast: str) -> None:
    """Stop the button's waiting; what the tap did is done and stays, whatever comes of this."""
    try:
        await bot.answer_callback_query(query_id, text=toast or None)
    except TelegramError as error:
        _log.debug("tap.unanswered", error=error.message)


def _tell_end(asked: Asked, number: int) -> None:
    _log.info("sessions.ended", telegram_id=asked.profile.telegram_id, number=number, by="chat")
