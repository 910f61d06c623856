"""Promises of the limit on failures: guessing ends, and nobody is shut out by somebody else."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from typing import Any

import anyio
import httpx
import pytest
from tests.api.conftest import an_app
from tests.builders import Clock, Ids, a_begun_login, a_client, a_deployment, chat_code_of

from tgauth.domain.code import hash_of
from tgauth.domain.instants import MINUTE, SECOND
from tgauth.domain.person import AllowList
from tgauth.flows.account import end_every_session
from tgauth.flows.deployment import Deployment
from tgauth.store import Store, persons

pytestmark = pytest.mark.anyio

LIMIT = 3
SECRET = "secret"
HERE, THERE = "203.0.113.9", "198.51.100.7"
BAD = "A" * 43


@pytest.fixture
def deployment(store: Store, clock: Clock, ids: Ids) -> Deployment:
    """Return an installation that is out of patience soon."""
    return a_deployment(store, now=clock, new_id=ids, failures_per_minute=LIMIT)


@pytest.fixture
def confidential(store: Store, clock: Clock, ids: Ids) -> Deployment:
    """Return the same, with a client that has a secret."""
    client = a_client(secret_hash=hash_of(SECRET))
    return a_deployment(store, now=clock, new_id=ids, failures_per_minute=LIMIT, client=client)


@asynccontextmanager
async def client_at(
    deployment: Deployment, address: str = HERE, **headers: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client at a network address."""
    transport = httpx.ASGITransport(
        app=an_app(deployment),  # type: ignore[arg-type]
        raise_app_exceptions=False,
        client=(address, 4711),
    )
    async with httpx.AsyncClient(
        transport=transport, base_url=deployment.issuer.url, headers=headers
    ) as opened:
        yield opened


async def exchange(api: httpx.AsyncClient, code: str = BAD, **body: str) -> httpx.Response:
    """Exchange a code."""
    return await api.post("/api/auth/callback", json={"code": code, **body})


async def use_up(api: httpx.AsyncClient) -> None:
    """Fail as often as is allowed."""
    for _ in range(LIMIT):
        assert 400 == (await exchange(api)).status_code


async def rows(deployment: Deployment) -> list[tuple[str, int]]:
    """Return what is counted."""
    async with deployment.store.reading() as connection:
        found = await connection.run("SELECT address, number FROM failures ORDER BY address")
    return [(row["address"], row["number"]) for row in found]


async def test_guessing_ends(deployment: Deployment, clock: Clock, code: str) -> None:
    """In the usual shape, with the seconds to wait; a good code is refused as well, unspent."""
    async with client_at(deployment) as api:
        await use_up(api)
        clock.advance(20 * SECOND + 1)
        refused = await exchange(api, code)
        assert (429, "40") == (refused.status_code, refused.headers["retry-after"])
        assert {
            "error": "temporarily_unavailable",
            "error_description": "too many failed attempts from this network address; try again "
            "later",
        } == refused.json()
        clock.advance(40 * SECOND)
        assert 200 == (await exchange(api, code)).status_code


async def test_other_addresses_are_not_touched(deployment: Deployment, code: str) -> None:
    """One guesser is one address."""
    async with client_at(deployment) as guesser, client_at(deployment, THERE) as other:
        await use_up(guesser)
        assert 429 == (await exchange(guesser)).status_code
        assert 200 == (await exchange(other, code)).status_code


async def test_an_ipv6_site_is_one_address(deployment: Deployment) -> None:
    """Whoever has one has 2^64 of them."""
    for number in range(LIMIT):
        async with client_at(deployment, f"2001:db8:0:1::{number}") as api:
            assert 400 == (await exchange(api)).status_code
    async with client_at(deployment, "2001:db8:0:1:ffff::1") as api:
        assert 429 == (await exchange(api)).status_code
    async with client_at(deployment, "2001:db8:0:2::1") as api:
        assert 400 == (await exchange(api)).status_code


async def test_behind_a_proxy_the_visitor_counts(store: Store, clock: Clock) -> None:
    """Not the proxy; and only what the proxy itself wrote."""
    deployment = a_deployment(store, now=clock, failures_per_minute=LIMIT)
    app = an_app(deployment, trusted_proxies=(ip_network("10.0.0.0/8"),))
    transport = httpx.ASGITransport(app=app, client=("10.0.0.1", 1))  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=deployment.issuer.url) as api:
        statuses = []
        for number in range(LIMIT + 1):
            api.headers["X-Forwarded-For"] = f"192.0.2.{number}, {HERE}"
            statuses.append((await exchange(api)).status_code)
        assert [*[400] * LIMIT, 429] == statuses
        api.headers["X-Forwarded-For"] = f"{HERE}, {THERE}"
        assert 400 == (await exchange(api)).status_code
    assert [(THERE, 1), (HERE, LIMIT)] == await rows(deployment)


async def test_nothing_is_written_for_who_is_over_the_limit(deployment: Deployment) -> None:
    """Also when a hundred guesses are under way at once: guessing costs the store little."""
    statuses: list[int] = []

    async def guess(api: httpx.AsyncClient) -> None:
        statuses.append((await exchange(api)).status_code)

    async with client_at(deployment) as api, anyio.create_task_group() as guesses:
        for _ in range(100):
            guesses.start_soon(guess, api)
    assert {400: LIMIT, 429: 100 - LIMIT} == {one: statuses.count(one) for one in set(statuses)}
    assert [(HERE, LIMIT)] == await rows(deployment)


