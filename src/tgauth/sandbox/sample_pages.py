"""What the sample application says to people."""

from datetime import UTC, datetime
from html import escape
from typing import Any, Final, Self

from litestar import Response

from .pages import SECURITY_HEADERS

ASKED: Final = "You began here, and the state that this browser kept came back with the code."
UNASKED: Final = (
    "You did not begin here, but in the chat or at tgauth itself, so this browser had not asked "
    "for it. An application that takes only logins that began with itself refuses a code without "
    "a state."
)

AGAIN: Final = (
    "Press Log in, or send /login to the bot again and open the new link. Each link works once."
)
LATER: Final = "Wait a minute, then log in again. The used link may be spent."
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

    @classmethod
    def begun_elsewhere(cls) -> Self:
        """Refuse a login that somebody else may have begun, to be logged in as them."""
        return cls(
            400,
            "This login did not begin in this browser",
            "its state is none that this browser was given, or has been used already",
            "Press Log in to begin a new one. If somebody sent you this link, do not use it: it "
            "would log you in as somebody else.",
        )


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
<p>Press Log in, and approve it in the chat, on this device or on another one.</p>
<p><a class="button" href="/login">Log in</a></p>
<p>Or begin in the chat: send <kbd>/login</kbd> to the bot. It answers with a link that brings you
back here.</p>
<p><a class="button quiet" href="{escape(chat_url)}">Open the chat</a></p>
<p class="where">Its callback address is {escape(origin)}/callback</p>"""


def welcome(name: str, claims: dict[str, Any], *, began_here: bool) -> str:
    """Return what somebody sees who is logged in: the verified claims."""
    rows = "".join(
        f"<tr><th scope=row>{escape(str(key))}</th><td>{escape(_shown(key, value))}</td></tr>"
        for key, value in claims.items()
    )
    came = ASKED if began_here else UNASKED
    return f"""<h1>Hello, {escape(name)}</h1>
<p>You are logged in. {came}</p>
<p>The access token was verified; these are its claims.</p>
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
<p class="actions"><a class="button" href="/login">Log in</a>
<a class="button quiet" href="{escape(chat_url)}">Open the chat</a>
<a class="button quiet" href="/">Back to the application</a></p>"""
