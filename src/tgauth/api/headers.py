"""The headers of every answer, and HEAD: an answer without its body."""

from typing import Final

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tgauth.domain.links import Issuer

#: What every answer carries, unless its handler said otherwise.
COMMON_HEADERS: Final = {
    # What says nothing of keeping is not kept: errors, and whatever comes later.
    "Cache-Control": "no-store",
    # For what is no page: even opened in a tab it can load and do nothing. Pages have their own.
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'; base-uri 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    # Not no-referrer: with that a browser sends "Origin: null" with our own forms (Fetch standard,
    # "append a request Origin header").
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}

#: A year, for this host alone: what else lives on the operator's domain is not ours to decide.
_TRANSPORT_SECURITY: Final = "max-age=31536000"


class Headers:
    """Puts the common headers on every answer, and answers HEAD as GET."""

    def __init__(self, app: ASGIApp, issuer: Issuer) -> None:
        self._app = app
        self._headers = dict(COMMON_HEADERS)
        if issuer.is_https:
            self._headers["Strict-Transport-Security"] = _TRANSPORT_SECURITY

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == ScopeType.HTTP and scope["method"] == "HEAD":
            # In a copy of the outermost level: Hypercorn knows by its own that it was HEAD, and
            # leaves the body out.
            scope = {**scope, "method": "GET"}

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(message)
            await send(message)

        await self._app(scope, receive, sending)

    def _complete(self, message: Message) -> None:
        headers = MutableScopeHeaders.from_message(message)
        for name, text in self._headers.items():
            headers.setdefault(name, text)
        allowed = headers.get("allow", "").split(", ")
        if "GET" in allowed:
            headers["allow"] = ", ".join(sorted({*allowed, "HEAD"}))
