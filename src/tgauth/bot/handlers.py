"""What an update leads to."""

from typing import Any, Final

import anyio
from telegram import Update
from telegram.ext import Application, CallbackContext, TypeHandler

from tgauth.bot.updates import Request, key_of, private_chat_of, read
from tgauth.bot.waking import Bell
from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.incoming import UpdateKey
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Notice
from tgauth.flows.begin_chat_login import answer_with, begin_chat_login
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import dismiss_update, fail_update
from tgauth.logs import Log

AnyApplication = Application[Any, Any, Any, Any, Any, Any]
AnyContext = CallbackContext[Any, Any, Any, Any]

_log = Log("bot")

#: Seconds to leave the store alone after it refused a write: the update waits in the inbox.
_STORE_PAUSE: Final = 1.0


class Handlers:
    """Answers updates by flows; what a flow promises is sent by the sender."""

    def __init__(self, deployment: Deployment, promised: Bell) -> None:
        """Take what the flows need.

        Args:
            deployment: The installation.
            promised: Rung after each flow that may have promised a message.
        """
        self._deployment = deployment
        self._promised = promised

    def mount(self, application: AnyApplication) -> None:
        """Put the handlers into the application."""
        application.add_handler(TypeHandler(Update, self.handle))
        application.add_error_handler(self.fail)

    async def handle(self, update: Update, context: AnyContext) -> None:
        """Handle one update; it is settled in the transaction that holds its effects."""
        key = key_of(update)
        request = read(update, bot_username=context.bot.username)
        if request is None:
            await dismiss_update(self._deployment, key)
        else:
            await self._answer(key, request)
            self._promised.ring()

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
                self._deployment, key_of(update), chat_id=private_chat_of(update)
            )
        except Exception as trouble:  # noqa: BLE001 - it would be handed over again at once
            _log.error("update.unsettled", update_id=update.update_id, error=repr(trouble))
            await anyio.sleep(_STORE_PAUSE)
            return
        if parked:
            _log.error("update.parked", update_id=update.update_id)
            self._promised.ring()

    async def _answer(self, key: UpdateKey, request: Request) -> None:
        if not request.is_private:
            await self._answer_in_public(key, request)
        elif request.command == "login":
            outcome = await begin_chat_login(
                self._deployment,
                key,
                chat_id=request.chat_id,
                profile=request.profile,
                asked_at=request.sent_at,
            )
            _tell(outcome, request)
        else:
            notice = Notice.GREETING if request.command == "start" else Notice.HELP
            await answer_with(self._deployment, key, notice, chat_id=request.chat_id)

    async def _answer_in_public(self, key: UpdateKey, request: Request) -> None:
        if request.command == "login":
            await answer_with(self._deployment, key, Notice.PRIVATE_ONLY, chat_id=request.chat_id)
        else:
            await dismiss_update(self._deployment, key)


def _tell(outcome: LoginRequest | Notice | None, request: Request) -> None:
    telegram_id = request.profile.telegram_id
    if isinstance(outcome, LoginRequest):
        _log.info("login.begun", login_id=outcome.id, telegram_id=telegram_id)
    elif outcome is not None:
        _log.info("login.refused", reason=outcome.value, telegram_id=telegram_id)
