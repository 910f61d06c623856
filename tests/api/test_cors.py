"""Promises of CORS: the application's own origin may call its API, without credentials."""

import httpx
import pytest
from tests.api.conftest import an_app
from tests.builders import a_client, a_deployment

from tgauth.flows.deployment import Deployment
from tgauth.store import Store

pytestmark = pytest.mark.anyio

ORIGIN = "https://app.example.org"
EXCHANGE, ME, KEYS = "/api/auth/callback", "/api/auth/me", "/.well-known/jwks.json"
#: Names that look alike, are part of each other, or are nobody's.
STRANGERS = (
    "https://evil.example",
    "https://app.example.org.evil.example",
    "https://app.example.org:444",
    "http://app.example.org",
    "https://APP.example.org",
    "null",
    "",
    "*",
)


def cors_of(answer: httpx.Response) -> dict[str, str]:
    """Return the headers of an answer that are about CORS."""
    return {
        name: text
        for name, text in answer.headers.items()
        if name.startswith("access-control-") or name == "vary"
    }


@pytest.mark.parametrize(("path", "method"), [(EXCHANGE, "POST"), (ME, "GET")])
async def test_a_preflight_is_answered(api: httpx.AsyncClient, path: str, method: str) -> None:
    """What a single-page application needs, for two hours, and no credentials."""
    answer = await api.options(
        path,
        headers={
            "Origin": ORIGIN,
            "Access-Control-Request-Method": method,
            "Access-Control-Request-Headers": "content-type",
        },
    )
    assert (204, b"") == (answer.status_code, answer.content)
    assert {
        "access-control-allow-origin": ORIGIN,
        "access-control-allow-methods": method,
        "access-control-allow-headers": "Authorization, Content-Type",
        "access-control-max-age": "7200",
        "vary": "Origin",
    } == cors_of(answer)


async def test_an_exchange_may_be_read(api: httpx.AsyncClient, code: str) -> None:
    """By exactly that origin."""
    answer = await api.post(EXCHANGE, json={"code": code}, headers={"Origin": ORIGIN})
    assert 200 == answer.status_code
    assert {
        "access-control-allow-origin": ORIGIN,
        "access-control-expose-headers": "Retry-After, WWW-Authenticate",
        "vary": "Origin",
    } == cors_of(answer)


@pytest.mark.parametrize(
    ("method", "path", "content", "status"),
    [
        ("POST", EXCHANGE, b'{"code": "x"}', 400),
        ("POST", EXCHANGE, b"{", 400),
        ("POST", EXCHANGE, b"A" * 20_000, 413),
        ("DELETE", EXCHANGE, b"", 405),
        ("GET", ME, b"", 401),
    ],
)
async def test_an_error_may_be_read_as_well(
    api: httpx.AsyncClient, method: str, path: str, content: bytes, status: int
) -> None:
    """Or a script would see nothing but a failed fetch."""
    headers = {"Origin": ORIGIN, "Content-Type": "application/json"}
    answer = await api.request(method, path, content=content, headers=headers)
    assert (status, ORIGIN) == (answer.status_code, answer.headers["access-control-allow-origin"])


@pytest.mark.parametrize("origin", STRANGERS)
@pytest.mark.parametrize("method", ["OPTIONS", "POST"])
async def test_other_origins_may_read_nothing(
    api: httpx.AsyncClient, method: str, origin: str
) -> None:
    """Not even with the name of ours in theirs; caches still keep the answers apart."""
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = await api.request(method, EXCHANGE, headers=headers)
    assert {"vary": "Origin"} == cors_of(answer)


async def test_without_a_callback_nobody_may(store: Store) -> None:
    """There is no application whose origin it could be."""
    deployment = a_deployment(store, client=a_client(callback_url=None))
    transport = httpx.ASGITransport(app=an_app(deployment))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=deployment.issuer.url) as api:
        for origin in (ORIGIN, "null"):
            assert {} == cors_of(await api.options(EXCHANGE, headers={"Origin": origin}))


@pytest.mark.parametrize("path", ["/", "/account", "/auth/callback", "/healthz", "/openapi.json"])
async def test_nothing_else_may_be_read(api: httpx.AsyncClient, path: str) -> None:
    """Pages least of all."""
    assert {} == cors_of(await api.get(path, headers={"Origin": ORIGIN}))


@pytest.mark.parametrize("origin", [ORIGIN, "https://anybody.example", None])
async def test_the_keys_are_for_everybody(api: httpx.AsyncClient, origin: str | None) -> None:
    """They are public; the answer is the same for all, so a cache may keep one."""
    answer = await api.get(KEYS, headers={"Origin": origin} if origin else {})
    assert {"access-control-allow-origin": "*"} == cors_of(answer)
    assert "cross-origin" == answer.headers["cross-origin-resource-policy"]


async def test_credentials_are_never_welcome(
    deployment: Deployment, api: httpx.AsyncClient
) -> None:
    """A cookie of the account pages means nothing to the API."""
    answer = await api.get(
        ME, headers={"Origin": ORIGIN, "Cookie": f"{deployment.issuer.session_cookie}=x"}
    )
    assert 401 == answer.status_code
    assert "access-control-allow-credentials" not in answer.headers
