"""Promises of client authentication: whoever has a secret proves it, in one of two ways."""

from base64 import b64encode
from typing import Any
from urllib.parse import quote_plus

import httpx
import pytest
from tests.api.conftest import an_app
from tests.builders import Clock, Ids, a_client, a_deployment

from tgauth.domain.code import hash_of
from tgauth.flows.deployment import Deployment
from tgauth.store import Store

pytestmark = pytest.mark.anyio

SECRET = "s3cret: with + and % and é"
REFUSED = {
    "error": "invalid_client",
    "error_description": "the client secret is missing or wrong: send it as client_secret in the "
    "body, or by HTTP Basic with id and secret form-urlencoded",
}


@pytest.fixture
def deployment(store: Store, clock: Clock, ids: Ids) -> Deployment:
    """Return an installation whose client has a secret."""
    client = a_client(id="the shop", secret_hash=hash_of(SECRET))
    return a_deployment(store, now=clock, new_id=ids, client=client)


def basic(name: str, secret: str, *, scheme: str = "Basic") -> str:
    """Build a header as RFC 6749 §2.3.1 asks: form-urlencoded, joined, base64."""
    joined = f"{quote_plus(name)}:{quote_plus(secret)}"
    return f"{scheme} {b64encode(joined.encode()).decode()}"


async def exchange(
    api: httpx.AsyncClient, code: str, *, basic: str | None = None, **body: Any
) -> httpx.Response:
    """Exchange a code with whatever proof."""
    headers = {} if basic is None else {"Authorization": basic}
    return await api.post("/api/auth/callback", json={"code": code, **body}, headers=headers)


async def test_the_secret_may_stand_in_the_body(api: httpx.AsyncClient, code: str) -> None:
    """The simpler way."""
    assert 200 == (await exchange(api, code, client_secret=SECRET)).status_code


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC"])
async def test_the_secret_may_come_by_basic(api: httpx.AsyncClient, code: str, scheme: str) -> None:
    """The way that every OAuth client knows."""
    header = basic("the shop", SECRET, scheme=scheme)
    assert 200 == (await exchange(api, code, basic=header)).status_code


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Basic é".encode("latin-1"),
        "Basic " + b64encode(b"\xff:\xff").decode(),
        "Basic " + b64encode(b"no colon").decode(),
        "Basic " + b64encode(f"the shop:{SECRET}".encode()).decode() + "=",
        basic("the shop", "wrong"),
        basic("the shop", ""),
        basic("another", SECRET),
        basic("", SECRET),
        "Bearer " + SECRET.encode().hex(),
    ],
)
async def test_without_the_secret_nothing_is_spent(
    api: httpx.AsyncClient, code: str, header: Any
) -> None:
    """`invalid_client` with a challenge (RFC 6749 §5.2), and the code stays good."""
    refused = await exchange(api, code, basic=header)
    assert (401, REFUSED) == (refused.status_code, refused.json())
    assert 'Basic realm="tgauth"' == refused.headers["www-authenticate"]
    assert "no-store" == refused.headers["cache-control"]
    assert 200 == (await exchange(api, code, client_secret=SECRET)).status_code


@pytest.mark.parametrize("secret", ["", "wrong", SECRET + " ", SECRET.upper(), "\0", "\U0001f511"])
async def test_a_wrong_secret_in_the_body_spends_nothing(
    api: httpx.AsyncClient, code: str, secret: str
) -> None:
    """To the letter."""
    refused = await exchange(api, code, client_secret=secret)
    assert (401, REFUSED) == (refused.status_code, refused.json())
    assert 200 == (await exchange(api, code, client_secret=SECRET)).status_code


@pytest.mark.parametrize("secret", [SECRET, "wrong"])
async def test_two_proofs_are_one_too_many(api: httpx.AsyncClient, code: str, secret: str) -> None:
    """RFC 6749 §2.3: "the client MUST NOT use more than one"; nothing is spent."""
    header = basic("the shop", SECRET)
    refused = await exchange(api, code, basic=header, client_secret=secret)
    assert (400, "invalid_request") == (refused.status_code, refused.json()["error"])
    assert 200 == (await exchange(api, code, basic=header)).status_code


async def test_a_client_without_a_secret_need_not_prove_itself(
    store: Store, clock: Clock, code: str
) -> None:
    """And whatever it sends along is not looked at."""
    client = a_client(id="the shop")
    app = an_app(a_deployment(store, now=clock, client=client))
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="https://login.example.org") as api:
        answer = await exchange(api, code, basic=basic("x", "y"))
    assert 200 == answer.status_code
