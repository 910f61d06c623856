"""What the pages of both servers share: their headers and their files."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from litestar import Response

STATIC: Final = Path(__file__).parent / "static"
TYPES: Final[Mapping[str, str]] = {
    "chat.html": "text/html",
    "chat.css": "text/css",
    "chat.js": "text/javascript",
    "render.js": "text/javascript",
    "app.css": "text/css",
}
CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
SECURITY_HEADERS: Final[Mapping[str, str]] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",  # no-referrer would turn the Origin of a form into "null"
    "cache-control": "no-store",
}


def static_file(name: str) -> Response[bytes]:
    """Return a file of the package; `KeyError` for any other name."""
    kind = TYPES[name]
    content = (STATIC / name).read_bytes()
    return Response(content, media_type=kind, headers=SECURITY_HEADERS)
