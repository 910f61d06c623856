"""What the OpenAPI document says of each operation, besides what its types say."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

from litestar.openapi.datastructures import ResponseSpec

from tgauth.api.answers import Problem, Readiness

#: The client's secret by HTTP Basic, and an access token, as the document calls them.
CLIENT_SCHEME: Final = "clientSecret"
TOKEN_SCHEME: Final = "accessToken"  # noqa: S105 - the name of a scheme


@dataclass(frozen=True, slots=True, kw_only=True)
class _Operation:
    """One operation.

    Attributes:
        summary: What it does, in a few words.
        description: What a developer has to know about it.
        success: What its success means.
        problems: Each refusal, and what it means.
        schemes: Ways to prove oneself; an empty text: none is needed.
    """

    summary: str
    description: str
    success: str
    problems: Mapping[HTTPStatus, str]
    schemes: tuple[str, ...] = ()


#: What the protocol itself can refuse anywhere.
_ANYWHERE: Final = {
    HTTPStatus.BAD_REQUEST: "The request cannot be read: an impossible Host header, for instance.",
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE: "The headers are too many or too large.",
}
_UNAVAILABLE: Final = {
    HTTPStatus.SERVICE_UNAVAILABLE: "The store cannot be reached at the moment, or the process is "
    "being replaced. Nothing was spent; try again."
}
_TOO_MANY: Final = {
    HTTPStatus.TOO_MANY_REQUESTS: "Too many attempts of this network address failed within a "
    "minute. `Retry-After` says how many seconds to wait."
}

_OPERATIONS: Final = {
    "exchangeCode": _Operation(
        summary="Exchange a code for an access token",
        description="Takes the `code` that the browser brought to the callback address, or the one "
        "in the bot's link, and spends it. A client that has a secret must prove itself, by "
        "`client_secret` in the body or by HTTP Basic, never both; with a wrong secret the code is "
        "not spent. The origin of the callback address may call this from a browser (CORS, without "
        "credentials). A client without a secret shares the limit on failures of its network "
        "address; one that proved itself has none.",
        success="The code was good, and is spent now.",
        problems=_ANYWHERE
        | _UNAVAILABLE
        | _TOO_MANY
        | {
            HTTPStatus.BAD_REQUEST: "`invalid_grant`: the code is unknown, expired or spent, or "
            "the person may not log in. `invalid_request`: the body is not what this takes.",
            HTTPStatus.UNAUTHORIZED: "`invalid_client`: the client secret is missing or wrong.",
            HTTPStatus.REQUEST_TIMEOUT: "The body took too long.",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "The body is larger than 16384 bytes.",
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "The body is no JSON, or compressed.",
        },
        schemes=("", CLIENT_SCHEME),
    ),
    "whoami": _Operation(
        summary="Ask who an access token belongs to",
        description="Answers only while the session of the token lives: after a logout it is "
        "worth nothing here, however long it is valid.",
        success="The token is good.",
        problems=_ANYWHERE
        | _UNAVAILABLE
        | _TOO_MANY
        | {
            HTTPStatus.UNAUTHORIZED: "`invalid_token`: there is no token, it is not one of ours, "
            "it has expired, or its session has ended.",
        },
        schemes=(TOKEN_SCHEME,),
    ),
    "publishedKeys": _Operation(
        summary="Get the keys that verify access tokens",
        description="A JWK set (RFC 7517). Keep it for as long as `Cache-Control` says; a new key "
        "is published before it signs. Any origin may read it.",
        success="The keys.",
        problems=_ANYWHERE | _UNAVAILABLE,
    ),
    "alive": _Operation(
        summary="Ask whether the process lives",
        description="For whoever restarts processes. Looks at nothing.",
        success="It lives.",
        problems=_ANYWHERE,
    ),
    "ready": _Operation(
        summary="Ask whether a login could be stored right now",
        description="For load balancers and monitoring. Writes to the store, at most once a "
        "second, because on a full disk only a write tells the truth.",
        success="It could.",
        problems=_ANYWHERE,
    ),
}


def documented(name: str) -> dict[str, Any]:
    """Return what a handler's decorator takes to document this operation."""
    operation = _OPERATIONS[name]
    return {
        "operation_id": name,
        "summary": operation.summary,
        "description": operation.description,
        "response_description": operation.success,
        "responses": _responses(name, operation),
        "security": [{scheme: []} if scheme else {} for scheme in operation.schemes] or None,
    }


def _responses(name: str, operation: _Operation) -> dict[int, ResponseSpec]:
    responses = {
        int(status): ResponseSpec(Problem, generate_examples=False, description=meaning)
        for status, meaning in sorted(operation.problems.items())
    }
    if name == "ready":
        responses[int(HTTPStatus.SERVICE_UNAVAILABLE)] = ResponseSpec(
            Readiness, generate_examples=False, description="It could not."
        )
    return responses
