"""Log people in with tgauth: a file to copy. Needs `pip install httpx "pyjwt[crypto]"`.

With Flask, and much the same with any other framework:

    tgauth = Tgauth(issuer="https://login.example.org", client_id="my-app")

    @app.get("/callback")
    def callback():
        ...  # where you began the login: compare `state` first, as docs/integrate.md shows
        try:
            login = tgauth.callback(request.query_string.decode())
        except LoginFailed as failure:
            return render_template("login_failed.html", reason=failure), 400
        session.clear()  # whoever was logged in before is not this person
        session["user"] = login.claims["sub"]
        tokens[login.claims["sub"]] = login.access_token  # on the server: it is a secret
        return redirect("/", 303)  # the code leaves the address bar

Whoever logged out at tgauth is logged out here as well when you ask now and then, say once a minute
for each person, and before anything that matters:

    if not tgauth.is_alive(tokens[session["user"]]):
        session.clear()

Make one `Tgauth` when the application starts: it keeps the issuer's keys for five minutes.
"""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import httpx
import jwt

#: Seconds that the two machines' clocks may differ.
LEEWAY = 30


class LoginFailed(Exception):
    """Why nobody was logged in; the person can send /login again."""


@dataclass(frozen=True)
class Login:
    """Who logged in.

    Attributes:
        claims: The verified claims of the token; `claims["sub"]` is the account's stable name.
        user: What to show: `name`, and `username` where there is one.
        access_token: What `is_alive` asks with. A secret: keep it on the server.
    """

    claims: dict[str, Any]
    user: dict[str, Any]
    access_token: str


class Tgauth:
    """One application at one tgauth."""

    def __init__(self, issuer: str, client_id: str, client_secret: str | None = None) -> None:
        self._issuer = issuer.rstrip("/")
        self._client_id = client_id
        self._client_secret = client_secret
        self._keys = jwt.PyJWKClient(f"{self._issuer}/.well-known/jwks.json", timeout=10)

    def callback(self, query: str) -> Login:
        """Log in whoever arrives at the callback address with this query string.

        Raises:
            LoginFailed: There is no code, it is not good (any more), or the answer is not genuine.
        """
        codes = parse_qs(query).get("code", [])
        if len(codes) != 1:
            raise LoginFailed("This login link is incomplete.")
        answer = self.exchange(codes[0])
        token = answer["access_token"]
        return Login(claims=self.verify(token), user=answer["user"], access_token=token)

    def exchange(self, code: str) -> dict[str, Any]:
        """Turn a one-time code into a token, from server to server.

        Raises:
            LoginFailed: The code is not good (any more), or tgauth does not answer.
        """
        body = {"code": code}
        if self._client_secret is not None:
            body["client_secret"] = self._client_secret
        try:
            answer = httpx.post(f"{self._issuer}/api/auth/callback", json=body, timeout=10)
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise LoginFailed("The login service does not answer. Please try again.") from error
        match found:
            case {"access_token": str(), "user": dict()} if answer.is_success:
                return dict(found)
            case {"error_description": str(reason)}:
                raise LoginFailed(reason)
        raise LoginFailed("The login service is in trouble. Please try again.")

    def is_alive(self, access_token: str) -> bool:
        """Say whether the session of this login still lives at tgauth.

        It does not once the person or the operator ended it, or the token's own time is over: then
        end yours, and let the person log in again.

        Raises:
            LoginFailed: tgauth does not answer, so nobody knows: ask again later.
        """
        headers = {"Authorization": f"Bearer {access_token}"}
        try:
            answer = httpx.get(f"{self._issuer}/api/auth/me", headers=headers, timeout=10)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                return False
            found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise LoginFailed("The login service does not answer. Please try again.") from error
        match found:
            case {"user": {"sub": str()}} if answer.is_success:
                return True
        raise LoginFailed("The login service is in trouble. Please try again.")

    def verify(self, token: str) -> dict[str, Any]:
        """Return the claims of a token that is genuine, current, and meant for this application.

        Raises:
            LoginFailed: It is not, or the issuer's keys cannot be fetched.
        """
        try:
            key = self._keys.get_signing_key_from_jwt(token)
            decoded = jwt.decode_complete(
                token,
                key,
                algorithms=["ES256"],  # never what the token itself asks for
                issuer=self._issuer,
                audience=self._client_id,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.PyJWTError as error:
            raise LoginFailed(f"The login service's answer is not valid: {error}") from error
        if decoded["header"].get("typ", "").lower() != "at+jwt":  # RFC 9068 §4
            raise LoginFailed("The login service's answer is no access token.")
        return dict(decoded["payload"])
