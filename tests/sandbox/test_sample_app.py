"""The sample application, against an issuer made of the standard library and PyJWT."""

import json
import re
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from tests.sandbox.helpers import started

SECRET = "s3cret & more"
CHAT = "http://127.0.0.1:9/chat?a=1&b=2"


class Issuer(ThreadingHTTPServer):
    """An issuer whose code `good` is worth a token; `claims` and `header` can be spoilt."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.reset()

    def reset(self) -> None:
        """Be a good issuer again."""
        self.header: dict[str, Any] = {"typ": "at+jwt", "kid": "k1"}
        self.claims: dict[str, Any] = {}
        self.signer: Any = self.key
        self.algorithm = "ES256"
        self.answer: tuple[int, Any] | None = None
        self.asked: list[Any] = []
        self.has_ended = False

    def token(self) -> str:
        """Return an access token, spoilt as told."""
        now = int(time.time())
        claims = {
            "iss": self.url,
            "sub": "person-1",
            "aud": ["default", self.url],
            "iat": now,
            "exp": now + 600,
            "jti": uuid.uuid4().hex,
            **self.claims,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(kept, self.signer, algorithm=self.algorithm, headers=self.header)

    def jwks(self) -> dict[str, Any]:
        """Return the public key."""
        public = ECAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
        return {"keys": [{**public, "kid": "k1", "alg": "ES256", "use": "sig"}]}


class Handler(BaseHTTPRequestHandler):
    """The two addresses that the application uses."""

    server: Issuer

    def do_GET(self) -> None:
        """Serve the keys."""
        if self.path == "/api/auth/me":
            self.reply(401 if self.server.has_ended else 200, {})
            return
        assert self.path == "/.well-known/jwks.json"
        self.reply(200, self.server.jwks())

    def do_POST(self) -> None:
        """Exchange the code."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, body))
        if self.server.answer:
            self.reply(*self.server.answer)
        elif body in ({"code": "good"}, {"code": "good", "client_secret": SECRET}):
            token = {"access_token": self.server.token(), "token_type": "Bearer"}
            self.reply(200, {**token, "expires_in": 600, "user": {"name": "Ada <b>Lovelace</b>"}})
        else:
            error = {"error": "invalid_grant", "error_description": "the code was <used>"}
            self.reply(400, error)

    def reply(self, status: int, content: Any) -> None:
        """Send JSON, or what is given as bytes."""
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Keep quiet."""


@pytest.fixture(scope="module")
def issuers() -> Iterator[Issuer]:
    """An issuer for the module."""
    with Issuer() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def issuer(issuers: Issuer) -> Issuer:
    """The module's issuer, good again."""
    issuers.reset()
    return issuers


@pytest.fixture(scope="module")
def address(issuers: Issuer) -> Iterator[str]:
    """The application, running."""
    arguments = ("--issuer", issuers.url, "--client-id", "default", "--chat-url", CHAT)
    with started("sample-app", *arguments) as url:
        yield url


@pytest.fixture
def browser(address: str) -> Iterator[httpx.Client]:
    """A browser without cookies."""
    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:
        yield client


def test_a_newcomer_is_shown_the_chat(browser: httpx.Client) -> None:
    """The first page says what to do and links to the chat."""
    page = browser.get("/")
    assert "Not logged in" in page.text
    assert "/login" in page.text
    assert 'href="http://127.0.0.1:9/chat?a=1&amp;b=2"' in page.text
    assert "unsafe" not in page.headers["content-security-policy"]
    assert browser.get("/assets/app.css").is_success


def test_a_code_becomes_a_session(browser: httpx.Client, issuer: Issuer) -> None:
    """Exchange, verify, own cookie, clean address, and claims that are only text."""
    answer = browser.get("/callback", params={"code": "good"})
    assert issuer.asked == [("/api/auth/callback", {"code": "good"})]
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("sample_session=")
    assert "HttpOnly" in cookie
    assert "samesite=lax" in cookie.lower()
    page = browser.get("/")
    assert "Hello, Ada &lt;b&gt;Lovelace&lt;/b&gt;" in page.text
    assert "person-1" in page.text
    assert f"default, {issuer.url}</td>" in page.text
    assert re.search(r"<td>\d{10} \(2\d{3}-\d\d-\d\d \d\d:\d\d:\d\d UTC\)</td>", page.text)


