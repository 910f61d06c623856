"""How long each request took: by method, route template and class of status, never by its path.

A stream of events counts until it begins: how long it goes on says how long a person took.
"""

from typing import Final

import anyio
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tgauth.api.events import EVENT_STREAM
from tgauth.measures import Measures
from tgauth.measures.catalogue import REQUESTS

_METHODS: Final = frozenset({"GET", "POST", "OPTIONS"})
_OTHER: Final = "other"
_STREAM: Final = (b"content-type", EVENT_STREAM.encode())


class Timing:
    """Times the requests of an application, HEAD as the GET that it is answered by."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self._app = app
        self._measures = measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != ScopeType.HTTP:
            await self._app(scope, receive, send)
            return
        began = anyio.current_time()
        ended: float | None = None
        status = 500  # what Hypercorn answers where nobody did
        method = scope["method"] if scope["method"] in _METHODS else _OTHER

        async def sending(message: Message) -> None:
            nonlocal status, ended
            if message["type"] == "http.response.start":
                status = message["status"]
                if _STREAM in message["headers"]:
                    ended = anyio.current_time()
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            # Litestar notes which route it was; what no route is for has none.
            route = scope.get("path_template") or _OTHER
            took = (anyio.current_time() if ended is None else ended) - began
            self._measures.observe(REQUESTS, took, method, route, f"{status // 100}xx")
