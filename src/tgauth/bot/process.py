"""One bot, from its start to its stop, inside somebody else's event loop."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import Any, Final

from telegram.error import Conflict, TelegramError
from telegram.ext import ApplicationBuilder, ExtBot

from tgauth.bot.handlers import AnyApplication, Handlers
from tgauth.bot.inbox_queue import InboxQueue
from tgauth.bot.intake import Intake
from tgauth.bot.introduction import introduce
from tgauth.bot.options import BotAddress, BotOptions
from tgauth.bot.pace import Limits, Pace
from tgauth.bot.requests import UpdatesRequest, WatchedRequest
from tgauth.bot.sender import Sender
from tgauth.bot.updates import UPDATES
from tgauth.bot.waking import Bell
from tgauth.bot.watch import TelegramWatch
from tgauth.bot.webhook import OwnWebhook
from tgauth.domain.instants import SECOND
from tgauth.flows.deployment import Deployment
from tgauth.logs import Log
from tgauth.store import Topic
from tgauth.store.watching import watching
from tgauth.texts import chat, languages, load_languages, words_for
from tgauth.texts.catalogue import SOURCE

_log = Log("bot")

#: Seconds between attempts to reach Telegram for the first time.
_REACH_DELAYS: Final = (1.0, 2.0, 5.0, 10.0)
#: Seconds of waiting for another bot that nobody has to hear of.
_NOTICED: Final = 0.5
_STOP_PATIENCE: Final = 2.0
#: Connections for answers; the updater has one of its own.
_CONNECTIONS: Final = 32
#: Milliseconds: shorter is an overlapping deployment, whose new process shall win.
_TAKE_BACK_AFTER: Final = 60 * SECOND


class BotTokenRefused(Exception):
    """Telegram does not know this token: nothing but another token helps."""


async def run_bot(  # noqa: PLR0913 - what a process is made of, and how it is spoken to
    deployment: Deployment,
    address: BotAddress,
    options: BotOptions,
    *,
    turn: AbstractAsyncContextManager[None],
    ready: Callable[[], object],
    tell: Callable[..., object],
    shutdown: Callable[[], Awaitable[object]],
    is_succeeding: bool = False,
) -> None:
    """Receive, answer and send until `shutdown` returns.

    It is ready before Telegram has been reached: an unreachable Telegram ends nothing. One that is
    to take another's place is ready when Telegram has not refused its token, whatever else it did.

    Args:
        deployment: The installation.
        address: Where and as whom to speak.
        options: What the operator chose.
        turn: Held while it works; entering it may have to wait for another bot.
        ready: Called when the bot does its work, or would if it were its turn.
        tell: Called with fields of sd_notify(3): see `TelegramWatch`.
        shutdown: Returns when it is to stop.
        is_succeeding: Whether another bot works until this one is ready.

    Raises:
        BotTokenRefused: Telegram refuses the token.
    """
    # Waiting times as timedelta, which python-telegram-bot makes the only form in its next release.
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    bot = _Bot(
        deployment, address, options, TelegramWatch(tell, deployment.now, deployment.measures)
    )
    bot.turn = turn
    if is_succeeding:
        bot.tried = ready
    async with watching(deployment.store, bot.listeners):
        work = asyncio.create_task(bot.work(), name="bot")
        stop = asyncio.ensure_future(shutdown())
        refused = asyncio.create_task(bot.token_refused(), name="token watch")
        if not is_succeeding:
            ready()
        try:
            await asyncio.wait({work, stop, refused}, return_when=asyncio.FIRST_COMPLETED)
            await bot.stop(work)
        finally:
            for task in (stop, refused):
                task.cancel()
            await asyncio.gather(stop, refused, return_exceptions=True)
    if bot.is_token_refused:
        raise BotTokenRefused


class _Bot:
    def __init__(
        self,
        deployment: Deployment,
        address: BotAddress,
        options: BotOptions,
        watch: TelegramWatch,
    ) -> None:
        self._deployment = deployment
        self._options = options
        self._watch = watch
        self._promised = Bell()
        self._sending = False
        #: Held while it works.
        self.turn: AbstractAsyncContextManager[object] = nullcontext()
        #: Called once, when Telegram was asked and has not refused the token.
        self.tried: Callable[[], object] = lambda: None
        intake = Intake()
        bot: ExtBot[None] = ExtBot(
            token=address.token,
            base_url=f"{address.api_url.rstrip('/')}/bot",
            base_file_url=f"{address.api_url.rstrip('/')}/file/bot",
            request=WatchedRequest(self._watch, connection_pool_size=_CONNECTIONS),
            get_updates_request=UpdatesRequest(self._watch, intake, connection_pool_size=1),
        )
        queue = InboxQueue(deployment, bot, intake)
        self._application: AnyApplication = (
            ApplicationBuilder().bot(bot).update_queue(queue).job_queue(None).build()
        )
        Handlers(deployment).mount(self._application)
        self.listeners = {Topic.INBOX: queue.came.ring, Topic.OUTBOX: self._promised.ring}
        limits = Limits(per_second=options.messages_per_second)
        pace = Pace(clock=asyncio.get_running_loop().time, limits=limits)
        self._sender = Sender(deployment, bot, self._promised, pace)

    @property
    def is_token_refused(self) -> bool:
        return self._watch.refused

    async def token_refused(self) -> None:
        while not self._watch.refused:
            await self._watch.bell.wait(60)

    async def work(self) -> None:
        """Reach Telegram, then poll and send until the sender is told to stop."""
        await asyncio.to_thread(load_languages)
        self._watch.working("reaching Telegram")
        await self._reach()
        # Said only where it is noticed: a bot that is alone has its turn at once.
        waiting = asyncio.get_running_loop().call_later(
            _NOTICED, self._watch.working, "waiting for the bot before it to end"
        )
        try:
            async with self.turn:
                waiting.cancel()
                await self._take_turn()
        finally:
            waiting.cancel()

    async def _take_turn(self) -> None:
        application = self._application
        await application.start()
        async with asyncio.TaskGroup() as tasks:
            # At once: pages cannot lead into the chat before they know the bot's name.
            introduction = tasks.create_task(introduce(self._deployment, application.bot))
            receiving = await self._start_receiving()
            self._sending = True
            upkeep = [tasks.create_task(work) for work in (self._set_commands(), receiving)]
            upkeep.append(introduction)
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
                self._note_try()
            except Exception as error:  # noqa: BLE001 - whatever it answers, it may answer better
                delay = _REACH_DELAYS[min(attempt, len(_REACH_DELAYS) - 1)]
                self._watch.missed(str(error), retry_in=delay)
                self._note_try()
                attempt += 1
                await asyncio.sleep(delay)
            else:
                return

    def _note_try(self) -> None:
        """Tell, once, that Telegram was asked, and did not refuse the token."""
        if not self._watch.refused:
            tried, self.tried = self.tried, lambda: None
            tried()

    async def _start_receiving(self) -> Coroutine[Any, Any, None]:
        """Begin to receive updates; return what has to be done about it all the while."""
        name, webhook = f"@{self._application.bot.username}", self._options.webhook
        if webhook is not None:
            _log.info("bot.receiving", name=name, url=webhook.url)
            self._watch.working(f"webhook as {name}")
            return OwnWebhook(self._application.bot, webhook, self._watch).keep()
        await self._start_polling()
        _log.info("bot.polling", name=name)
        self._watch.working(f"polling as {name}")
        return self._take_back()

    async def _start_polling(self) -> None:
        updater = self._application.updater
        if updater is None:
            raise RuntimeError("the application was built without an updater")
        attempt = 0
        while True:
            try:
                await updater.start_polling(
                    allowed_updates=list(UPDATES),
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
            self._watch.conflicted(error.message)
        else:
            self._watch.missed(error.message)

    async def _take_back(self) -> None:
        """Remove a webhook that somebody set meanwhile, as every start does."""
        while True:
            await asyncio.sleep(_TAKE_BACK_AFTER / SECOND)
            kept_away = self._watch.webhook_conflict()
            if kept_away is not None and kept_away >= _TAKE_BACK_AFTER:
                try:
                    await self._application.bot.delete_webhook(drop_pending_updates=False)
                except TelegramError as error:
                    _log.debug("webhook.not_removed", error=error.message)
                else:
                    _log.warning("webhook.removed", advice="stop whatever set it")

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