def test_sessions_are_separate_and_end(browser: httpx.Client, issuer: Issuer) -> None:
    """Two logins, two ids; logging out ends the one that it was asked of."""
    first = browser.get("/callback", params={"code": "good"}).cookies["sample_session"]
    browser.cookies.clear()
    second = browser.get("/callback", params={"code": "good"}).cookies["sample_session"]
    assert first != second
    assert browser.get("/logout").status_code == 405
    assert browser.post("/logout").status_code == 303
    for session, greeting in ((second, "Not logged in"), (first, "Hello")):
        browser.cookies.clear()
        assert greeting in browser.get("/", headers={"cookie": f"sample_session={session}"}).text
    assert len(issuer.asked) == 2


def begin(browser: httpx.Client, issuer: Issuer) -> str:
    """Press Log in; return the state that the issuer is given."""
    answer = browser.get("/login")
    where = answer.headers["location"]
    assert (303, f"{issuer.url}/login") == (answer.status_code, where.partition("?")[0])
    state = parse_qs(urlsplit(where).query)["state"][0]
    assert len(state) >= 43
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "samesite=lax" in answer.headers["set-cookie"].lower()
    return state


def come_back(browser: httpx.Client, state: str | None) -> httpx.Response:
    """Come back from the issuer with a good code."""
    return browser.get("/callback", params={"code": "good"} | ({"state": state} if state else {}))


def test_a_login_that_began_here_brings_its_state_back(
    browser: httpx.Client, issuer: Issuer
) -> None:
    """RFC 6749 §10.12: what comes back is what went out, and the page says so."""
    assert 'href="/login"' in browser.get("/").text
    assert "/" == come_back(browser, begin(browser, issuer)).headers["location"]
    assert "the state that this browser kept came back" in browser.get("/").text


@pytest.mark.parametrize("state", ["x" * 43, ""])
def test_a_login_that_began_elsewhere_is_refused(
    browser: httpx.Client, issuer: Issuer, state: str
) -> None:
    """RFC 6749 §10.12: its code is not even exchanged, and the page says what to do."""
    begin(browser, issuer)
    answer = browser.get(f"/callback?code=good&state={state}")
    assert (400, []) == (answer.status_code, issuer.asked)
    assert "This login did not begin in this browser" in answer.text
    assert "do not use it" in answer.text
    assert 'href="/login"' in answer.text
    assert "Not logged in" in browser.get("/").text


def test_a_state_is_another_each_time_and_good_once(browser: httpx.Client, issuer: Issuer) -> None:
    """Two tabs can each log in; a state that came back does not work again."""
    first, second = begin(browser, issuer), begin(browser, issuer)
    assert first != second
    for state in (first, second):
        assert 303 == come_back(browser, state).status_code
        browser.post("/logout")
    assert 400 == come_back(browser, first).status_code
    assert 2 == len(issuer.asked)


def test_few_states_are_kept(browser: httpx.Client, issuer: Issuer) -> None:
    """Whoever presses Log in ever so often fills no cookie; the newest ones are good."""
    states = [begin(browser, issuer) for _ in range(9)]
    assert len(browser.cookies["sample_logins"]) < 300
    assert 400 == come_back(browser, states[0]).status_code
    assert 303 == come_back(browser, states[-1]).status_code


def test_a_login_that_began_elsewhere_has_no_state(browser: httpx.Client, issuer: Issuer) -> None:
    """It works although another one is under way here, and the page says what that means."""
    begin(browser, issuer)
    assert 303 == come_back(browser, None).status_code
    assert "You did not begin here, but in the chat or at tgauth" in browser.get("/").text


def test_a_wrong_state_logs_nobody_out(browser: httpx.Client, issuer: Issuer) -> None:
    """Whoever is logged in stays so, as the same person."""
    come_back(browser, None)
    assert "/" == come_back(browser, "x" * 43).headers["location"]
    assert 1 == len(issuer.asked)


def test_a_login_that_was_ended_at_the_provider_ends_here(
    browser: httpx.Client, issuer: Issuer
) -> None:
    """At the next page: "That wasn't me" means something."""
    browser.get("/callback", params={"code": "good"})
    assert "Hello" in browser.get("/").text
    issuer.has_ended = True
    assert "Not logged in" in browser.get("/").text
    issuer.has_ended = False
    assert "Not logged in" in browser.get("/").text


