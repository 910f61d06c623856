"""From where a request comes, for the owner of a session to recognise."""

from typing import Any

from litestar import Request

from tgauth.domain.devices import describe
from tgauth.domain.session import Visitor


def visitor_of(request: Request[Any, Any, Any]) -> Visitor:
    """Return the browser and the network address of a request."""
    return Visitor(
        device=describe(request.headers.get("user-agent", "")), address=address_of(request)
    )


def address_of(request: Request[Any, Any, Any]) -> str:
    """Return the network address of a request, as seen through the trusted proxies."""
    return request.client.host if request.client else "unknown"
