"""One bot, from its start to its stop, inside somebody else's event loop."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from telegram.error import Conflict, TelegramError
from telegram.ext import ApplicationBuilder, ExtBot

from tgauth.bot.handlers import AnyApplication, Handlers
from tgauth.bot.inbox_queue import InboxQueue
from tgauth.bot.requests import TokenWatch, UpdatesRequest, WatchedRequest
from tgauth.bot.sender import Sender
from tgauth.bot.waking import Bell
from tgauth.domain.errors import StoreUnavailable
from tgauth.flows.deployment import Deployment
from tgauth.flows.sweep import sweep
from tgauth.logs import Log
from tgauth.texts import chat, languages, load_languages, words_for
from tgauth.texts.catalogue import SOURCE

_log = Log("bot")

#: Seconds between attempts to reach Telegram for the first time.
_REACH_DELAYS: Final = (1.0, 2.0, 5.0, 10.0)
_STOP_PATIENCE: Final = 2.0
_SWEEP_EVERY: Final = 60.0
#: Between batches: whoever waits for a turn gets one.
_SWEEP_PAUSE: Final = 0.05
#: Connections for answers; the updater has one of its own.
_CONNECTIONS: Final = 32
_UPDATES: Final = ("message", "callback_query")


class TokenRefused(Exception):
    """Telegram does not know this token: nothing but another token helps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAddress:
    """Where and as whom the bot speaks.

    Attributes:
        token: The bot's token.
        api_url: The Bot API server, without a trailing slash.
    """

    token: str
    api_url: str

    def __repr__(self) -> str:
        return f"BotAddress(api_url={self.api_url!r})"


async def run_bot(
    deployment: Deployment,
    address: BotAddress,
    *,
    ready: Callable[[], object],
    tell: Callable[[str], object],
    shutdown: Callable[[], Awaitable[object]],
) -> None:
    """Poll, answer and send until `shutdown` returns.

    It is ready before Telegram has been reached: an unreachable Telegram ends nothing.

    Args:
        deployment: What every flow is given.
        address: Where and as whom it speaks.
        ready: Called when it does its work.
        tell: Called with what it is doing, in a few words.
        shutdown: Returns when it has to stop.

    Raises:
        TokenRefused: Telegram refuses the token.
    """
    # Waiting times as timedelta, which python-telegram-bot makes the only form in its next release.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    bot = _Bot(deployment, address, tell)
    work = asyncio.create_task(bot.work(), name="bot")
    stop = asyncio.ensure_future(shutdown())
    refused = asyncio.create_task(bot.token_refused(), name="token watch")
    ready()
    try:
        await asyncio.wait({work, stop, refused}, return_when=asyncio.FIRST_COMPLETED)
        await bot.stop(work)
    finally:
        for task in (stop, refused):
            task.cancel()
        await asyncio.gather(stop, refused, return_exceptions=True)
    if bot.is_token_refused:
        raise TokenRefused


