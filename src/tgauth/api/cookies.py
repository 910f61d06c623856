"""Cookies: named from the issuer, never from a request's headers."""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from litestar import Request
from litestar.datastructures import Cookie

from tgauth.domain.code import hash_of, looks_like_a_code
from tgauth.domain.instants import DAY, SECOND
from tgauth.domain.links import Issuer

_SEPARATOR: Final = "."

#: How long a cookie outlives the login that it is for: a page that was left open shall say that the
#: login has expired, and not that it knows of none.
_OUTLIVES: Final = DAY


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingLogin:
    """What the login cookie holds between the bot's link and the page's button.

    Attributes:
        code: The code from the link; it stands in no address any more.
        secret: Names this browser, so that only it can repeat its own press.
    """

    code: str
    secret: str

    @classmethod
    def begin(cls, code: str) -> "PendingLogin":
        """Bind a code to the browser that opened its link."""
        return cls(code=code, secret=secrets.token_urlsafe(32))

    @classmethod
    def read(cls, cookie: str | None) -> "PendingLogin | None":
        """Read the cookie; nothing where it is missing or misshapen."""
        code, _, secret = (cookie or "").partition(_SEPARATOR)
        if not looks_like_a_code(code) or not looks_like_a_code(secret):
            return None
        return cls(code=code, secret=secret)

    @property
    def cookie(self) -> str:
        """The cookie's value."""
        return f"{self.code}{_SEPARATOR}{self.secret}"

    @property
    def browser(self) -> str:
        """What the store knows this browser by."""
        return hash_of(self.secret)

    def __repr__(self) -> str:
        return "PendingLogin(***)"


def cookie_of(request: Request[Any, Any, Any], name: str) -> str | None:
    """Return the cookie with exactly this name; none where it is missing or came twice.

    Not the framework's own reading: it also strips spaces that a browser takes for a part of the
    name, so another host of the same domain could set what it may not (the `__Host-` prefix).
    """
    wanted = name.encode()
    found = [
        value
        for header, line in request.scope["headers"]
        if header == b"cookie"
        for key, _, value in (pair.strip(b" \t").partition(b"=") for pair in line.split(b";"))
        if key == wanted
    ]
    return found[0].decode("latin-1") if len(found) == 1 else None


def login_cookie(issuer: Issuer, pending: PendingLogin, *, code_lifetime: int) -> Cookie:
    """Return the cookie of a login under way; `code_lifetime` is in milliseconds."""
    lifetime = code_lifetime + _OUTLIVES
    return _cookie(issuer, issuer.login_cookie, pending.cookie, lifetime // SECOND)


def session_cookie(issuer: Issuer, secret: str, *, lifetime: int) -> Cookie:
    """Return the cookie of a browser that is logged in; `lifetime` is in milliseconds."""
    return _cookie(issuer, issuer.session_cookie, secret, lifetime // SECOND)


def browser_secret(request: Request[Any, Any, Any], issuer: Issuer) -> str | None:
    """Return the secret that names a browser; none where it has none, or a misshapen one."""
    secret = cookie_of(request, issuer.browser_cookie)
    return secret if secret is not None and looks_like_a_code(secret) else None


def new_browser_secret() -> str:
    """Return a name for a browser that has none."""
    return secrets.token_urlsafe(32)


def browser_cookie(issuer: Issuer, secret: str, *, login_lifetime: int) -> Cookie:
    """Return the cookie that names a browser; `login_lifetime` is in milliseconds."""
    lifetime = login_lifetime + _OUTLIVES
    return _cookie(issuer, issuer.browser_cookie, secret, lifetime // SECOND)


def no_cookie(issuer: Issuer, name: str) -> Cookie:
    """Return what makes a browser forget a cookie."""
    return _cookie(issuer, name, "", 0)


def _cookie(issuer: Issuer, name: str, value: str, max_age: int) -> Cookie:
    # SameSite=Lax: the link in Telegram is a navigation from another site. `__Host-` asks for
    # Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2).
    return Cookie(
        key=name,
        value=value,
        max_age=max_age,
        path="/",
        secure=issuer.is_https,
        httponly=True,
        samesite="lax",
    )
