"""The promise to operators: whatever a stranger sends, there is no 5xx."""

import json
from typing import Any

import anyio
import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar

from tgauth.domain.links import CALLBACK_PATH
from tgauth.flows.deployment import Deployment

pytestmark = pytest.mark.anyio

#: The application is made once for each test: nothing that a stranger sends changes it.
MANY = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)

ROUTES = [
    ("GET", "/"),
    ("GET", "/account"),
    ("GET", "/account/data"),
    ("GET", "/account/delete"),
    ("POST", "/account/delete"),
    ("POST", "/account/sessions/end"),
    ("POST", "/account/sessions/end-all"),
    ("GET", CALLBACK_PATH),
    ("POST", CALLBACK_PATH),
    ("POST", "/logout"),
    ("GET", "/static/style.css"),
    ("POST", "/api/auth/callback"),
    ("GET", "/api/auth/me"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs/api"),
    ("HEAD", "/"),
    ("OPTIONS", "/api/auth/callback"),
    ("TRACE", "/api/auth/me"),
]

TYPES = [
    "application/json",
    "application/x-www-form-urlencoded",
    "application/x-www-form-urlencoded; charset=nonsense",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "text/plain",
    "application/msgpack",
    "application/yaml",
    "nonsense",
    "",
]

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["code", "x"]), inner),
    max_leaves=8,
)
bodies = st.one_of(
    st.binary(max_size=200),
    values.map(lambda value: json.dumps(value).encode()),
    st.dictionaries(st.just("code"), values).map(lambda value: json.dumps(value).encode()),
    st.binary(max_size=60).map(lambda raw: b"token=" + raw + b"&switch=%ff&%00"),
    st.binary(max_size=60).map(
        lambda raw: b'--x\r\nContent-Disposition: form-data; name="token"\r\n\r\n' + raw
    ),
    st.binary(max_size=60).map(
        lambda raw: (
            b'--x\r\nContent-Disposition: form-data; name="token"; filename="f"\r\n'
            b"Content-Type: "
            + raw.replace(b"\r", b"").replace(b"\n", b"")
            + b"\r\n\r\nx\r\n--x--\r\n"
        )
    ),
)
header_values = st.binary(max_size=60).map(
    lambda raw: bytes(byte for byte in raw if byte not in b"\r\n\0")
)


async def ask(app: Litestar, method: str, path: str, query: bytes, **request: Any) -> int:
    """Send a request below any client's own checks; return the status."""
    headers: list[tuple[bytes, bytes]] = request["headers"]
    body: bytes = request["body"]
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query,
        "headers": [(b"host", b"login.example.org"), *headers],
        "client": ("203.0.113.9", 4711),
        "server": ("127.0.0.1", 8000),
        "extensions": {},
        "state": {},
    }
    chunks = [body[:7], body[7:]]
    statuses: list[int] = []

    async def receive() -> dict[str, Any]:
        if chunks:
            chunk = chunks.pop(0)
            return {"type": "http.request", "body": chunk, "more_body": bool(chunks)}
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    with anyio.fail_after(10):
        await app(scope, receive, send)  # type: ignore[arg-type]
    [status] = statuses
    return status


@MANY
@given(
    route=st.sampled_from(ROUTES),
    content_type=st.sampled_from(TYPES),
    accept=st.sampled_from([b"text/html", b"*/*", b""]),
    language=header_values,
    body=bodies,
    query=st.one_of(st.binary(max_size=40), st.binary(max_size=40).map(lambda raw: b"code=" + raw)),
    cookie=header_values,
    authorization=header_values,
    scheme=st.sampled_from([b"Bearer", b"Basic", b""]),
    coding=st.sampled_from([b"identity", b"gzip", b"\xff"]),
)
async def test_no_request_ends_in_a_fault(  # noqa: PLR0913, PLR0917 - every part of a request
    app: Litestar,
    route: tuple[str, str],
    content_type: str,
    accept: bytes,
    language: bytes,
    body: bytes,
    query: bytes,
    cookie: bytes,
    authorization: bytes,
    scheme: bytes,
    coding: bytes,
) -> None:
    """Every route takes any bytes in body, query, cookies and headers."""
    headers = [
        (b"content-type", content_type.encode()),
        (b"accept", accept),
        (b"accept-language", language),
        (b"origin", b"https://login.example.org"),
        (b"cookie", b"__Host-tgauth=" + cookie + b"; __Host-tgauth-login=" + cookie),
        (b"authorization", scheme + b" " + authorization),
        (b"x-forwarded-for", cookie),
        (b"content-encoding", coding),
    ]
    status = await ask(app, *route, query, headers=headers, body=body)
    assert status < 500


@MANY
@given(content_type=st.sampled_from(TYPES), body=bodies, secret=st.booleans())
async def test_no_form_ends_in_a_fault(
    app: Litestar, deployment: Deployment, content_type: str, body: bytes, *, secret: bool
) -> None:
    """With good cookies the form itself is read, whatever it is."""
    cookie = f"__Host-tgauth-login={'A' * 43}.{'B' * 43}"
    if secret:
        cookie += "; __Host-tgauth=secret"
    headers = [
        (b"content-type", content_type.encode()),
        (b"accept", b"text/html"),
        (b"origin", deployment.issuer.url.encode()),
        (b"cookie", cookie.encode()),
    ]
    for path in (CALLBACK_PATH, "/logout", "/account/sessions/end", "/account/delete"):
        assert await ask(app, "POST", path, b"", headers=headers, body=body) < 500


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/x-www-form-urlencoded", b"token=\xff\xfe"),
        ("application/x-www-form-urlencoded", b"\xff=\xff&" * 50),
        ("application/x-www-form-urlencoded", b"a=b&" * 4000),
        ("multipart/form-data; boundary=x", b"--x\r\nrubbish"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data\r\n\r\n\r\n--x--",
        ),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data", b"--x\r\n"),
        ("multipart/form-data; boundary=" + "x" * 500, b"--x\r\n"),
        ("application/json", b'{"token": 1}'),
    ],
)
async def test_a_broken_form_is_a_refusal(
    browser: httpx.AsyncClient, content_type: str, body: bytes
) -> None:
    """The cases that are known to hurt form parsers."""
    headers = {
        "Content-Type": content_type,
        "Origin": "https://login.example.org",
        "Cookie": f"__Host-tgauth-login={'A' * 43}.{'B' * 43}; __Host-tgauth=x",
    }
    for path in (CALLBACK_PATH, "/logout", "/account/sessions/end", "/account/delete"):
        answer = await browser.post(path, content=body, headers=headers)
        assert 400 <= answer.status_code < 500
