"""What applications call: a code for a token, and who a token belongs to."""

from http import HTTPStatus
from typing import Any, Final

import msgspec
from litestar import MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody
from msgspec import UNSET

from tgauth.api.answers import CODE_EXAMPLE, CodeExchange, KeySet, Me, TokenAnswer, User
from tgauth.api.bodies import require_json
from tgauth.api.client_authentication import authenticate
from tgauth.api.cors import EXCHANGE_PATH, KEYS_PATH, ME_PATH
from tgauth.api.documentation import documented
from tgauth.api.patience import Patience
from tgauth.api.refusals import refusal_of
from tgauth.api.visitors import visitor_of
from tgauth.domain.errors import SessionEnded, TgauthError, TokenRefused
from tgauth.domain.instants import SECOND
from tgauth.domain.person import Person
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import Grant, exchange_code
from tgauth.flows.identify import Identity, identify_by_token
from tgauth.flows.keyring import PUBLISHED_FOR, Keys
from tgauth.logs import Log
from tgauth.oidc.keys import jwks

AnyRequest = Request[Any, Any, Any]

_log = Log("api")
_NO_STORE: Final = {"Cache-Control": "no-store"}  # RFC 6749 §5.1
_BEARER: Final = "bearer "
_HOW_TO_ASK: Final = "send Authorization: Bearer …, with an access token from this service"


def token_routes(deployment: Deployment, keys: Keys, patience: Patience) -> list[HTTPRouteHandler]:
    """Return the handlers of the built-in client's API."""
    tokens = _Tokens(deployment, keys, patience)

    @post(
        EXCHANGE_PATH,
        status_code=HTTPStatus.OK,
        before_request=require_json(CodeExchange, example=CODE_EXAMPLE),
        **documented("exchangeCode"),
    )
    async def exchange(data: JSONBody[CodeExchange], request: AnyRequest) -> Response[TokenAnswer]:
        try:
            grant = await tokens.exchange(request, data)
        except TgauthError as error:
            _log.info("code.refused", reason=error.code)
            raise
        told = {"login_id": grant.login_id, "session_id": grant.session_id}
        if grant.is_first:
            _log.info("login.redeemed", **told, by="api")
        else:
            # The browser redeemed the login, and said so then.
            _log.info("code.exchanged", **told)
        return Response(_token_answer(grant), headers=_NO_STORE)

    @get(ME_PATH, **documented("whoami"))
    async def me(request: AnyRequest) -> Response[Me]:
        authorization = request.headers.get("authorization")
        try:
            identity = await tokens.identify(request, _bearer(authorization))
        except (TokenRefused, SessionEnded) as error:
            return _challenge(error, authorization)
        return Response(_me(identity), headers=_NO_STORE)

    @get(KEYS_PATH, media_type=MediaType.JSON, **documented("publishedKeys"))
    async def published_keys() -> Response[KeySet]:
        keyring = await keys.current()
        return Response(
            msgspec.convert(jwks(keyring.keys), KeySet),
            headers={"Cache-Control": f"public, max-age={PUBLISHED_FOR // SECOND}"},
        )

    return [exchange, me, published_keys]


class _Tokens:
    def __init__(self, deployment: Deployment, keys: Keys, patience: Patience) -> None:
        self._deployment = deployment
        self._keys = keys
        self._patience = patience

    async def exchange(self, request: AnyRequest, data: CodeExchange) -> Grant:
        """Spend a code for whoever may.

        An application that proved itself is never refused for its address, and its failures do not
        count: it exchanges whatever strangers bring to its callback, so anybody could otherwise
        shut it out with a handful of bad codes.
        """
        async with self._patience.counting(request):
            is_proven = authenticate(
                self._deployment.client,
                authorization=request.headers.get("authorization"),
                in_body=None if data.client_secret is UNSET else data.client_secret,
            )
        if is_proven:
            return await self._spend(request, data.code)
        async with self._patience.attempt(request):
            return await self._spend(request, data.code)

    async def identify(self, request: AnyRequest, token: str) -> Identity:
        """Say whose token this is.

        A good one is never refused for its address, for the same reason.
        """
        async with self._patience.counting(request):
            return await identify_by_token(self._deployment, await self._keys.current(), token)

    async def _spend(self, request: AnyRequest, code: str) -> Grant:
        keyring = await self._keys.current()
        return await exchange_code(self._deployment, keyring, code, visitor=visitor_of(request))


def _bearer(authorization: str | None) -> str:
    # RFC 9110 §11.1: the scheme's name is case-insensitive.
    if authorization is None or not authorization.lower().startswith(_BEARER):
        raise TokenRefused("there is no bearer token")
    return authorization[len(_BEARER) :].strip()


def _challenge(error: TgauthError, authorization: str | None) -> Response[Any]:
    refusal = refusal_of(error)
    # RFC 6750 §3.1: without any credentials the challenge names no error.
    is_bearer = (authorization or "").lower().startswith(_BEARER)
    challenge = "Bearer" if authorization is None else f'Bearer error="{refusal.error}"'
    what = refusal.description if is_bearer else "there is no bearer token"
    return Response(
        {"error": refusal.error, "error_description": f"{what}: {_HOW_TO_ASK}"},
        status_code=refusal.status,
        headers={"WWW-Authenticate": challenge, **_NO_STORE},
    )


def _token_answer(grant: Grant) -> TokenAnswer:
    return TokenAnswer(
        access_token=grant.access_token,
        token_type="Bearer",  # noqa: S106 - a type of token, not one
        expires_in=grant.lifetime,
        user=_user(grant.person),
    )


def _me(identity: Identity) -> Me:
    return Me(
        user=_user(identity.person),
        session_id=identity.session.id,
        client_id=identity.session.client_id,
    )


def _user(person: Person) -> User:
    profile = person.profile
    return User(
        sub=person.subject,
        telegram_id=profile.telegram_id,
        name=person.name,
        first_name=profile.first_name,
        last_name=profile.last_name or UNSET,
        username=profile.username or UNSET,
        language_code=profile.language or UNSET,
    )
