"""A sample application: the whole of what an application does to log people in with tgauth.

Read it from top to bottom; what its pages say is in `sample_pages`. There are two doors. Whoever
presses Log in here is sent to the issuer with a random state, which comes back with the code.
Whoever begins in the chat arrives with a code alone. Either way the code is exchanged for an access
token from server to server; the token is verified with the issuer's published keys; from then on
the application's own cookie says who this is. Nothing of tgauth is imported.
"""

import contextlib
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
import jwt
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Redirect

from .pages import SECURITY_HEADERS, static_file
from .sample_pages import (
    LATER,
    OPERATOR,
    LoginFailed,
    farewell,
    invitation,
    page,
    refusal,
    welcome,
)
from .serving import Wire, check_loopback, run

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

COOKIE: Final = "sample_session"
BEGUN: Final = "sample_logins"
"""The cookie with the states of the logins that this browser began, joined by dots."""

MOST_BEGUN: Final = 4
BEGUN_SECONDS: Final = 600
REQUIRED_CLAIMS: Final = ["exp", "iat", "sub", "jti", "iss", "aud"]
MAX_SESSIONS: Final = 10_000

AnyRequest = Request[Any, Any, Any]


# 1. Exchange the code, from server to server.


async def exchange(
    client: httpx.AsyncClient, issuer: str, code: str, secret: str
) -> tuple[str, str]:
    """Turn a one-time code into an access token, and the name of whoever logged in.

    The secret, where there is one, proves which application asks; it never reaches a browser.
    """
    body = {"code": code, **({"client_secret": secret} if secret else {})}
    try:
        answer = await client.post(f"{issuer}/api/auth/callback", json=body)
        content = dict(answer.json())
    except (httpx.HTTPError, ValueError, TypeError) as error:
        title = "The identity provider does not answer"
        raise LoginFailed(502, title, str(issuer), LATER) from error
    if answer.is_client_error:
        error_code = str(content.get("error") or "")
        reason = str(content.get("error_description") or error_code or "no reason given")
        if error_code in {"invalid_client", "unauthorized_client"}:
            title = "The identity provider does not accept this application"
            raise LoginFailed(502, title, reason, OPERATOR)
        raise LoginFailed(400, "This login link no longer works", reason)
    if not answer.is_success or "access_token" not in content:
        title = "The identity provider is in trouble"
        raise LoginFailed(502, title, f"HTTP {answer.status_code}", LATER)
    user = content.get("user")
    name = user.get("name") if isinstance(user, dict) else None
    return str(content["access_token"]), str(name or "you")


# 2. Verify the token with the issuer's public keys (RFC 9068 §4).


async def verify(
    client: httpx.AsyncClient, issuer: str, client_id: str, token: str
) -> dict[str, Any]:
    """Return the claims of a token that is genuine, current and meant for this application."""
    try:
        answer = await client.get(f"{issuer}/.well-known/jwks.json")
        keys = jwt.PyJWKSet.from_dict(answer.raise_for_status().json())
    except (httpx.HTTPError, ValueError, jwt.PyJWTError) as error:
        title = "The identity provider's keys are missing"
        raise LoginFailed(502, title, str(issuer), LATER) from error
    try:
        header = jwt.get_unverified_header(token)
        if str(header.get("typ", "")).lower() != "at+jwt":
            raise jwt.InvalidTokenError("not an access token")
        return jwt.decode(
            token,
            keys[str(header.get("kid"))].key,
            algorithms=["ES256"],
            issuer=issuer,
            audience=client_id,
            options={"require": REQUIRED_CLAIMS},
        )
    except (jwt.PyJWTError, KeyError) as error:
        raise LoginFailed(400, "The identity provider's answer is not valid", str(error)) from error


# 3. Know the logins that began here (RFC 6749 §10.12).


def begun_here(request: AnyRequest) -> list[str]:
    """Return the states that this browser was given; each tab may have its own."""
    return [state for state in request.cookies.get(BEGUN, "").split(".") if state]


def remember_begun(answer: Response[Any], states: list[str]) -> None:
    """Keep the newest of these states in the browser, and no other."""
    value = ".".join(states[-MOST_BEGUN:])
    cookie = Cookie(key=BEGUN, value=value, httponly=True, samesite="lax", max_age=BEGUN_SECONDS)
    answer.set_cookie(cookie)


