"""One API process, from its start to its stop."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from hypercorn.asyncio import serve
from hypercorn.config import Config

from tgauth.api.app import build_app
from tgauth.api.draining import Draining
from tgauth.api.limits import LARGEST_HEADERS
from tgauth.api.listening import ListeningConfig
from tgauth.api.options import ApiOptions
from tgauth.api.wire import install
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys
from tgauth.logs import Log

_log = Log("api")

#: Seconds for requests under way when the process is told to stop.
DRAIN_DEADLINE: Final = 5.0
_BACKLOG: Final = 1024
_READ_TIMEOUT: Final = 20
#: Seconds that a connection may do nothing, and that headers may take.
_IDLE: Final = 5.0
#: Streams of one HTTP/2 connection at a time: a proxy uses a few, a browser one or two.
_MOST_STREAMS: Final = 32
#: Requests of one connection, in order or not: what a client that resets each at once can ask for.
_MOST_REQUESTS: Final = 1000


async def run_api(  # noqa: PLR0913 - what a process is made of, and how it is spoken to
    deployment: Deployment,
    keys: Keys,
    options: ApiOptions,
    listening: socket.socket,
    *,
    ready: Callable[[], object],
    shutdown: Callable[[], Awaitable[object]],
) -> None:
    """Serve on an inherited socket until `shutdown` returns, then finish what is under way.

    Hypercorn is stopped through its trigger and never cancelled: a cancelled `serve()` skips the
    lifespan's end, or raises, depending on the Python.
    """
    draining = Draining()
    host, port = listening.getsockname()[:2]
    # Hypercorn makes a socket object of its own around the number, and closes that.
    descriptor = listening.detach()

    async def stop() -> None:
        await shutdown()
        await draining.drain((descriptor,), deadline=DRAIN_DEADLINE)

    loading: list[asyncio.Task[None]] = []

    async def started() -> None:
        _log.info("api.listening", address=f"http://{host}:{port}", issuer=deployment.issuer.url)
        ready()
        loading.append(asyncio.create_task(asyncio.to_thread(app.state.pages.load)))

    app = build_app(deployment, keys, options)
    app.on_startup.append(started)
    task = asyncio.current_task()
    marks = task.cancelling() if task else 0
    install()
    with anyio.CancelScope(shield=True):
        await serve(
            draining.wrap(app),  # type: ignore[arg-type]  # Hypercorn's and Litestar's ASGI types
            _config(descriptor),
            shutdown_trigger=stop,
        )
    # Hypercorn ends through asyncio's TaskGroup, which on 3.11 leaves this task marked as
    # cancelled: the next scope around us would then raise.
    while task and task.cancelling() > marks:
        task.uncancel()


def _config(descriptor: int) -> Config:
    config = ListeningConfig()
    config.bind = [f"fd://{descriptor}"]
    # Hypercorn calls listen() again on the shared socket, with this.
    config.backlog = _BACKLOG
    # Per read; without one a body that never ends is waited for for ever.
    config.read_timeout = _READ_TIMEOUT
    config.h11_max_incomplete_size = LARGEST_HEADERS
    config.h2_max_header_list_size = LARGEST_HEADERS
    config.h2_max_concurrent_streams = _MOST_STREAMS
    config.keep_alive_max_requests = _MOST_REQUESTS
    config.keep_alive_timeout = _IDLE
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    return config
