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


def is_part_of_a_page(request: Request[Any, Any, Any]) -> bool:
    """Say whether a page, of whoever, had a browser ask for this: an image, a frame, a script's.

    Such a failure is not the visitor's: any page could otherwise lock its visitors' whole network
    out of the login (Fetch Metadata Request Headers, W3C). Only for what a page can have fetched
    without asking us first: whoever sends JSON or a token is no image, whatever it says.
    """
    if request.method != "GET" or "authorization" in request.headers:
        return False
    return (
        request.headers.get("sec-fetch-dest", "document") not in {"document", "empty"}
        or request.headers.get("sec-fetch-mode", "navigate") != "navigate"
    )


def is_speculative(request: Request[Any, Any, Any]) -> bool:
    """Say whether a browser asks for something that nobody may ever look at.

    "Speculative loading" in the HTML Standard; `Purpose` is what browsers sent before.
    """
    purposes = (request.headers.get(name, "") for name in ("sec-purpose", "purpose", "x-moz"))
    return any(part in one.lower() for one in purposes for part in ("prefetch", "prerender"))