@pytest.mark.parametrize("query", ["?code=bad", "?code=", ""])
def test_a_refused_code_is_explained(browser: httpx.Client, issuer: Issuer, query: str) -> None:
    """A page for people, with the issuer's reason as text and a way on; no session."""
    answer = browser.get(f"/callback{query}")
    assert answer.status_code == 400
    assert "Traceback" not in answer.text
    assert "send <kbd>/login</kbd> to the bot again" in answer.text
    assert "set-cookie" not in answer.headers
    if query == "?code=bad":
        assert "the code was &lt;used&gt;" in answer.text
    else:
        assert issuer.asked == []


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "https://other.example"},
        {"aud": "another"},
        {"exp": 1_000_000_000},
        {"exp": None},
        {"iat": None},
        {"sub": None},
        {"jti": None},
    ],
)
def test_tokens_for_others_are_refused(
    browser: httpx.Client, issuer: Issuer, claims: dict[str, Any]
) -> None:
    """RFC 9068 §4: issuer, audience, expiry, and every required claim."""
    issuer.claims = claims
    answer = browser.get("/callback", params={"code": "good"})
    assert (answer.status_code, "set-cookie" in answer.headers) == (400, False)


@pytest.mark.parametrize("header", [{"typ": "JWT", "kid": "k1"}, {"typ": "at+jwt", "kid": "k2"}])
def test_other_kinds_and_keys_are_refused(
    browser: httpx.Client, issuer: Issuer, header: dict[str, Any]
) -> None:
    """RFC 9068 §4: the type must be at+jwt, and the key a published one."""
    issuer.header = header
    assert browser.get("/callback", params={"code": "good"}).status_code == 400


def test_other_signatures_are_refused(browser: httpx.Client, issuer: Issuer) -> None:
    """A foreign key of the right kind, and a shared secret, verify nothing."""
    issuer.signer = ec.generate_private_key(ec.SECP256R1())
    assert browser.get("/callback", params={"code": "good"}).status_code == 400
    issuer.signer, issuer.algorithm = "x" * 64, "HS256"
    assert browser.get("/callback", params={"code": "good"}).status_code == 400


@pytest.mark.parametrize(
    "answer", [(500, {}), (200, b"<html>"), (200, {}), (503, b""), (200, [1]), (400, 5)]
)
def test_an_issuer_in_trouble(browser: httpx.Client, issuer: Issuer, answer: Any) -> None:
    """502 and a page for people, whatever the issuer sends."""
    issuer.answer = answer
    page = browser.get("/callback", params={"code": "good"})
    assert (page.status_code, "<h1>" in page.text) == (502, True)


def test_an_issuer_that_is_away() -> None:
    """502 when nobody listens there."""
    with (
        started("sample-app", "--issuer", "http://127.0.0.1:9", "--chat-url", CHAT) as url,
        httpx.Client(base_url=url, trust_env=False) as browser,
    ):
        page = browser.get("/callback", params={"code": "good"})
    assert page.status_code == 502
    assert "does not answer" in page.text


def test_logging_out_says_what_it_did_not_end(browser: httpx.Client, issuer: Issuer) -> None:
    """The session here ends; the one at tgauth may live on, and the page leads there."""
    browser.get("/callback", params={"code": "good"})
    assert browser.get("/logged-out").headers["location"] == "/"
    answer = browser.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/logged-out")
    page = browser.get("/logged-out")
    assert "You may still be logged in at tgauth" in page.text
    assert f'href="{issuer.url}/account"' in page.text


@pytest.fixture(params=["argument", "environment"])
def secretive(
    request: pytest.FixtureRequest, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[httpx.Client]:
    """A browser at an application that has a client secret, by either way."""
    arguments = ["--issuer", issuer.url, "--chat-url", CHAT]
    if request.param == "argument":
        arguments += ["--client-secret", SECRET]
    else:
        monkeypatch.setenv("SAMPLE_CLIENT_SECRET", SECRET)
    with (
        started("sample-app", *arguments) as url,
        httpx.Client(base_url=url, timeout=30, trust_env=False) as client,
    ):
        yield client


def test_a_client_secret_goes_along_with_the_code(secretive: httpx.Client, issuer: Issuer) -> None:
    """In the JSON body of the request from server to server, and nowhere in a page."""
    answer = secretive.get("/callback", params={"code": "good"})
    assert issuer.asked == [("/api/auth/callback", {"code": "good", "client_secret": SECRET})]
    assert answer.status_code == 303
    assert "s3cret" not in str(answer.headers) + secretive.get("/").text


def test_a_wrong_client_secret_is_the_operators_business(
    browser: httpx.Client, issuer: Issuer
) -> None:
    """The page does not send people to the bot again and again for what only the operator mends."""
    issuer.answer = (401, {"error": "invalid_client", "error_description": "wrong secret"})
    answer = browser.get("/callback", params={"code": "good"})
    assert answer.status_code == 502
    assert "does not accept this application" in answer.text
    assert "SAMPLE_CLIENT_SECRET" in answer.text
    assert "Traceback" not in answer.text
