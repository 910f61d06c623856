"""The headers of every answer, and HEAD: an answer without its body."""

from typing import Final

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Scope, Send

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


#: Says that a request was HEAD, to whoever answers GET with an effect.
_WAS_HEAD: Final = "tgauth.was_head"


def was_head(scope: Scope) -> bool:
    """Say whether a request that is answered as GET was HEAD."""
    return _WAS_HEAD in scope


class Headers:
    """Puts the common headers on every answer, and answers HEAD as GET."""

    def __init__(self, app: ASGIApp, issuer: Issuer) -> None:
        self._app = app
        headers = dict(COMMON_HEADERS)
        if issuer.is_https:
            headers["Strict-Transport-Security"] = _TRANSPORT_SECURITY
        self._headers = [(name.lower().encode(), text.encode()) for name, text in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] == ScopeType.HTTP and scope["method"] == "HEAD":
            # In a copy of the outermost level: Hypercorn knows by its own that it was HEAD, and
            # leaves the body out.
            scope = {**scope, "method": "GET", _WAS_HEAD: True}  # type: ignore[assignment]  # one key more in a TypedDict

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._complete(message)
            await send(message)

        await self._app(scope, receive, sending)

    def _complete(self, message: HTTPResponseStartEvent) -> None:
        # On the raw list: Litestar's view of it looks through the whole of it for each name.
        headers = [*message["headers"]]
        present = {name.lower() for name, _ in headers}
        headers += [one for one in self._headers if one[0] not in present]
        if b"allow" in present:
            headers = [_with_head(*one) if one[0].lower() == b"allow" else one for one in headers]
        message["headers"] = headers


def _with_head(name: bytes, methods: bytes) -> tuple[bytes, bytes]:
    """Add HEAD wherever GET is allowed."""
    allowed = methods.decode("latin-1").split(", ")
    if "GET" not in allowed:
        return name, methods
    return name, ", ".join(sorted({*allowed, "HEAD"})).encode("latin-1")
