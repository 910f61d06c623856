"""Promises of the webhook: Telegram alone, and accepted only when it is kept."""

import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import httpx
import pytest
from litestar import Litestar
from tests.api.conftest import an_app
from tests.builders import MASTER_KEY, a_deployment, an_update

from tgauth.api.options import WebhookOptions
from tgauth.api.webhook import LARGEST_UPDATE
from tgauth.bot.updates import key_of
from tgauth.domain.code import derive_webhook_secret
from tgauth.domain.incoming import StoredUpdate
from tgauth.domain.links import WEBHOOK_PATH
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import next_update
from tgauth.store import Store

pytestmark = pytest.mark.anyio

SECRET = derive_webhook_secret(MASTER_KEY)
HEADER = "X-Telegram-Bot-Api-Secret-Token"


@pytest.fixture
def app(deployment: Deployment) -> Litestar:
    """Return an application to which Telegram posts."""
    return an_app(deployment, webhook=WebhookOptions())


@asynccontextmanager
async def from_address(app: Litestar, address: str) -> AsyncIterator[httpx.AsyncClient]:
    """Send from some network address."""
    transport = httpx.ASGITransport(
        app=app,  # type: ignore[arg-type]  # Litestar's ASGI types
        raise_app_exceptions=False,
        client=(address, 1),
    )
    async with httpx.AsyncClient(transport=transport, base_url="https://login.example.org") as one:
        yield one


async def post(
    client: httpx.AsyncClient, content: bytes | str, secret: str | None = SECRET
) -> httpx.Response:
    """Post what may be an update."""
    headers = {"Content-Type": "application/json"}
    if secret is not None:
        headers[HEADER] = secret
    return await client.post(WEBHOOK_PATH, content=content, headers=headers)


def body_of(update_id: int = 1, **fields: Any) -> str:
    """Return an update as Telegram posts it."""
    return an_update(update_id=update_id, **fields).to_json()


async def waiting(deployment: Deployment) -> StoredUpdate | None:
    """Return the oldest update that waits."""
    update, _ = await next_update(deployment)
    return update


async def test_an_update_is_kept_as_it_came_before_it_is_accepted(
    api: httpx.AsyncClient, deployment: Deployment
) -> None:
    """Under the key that it would have when it was fetched."""
    answer = await post(api, body_of())
    assert (200, b"") == (answer.status_code, answer.content)
    kept = await waiting(deployment)
    assert kept is not None
    assert (key_of(an_update()), json.loads(body_of())) == (
        kept.key,
        json.loads(kept.payload or ""),
    )


async def test_an_update_that_comes_again_is_accepted_and_kept_once(
    api: httpx.AsyncClient, store: Store
) -> None:
    """Telegram repeats what it got no answer to."""
    assert [200] * 3 == [(await post(api, body_of())).status_code for _ in range(3)]
    async with store.reading() as connection:
        assert 1 == len(await connection.run("SELECT 1 FROM inbox"))


@pytest.mark.parametrize("secret", [None, "", "wrong", SECRET[:-1], SECRET + "x", "\xff"])
async def test_whoever_does_not_know_the_secret_is_refused(
    api: httpx.AsyncClient, deployment: Deployment, secret: str | None
) -> None:
    """With a 403 that says nothing of it, and nothing is kept."""
    headers = [] if secret is None else [(HEADER.encode(), secret.encode("latin-1"))]
    answer = await api.post(WEBHOOK_PATH, content=body_of(), headers=headers)
    assert (403, "invalid_client") == (answer.status_code, answer.json()["error"])
    assert SECRET not in answer.text
    assert await waiting(deployment) is None


async def test_a_page_elsewhere_cannot_use_up_its_visitors_attempts(store: Store) -> None:
    """A browser posts for any page, but no header of that name without asking us first."""
    deployment = a_deployment(store, failures_per_minute=3)
    async with from_address(an_app(deployment, webhook=WebhookOptions()), "192.0.2.9") as client:
        statuses = [(await post(client, "{}", secret=None)).status_code for _ in range(5)]
        assert [403] * 5 == statuses
        assert 403 == (await post(client, body_of(), "wrong")).status_code


async def test_guesses_count_and_telegram_is_never_shut_out(store: Store) -> None:
    """Although it may share an address with whoever guesses."""
    deployment = a_deployment(store, failures_per_minute=3)
    async with from_address(an_app(deployment, webhook=WebhookOptions()), "192.0.2.9") as client:
        statuses = [(await post(client, body_of(), "wrong")).status_code for _ in range(5)]
        assert [403, 403, 403, 429, 429] == statuses
        assert 200 == (await post(client, body_of())).status_code


