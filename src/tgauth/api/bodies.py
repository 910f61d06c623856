"""JSON bodies, read more strictly than a framework would."""

import json
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import MediaType, Request

from tgauth.api.errors import WrongRequest

_IDENTITY: Final = "identity"


def require_json(
    wanted: type[msgspec.Struct], *, example: str
) -> Callable[[Request[Any, Any, Any]], Awaitable[None]]:
    """Return what refuses every body that is not exactly one JSON object of this kind.

    Only JSON, because a page of another site can send everything else without the browser asking
    us first (Fetch standard, "CORS-safelisted request-header"). No name twice, because whoever
    stands in front of us may have looked at the other value.

    Args:
        wanted: The kind; fields that it does not know are ignored (RFC 6749 §3.2).
        example: What a good body looks like.
    """
    decoder = msgspec.json.Decoder(wanted)

    async def require(request: Request[Any, Any, Any]) -> None:
        _require_types(request)
        body = await request.body()
        try:
            decoder.decode(body)
            names = [name for name, _ in json.loads(body, object_pairs_hook=list)]
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise _wrong(_reason(error), example) from None
        if len(names) != len(set(names)):
            raise _wrong("it names a field twice", example)

    return require


def _require_types(request: Request[Any, Any, Any]) -> None:
    if request.content_type[0].lower() != MediaType.JSON:
        raise WrongRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body has to be JSON: send it with Content-Type: application/json",
        )
    if request.headers.get("content-encoding", _IDENTITY).strip().lower() != _IDENTITY:
        raise WrongRequest(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body must not be compressed: send it without Content-Encoding",
            headers={"Accept-Encoding": _IDENTITY},  # RFC 9110 §15.5.16
        )


def _reason(error: Exception) -> str:
    # What is wrong with the shape, never the value that was sent. (A ValidationError is a
    # DecodeError as well.)
    if isinstance(error, msgspec.ValidationError):
        return str(error)
    return "it is no JSON" if isinstance(error, msgspec.DecodeError) else "it cannot be read"


def _wrong(reason: str, example: str) -> WrongRequest:
    return WrongRequest(
        HTTPStatus.BAD_REQUEST,
        f"the body is not what this address takes ({reason}): send a JSON object like {example}",
    )
