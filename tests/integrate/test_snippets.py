"""Promises of the snippets in docs/integrate, in each language, against the real API."""

import base64
import hmac
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from threading import Thread
from typing import Any

import anyio
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from tests.harness import Telegram, Tgauth, eventually, free_port, telegram, tgauth
from tests.integrate.languages import LANGUAGES, Application, Snippet, needs_languages

from tgauth.oidc.keys import SigningKey
from tgauth.store import Store, signing_keys
from tgauth.store.master_key import load_master_key

pytestmark = [pytest.mark.languages, needs_languages, pytest.mark.timeout(300)]

CLIENT_ID = "shop"
PEOPLE = count(100)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telegram]:
    """A Telegram."""
    with telegram(tmp_path_factory.mktemp("telegram")) as running:
        yield running


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory, sandbox: Telegram) -> Iterator[Tgauth]:
    """A running tgauth."""
    folder = tmp_path_factory.mktemp("tgauth")
    settings = {"TGAUTH_LOGIN__CLIENT_ID": CLIENT_ID}
    with tgauth(folder, sandbox.url, **settings) as running:
        running.start("serve")
        yield running


@pytest.fixture(scope="module")
def key(installation: Tgauth) -> SigningKey:
    """The installation's own signing key: what it signs is genuine, whatever it says."""

    async def open_it() -> SigningKey:
        async with Store.open(installation.database) as store:
            path = installation.database.with_name(f"{installation.database.name}.key")
            master_key = await load_master_key(store, path, may_create=False)
            async with store.reading() as connection:
                sealed, *_ = await signing_keys.all_of(connection)
        return SigningKey.unseal(master_key, sealed.kid, sealed.private_jwe)

    return anyio.run(open_it)