async def test_only_named_networks_may_post(
    deployment: Deployment, caplog: pytest.LogCaptureFixture
) -> None:
    """From elsewhere the secret is worth nothing; that an operator may have erred is said once."""
    options = WebhookOptions(networks=(ip_network("149.154.160.0/20"),))
    app = an_app(deployment, webhook=options)
    async with from_address(app, "149.154.167.220") as client:
        assert 200 == (await post(client, body_of(1))).status_code
    with caplog.at_level(logging.WARNING, "tgauth.api"):
        for address in ("192.0.2.1", "192.0.2.1", "2001:db8::1", "unknown"):
            async with from_address(app, address) as client:
                assert 403 == (await post(client, body_of(2))).status_code
                assert 403 == (await post(client, body_of(2), "wrong")).status_code
    assert ["webhook.refused"] == [record.message for record in caplog.records]


async def test_the_network_is_that_of_the_client_behind_trusted_proxies(
    deployment: Deployment,
) -> None:
    """Not that of the proxy, nor whatever stands left of it."""
    app = an_app(
        deployment,
        webhook=WebhookOptions(networks=(ip_network("149.154.160.0/20"),)),
        trusted_proxies=(ip_network("10.0.0.0/8"),),
    )
    async with from_address(app, "10.0.0.1") as client:
        for hops, status in (("149.154.160.9", 200), ("149.154.160.9, 192.0.2.1", 403)):
            answer = await client.post(
                WEBHOOK_PATH,
                content=body_of(),
                headers={HEADER: SECRET, "X-Forwarded-For": hops},
            )
            assert status == answer.status_code


async def test_a_store_that_refuses_is_a_503_and_telegram_comes_again(
    api: httpx.AsyncClient, deployment: Deployment, store: Store
) -> None:
    """It is told when; and nothing was accepted that is not kept."""
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    refused = await post(api, body_of())
    await store._writer.execute_fetchall("PRAGMA query_only = OFF")
    assert (503, "2") == (refused.status_code, refused.headers["Retry-After"])
    assert await waiting(deployment) is None
    assert 200 == (await post(api, body_of())).status_code


@pytest.mark.parametrize(
    "content",
    [
        "",
        "null",
        "[]",
        "{}",
        "{",
        '{"update_id": "1"}',
        '{"update_id": true}',
        '{"update_id": 9223372036854775808}',
        "\ud800",
        "[" * 9999,
    ],
)
async def test_what_is_no_update_is_refused(
    api: httpx.AsyncClient, deployment: Deployment, content: str
) -> None:
    """With a 4xx, whatever it is."""
    answer = await post(api, content.encode("utf-8", "surrogatepass"))
    assert 400 == answer.status_code
    assert await waiting(deployment) is None


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 5},
        {"update_id": 5, "message": 7},
        {"update_id": 5, "message": {"chat": {"id": "x"}, "message_id": 1, "date": 1}},
        {"update_id": 5, "callback_query": {"id": 7}},
        {"update_id": 5, "something_new": {"id": 7}},
    ],
)
async def test_an_update_that_nobody_can_read_is_kept_for_the_bot_to_park(
    api: httpx.AsyncClient, deployment: Deployment, update: dict[str, Any]
) -> None:
    """To refuse it would only bring it again."""
    assert 200 == (await post(api, json.dumps(update))).status_code
    kept = await waiting(deployment)
    assert kept is not None
    assert (5, "other") == (kept.key.update_id, kept.key.identity)


async def test_the_longest_message_fits_and_more_does_not(
    api: httpx.AsyncClient, deployment: Deployment
) -> None:
    """4,096 characters, each of them escaped, twice."""
    text = "\U0001f600" * 2048
    long = body_of(text=text, reply_to_message=json.loads(body_of(text=text))["message"])
    escaped = json.dumps(json.loads(long))
    assert len(escaped) > 2 * 6 * 4096
    assert 200 == (await post(api, escaped)).status_code
    assert await waiting(deployment) is not None
    assert 413 == (await post(api, " " * (LARGEST_UPDATE + 1))).status_code


async def test_where_updates_are_fetched_nobody_can_post_them(deployment: Deployment) -> None:
    """There is nothing at the address, whatever somebody knows."""
    async with from_address(an_app(deployment), "192.0.2.1") as client:
        assert 404 == (await post(client, body_of())).status_code


async def test_the_document_for_developers_does_not_name_it(
    api: httpx.AsyncClient,
) -> None:
    """Nobody but Telegram has any business there."""
    assert WEBHOOK_PATH not in (await api.get("/openapi.json")).text
    assert 405 == (await api.get(WEBHOOK_PATH)).status_code
