"""A sample application: the whole of what an application does to log people in with tgauth.

Read it from top to bottom. A person arrives at `/callback?code=…`; the code is exchanged for an
access token from server to server; the token is verified with the issuer's published keys; from
then on the application's own cookie says who this is. Nothing of tgauth is imported.
"""

import contextlib
import secrets
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from html import escape
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import httpx
import jwt
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import Cookie
from litestar.params import FromQuery
from litestar.response import Redirect

from .pages import SECURITY_HEADERS, static_file
from .serving import Wire, check_loopback, run

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

COOKIE: Final = "sample_session"
REQUIRED_CLAIMS: Final = ["exp", "iat", "sub", "jti", "iss", "aud"]
MAX_SESSIONS: Final = 10_000

AnyRequest = Request[Any, Any, Any]


AGAIN: Final = "Send /login to the bot again and open the new link. Each link works once."
LATER: Final = "Wait a minute, then send /login to the bot again. The used link may be spent."
OPERATOR: Final = (
    "You can do nothing about this. Whoever runs this application has to give it the client "
    "secret that the identity provider knows: SAMPLE_CLIENT_SECRET here, and "
    "TGAUTH_LOGIN__CLIENT_SECRET there."
)


class LoginFailed(Exception):
    """Why a login did not work and what to do next, for the person who tried."""

    def __init__(self, status: int, title: str, reason: str, advice: str = AGAIN) -> None:
        self.status = status
        self.title = title
        self.reason = reason
        self.advice = advice
        super().__init__(title)


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


# 3. Keep a session of one's own.


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
    sessions: dict[str, tuple[str, dict[str, Any], str]] = field(default_factory=dict, repr=False)

    async def log_in(self, code: str) -> str:
        """Return the id of a new session for whoever owns the code."""
        async with httpx.AsyncClient(timeout=10, trust_env=False) as client:
            token, name = await exchange(client, self.issuer, code, self.secret)
            claims = await verify(client, self.issuer, self.client_id, token)
        if len(self.sessions) >= MAX_SESSIONS:
            self.sessions.clear()
        session_id = secrets.token_urlsafe(32)
        self.sessions[session_id] = (name, claims, token)
        return session_id

    async def living(self, session_id: str) -> tuple[str, dict[str, Any]] | None:
        """Return a session whose login has not been ended at the identity provider.

        Where asking at every page is too dear: once in a while, or end the session with the token.
        """
        if session_id not in self.sessions:
            return None
        name, claims, token = self.sessions[session_id]
        bearer = {"Authorization": f"Bearer {token}"}
        with contextlib.suppress(httpx.HTTPError):
            async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
                answer = await client.get(f"{self.issuer}/api/auth/me", headers=bearer)
            if answer.status_code == HTTPStatus.UNAUTHORIZED:
                self.sessions.pop(session_id, None)
                return None
        return name, claims

    def app(self) -> Litestar:
        """Return the routes."""

        @get("/")
        async def home(request: AnyRequest) -> Response[str]:
            session = await self.living(request.cookies.get(COOKIE, ""))
            return page(welcome(*session) if session else invitation(self.chat_url, self.origin))

        @get("/callback")
        async def callback(request: AnyRequest, code: FromQuery[str] = "") -> Response[Any]:
            try:
                if not code:
                    raise LoginFailed(400, "This link is incomplete", "there is no code in it")  # noqa: TRY301 - one page shows every failure
                session_id = await self.log_in(code)
            except LoginFailed as failure:
                if request.cookies.get(COOKIE, "") in self.sessions:
                    # Back and once more, or a double click: whoever is logged in stays so.
                    return Redirect("/", status_code=303, headers=SECURITY_HEADERS)
                return page(refusal(failure, self.chat_url), status=failure.status)
            answer = Redirect(
                "/", status_code=303, headers=SECURITY_HEADERS
            )  # the code leaves the address bar
            answer.set_cookie(Cookie(key=COOKIE, value=session_id, httponly=True, samesite="lax"))
            return answer

        @get("/assets/app.css")
        async def style() -> Response[bytes]:
            return static_file("app.css")

        handlers = [home, callback, *self._leaving(), style]
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


# The pages.


def page(body: str, *, status: int = 200) -> Response[str]:
    """Return a whole page around a part of one."""
    html = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sample application</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/app.css"></head>
<body><header><span class="mark" aria-hidden="true">S</span> Sample application
<small>local demo</small></header><main>{body}</main></body></html>"""
    return Response(html, media_type="text/html", status_code=status, headers=SECURITY_HEADERS)


def invitation(chat_url: str, origin: str) -> str:
    """Return what somebody sees who is not logged in."""
    return f"""<h1>Not logged in</h1>
<p>Send <kbd>/login</kbd> to the bot. It answers with a link that brings you back here.</p>
<p><a class="button" href="{escape(chat_url)}">Open the chat</a></p>
<p class="where">Its callback address is {escape(origin)}/callback</p>"""


def welcome(name: str, claims: dict[str, Any]) -> str:
    """Return what somebody sees who is logged in: the verified claims."""
    rows = "".join(
        f"<tr><th scope=row>{escape(str(key))}</th><td>{escape(_shown(key, value))}</td></tr>"
        for key, value in claims.items()
    )
    return f"""<h1>Hello, {escape(name)}</h1>
<p>You are logged in. The access token was verified; these are its claims.</p>
<div class="scroll"><table><thead><tr><th scope=col>Claim</th><th scope=col>Value</th></tr></thead>
<tbody>{rows}</tbody></table></div>
<form method="post" action="/logout"><button class="button quiet">Log out here</button></form>"""


def _shown(claim: str, value: object) -> str:
    """Return a claim as people read it: lists with commas, times (RFC 7519 §2) with a date."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    if claim in {"exp", "iat", "nbf", "auth_time"} and isinstance(value, int):
        return f"{value} ({datetime.fromtimestamp(value, UTC):%Y-%m-%d %H:%M:%S} UTC)"
    return str(value)


def farewell(issuer: str) -> str:
    """Return what somebody sees who has just logged out: what that ended, and what it did not."""
    return f"""<h1>You are logged out of this application</h1>
<p>You may still be logged in at tgauth, and in other applications. Your account page there shows
where, and ends each of them.</p>
<p class="actions"><a class="button" href="{escape(issuer)}/account">Open my account at tgauth</a>
<a class="button quiet" href="/">Back to the application</a></p>"""


def refusal(failure: LoginFailed, chat_url: str) -> str:
    """Return what somebody sees whose login did not work."""
    return f"""<h1>{escape(failure.title)}</h1>
<p class="reason">{escape(failure.reason)}</p>
<p>{escape(failure.advice).replace("/login", "<kbd>/login</kbd>")}</p>
<p class="actions"><a class="button" href="{escape(chat_url)}">Open the chat</a>
<a class="button quiet" href="/">Back to the application</a></p>"""


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