@pytest.fixture(scope="module", params=list(LANGUAGES))
def snippet(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Snippet:
    """A snippet, ready to run."""
    return LANGUAGES[request.param](tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="module")
def application(snippet: Snippet, installation: Tgauth) -> Iterator[Application]:
    """An application that uses the snippet."""
    with snippet.application(installation.url, CLIENT_ID) as running:
        yield running


def claims_of(installation: Tgauth, **changes: object) -> dict[str, Any]:
    """Return the claims of a good token, with changes; None leaves one out."""
    now = int(time.time())
    good = {
        "iss": installation.url,
        "sub": "0123456789abcdef",
        "aud": [CLIENT_ID, installation.url],
        "exp": now + 900,
        "iat": now,
        "jti": "1",
        "sid": "2",
        "client_id": CLIENT_ID,
        "telegram_id": 42,
    }
    return {name: value for name, value in (good | changes).items() if value is not None}


def signed(key: SigningKey, claims: dict[str, Any], **header: str) -> str:
    """Sign a token as tgauth does."""
    whole = {"alg": "ES256", "typ": "at+jwt", "kid": key.kid, **header}
    return jwt.encode(whole, claims, key.key, algorithms=["ES256"])


def part(value: object) -> str:
    """Return one part of a token."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def a_code(sandbox: Telegram, person: int, name: str = "Ann") -> str:
    """Have somebody send /login, and return the code of their link."""
    sandbox.send(person, "/login", first_name=name, username=f"person{person}")
    return sandbox.code(person)


def test_a_code_becomes_a_verified_login(
    application: Application, sandbox: Telegram, installation: Tgauth
) -> None:
    """Whoever arrives with `?code=…` is logged in, under a name that stays the same."""
    person = next(PEOPLE)
    code = a_code(sandbox, person, "Ann <Lee>")
    first = application.callback(f"code={code}")
    sandbox.send(person, "/login")
    # The first link may be gone from the chat by now: it was used.
    [other] = eventually(lambda: [one for one in sandbox.codes(person) if one != code])
    second = application.callback(f"utm=1&code={other}")

    assert first["claims"]["telegram_id"] == person
    assert first["claims"]["iss"] == installation.url
    assert first["name"] == "Ann <Lee>"
    assert second["claims"]["sub"] == first["claims"]["sub"]


def test_a_code_works_once(application: Application, sandbox: Telegram) -> None:
    """The second time the person reads why, in tgauth's own words."""
    code = a_code(sandbox, next(PEOPLE))
    assert "claims" in application.callback(f"code={code}")

    assert "used" in application.callback(f"code={code}")["refused"]


@pytest.mark.parametrize("query", ["", "code=", "code=a&code=b", "code[]=a", "state=x"])
def test_a_callback_without_one_code_is_refused(query: str, application: Application) -> None:
    """An incomplete link, or one that somebody added to, logs nobody in and breaks nothing."""
    answer = application.callback(query)

    assert answer.get("refused")


def test_a_genuine_token_is_accepted(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """What the other tests change is good before they change it."""
    answer = application.verify(signed(key, claims_of(installation)))

    assert answer["claims"]["sub"] == "0123456789abcdef"


def test_an_audience_of_one_is_accepted(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """`aud` may be a text instead of a list (RFC 7519 §4.1.3)."""
    answer = application.verify(signed(key, claims_of(installation, aud=CLIENT_ID)))

    assert "claims" in answer


def test_clocks_may_differ_a_little(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """A token from ten seconds ahead is good; the application's clock need not be exact."""
    ahead = int(time.time()) + 10

    assert "claims" in application.verify(signed(key, claims_of(installation, iat=ahead)))


NOW = int(time.time())
FORGED_CLAIMS: dict[str, dict[str, object]] = {
    "expired": {"exp": NOW - 60, "iat": NOW - 960},
    "without end": {"exp": None},
    "another audience": {"aud": ["other", "http://127.0.0.1:1"]},
    "no audience": {"aud": None},
    "another issuer": {"iss": "https://login.example.org"},
    "no issuer": {"iss": None},
    "nobody": {"sub": None},
}


@pytest.mark.parametrize("what", list(FORGED_CLAIMS))
def test_a_token_that_says_something_else_is_refused(
    what: str, application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """Signed by the right key, and still not for this application, or not now."""
    token = signed(key, claims_of(installation, **FORGED_CLAIMS[what]))

    assert application.verify(token).get("refused")


def test_a_tampered_token_is_refused(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """Another payload under a genuine signature, and a signature that was touched."""
    head, _, signature = signed(key, claims_of(installation)).split(".")
    other = part(claims_of(installation, sub="somebody-else"))
    assert application.verify(f"{head}.{other}.{signature}").get("refused")

    good = signed(key, claims_of(installation))
    head, payload, signature = good.split(".")
    touched = ("A" if signature[9] != "A" else "B").join([signature[:9], signature[10:]])
    for bad in (touched, signature[:-4], "", signature + "AAAA"):
        assert application.verify(f"{head}.{payload}.{bad}").get("refused"), bad


def test_an_unsigned_token_is_refused(application: Application, installation: Tgauth) -> None:
    """`alg: none` (RFC 8725 §2.1), however it is written."""
    for algorithm in ("none", "None", "NONE"):
        header = part({"alg": algorithm, "typ": "at+jwt"})
        token = f"{header}.{part(claims_of(installation))}."
        assert application.verify(token).get("refused"), algorithm


def test_the_public_key_is_no_secret_to_sign_with(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """HS256 keyed with what the JWKS publishes (RFC 8725 §2.1), in each form it may be read in."""
    public = ECKey.import_key(key.public_jwk())
    secrets = [public.as_pem(), json.dumps(key.public_jwk()).encode(), public.as_der()]
    signed_part = ".".join(
        (
            part({"alg": "HS256", "typ": "at+jwt", "kid": key.kid}),
            part(claims_of(installation)),
        )
    )
    for secret in secrets:
        signature = hmac.digest(secret, signed_part.encode(), "sha256")
        token = f"{signed_part}.{base64.urlsafe_b64encode(signature).decode().rstrip('=')}"
        assert application.verify(token).get("refused")


def test_another_key_is_refused(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """Under a name of its own, under ours, and brought along in the header."""
    other = SigningKey.generate()
    claims = claims_of(installation)
    header: dict[str, Any] = {"jwk": other.public_jwk()}
    for token in (
        signed(other, claims),
        signed(other, claims, kid=key.kid),
        signed(other, claims, **header),
    ):
        assert application.verify(token).get("refused")


def test_only_an_access_token_is_accepted(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """Another kind of JWT by the same issuer is none (RFC 9068 §4)."""
    for kind in ("JWT", "logout+jwt"):
        token = signed(key, claims_of(installation), typ=kind)
        assert application.verify(token).get("refused"), kind


@pytest.mark.parametrize("text", ["", "a", "a.b", "a.b.c", "..", "e30.e30.", "....", "ä.ö.ü"])
def test_what_is_no_token_is_refused(text: str, application: Application) -> None:
    """Whatever it is, nothing breaks."""
    assert application.verify(text).get("refused")


def test_the_application_works_on_after_all_that(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """Refusals leave nothing behind."""
    assert "claims" in application.verify(signed(key, claims_of(installation)))


def test_an_application_learns_that_a_session_ended(
    application: Application, sandbox: Telegram
) -> None:
    """Alive until the person logs out in the chat, and not afterwards."""
    person = next(PEOPLE)
    token = application.callback(f"code={a_code(sandbox, person)}")["token"]
    assert {"alive": True} == application.alive(token)
    sandbox.send(person, "/logout")
    assert eventually(lambda: application.alive(token) == {"alive": False})


def test_a_token_that_is_over_is_of_no_living_session(
    application: Application, installation: Tgauth, key: SigningKey
) -> None:
    """Nor is one that is none."""
    for token in (signed(key, claims_of(installation, **FORGED_CLAIMS["expired"])), "a.b.c"):
        assert {"alive": False} == application.alive(token)


@dataclass(slots=True)
class Impostor:
    """Something in tgauth's place that gives every code the same answer, and publishes no key."""

    url: str = ""
    status: int = 500
    body: bytes = b""
    received: list[dict[str, Any]] = field(default_factory=list)


@pytest.fixture(scope="module")
def impostor() -> Iterator[Impostor]:
    """A running impostor."""
    seen = Impostor()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            is_asked_for_keys = self.path == "/.well-known/jwks.json"
            self._answer(*(200, b'{"keys": []}') if is_asked_for_keys else (seen.status, seen.body))

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            seen.received.append(json.loads(self.rfile.read(length)))
            self._answer(seen.status, seen.body)

        def _answer(self, status: int, content: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            """Print nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


@pytest.fixture(scope="module")
def deceived(snippet: Snippet, impostor: Impostor) -> Iterator[Application]:
    """An application that was led to the impostor."""
    with snippet.application(impostor.url, CLIENT_ID) as running:
        yield running


def test_the_secret_is_sent_where_there_is_one(
    snippet: Snippet, impostor: Impostor, deceived: Application
) -> None:
    """In the body, and only where the application was given one."""
    impostor.received.clear()
    impostor.status = 401
    impostor.body = b'{"error": "invalid_client", "error_description": "wrong secret"}'
    with snippet.application(impostor.url, CLIENT_ID, "s3cret") as application:
        assert "wrong secret" in application.callback("code=abc")["refused"]
    assert "wrong secret" in deceived.callback("code=abc")["refused"]

    assert [{"code": "abc", "client_secret": "s3cret"}, {"code": "abc"}] == impostor.received


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"[]"),
        (200, b"{}"),
        (200, b'{"access_token": "a.b.c", "user": {"name": "Eve"}}'),
        (302, b'{"access_token": "a.b.c"}'),
        (429, b'{"error": "slow_down"}'),
        (502, b"<html>Bad gateway</html>"),
        (503, b'{"error": "temporarily_unavailable", "error_description": "later"}'),
    ],
)
def test_an_answer_that_is_none_logs_nobody_in(
    status: int, body: bytes, impostor: Impostor, deceived: Application
) -> None:
    """A proxy's error page, an empty body, a token nobody signed: refused, and nothing breaks."""
    impostor.status, impostor.body = status, body

    assert deceived.callback("code=abc").get("refused")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"{}"),
        (200, b"<html>Welcome</html>"),
        (200, b'{"user": "Eve"}'),
        (302, b'{"user": {"sub": "a"}}'),
        (404, b'{"error": "not_found"}'),
        (503, b'{"error": "temporarily_unavailable", "error_description": "later"}'),
    ],
)
def test_an_answer_that_is_none_ends_no_session(
    status: int, body: bytes, impostor: Impostor, deceived: Application
) -> None:
    """It is neither alive nor over: nobody knows, and the application may ask again."""
    impostor.status, impostor.body = status, body

    assert deceived.alive("a.b.c").get("refused")


def test_nobody_answering_logs_nobody_in(snippet: Snippet) -> None:
    """While tgauth is away, a login fails with a sentence; the application itself goes on."""
    with snippet.application(f"http://127.0.0.1:{free_port()}", CLIENT_ID) as application:
        assert "does not answer" in application.callback("code=abc")["refused"]
        assert "does not answer" in application.alive("a.b.c")["refused"]
        assert application.verify("a.b.c").get("refused")


def test_every_snippet_is_documented() -> None:
    """docs/integrate.md leads to each."""
    folder = Path(__file__).parents[2] / "docs"
    index = (folder / "integrate.md").read_text("utf-8")
    assert set(LANGUAGES) == {path.name for path in (folder / "integrate").iterdir()}
    for name in LANGUAGES:
        assert f"](integrate/{name}/" in index


@pytest.mark.parametrize("name", LANGUAGES)
def test_the_first_lines_say_what_stays_with_the_application(name: str) -> None:
    """The state is the application's to compare: whoever copies the callback reads so there."""
    folder = Path(__file__).parents[2] / "docs" / "integrate" / name
    code = {".py", ".js", ".go", ".php"}
    [snippet] = [path for path in folder.iterdir() if path.suffix in code]
    assert "`state` first, as docs/integrate.md" in snippet.read_text("utf-8")[:1500]
