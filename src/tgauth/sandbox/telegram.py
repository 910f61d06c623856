"""The local Telegram, composed: state, faces, and the server around them."""

import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import anyio
from litestar import Litestar

from .botapi import HANG_UP, TOKEN, BotApi
from .chat import ChatFace
from .commands import Commands
from .control import ControlFace
from .descriptions import Descriptions
from .faults import Faults, Journal
from .flood import Flood, Limits
from .methods import Api
from .polling import Polling
from .serving import Wire, check_loopback, run
from .updates import Updates
from .webhooks import Webhooks
from .world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Telegram:
    """A whole Telegram with one bot.

    `token` is the bot's; its first part is the bot's id. `limits` of `None` lifts the flood
    limits. `plain_webhooks` delivers to http addresses on loopback, which Telegram never does.
    `clock` gives unix seconds.
    """

    api: Api
    faults: Faults
    journal: Journal
    token: str

    @classmethod
    def build(
        cls,
        *,
        token: str,
        bot_username: str,
        limits: Limits | None,
        plain_webhooks: bool = False,
        clock: Callable[[], float] = time.time,
    ) -> "Telegram":
        """Make the state, empty."""
        if TOKEN.fullmatch(f"bot{token}") is None:
            raise ValueError("a bot token looks like 12345:AbC_-")
        bot = {
            "id": int(token.partition(":")[0]),
            "is_bot": True,
            "first_name": bot_username,
            "username": bot_username,
        }
        updates = Updates(clock=clock)
        polling = Polling(updates=updates)
        api = Api(
            world=World(bot=bot, updates=updates, clock=clock),
            updates=updates,
            polling=polling,
            webhooks=Webhooks(
                updates=updates, polling=polling, clock=clock, allow_plain=plain_webhooks
            ),
            flood=Flood(limits=limits, clock=clock),
            commands=Commands(),
            descriptions=Descriptions(),
        )
        return cls(api=api, faults=Faults(), journal=Journal(token=token, clock=clock), token=token)

    def app(self, *, application: str = "") -> tuple[Wire, Callable[[], None]]:
        """Return the ASGI application, and what ends its long requests at shutdown.

        `application` is one that the chat page points at.
        """
        chat = ChatFace(api=self.api, application=application)
        bot_api = BotApi(token=self.token, api=self.api, faults=self.faults, journal=self.journal)
        control = ControlFace(api=self.api, faults=self.faults, journal=self.journal)

        @asynccontextmanager
        async def delivering(_app: Litestar) -> AsyncIterator[None]:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.api.webhooks.deliver)
                yield
                tasks.cancel_scope.cancel()

        app = Litestar(
            route_handlers=[bot_api.router(), chat.router(), control.router()],
            lifespan=[delivering],
            openapi_config=None,
            logging_config=None,
        )

        def closing() -> None:
            self.api.polling.close()
            chat.end_waits()

        return Wire(app=app, hang_up_header=HANG_UP.encode()), closing


async def serve(  # noqa: PLR0913 - the composition root passes each by name
    sock: socket.socket,
    *,
    token: str,
    bot_username: str,
    ready: Callable[[], None],
    shutdown: Callable[[], Awaitable[None]],
    limits: bool = True,
    plain_webhooks: bool = False,
    application: str = "",
) -> None:
    """Serve a local Telegram on a loopback socket until `shutdown` returns."""
    check_loopback(sock)
    telegram = Telegram.build(
        token=token,
        bot_username=bot_username,
        limits=Limits() if limits else None,
        plain_webhooks=plain_webhooks,
    )
    app, closing = telegram.app(application=application)
    await run(app, sock, ready=ready, shutdown=shutdown, closing=closing)
