"""Every error in one shape: JSON for programs, a page for browsers."""

from dataclasses import replace
from http import HTTPStatus
from math import ceil
from typing import Any, Final

from litestar import Request, Response
from litestar.exceptions import HTTPException

from tgauth.api.pages import refusal_page
from tgauth.api.refusal import Refusal
from tgauth.api.refusals import UNFORESEEN, refusal_of, refusal_of_status
from tgauth.domain.errors import (
    ClientRefused,
    NetworkBlocked,
    StoreUnavailable,
    TgauthError,
    TooManyFailures,
    TooManyLogins,
)
from tgauth.domain.instants import SECOND
from tgauth.logs import Log

_log = Log("api")

#: What a developer can do about it, where nobody closer to the fault said so.
_ADVICE: Final = {
    HTTPStatus.BAD_REQUEST: "the request cannot be read: send a well-formed path, query and body, "
    "all of them in UTF-8",
    HTTPStatus.NOT_FOUND: "there is nothing at this address: /openapi.json lists what there is",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "the body is too large: nothing here takes more than "
    "16384 bytes",
}
#: Seconds after which a store that refused may be asked again.
_STORE_PAUSE: Final = 2
_HOW_TO_PROVE: Final = (
    "send it as client_secret in the body, or by HTTP Basic with id and secret form-urlencoded"
)


class WrongRequest(HTTPException):
    """A request that makes no sense, and what to send instead."""

    def __init__(
        self, status: HTTPStatus, advice: str, *, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(detail=advice, status_code=status, headers=headers)
        self.advice = advice


def answer_domain_error(request: Request[Any, Any, Any], error: TgauthError) -> Response[Any]:
    """Answer what the domain refused."""
    if isinstance(error, StoreUnavailable):
        _log.error("store.unavailable", reason=str(error))
    refusal = refusal_of(error)
    if refusal is UNFORESEEN:
        _log.exception("refusal.unknown", error, path=request.scope["path"])
    if isinstance(error, ClientRefused):
        refusal = replace(refusal, description=f"{refusal.description}: {_HOW_TO_PROVE}")
    response = _answer(request, refusal)
    if isinstance(error, (TooManyFailures, TooManyLogins, NetworkBlocked)):
        response.headers["Retry-After"] = str(ceil(error.wait / SECOND))
    if isinstance(error, StoreUnavailable):
        response.headers["Retry-After"] = str(_STORE_PAUSE)
    if isinstance(error, ClientRefused):
        response.headers["WWW-Authenticate"] = 'Basic realm="tgauth"'  # RFC 6749 §5.2
    return response


def answer_protocol_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer what Litestar or we refused: a wrong path, method, type or body."""
    if "client disconnected" in error.detail:
        _log.debug("client.gone", path=request.scope["path"])
        return _answer(request, refusal_of_status(HTTPStatus.BAD_REQUEST))
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer_unforeseen(request, error)
    refusal = refusal_of_status(error.status_code)
    response = _answer(request, replace(refusal, description=_advice(error, refusal)))
    for name, text in (error.headers or {}).items():
        response.headers.setdefault(name, text)
    return response


def answer_malformed(request: Request[Any, Any, Any], _: Exception) -> Response[Any]:
    """Answer what is no UTF-8 or nested too deeply: Litestar lets both errors through."""
    return answer_protocol_error(request, HTTPException(status_code=HTTPStatus.BAD_REQUEST))


def answer_unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer a fault of our own, and log where it came from."""
    _log.exception("request.failed", error, method=request.method, path=request.scope["path"])
    return _answer(request, UNFORESEEN)


def _advice(error: HTTPException, refusal: Refusal) -> str:
    if isinstance(error, WrongRequest):
        return error.advice
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        allowed = (error.headers or {}).get("allow", "").replace("GET", "GET, HEAD")
        return f"this address takes other methods: {allowed}"
    return _ADVICE.get(refusal.status, refusal.description)


def _answer(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    # Not `request.url`: a query that is no UTF-8 cannot be made into one.
    is_api = request.scope["path"].startswith("/api/")
    if "text/html" in request.headers.get("accept", "") and not is_api:
        return refusal_page(request, refusal)
    return Response(
        {"error": refusal.error, "error_description": refusal.description},
        status_code=refusal.status,
        headers={"Cache-Control": "no-store"},
    )
