"""How much a stranger may send, and how long they may take.

Hypercorn limits what one read leaves unfinished and how long one read takes; here the whole counts:
however many reads, and whichever version of HTTP.
"""

from http import HTTPStatus
from typing import Any, Final, cast

import anyio
from litestar import Request
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
)

from tgauth.api.errors import WrongRequest, answer_protocol_error

#: Bytes: the largest body that anything here takes is a code in JSON.
LARGEST_BODY: Final = 16 * 1024
#: Bytes of all names and values together.
LARGEST_HEADERS: Final = 16 * 1024
MOST_HEADERS: Final = 100
#: Seconds until a body has to be there, counted from the end of the headers.
BODY_DEADLINE: Final = 10.0

#: After an early refusal, so much more of the body is read and thrown away: a connection that is
#: closed with unread bytes is reset, and the client may never see why.
_MOST_DISCARDED: Final = 1024 * 1024
_DISCARDING: Final = 2.0


class Limits:
    """Refuses requests that are too large or too slow."""

    def __init__(self, app: ASGIApp, *, body_deadline: float = BODY_DEADLINE) -> None:
        self._app = app
        self._body_deadline = body_deadline

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != ScopeType.HTTP:
            # There are no WebSockets here.
            await send({"type": "websocket.close", "code": 1000, "reason": ""})
            return
        body = _Body(receive, deadline=anyio.current_time() + self._body_deadline)
        receive, send = cast("Receive", body.receive), body.finishing(send)
        refusal = _oversized(scope)
        if refusal is None:
            await self._app(scope, receive, send)
        else:
            request: Request[Any, Any, Any] = Request(scope, receive, send)
            answer = answer_protocol_error(request, refusal)
            await answer.to_asgi_response(None, request)(scope, receive, send)


class _Body:
    """The body of one request, as far as it has come."""

    def __init__(self, receive: Receive, *, deadline: float) -> None:
        self._receive = receive
        self._deadline = deadline
        self._is_complete = False
        self._is_late = False

    async def receive(self) -> HTTPReceiveMessage:
        """Return the next part.

        Raises:
            WrongRequest: The whole takes too long.
        """
        if self._is_complete:
            return await self._next()  # tells that the client has gone
        with anyio.move_on_at(self._deadline):
            return await self._next()
        self._is_late = True
        raise WrongRequest(
            HTTPStatus.REQUEST_TIMEOUT,
            "the body did not arrive in time: send the request at once, and only then wait",
            headers={"Connection": "close"},
        )

    def finishing(self, send: Send) -> Send:
        """Return a `send` that ends the answer only when the body is read, within limits."""

        async def finish(message: Message) -> None:
            is_last = message["type"] == "http.response.body" and not message.get("more_body")
            if not is_last or self._is_complete or self._is_late:
                await send(message)
                return
            await send(cast("Message", {**message, "more_body": True}))
            await self._discard()
            await send({"type": "http.response.body", "body": b"", "more_body": False})

        return finish

    async def _discard(self) -> None:
        discarded = 0
        with anyio.move_on_after(_DISCARDING):
            while not self._is_complete and discarded < _MOST_DISCARDED:
                message = await self._next()
                if message["type"] == "http.request":
                    discarded += len(message["body"])

    async def _next(self) -> HTTPReceiveMessage:
        message = cast("HTTPReceiveMessage", await self._receive())
        self._is_complete = not (message["type"] == "http.request" and message.get("more_body"))
        return message


def _oversized(scope: HTTPScope) -> HTTPException | None:
    headers = list(scope["headers"])
    size = sum(len(name) + len(value) for name, value in headers)
    if len(headers) <= MOST_HEADERS and size <= LARGEST_HEADERS:
        return None
    return WrongRequest(
        HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
        f"the headers are too large: send at most {MOST_HEADERS} of them, and at most "
        f"{LARGEST_HEADERS} bytes together (a browser may have too many cookies for this site)",
    )
