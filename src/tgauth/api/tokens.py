"""What applications call: a code for a token, and who a token belongs to."""

from http import HTTPStatus
from typing import Any, Final

from litestar import MediaType, Request, Response, get, post
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import Struct

from tgauth.api.refusals import refusal_of
from tgauth.api.visitors import visitor_of
from tgauth.domain.errors import SessionEnded, TgauthError, TokenRefused
from tgauth.domain.instants import SECOND
from tgauth.domain.person import Person
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.identify import identify_by_token
from tgauth.flows.keyring import PUBLISHED_FOR, Keys
from tgauth.logs import Log
from tgauth.oidc.keys import jwks

_log = Log("api")
_NO_STORE: Final = {"Cache-Control": "no-store"}  # RFC 6749 §5.1
_BEARER: Final = "bearer "


class User(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who logged in."""

    sub: str
    telegram_id: int
    name: str
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None


class CodeExchange(Struct, frozen=True, kw_only=True):
    """The body of `POST /api/auth/callback`."""

    code: str


class TokenAnswer(Struct, frozen=True, kw_only=True):
    """The answer to a code that was good (RFC 6749 §5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    user: User


class Me(Struct, frozen=True, kw_only=True):
    """The answer of `GET /api/auth/me`."""

    user: User
    session_id: str
    client_id: str


def token_routes(deployment: Deployment, keys: Keys) -> list[HTTPRouteHandler]:
    """Return the handlers of the built-in client's API."""

    @post("/api/auth/callback", status_code=HTTPStatus.OK)
    async def exchange(
        data: JSONBody[CodeExchange], request: Request[Any, Any, Any]
    ) -> Response[TokenAnswer]:
        _require_json(request)
        try:
            keyring = await keys.current()
            grant = await exchange_code(deployment, keyring, data.code, visitor=visitor_of(request))
        except TgauthError as error:
            _log.info("code.refused", reason=error.code)
            raise
        _log.info("login.redeemed", login_id=grant.login_id, session_id=grant.session_id, by="api")
        answer = TokenAnswer(
            access_token=grant.access_token,
            token_type="Bearer",  # noqa: S106 - a type of token, not one
            expires_in=grant.lifetime,
            user=_user(grant.person),
        )
        return Response(answer, headers=_NO_STORE)

    @get("/api/auth/me")
    async def me(request: Request[Any, Any, Any]) -> Response[Any]:
        try:
            identity = await identify_by_token(deployment, await keys.current(), _bearer(request))
        except (TokenRefused, SessionEnded) as error:
            return _challenge(error, asked="authorization" in request.headers)
        answer = Me(
            user=_user(identity.person),
            session_id=identity.session.id,
            client_id=identity.session.client_id,
        )
        return Response(answer, headers=_NO_STORE)

    @get("/.well-known/jwks.json", media_type=MediaType.JSON)
    async def published_keys() -> Response[dict[str, Any]]:
        keyring = await keys.current()
        return Response(
            jwks(keyring.keys),
            headers={"Cache-Control": f"public, max-age={PUBLISHED_FOR // SECOND}"},
        )

    return [exchange, me, published_keys]


def _require_json(request: Request[Any, Any, Any]) -> None:
    """Refuse what a cross-site form could send: only JSON needs the browser's leave (CORS)."""
    if request.content_type[0] != MediaType.JSON:
        raise ClientException("the body must be application/json", status_code=415)


def _bearer(request: Request[Any, Any, Any]) -> str:
    header = request.headers.get("authorization", "")
    # RFC 9110 §11.1: the scheme's name is case-insensitive.
    if not header.lower().startswith(_BEARER):
        raise TokenRefused("there is no bearer token")
    return header[len(_BEARER) :].strip()


def _challenge(error: TgauthError, *, asked: bool) -> Response[Any]:
    refusal = refusal_of(error)
    # RFC 6750 §3.1: without any credentials the challenge names no error.
    challenge = f'Bearer error="{refusal.error}"' if asked else "Bearer"
    return Response(
        {"error": refusal.error, "error_description": refusal.description},
        status_code=refusal.status,
        headers={"WWW-Authenticate": challenge, **_NO_STORE},
    )


def _user(person: Person) -> User:
    profile = person.profile
    return User(
        sub=person.subject,
        telegram_id=profile.telegram_id,
        name=person.name,
        first_name=profile.first_name,
        last_name=profile.last_name,
        username=profile.username,
        language_code=profile.language,
    )
