"""Stop without losing a request: take no new connection, finish what is in hand, then let go."""

import asyncio
import contextlib
import json
import math
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

import anyio
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tgauth.api.headers import COMMON_HEADERS

if TYPE_CHECKING:
    from collections.abc import Callable

#: Seconds that one request may take, whatever it waits for: also for a client that does not read
#: its answer. A stream of events lifts it for itself while there may be more to tell:
#: `lift_deadline`, `restore_deadline`.
REQUEST_DEADLINE: Final = 30.0
#: Where a request finds the way to lift its own deadline, or to have it again.
_LIFT: Final = "tgauth.lift_deadline"
#: Seconds for connections that the kernel accepted before we stopped listening.
SETTLING: Final = 0.1


def lift_deadline(scope: Scope) -> None:
    """Let this request take as long as it likes, until the process stops."""
    _lift(scope, lifted=True)


def restore_deadline(scope: Scope) -> None:
    """Let this request take as long from now on as any other one may."""
    _lift(scope, lifted=False)


def _lift(scope: Scope, *, lifted: bool) -> None:
    lift: Callable[[bool], None] | None = scope.get(_LIFT)  # type: ignore[assignment]  # our own key
    if lift is not None:  # none where nobody watches: without a server around
        lift(lifted)


class Draining:
    """Counts requests under way, and ends those that outlive a deadline: the stop's, or their own.

    Hypercorn's own `graceful_timeout` does nothing on Python 3.12.1 and later (#308), so each
    request runs in a cancel scope of ours.
    """

    def __init__(self, *, request_deadline: float = REQUEST_DEADLINE) -> None:
        self._request_deadline = request_deadline
        self._scopes: set[anyio.CancelScope] = set()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    def wrap(self, app: ASGIApp) -> ASGIApp:
        """Return `app` with its requests watched."""

        async def watched(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == ScopeType.HTTP:
                await self._watch(app, scope, receive, send)
            else:
                await app(scope, receive, send)

        return watched

    def stop_accepting(self, listening: tuple[int, ...]) -> None:
        """Take no new connection, and let each answer from now on be its connection's last.

        Args:
            listening: File descriptors to stop accepting on. The reader is removed instead of
                closing the server, which drops accepted connections (CPython gh-109564).
        """
        self._draining = True
        loop = asyncio.get_running_loop()
        for descriptor in listening:
            loop.remove_reader(descriptor)

    async def drain(self, *, deadline: float) -> None:
        """Wait for the requests under way.

        Args:
            deadline: Seconds after which the rest is answered with 503.
        """
        await asyncio.sleep(SETTLING)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(deadline):
                await self._idle.wait()
        for scope in tuple(self._scopes):
            scope.cancel()

    async def _watch(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                if self._draining:
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        with anyio.CancelScope(deadline=anyio.current_time() + self._request_deadline) as cancel:
            self._scopes.add(cancel)
            self._idle.clear()
            try:
                await app(self._with_lift(scope, cancel), receive, sending)
            finally:
                self._scopes.discard(cancel)
                if not self._scopes:
                    self._idle.set()
        if cancel.cancelled_caught and not started:
            await _answer_unavailable(send)

    def _with_lift(self, scope: Scope, cancel: anyio.CancelScope) -> Scope:
        def lift(lifted: bool) -> None:  # noqa: FBT001 - called by `_lift` alone
            seconds = math.inf if lifted else self._request_deadline
            cancel.deadline = anyio.current_time() + seconds

        return {**scope, _LIFT: lift}  # type: ignore[return-value]  # one key more in a TypedDict


async def _answer_unavailable(send: Send) -> None:
    body = json.dumps(
        {
            "error": "temporarily_unavailable",
            "error_description": "this took too long, or the service is being replaced: try again",
        }
    ).encode()
    headers = {
        **COMMON_HEADERS,
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Connection": "close",
        "Retry-After": "1",
    }
    await send(
        {
            "type": "http.response.start",
            "status": HTTPStatus.SERVICE_UNAVAILABLE,
            "headers": [(name.lower().encode(), text.encode()) for name, text in headers.items()],
        }
    )
    await send({"type": "http.response.body", "body": body, "more_body": False})
