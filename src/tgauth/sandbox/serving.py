"""One Hypercorn on a loopback socket, with a connection that can be hung up on purpose."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.protocol.events import StreamClosed

BACKLOG: Final = 1024
GRACE_SECONDS: Final = 0.3
LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Scope = dict[str, Any]
Message = dict[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


def check_loopback(sock: socket.socket) -> None:
    """Refuse a socket that others than this machine could reach."""
    if sock.family not in (socket.AF_INET, socket.AF_INET6):
        raise ValueError("the sandbox serves TCP sockets only")
    host = str(sock.getsockname()[0])
    if not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the sandbox serves loopback only, and this socket is bound to {host}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Stands before the application: hangs up where it says so, and keeps other sites out.

    A page of another origin could otherwise press buttons here in a developer's browser: the
    Host must be local, and a foreign Origin is refused, except where a person follows a link.
    """

    app: Any
    hang_up_header: bytes = b""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection or the lifespan."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = {bytes(name).lower(): bytes(value) for name, value in scope["headers"]}
        if not _is_local(headers, get=scope["method"] == "GET"):
            await _refuse(send)
            return
        hung_up = False

        async def watched(message: Message) -> None:
            nonlocal hung_up
            if message["type"] == "http.response.start" and self._marked(message):
                hung_up = await _hang_up(send)
            if not hung_up:
                await send(message)

        await self.app(scope, receive, watched)

    def _marked(self, message: Message) -> bool:
        names = (bytes(name).lower() for name, _ in message.get("headers", ()))
        return bool(self.hang_up_header) and self.hang_up_header in names


def _is_local(headers: dict[bytes, bytes], *, get: bool) -> bool:
    host = headers.get(b"host", b"").decode("latin-1")
    origin = headers.get(b"origin", b"").decode("latin-1")
    try:
        name = urlsplit(f"//{host}").hostname
    except ValueError:
        return False
    navigates = headers.get(b"sec-fetch-mode") == b"navigate" and get
    return name in LOCAL_NAMES and (not origin or origin == f"http://{host}" or navigates)


async def _refuse(send: Send) -> None:
    body = b"this is a local sandbox: only its own pages may call it\n"
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _hang_up(send: Any) -> bool:
    """Close the connection without an answer; False where the server offers no way.

    ASGI has no word for it. Hypercorn's `send` is a method of its HTTP stream, which can be
    told that it is closed before it has answered.
    """
    stream = getattr(send, "__self__", None)
    if stream is None or not hasattr(stream, "stream_id"):
        return False
    await stream.send(StreamClosed(stream_id=stream.stream_id))
    return True


async def run(
    app: App,
    sock: socket.socket,
    *,
    ready: Callable[[], None],
    shutdown: Callable[[], Awaitable[None]],
    closing: Callable[[], None] = lambda: None,
) -> None:
    """Serve until `shutdown` returns; `closing` then ends what would keep connections open.

    Hypercorn takes the descriptor for its own, so it gets a duplicate: the caller's socket stays
    the caller's. It starts the trigger after it listens, which is when `ready` is true.
    """
    config = Config()
    config.bind = [f"fd://{sock.dup().detach()}"]
    config.backlog = BACKLOG
    config.graceful_timeout = GRACE_SECONDS
    config.loglevel = "WARNING"
    config.include_server_header = False

    async def trigger() -> None:
        ready()
        await shutdown()
        closing()

    # Hypercorn ends through asyncio's TaskGroup, which on 3.11 leaves the task marked as cancelled:
    # the next anyio scope around us would then raise CancelledError.
    task = asyncio.current_task()
    marks = task.cancelling() if task else 0
    await serve(app, config, shutdown_trigger=trigger)  # type: ignore[arg-type] # Litestar's and Hypercorn's ASGI types differ in name only
    while task and task.cancelling() > marks:
        task.uncancel()
