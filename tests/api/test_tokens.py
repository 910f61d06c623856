"""Promises of the application's API: a code for a token, and who a token belongs to."""

import httpx
import jwt
import pytest
from tests.builders import LIFETIME, Clock

from tgauth.api.patience import Patience
from tgauth.api.tokens import token_routes
from tgauth.domain.instants import SECOND
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys

pytestmark = pytest.mark.anyio

HOW = "send Authorization: Bearer …, with an access token from this service"
MISSING = f"there is no bearer token: {HOW}"
REFUSED = f"the access token is not valid here, or its session has ended: {HOW}"


async def exchange(api: httpx.AsyncClient, code: str) -> httpx.Response:
    """Exchange a code."""
    return await api.post("/api/auth/callback", json={"code": code})


async def test_a_code_becomes_a_token_answer(api: httpx.AsyncClient, code: str, keys: Keys) -> None:
    """The answer has exactly these members, and is kept nowhere on its way."""
    answer = await exchange(api, code)
    assert 200 == answer.status_code
    assert "no-store" == answer.headers["cache-control"]
    assert "application/json" == answer.headers["content-type"]
    body = answer.json()
    claims = jwt.decode(
        body.pop("access_token"),
        jwt.PyJWK((await keys.current()).signer.public_jwk()).key,
        algorithms=["ES256"],
        audience="shop",
        options={"verify_exp": False, "verify_iat": False},  # our clock stands still
    )
    expected = {
        "token_type": "Bearer",
        "expires_in": 900,
        "user": {
            "sub": claims["sub"],
            "telegram_id": 1001,
            "name": "Alice Archer",
            "first_name": "Alice",
            "last_name": "Archer",
            "username": "alice",
            "language_code": "en",
        },
    }
    assert expected == body


@pytest.mark.parametrize(
    ("wait", "description"),
    [(0, "the code was used before"), (LIFETIME, "the code was used before")],
)
async def test_a_second_exchange_is_invalid_grant(
    api: httpx.AsyncClient, code: str, clock: Clock, wait: int, description: str
) -> None:
    """RFC 6749 §5.2, with no-store as well; the first token stays good."""
    first = await exchange(api, code)
    clock.advance(wait)
    second = await exchange(api, code)
    assert (400, "no-store") == (second.status_code, second.headers["cache-control"])
    assert {"error": "invalid_grant", "error_description": description} == second.json()
    token = first.json()["access_token"]
    me = await api.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert 200 == me.status_code


async def test_an_expired_code_is_invalid_grant(
    api: httpx.AsyncClient, code: str, clock: Clock
) -> None:
    """With the reason."""
    clock.advance(LIFETIME)
    answer = await exchange(api, code)
    expected = {"error": "invalid_grant", "error_description": "the code has expired"}
    assert (400, expected) == (answer.status_code, answer.json())


@pytest.mark.parametrize("text", ["", "x", "A" * 43, "\x00", "é" * 43, "A" * 10_000])
async def test_an_unknown_code_is_invalid_grant(api: httpx.AsyncClient, text: str) -> None:
    """Whatever it is; the answer does not repeat it."""
    answer = await exchange(api, text)
    expected = {"error": "invalid_grant", "error_description": "the code is unknown"}
    assert (400, expected) == (answer.status_code, answer.json())


async def test_me_tells_who_a_token_belongs_to(api: httpx.AsyncClient, code: str) -> None:
    """The same user as the exchange told, with session and client; the scheme in any case."""
    granted = (await exchange(api, code)).json()
    for scheme in ("Bearer", "bearer", "BEARER"):
        me = await api.get(
            "/api/auth/me", headers={"Authorization": f"{scheme} {granted['access_token']}"}
        )
        assert (200, "no-store") == (me.status_code, me.headers["cache-control"])
        assert granted["user"] == me.json()["user"]
        assert {"user", "session_id", "client_id"} == set(me.json())


@pytest.mark.parametrize(
    ("header", "challenge", "description"),
    [
        (None, "Bearer", MISSING),
        ("", 'Bearer error="invalid_token"', MISSING),
        ("Bearer", 'Bearer error="invalid_token"', MISSING),
        ("Basic eDp5", 'Bearer error="invalid_token"', MISSING),
        ("Bearer x", 'Bearer error="invalid_token"', REFUSED),
        ("Bearer é".encode("latin-1"), 'Bearer error="invalid_token"', REFUSED),
        ("Bearer " + "A" * 9000, 'Bearer error="invalid_token"', REFUSED),
        ("Bearer ImFsZyI.e30.c2ln", 'Bearer error="invalid_token"', REFUSED),
    ],
)
async def test_me_challenges_whoever_has_no_good_token(
    api: httpx.AsyncClient, header: str | bytes | None, challenge: str, description: str
) -> None:
    """RFC 6750 §3: the scheme alone without credentials, with an error otherwise."""
    headers = {} if header is None else {"Authorization": header}
    answer = await api.get("/api/auth/me", headers=headers)  # type: ignore[arg-type]  # bytes are good as well
    assert (401, challenge) == (answer.status_code, answer.headers["www-authenticate"])
    assert {"error": "invalid_token", "error_description": description} == answer.json()
    assert "no-store" == answer.headers["cache-control"]


@pytest.mark.parametrize(("wait", "status"), [(899 * SECOND, 200), (900 * SECOND, 401)])
async def test_me_refuses_an_expired_token(
    api: httpx.AsyncClient, code: str, clock: Clock, wait: int, status: int
) -> None:
    """From the second on that it says."""
    token = (await exchange(api, code)).json()["access_token"]
    clock.advance(wait)
    answer = await api.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert status == answer.status_code


async def test_the_published_keys_verify_and_are_public(api: httpx.AsyncClient, keys: Keys) -> None:
    """A snapshot of the JWKS: no member is private, and it may be kept for five minutes."""
    answer = await api.get("/.well-known/jwks.json")
    assert (200, "application/json") == (answer.status_code, answer.headers["content-type"])
    assert "public, max-age=300" == answer.headers["cache-control"]
    [key] = answer.json()["keys"]
    assert (await keys.current()).signer.public_jwk() == key
    assert {"kty", "crv", "x", "y", "kid", "use", "alg"} == set(key)


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""],
)
async def test_only_json_is_taken(api: httpx.AsyncClient, code: str, content_type: str) -> None:
    """What a foreign page could send without asking the browser is refused, and spends nothing."""
    body = f'{{"code": "{code}"}}'
    refused = await api.post(
        "/api/auth/callback", content=body, headers={"Content-Type": content_type}
    )
    assert (415, "invalid_request") == (refused.status_code, refused.json()["error"])
    assert "Content-Type: application/json" in refused.json()["error_description"]
    assert 200 == (await exchange(api, code)).status_code


async def test_json_with_a_charset_is_json(api: httpx.AsyncClient, code: str) -> None:
    """Many clients send one."""
    answer = await api.post(
        "/api/auth/callback",
        content=f'{{"code": "{code}"}}',
        headers={"Content-Type": "application/json; charset=utf-8"},
    )
    assert 200 == answer.status_code


async def test_routes_are_those_of_the_documentation(deployment: Deployment, keys: Keys) -> None:
    """A snapshot of what applications call."""
    paths = sorted(
        (path, method)
        for route in token_routes(deployment, keys, Patience(deployment))
        for path in route.paths
        for method in route.http_methods
    )
    assert [
        ("/.well-known/jwks.json", "GET"),
        ("/api/auth/callback", "POST"),
        ("/api/auth/me", "GET"),
    ] == paths
