"""Promises of headers: what every answer carries, nothing that is not meant, and HEAD."""

import httpx
import pytest
from litestar import Litestar
from tests.api.conftest import an_app
from tests.builders import a_deployment, an_issuer

from tgauth.store import Store

pytestmark = pytest.mark.anyio

ALWAYS = {
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "referrer-policy": "same-origin",
    "strict-transport-security": "max-age=31536000",
    "x-content-type-options": "nosniff",
}
#: All that any answer may carry. A new one has to be thought about.
MAY = {
    *ALWAYS,
    "access-control-allow-origin",
    "allow",
    "cache-control",
    "content-length",
    "content-security-policy",
    "content-type",
    "cross-origin-resource-policy",
    "location",
    "retry-after",
    "set-cookie",
    "vary",
    "www-authenticate",
}
REQUESTS = [
    ("GET", "/"),
    ("GET", "/account"),
    ("GET", "/auth/callback"),
    ("GET", f"/auth/callback?code={'A' * 43}"),
    ("POST", "/auth/callback"),
    ("POST", "/logout"),
    ("GET", "/static/style.css"),
    ("POST", "/api/auth/callback"),
    ("GET", "/api/auth/me"),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/openapi.json"),
    ("GET", "/docs/api"),
    ("OPTIONS", "/healthz"),
    ("DELETE", "/healthz"),
    ("GET", "/nowhere"),
    ("GET", "/api/nowhere"),
]


@pytest.mark.parametrize("accept", ["text/html", "*/*"])
@pytest.mark.parametrize(("method", "path"), REQUESTS)
async def test_every_answer_carries_what_it_should_and_nothing_else(
    api: httpx.AsyncClient, method: str, path: str, accept: str
) -> None:
    """Pages, programs' answers and errors alike."""
    answer = await api.request(method, path, headers={"Accept": accept})
    assert answer.status_code < 500
    assert ALWAYS == {name: answer.headers.get(name) for name in ALWAYS}
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"] or (
        "sandbox" in answer.headers["content-security-policy"]
    )
    assert answer.headers["cache-control"]
    assert set() == set(answer.headers) - MAY


async def test_a_fault_carries_them_too(
    api: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what nobody foresaw."""
    monkeypatch.setattr("tgauth.api.tokens.identify_by_token", None)
    answer = await api.get("/api/auth/me", headers={"Authorization": "Bearer x"})
    assert 500 == answer.status_code
    assert ALWAYS == {name: answer.headers.get(name) for name in ALWAYS}
    assert "no-store" == answer.headers["cache-control"]


async def test_plain_http_promises_no_https(store: Store) -> None:
    """On this machine itself, for development."""
    deployment = a_deployment(store, issuer=an_issuer("http://localhost:8000"))
    transport = httpx.ASGITransport(app=an_app(deployment))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=deployment.issuer.url) as api:
        assert "strict-transport-security" not in (await api.get("/healthz")).headers


def gets(app: Litestar) -> list[str]:
    """Return the paths that answer GET."""
    return sorted(route.path for route in app.routes if "GET" in getattr(route, "methods", ()))


async def test_head_is_get_without_the_body(app: Litestar, api: httpx.AsyncClient) -> None:
    """On every path: the same status and headers, and not a byte more (RFC 9110 §9.3.2)."""
    paths = gets(app)
    assert {"/", "/healthz", "/.well-known/jwks.json", "/docs/api"} < set(paths)
    # Where GET begins a login, or a stream, HEAD begins nothing: it has tests of its own.
    for path in set(paths) - {"/login", "/login/events/{stream:str}"}:
        full, empty = await api.get(path), await api.head(path)
        assert (full.status_code, dict(full.headers)) == (empty.status_code, dict(empty.headers))
        assert (b"", True) == (empty.content, bool(full.content))


async def test_head_is_listed_wherever_get_is(api: httpx.AsyncClient) -> None:
    """In `Allow`, and in words."""
    for method in ("OPTIONS", "DELETE"):
        answer = await api.request(method, "/healthz")
        assert ["GET", "HEAD", "OPTIONS"] == answer.headers["allow"].split(", ")
    assert (
        "this address takes other methods: GET, HEAD, OPTIONS"
        == (await api.delete("/healthz")).json()["error_description"]
    )
    refused = await api.head("/api/auth/callback")
    assert (405, b"") == (refused.status_code, refused.content)
    assert {"POST", "OPTIONS"} == set(refused.headers["allow"].split(", "))
