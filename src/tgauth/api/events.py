"""`GET /login/events/STREAM`: how a login stands, as server-sent events (HTML Standard §9.2)."""

import json
from contextlib import suppress
from http import HTTPStatus
from typing import Any, Final

import anyio
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.types import HTTPScope, Receive, Send

from tgauth.api.draining import lift_deadline, restore_deadline
from tgauth.api.errors import WrongRequest
from tgauth.api.forms import AnyRequest
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
_TOO_MANY: Final = "too many pages wait for a login at a time: refresh the page instead"


def event_routes(deployment: Deployment, streams: Streams) -> list[HTTPRouteHandler]:
    """Return the handler of the streams."""

    @get(f"{EVENTS_PATH}/{{stream:str}}", media_type=EVENT_STREAM)
    async def listen(request: AnyRequest) -> Response[None]:
        name = request.path_params["stream"]
        if was_head(request.scope) or not looks_like_a_name(name):
            return Response(None, status_code=HTTPStatus.NO_CONTENT)
        return _Listening(deployment, streams, hash_of(name))

    return [listen]


class _Listening(Response[None]):
    """An answer that goes on for as long as there is something to tell."""

    def __init__(self, deployment: Deployment, streams: Streams, stream_hash: str) -> None:
        super().__init__(None)
        self._deployment = deployment
        self._streams = streams
        self._hash = stream_hash

    def to_asgi_response(self, *_: Any, **__: Any) -> Any:
        """Return what answers: nothing of it is known beforehand."""
        return self._answer

    async def _answer(self, scope: HTTPScope, receive: Receive, send: Send) -> None:
        address = scope["client"][0] if scope["client"] else "unknown"
        try:
            with self._streams.opened(self._hash, address) as stream:
                found = await follow_browser_logins(self._deployment, {self._hash: None})
                signal = found[self._hash]
                if signal is None:
                    await _nothing(send)
                    return
                self._streams.begin(stream, signal)
                await _tell(stream, scope, receive, send)
        except TooManyStreams as error:
            await _refuse(send, of_one=error.of_one)


async def _tell(stream: Stream, scope: HTTPScope, receive: Receive, send: Send) -> None:
    """Tell a page what comes, until there is no more to tell, or nobody listens."""
    is_gone = False

    async def watch() -> None:
        nonlocal is_gone
        # No page sends a body along: whoever does, too slowly or without an end, is told no more.
        with suppress(WrongRequest):
            message = await receive()
            while message["type"] == "http.request" and not message["body"]:
                message = await receive()
            is_gone = message["type"] == "http.disconnect"
        group.cancel_scope.cancel()

    lift_deadline(scope)
    await _begin(send, HTTPStatus.OK, [*_HEADERS, *_last_of_connection(scope)])
    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await _talk(stream, send)
        group.cancel_scope.cancel()
    # Over HTTP/2 the last word waits for the other side's window, which may never open.
    restore_deadline(scope)
    if not is_gone:
        await _write(send, b"", is_last=True)


async def _talk(stream: Stream, send: Send) -> None:
    await _write(send, f"retry: {_RETRY}\n\n".encode())
    while True:
        event: Event | None = None
        with anyio.move_on_after(KEEP_ALIVE) as waiting:
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


async def _refuse(send: Send, *, of_one: bool) -> None:
    status = HTTPStatus.TOO_MANY_REQUESTS if of_one else HTTPStatus.SERVICE_UNAVAILABLE
    body = json.dumps({"error": "temporarily_unavailable", "error_description": _TOO_MANY})
    headers = [
        (b"content-type", b"application/json"),
        (b"retry-after", str(_PAUSE).encode()),
    ]
    await _begin(send, status, headers)
    await _write(send, body.encode(), is_last=True)


async def _begin(send: Send, status: HTTPStatus, headers: _Headers) -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def _write(send: Send, body: bytes, *, is_last: bool = False) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": not is_last})
