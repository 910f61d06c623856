"""What scripts of other origins may read (Fetch standard, "CORS protocol").

The application's own origin may call its API, without credentials: a cookie is never asked for
there. Anybody may read the published keys. Nobody may read anything else.
"""

from typing import Final

from litestar.datastructures import MutableScopeHeaders
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from tgauth.domain.client import Client
from tgauth.domain.links import origin_of

EXCHANGE_PATH: Final = "/api/auth/callback"
ME_PATH: Final = "/api/auth/me"
KEYS_PATH: Final = "/.well-known/jwks.json"

_METHODS: Final = {EXCHANGE_PATH: "POST", ME_PATH: "GET"}
#: Seconds for which a browser need not ask again; Chromium believes no more.
_REMEMBERED_FOR: Final = 7200


class Cors:
    """Lets the application's origin call its API; answers of every status say so."""

    def __init__(self, app: ASGIApp, client: Client) -> None:
        self._app = app
        self._origin = origin_of(client.callback_url) if client.callback_url else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        path = scope["path"].rstrip("/")
        if path not in {*_METHODS, KEYS_PATH}:
            await self._app(scope, receive, send)
            return
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        is_preflight = scope["type"] == ScopeType.HTTP and scope["method"] == "OPTIONS"

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableScopeHeaders.from_message(message)
                if path == KEYS_PATH:
                    headers["Access-Control-Allow-Origin"] = "*"
                    headers["Cross-Origin-Resource-Policy"] = "cross-origin"
                elif self._origin is not None:
                    # Also for whoever names no origin: a cache must keep the two apart.
                    headers["Vary"] = "Origin"
                    if origin.decode("latin-1") == self._origin:
                        _permit(headers, self._origin, path, is_preflight=is_preflight)
            await send(message)

        await self._app(scope, receive, sending)


def _permit(headers: MutableScopeHeaders, origin: str, path: str, *, is_preflight: bool) -> None:
    headers["Access-Control-Allow-Origin"] = origin
    if is_preflight:
        headers["Access-Control-Allow-Methods"] = _METHODS[path]
        headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type"
        headers["Access-Control-Max-Age"] = str(_REMEMBERED_FOR)
    else:
        headers["Access-Control-Expose-Headers"] = "Retry-After, WWW-Authenticate"