class _Bot:
    def __init__(
        self, deployment: Deployment, address: BotAddress, tell: Callable[[str], object]
    ) -> None:
        self._deployment = deployment
        self._tell = tell
        self._watch = TokenWatch()
        self._promised = Bell()
        self._sending = False
        bot: ExtBot[None] = ExtBot(
            token=address.token,
            base_url=f"{address.api_url.rstrip('/')}/bot",
            base_file_url=f"{address.api_url.rstrip('/')}/file/bot",
            request=WatchedRequest(self._watch, connection_pool_size=_CONNECTIONS),
            get_updates_request=UpdatesRequest(self._watch, connection_pool_size=1),
        )
        self._application: AnyApplication = (
            ApplicationBuilder()
            .bot(bot)
            .update_queue(InboxQueue(deployment, bot))
            .job_queue(None)
            .build()
        )
        Handlers(deployment, self._promised).mount(self._application)
        self._sender = Sender(deployment, bot, self._promised)

    @property
    def is_token_refused(self) -> bool:
        return self._watch.refused

    async def token_refused(self) -> None:
        while not self._watch.refused:
            await self._watch.bell.wait(60)

    async def work(self) -> None:
        """Reach Telegram, then poll and send until the sender is told to stop."""
        application = self._application
        await asyncio.to_thread(load_languages)
        self._tell("reaching Telegram")
        await self._reach()
        await application.start()
        await self._start_polling()
        _log.info("bot.polling", name=f"@{application.bot.username}")
        self._tell(f"polling as @{application.bot.username}")
        self._sending = True
        async with asyncio.TaskGroup() as tasks:
            upkeep = [tasks.create_task(work) for work in (self._set_commands(), self._keep_up())]
            await self._sender.run()
            for task in upkeep:
                task.cancel()

    async def stop(self, work: asyncio.Task[None]) -> None:
        """Stop in order: take nothing more, finish what is in hand, let go of the connections."""
        application = self._application
        updater = application.updater
        if updater is not None and updater.running:
            try:
                # Its last call confirms what is stored; a Telegram that does not answer is no
                # reason to wait: what was not confirmed comes again, and is known then.
                async with asyncio.timeout(_STOP_PATIENCE):
                    await updater.stop()
            except (TimeoutError, TelegramError) as error:
                _log.debug("updater.stopped_early", error=str(error))
            except Exception as error:  # noqa: BLE001 - whatever it is, the rest has to stop as well
                _log.exception("updater.failed", error)
        if application.running:
            await application.stop()
        if self._sending:
            # What the last handlers promised is sent after the next start, if not before.
            self._sender.stop()
        else:
            work.cancel()  # it still tries to reach Telegram
        results = await asyncio.gather(work, return_exceptions=True)
        await application.shutdown()
        for result in results:
            if isinstance(result, Exception) and not self.is_token_refused:
                raise result

    async def _reach(self) -> None:
        """Ask who we are until Telegram answers."""
        attempt = 0
        while True:
            try:
                await self._application.initialize()
            except Exception as error:  # noqa: BLE001 - whatever it answers, it may answer better
                delay = _REACH_DELAYS[min(attempt, len(_REACH_DELAYS) - 1)]
                self._watch.missed(str(error), retry_in=delay)
                attempt += 1
                await asyncio.sleep(delay)
            else:
                return

    async def _start_polling(self) -> None:
        updater = self._application.updater
        if updater is None:
            raise RuntimeError("the application was built without an updater")
        attempt = 0
        while True:
            try:
                await updater.start_polling(
                    allowed_updates=list(_UPDATES),
                    # A /login sent while the bot was down must be answered.
                    drop_pending_updates=False,
                    bootstrap_retries=0,
                    error_callback=self._tell_trouble,
                )
            except TelegramError as error:
                delay = _REACH_DELAYS[min(attempt, len(_REACH_DELAYS) - 1)]
                self._watch.missed(error.message, retry_in=delay)
                attempt += 1
                await asyncio.sleep(delay)
            else:
                return

    def _tell_trouble(self, error: TelegramError) -> None:
        if isinstance(error, Conflict):
            _log.error(
                "telegram.conflict",
                error=error.message,
                advice="another process polls with the same token: stop it",
            )
        else:
            self._watch.missed(error.message)

    async def _keep_up(self) -> None:
        while True:
            try:
                more = await sweep(self._deployment)
            except StoreUnavailable as error:
                more = False
                _log.warning("store.unavailable", reason=str(error))
            await asyncio.sleep(_SWEEP_PAUSE if more else _SWEEP_EVERY)

    async def _set_commands(self) -> None:
        try:
            for language in languages():
                await self._application.bot.set_my_commands(
                    list(chat.commands(words_for(language))),
                    # The first one is for everybody whose language has no menu of its own.
                    language_code=None if language == SOURCE else language,
                )
        except TelegramError as error:
            # A menu is a convenience; the next start sets it.
            _log.warning("commands.not_set", error=error.message)