# 4. Keep a session of one's own.


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """Who is logged in, by which token, and whether the login began here."""

    name: str
    claims: dict[str, Any]
    token: str = field(repr=False)
    began_here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleApp:
    """The application at `origin`; the issuer must know `{origin}/callback`.

    `secret` is what the issuer knows it by; empty when it asks for none.
    """

    origin: str
    issuer: str
    client_id: str
    chat_url: str
    secret: str = field(default="", repr=False)
    sessions: dict[str, Visit] = field(default_factory=dict, repr=False)

    async def log_in(self, code: str, *, began_here: bool) -> str:
        """Return the id of a new session for whoever owns the code."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            token, name = await exchange(client, self.issuer, code, self.secret)
            claims = await verify(client, self.issuer, self.client_id, token)
        if len(self.sessions) >= MAX_SESSIONS:
            self.sessions.clear()
        session_id = secrets.token_urlsafe(32)
        self.sessions[session_id] = Visit(
            name=name, claims=claims, token=token, began_here=began_here
        )
        return session_id

    async def living(self, session_id: str) -> Visit | None:
        """Return a session whose login has not been ended at the identity provider.

        Where asking at every page is too dear: once in a while, or end the session with the token.
        """
        visit = self.sessions.get(session_id)
        if visit is None:
            return None
        bearer = {"Authorization": f"Bearer {visit.token}"}
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                answer = await client.get(f"{self.issuer}/api/auth/me", headers=bearer)
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                self.sessions.pop(session_id, None)
                return None
        return visit

    async def arrive(self, request: AnyRequest, code: str) -> Response[Any]:
        """Log in whoever comes back from the issuer, by either door.

        A state must be one that this browser was given: a link with another one is somebody
        else's login. A code without any comes from the chat, or from the issuer's own page:
        nobody here asked for it. An application that wants neither refuses that, too.
        """
        begun, state = begun_here(request), request.query_params.get("state")
        if state is not None and state not in begun:
            raise LoginFailed.begun_elsewhere()
        if not code:
            raise LoginFailed(400, "This link is incomplete", "there is no code in it")
        session_id = await self.log_in(code, began_here=state is not None)
        # The code leaves the address bar.
        answer = Redirect("/", status_code=303, headers=SECURITY_HEADERS)
        answer.set_cookie(Cookie(key=COOKIE, value=session_id, httponly=True, samesite="lax"))
        if state is not None:  # each is good once
            remember_begun(answer, [one for one in begun if one != state])
        return answer

    def app(self) -> Litestar:
        """Return the routes."""

        @get("/")
        async def home(request: AnyRequest) -> Response[str]:
            visit = await self.living(request.cookies.get(COOKIE, ""))
            if visit is None:
                return page(invitation(self.chat_url, self.origin))
            return page(welcome(visit.name, visit.claims, began_here=visit.began_here))

        @get("/login")
        async def login(request: AnyRequest) -> Redirect:
            state = secrets.token_urlsafe(32)
            where = f"{self.issuer}/login?state={state}"
            answer = Redirect(where, status_code=303, headers=SECURITY_HEADERS)
            remember_begun(answer, [*begun_here(request), state])
            return answer

        @get("/callback")
        async def callback(request: AnyRequest, code: FromQuery[str] = "") -> Response[Any]:
            try:
                return await self.arrive(request, code)
            except LoginFailed as failure:
                if request.cookies.get(COOKIE, "") in self.sessions:
                    # Back and once more, or a double click: whoever is logged in stays so.
                    return Redirect("/", status_code=303, headers=SECURITY_HEADERS)
                return page(refusal(failure, self.chat_url), status=failure.status)

        @get("/assets/app.css")
        async def style() -> Response[bytes]:
            return static_file("app.css")

        handlers = [home, login, callback, *self._leaving(), style]
        return Litestar(handlers, openapi_config=None, logging_config=None)

    def _leaving(self) -> list["HTTPRouteHandler"]:
        """Return the routes of logging out: the deed, and the page that says what it did."""

        @post("/logout")
        async def logout(request: AnyRequest) -> Redirect:
            self.sessions.pop(request.cookies.get(COOKIE, ""), None)
            answer = Redirect("/logged-out", status_code=303, headers=SECURITY_HEADERS)
            answer.delete_cookie(COOKIE)
            return answer

        @get("/logged-out")
        async def logged_out(request: AnyRequest) -> Response[Any]:
            if request.cookies.get(COOKIE, "") in self.sessions:
                return Redirect("/", status_code=303, headers=SECURITY_HEADERS)
            return page(farewell(self.issuer))

        return [logout, logged_out]


async def serve(  # noqa: PLR0913 - the composition root passes each by name
    sock: socket.socket,
    *,
    origin: str,
    issuer: str,
    client_id: str,
    chat_url: str,
    ready: Callable[[], None],
    shutdown: Callable[[], Awaitable[None]],
    client_secret: str = "",
) -> None:
    """Serve the sample application on a loopback socket until `shutdown` returns."""
    check_loopback(sock)
    sample = SampleApp(
        origin=origin,
        issuer=issuer.rstrip("/"),
        client_id=client_id,
        chat_url=chat_url,
        secret=client_secret,
    )
    await run(Wire(app=sample.app()), sock, ready=ready, shutdown=shutdown)