async def test_a_wrong_secret_counts(confidential: Deployment) -> None:
    """It is what there is to guess."""
    async with client_at(confidential) as api:
        for _ in range(LIMIT):
            assert 401 == (await exchange(api, client_secret="guess")).status_code
        assert 429 == (await exchange(api, client_secret="guess")).status_code
        assert 429 == (await exchange(api)).status_code
    assert [(HERE, LIMIT)] == await rows(confidential)


async def test_a_proven_application_is_never_shut_out(confidential: Deployment, code: str) -> None:
    """Strangers choose the codes that it exchanges, and may share its address."""
    async with client_at(confidential) as api:
        for _ in range(LIMIT + 2):
            assert 400 == (await exchange(api, client_secret=SECRET)).status_code
        assert [] == await rows(confidential)
        for _ in range(LIMIT + 2):
            await exchange(api, client_secret="guess")
        assert 200 == (await exchange(api, code, client_secret=SECRET)).status_code


async def test_a_forged_token_counts_and_a_good_one_always_opens(
    deployment: Deployment, code: str
) -> None:
    """Strangers choose the tokens that an application asks about, too."""
    async with client_at(deployment) as api:
        token = (await exchange(api, code)).json()["access_token"]
        statuses = []
        for _ in range(LIMIT + 1):
            answer = await api.get("/api/auth/me", headers={"Authorization": "Bearer forged"})
            statuses.append(answer.status_code)
        assert [*[401] * LIMIT, 429] == statuses
        good = await api.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
        assert 200 == good.status_code


async def test_what_is_no_guess_does_not_count(deployment: Deployment, code: str) -> None:
    """No token at all, a session that has ended, a body that is none, a page without a login."""
    async with client_at(deployment) as api:
        token = (await exchange(api, code)).json()["access_token"]
        async with deployment.store.reading() as connection:
            person = await persons.find(connection, 1001)
        assert person is not None
        await end_every_session(deployment, person)
        for _ in range(LIMIT + 1):
            assert 401 == (await api.get("/api/auth/me")).status_code
            ended = await api.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
            assert 401 == ended.status_code
            assert 415 == (await api.post("/api/auth/callback", content="x")).status_code
            assert 400 == (await api.get("/auth/callback")).status_code
    assert [] == await rows(deployment)


@pytest.mark.parametrize("code", ["x", BAD])
async def test_a_bad_link_counts_in_the_browser(deployment: Deployment, code: str) -> None:
    """Whether it is misshapen or unknown; the refusal is a page with the same header."""
    async with client_at(deployment, Accept="text/html") as browser:
        browser.follow_redirects = True
        for _ in range(LIMIT):
            assert 400 == (await browser.get(f"/auth/callback?code={code}")).status_code
        refused = await browser.get(f"/auth/callback?code={code}")
        assert (429, "60") == (refused.status_code, refused.headers["retry-after"])
        assert "Too many attempts failed" in refused.text
    assert [(HERE, LIMIT)] == await rows(deployment)


async def test_a_full_store_changes_no_refusal(deployment: Deployment) -> None:
    """What cannot be counted is refused all the same, for what it is."""
    async with client_at(deployment) as api:
        await api.get("/.well-known/jwks.json")  # makes the first key
        await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
        for _ in range(LIMIT + 1):
            assert 400 == (await exchange(api)).status_code
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = OFF")


async def test_a_minute_later_all_is_forgiven(deployment: Deployment, clock: Clock) -> None:
    """From the first failure on."""
    async with client_at(deployment) as api:
        await use_up(api)
        clock.advance(MINUTE - 1)
        assert 429 == (await exchange(api)).status_code
        clock.advance(1)
        await use_up(api)
        assert 429 == (await exchange(api)).status_code


async def test_a_person_who_may_not_log_in_is_no_guesser(store: Store, clock: Clock) -> None:
    """Opening their own good link again and again."""
    open_house = a_deployment(store, now=clock, failures_per_minute=LIMIT)
    code = chat_code_of(open_house, await a_begun_login(open_house))
    closed: dict[str, Any] = {"allow": AllowList(everyone=False, telegram_ids=frozenset({7}))}
    deployment = a_deployment(store, now=clock, failures_per_minute=LIMIT, **closed)
    async with client_at(deployment, Accept="text/html") as browser:
        browser.follow_redirects = True
        for _ in range(LIMIT + 1):
            assert 400 == (await browser.get(f"/auth/callback?code={code}")).status_code
    assert [] == await rows(deployment)


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
    ],
    ids=["image", "frame", "fetch", "fetch that may not read the answer"],
)
async def test_a_page_elsewhere_cannot_use_up_its_visitors_attempts(
    deployment: Deployment, headers: dict[str, str]
) -> None:
    """What a browser fetches for a page is nobody's guess: it is refused, and not counted."""
    async with client_at(deployment, **headers) as page:
        for _ in range(LIMIT + 1):
            assert 400 == (await page.get("/auth/callback", params={"code": "x"})).status_code
    assert [] == await rows(deployment)


async def test_a_link_that_is_opened_counts(deployment: Deployment) -> None:
    """Typed, pressed, or by a program that says nothing of what it is."""
    person = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    async with client_at(deployment, **person) as browser, client_at(deployment) as program:
        await browser.get("/auth/callback", params={"code": "x"})
        await program.get("/auth/callback", params={"code": "x"})
    assert [(HERE, 2)] == await rows(deployment)


async def test_a_program_that_says_it_is_an_image_is_counted(deployment: Deployment) -> None:
    """The header is the client's own word: it excuses no code and no token that was sent."""
    image = {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"}
    async with client_at(deployment, **image) as program:
        assert 400 == (await exchange(program)).status_code
        me = await program.get("/api/auth/me", headers={"Authorization": "Bearer forged"})
        assert 401 == me.status_code
    assert [(HERE, 2)] == await rows(deployment)
