"""`GET /login/events/STREAM`: how a login stands, as server-sent events (HTML Standard §9.2)."""

import json
from contextlib import suppress
from http import HTTPStatus
from typing import Final

import anyio
from litestar import asgi
from litestar.enums import ScopeType
from litestar.handlers import ASGIRouteHandler
from litestar.types import HTTPScope, Receive, Scope, Send

from tgauth.api.draining import lift_deadline
from tgauth.api.errors import WrongRequest
from tgauth.api.headers import was_head
from tgauth.api.streams import Event, Stream, Streams, TooManyStreams
from tgauth.domain.approval import looks_like_a_name
from tgauth.domain.code import hash_of
from tgauth.domain.links import LOGIN_PATH
from tgauth.flows.deployment import Deployment
from tgauth.flows.follow_browser_logins import follow_browser_logins

EVENTS_PATH: Final = f"{LOGIN_PATH}/events"
EVENT_STREAM: Final = "text/event-stream"
_Headers = list[tuple[bytes, bytes]]
_HEADERS: Final = (
    (b"content-type", EVENT_STREAM.encode()),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would gather what belongs to the page at once
)

#: Seconds between two signs of life, so that nobody on the way takes the connection for dead.
KEEP_ALIVE: Final = 15.0
#: Milliseconds after which a page opens a stream that was cut off again.
_RETRY: Final = 1000
#: Seconds after which a page that was sent away may ask again.
_PAUSE: Final = 5
_OVERLOADED: Final = "temporarily_unavailable"
_TOO_MANY: Final = "too many pages wait for a login at a time: refresh the page instead"


def event_routes(
    deployment: Deployment, streams: Streams, *, keep_alive: float = KEEP_ALIVE
) -> list[ASGIRouteHandler]:
    """Return the handler of the streams."""

    @asgi(f"{EVENTS_PATH}/{{stream:str}}", copy_scope=False)
    async def listen(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["method"] != "GET":
            await _refuse(send, HTTPStatus.METHOD_NOT_ALLOWED, "GET this", [(b"allow", b"GET")])
            return
        name = str(scope["path_params"]["stream"])
        if was_head(scope) or not looks_like_a_name(name):
            await _nothing(send)
            return
        address = scope["client"][0] if scope["client"] else "unknown"
        stream_hash = hash_of(name)
        try:
            with streams.opened(stream_hash, address) as stream:
                found = await follow_browser_logins(deployment, [stream_hash])
                if stream_hash not in found:
                    await _nothing(send)
                    return
                stream.hear(found[stream_hash])
                lift_deadline(scope)
                await _tell(stream, scope, receive, send, keep_alive=keep_alive)
        except TooManyStreams as error:
            status = (
                HTTPStatus.TOO_MANY_REQUESTS if error.of_one else HTTPStatus.SERVICE_UNAVAILABLE
            )
            await _refuse(send, status, _TOO_MANY, [(b"retry-after", str(_PAUSE).encode())])

    return [listen]


async def _tell(
    stream: Stream, scope: HTTPScope, receive: Receive, send: Send, *, keep_alive: float
) -> None:
    """Tell a page what comes, until there is no more to tell, or nobody listens."""
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        # Whoever sends a body along, and too slowly, is as good as gone.
        with suppress(WrongRequest):
            while (await receive())["type"] != "http.disconnect":
                pass
        is_gone = True
        group.cancel_scope.cancel()

    await _begin(send, HTTPStatus.OK, [*_HEADERS, *_last_of_connection(scope)])
    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await _talk(stream, send, keep_alive=keep_alive)
        group.cancel_scope.cancel()
    if not is_gone:
        await _write(send, b"", is_last=True)


async def _talk(stream: Stream, send: Send, *, keep_alive: float) -> None:
    await _write(send, f"retry: {_RETRY}\n\n".encode())
    while True:
        event: Event | None = None
        with anyio.move_on_after(keep_alive) as waiting:
            event = await stream.next()
        if waiting.cancelled_caught:
            await _write(send, b":\n\n")
        elif event is None:
            return
        elif event is not Event.WAITING:
            await _write(send, f"data: {event}\n\n".encode())


def _last_of_connection(scope: HTTPScope) -> _Headers:
    # The page's next stream shall find whoever has taken over, not the one that just said goodbye.
    return [(b"connection", b"close")] if scope["http_version"].startswith("1") else []


async def _nothing(send: Send) -> None:
    """Answer that there is nothing to hear, so that the page does not ask again."""
    await _begin(send, HTTPStatus.NO_CONTENT, [])
    await _write(send, b"", is_last=True)


async def _refuse(send: Send, status: HTTPStatus, advice: str, headers: _Headers) -> None:
    error = "invalid_request" if status is HTTPStatus.METHOD_NOT_ALLOWED else _OVERLOADED
    body = json.dumps({"error": error, "error_description": advice}).encode()
    await _begin(send, status, [(b"content-type", b"application/json"), *headers])
    await _write(send, body, is_last=True)


async def _begin(send: Send, status: HTTPStatus, headers: _Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _write(send: Send, body: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})
