"""Every error in one shape: JSON for programs, a page for browsers."""

from http import HTTPStatus
from typing import Any

from litestar import Request, Response
from litestar.exceptions import HTTPException

from tgauth.api.pages import COMMON_HEADERS, refusal_page
from tgauth.api.refusals import UNFORESEEN, Refusal, refusal_of, refusal_of_status
from tgauth.domain.errors import StoreUnavailable, TgauthError
from tgauth.logs import Log

_log = Log("api")


def answer_domain_error(request: Request[Any, Any, Any], error: TgauthError) -> Response[Any]:
    """Answer what the domain refused."""
    if isinstance(error, StoreUnavailable):
        _log.error("store.unavailable", reason=str(error))
    refusal = refusal_of(error)
    if refusal is UNFORESEEN:
        _log.exception("refusal.unknown", error, path=request.scope["path"])
    return _answer(request, refusal)


def answer_protocol_error(request: Request[Any, Any, Any], error: HTTPException) -> Response[Any]:
    """Answer what Litestar refused: a wrong path, method, type or body."""
    if "client disconnected" in error.detail:
        _log.debug("client.gone", path=request.scope["path"])
        return _answer(request, refusal_of_status(HTTPStatus.BAD_REQUEST))
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return answer_unforeseen(request, error)
    response = _answer(request, refusal_of_status(error.status_code))
    for name, text in (error.headers or {}).items():
        response.headers.setdefault(name, text)
    return response


def answer_malformed(request: Request[Any, Any, Any], _: Exception) -> Response[Any]:
    """Answer a body that is no UTF-8 or nested too deeply: Litestar lets both errors through."""
    return _answer(request, refusal_of_status(HTTPStatus.BAD_REQUEST))


def answer_unforeseen(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer a fault of our own, and log where it came from."""
    _log.exception("request.failed", error, method=request.method, path=request.scope["path"])
    return _answer(request, UNFORESEEN)


def _answer(request: Request[Any, Any, Any], refusal: Refusal) -> Response[Any]:
    # Not `request.url`: a query that is no UTF-8 cannot be made into one.
    is_api = request.scope["path"].startswith("/api/")
    if "text/html" in request.headers.get("accept", "") and not is_api:
        return refusal_page(request, refusal)
    return Response(
        {"error": refusal.error, "error_description": refusal.description},
        status_code=refusal.status,
        headers={**COMMON_HEADERS, "Cache-Control": "no-store"},
    )
