"""One API process, from its start to its stop."""

import asyncio
import logging
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Final, Protocol

import anyio
from hypercorn.asyncio import serve
from litestar import Litestar
from litestar.types import ASGIApp, Receive, Scope, Send

from tgauth.api.app import build_app
from tgauth.api.draining import REQUEST_DEADLINE, SETTLING, Draining
from tgauth.api.limits import LARGEST_HEADERS
from tgauth.api.metrics import metrics_app
from tgauth.api.options import ApiOptions
from tgauth.api.streams import Streams
from tgauth.api.wire import WireConfig, install
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys
from tgauth.logs import Log

_log = Log("api")


class Shutdown(Protocol):
    """Is awaited for the moment to stop."""

    @property
    def has_successor(self) -> bool:
        """Whether another process has taken over, and nobody waits for the end of this one."""
        ...

    async def __call__(self) -> object:
        """Return when it is time."""
        ...


#: Seconds for requests under way when the process is told to stop.
DRAIN_DEADLINE: Final = 5.0
#: Seconds for them when another process has taken over: nobody waits for this one.
LEAVE_DEADLINE: Final = REQUEST_DEADLINE + 1
_BACKLOG: Final = 1024
_READ_TIMEOUT: Final = 20
#: Seconds that a connection may do nothing, and that headers may take. Many clients keep an idle
#: connection for 5 s; were it no longer here, their next request could meet its end.
IDLE: Final = 6.0
#: Seconds in which idle connections of a process that was replaced come to their own end.
LINGER: Final = IDLE + 1
_LOOK_EVERY: Final = 0.05
#: Streams of one HTTP/2 connection at a time: a proxy uses a few, a browser one or two.
_MOST_STREAMS: Final = 32
#: Requests of one connection, in order or not: what a client that resets each at once can ask for.
_MOST_REQUESTS: Final = 1000


async def run_api(  # noqa: PLR0913 - what a process is made of, and how it is spoken to
    deployment: Deployment,
    keys: Keys,
    options: ApiOptions,
    listening: socket.socket,
    metrics: socket.socket | None = None,
    *,
    ready: Callable[[], object],
    shutdown: Shutdown,
) -> None:
    """Serve on inherited sockets until `shutdown` returns, then finish what is under way.

    Where another process has taken over, idle connections are let come to their own end first: a
    client that sends its next request just then must not meet a closed connection.

    Hypercorn is stopped through its trigger and never cancelled: a cancelled `serve()` skips the
    lifespan's end, or raises, depending on the Python.
    """
    draining = Draining()
    address = _address(listening)
    metrics_port = metrics.getsockname()[1] if metrics is not None else None
    # Hypercorn makes a socket object of its own around the number, and closes that.
    descriptors = tuple(one.detach() for one in (listening, metrics) if one is not None)

    config = _config(descriptors)
    streams = Streams(deployment)

    async def stop() -> None:
        await shutdown()
        draining.stop_accepting(descriptors)
        streams.end_all()  # their pages open them again, at whoever takes over
        if shutdown.has_successor:
            await config.ask_to_leave()
            await _until_idle(config, shutdown)
        await draining.drain(deadline=LEAVE_DEADLINE if shutdown.has_successor else DRAIN_DEADLINE)

    async def started() -> None:
        _log.info("api.listening", address=address, issuer=deployment.issuer.url)
        ready()

    app = build_app(deployment, keys, options, streams)
    entrance = _entrance(app, deployment, options, metrics_port)
    app.on_startup.append(started)
    task = asyncio.current_task()
    marks = task.cancelling() if task else 0
    install()
    with anyio.CancelScope(shield=True):
        async with streams.following():
            await serve(
                draining.wrap(entrance),  # type: ignore[arg-type]  # Hypercorn's and Litestar's ASGI types
                config,
                shutdown_trigger=stop,
            )
    # Hypercorn ends through asyncio's TaskGroup, which on 3.11 leaves this task marked as
    # cancelled: the next scope around us would then raise.
    while task and task.cancelling() > marks:
        task.uncancel()


def _entrance(
    app: Litestar, deployment: Deployment, options: ApiOptions, metrics_port: int | None
) -> ASGIApp:
    """Return what answers: on the metrics' own port the metrics alone, elsewhere all the rest."""
    if metrics_port is None:
        return app
    # Since a reload that turned metrics off there are none; the address is held until a restart.
    metrics = _nothing if options.metrics is None else metrics_app(deployment, options.metrics)

    async def entrance(scope: Scope, receive: Receive, send: Send) -> None:
        server = scope.get("server")
        is_for_metrics = server is not None and server[1] == metrics_port
        await (metrics if is_for_metrics else app)(scope, receive, send)

    return entrance


async def _nothing(_scope: Scope, _receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": HTTPStatus.NOT_FOUND, "headers": []})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _address(listening: socket.socket) -> str:
    name = listening.getsockname()
    if listening.family == socket.AF_UNIX:
        return f"unix:{name}"
    return f"http://{name[0]}:{name[1]}"


async def _until_idle(config: WireConfig, shutdown: Shutdown) -> None:
    """Wait until no connection is open, for as long as idle ones may take, or a real stop comes."""
    with anyio.move_on_after(LINGER):
        await asyncio.sleep(SETTLING)
        # Rare and short; connections come and go by themselves, and none tells when it does.
        while shutdown.has_successor and not config.is_idle:  # noqa: ASYNC110 - see the line above
            await asyncio.sleep(_LOOK_EVERY)


def _config(descriptors: tuple[int, ...]) -> WireConfig:
    config = WireConfig()
    config.bind = [f"fd://{descriptor}" for descriptor in descriptors]
    # Hypercorn calls listen() again on the shared socket, with this.
    config.backlog = _BACKLOG
    # Per read; without one a body that never ends is waited for for ever.
    config.read_timeout = _READ_TIMEOUT
    config.h11_max_incomplete_size = LARGEST_HEADERS
    config.h2_max_header_list_size = LARGEST_HEADERS
    config.h2_max_concurrent_streams = _MOST_STREAMS
    config.keep_alive_max_requests = _MOST_REQUESTS
    config.keep_alive_timeout = IDLE
    config.include_server_header = False
    config.accesslog = None
    config.errorlog = logging.getLogger("hypercorn.error")
    return config
