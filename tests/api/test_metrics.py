"""Promises of `/metrics`: off unless wanted, for whoever may, and without anything of a person."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from tests.api.conftest import an_app
from tests.api.pages import log_in
from tests.api.serving import served
from tests.builders import ALICE, a_begun_login, a_key, chat_code_of
from tests.fakes import Remembered
from tests.measures.test_exposition import Samples, read

from tgauth.api.metrics import metrics_app
from tgauth.api.options import ApiOptions, Metrics
from tgauth.domain.code import hash_of
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import receive_update
from tgauth.measures.folder import begin_tally

pytestmark = pytest.mark.anyio

TOKEN = "a-token-for-prometheus"
GOOD = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def folder(database: Path) -> Path:
    """Return where processes count."""
    return database.with_name("tgauth.db.metrics")


@asynccontextmanager
async def asking(
    deployment: Deployment, metrics: Metrics | None, *, alone: bool = False
) -> AsyncIterator[httpx.AsyncClient]:
    """Open a client of an application that shows metrics, or of the metrics' own address."""
    app = (
        metrics_app(deployment, metrics)
        if alone and metrics
        else an_app(deployment, metrics=metrics)
    )
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url=deployment.issuer.url) as client:
        yield client


def behind_a_token(folder: Path) -> Metrics:
    """Return metrics on the API's address."""
    return Metrics(folder=folder, token_hash=hash_of(TOKEN), port=None)


async def page_of(client: httpx.AsyncClient) -> Samples:
    """Ask for the page, and read it."""
    answer = await client.get("/metrics", headers=GOOD)
    assert 200 == answer.status_code
    assert "text/plain; version=0.0.4; charset=utf-8" == answer.headers["content-type"]
    return read(answer.text)


async def test_metrics_are_off_unless_somebody_wants_them(deployment: Deployment) -> None:
    """There is no such page, as anywhere."""
    async with asking(deployment, None) as client:
        assert 404 == (await client.get("/metrics")).status_code


async def test_with_a_port_of_their_own_they_are_nowhere_else(
    deployment: Deployment, folder: Path
) -> None:
    """And there is nothing else on that port."""
    metrics = Metrics(folder=folder, token_hash=None, port=9100)
    begin_tally(folder, "api").close()
    async with asking(deployment, metrics) as client:
        assert 404 == (await client.get("/metrics")).status_code
    async with asking(deployment, metrics, alone=True) as client:
        assert 200 == (await client.get("/metrics")).status_code
        for path in ("/", "/healthz", "/account", "/api/auth/me", "/openapi.json"):
            assert (path, 404) == (path, (await client.get(path)).status_code)
        assert 405 == (await client.post("/metrics")).status_code


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        f"Basic {TOKEN}",
        TOKEN,
        "Bearer Ä",
    ],
)
async def test_without_the_token_nothing_is_shown(
    deployment: Deployment, folder: Path, authorization: str | None, *, alone: bool
) -> None:
    """Also on an address of their own, where one is set; it is said what is missing."""
    metrics = replace(behind_a_token(folder), port=9100 if alone else None)
    headers = {} if authorization is None else {"Authorization": authorization.encode()}
    async with asking(deployment, metrics, alone=alone) as client:
        answer = await client.get("/metrics", headers=headers)  # type: ignore[arg-type]
    assert 401 == answer.status_code
    assert "Bearer" == answer.headers["www-authenticate"]
    assert "TGAUTH_METRICS__TOKEN" in answer.text
    assert "tgauth_logins" not in answer.text


async def test_guessing_the_token_counts_as_failing(deployment: Deployment, folder: Path) -> None:
    """And whoever has it is let in whatever its address did before."""
    few = replace(deployment, failures_per_minute=3)
    async with asking(few, behind_a_token(folder)) as client:
        for expected in (401, 401, 401, 429):
            answer = await client.get("/metrics", headers={"Authorization": "Bearer guess"})
            assert expected == answer.status_code
        assert 200 == (await client.get("/metrics", headers=GOOD)).status_code


async def test_the_page_holds_what_the_store_and_the_processes_know(
    deployment: Deployment, folder: Path
) -> None:
    """What waits, what was counted by whom, who lives, and what runs."""
    tally = begin_tally(folder, "api")
    counting = replace(deployment, measures=tally)
    await a_begun_login(counting)
    await receive_update(counting, a_key(9), "{}")
    async with asking(counting, behind_a_token(folder)) as client:
        found = await page_of(client)
        again = await page_of(client)
    tally.close()
    assert 1.0 == found["tgauth_logins_total", (("door", "chat"), ("outcome", "begun"))]
    assert 2.0 == found["tgauth_updates_total", (("outcome", "received"),)]
    assert 1.0 == found["tgauth_inbox_updates", (("state", "waiting"),)]
    assert 1.0 == found["tgauth_outbox_messages", (("state", "owed"),)]
    assert 1.0 == found["tgauth_outbox_messages", (("state", "later"),)]
    assert 1.0 == found["tgauth_logins_open", ()]
    assert 1.0 == found["tgauth_ready", ()]
    assert 1.0 == found["tgauth_processes", (("process", "api"),)]
    assert 1e6 < found["tgauth_resident_memory_bytes", (("process", "api"),)]
    assert 4096 <= found["tgauth_store_size_bytes", (("file", "main"),)]
    assert 1e4 < found["tgauth_store_size_bytes", (("file", "wal"),)]
    [build] = [labels for name, labels in found if name == "tgauth_build_info"]
    assert {"version", "python", "sqlite"} == {name for name, _ in build}
    # Asking is a request as well.
    asked = ("method", "GET"), ("route", "/metrics"), ("status", "2xx")
    assert 1.0 == again["tgauth_http_request_duration_seconds_count", asked]


async def test_where_the_store_fails_the_rest_is_shown(
    deployment: Deployment, folder: Path
) -> None:
    """It is not ready, and says so, with a page."""
    begin_tally(folder, "api").close()
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
    async with asking(deployment, behind_a_token(folder)) as client:
        found = await page_of(client)
        assert 0.0 == found["tgauth_ready", ()]
        assert 0.0 == found["tgauth_logins_open", ()]
        await deployment.store._writer.execute_fetchall("PRAGMA query_only = OFF")
        await deployment.store._writer.execute_fetchall("DROP TABLE inbox")
        found = await page_of(client)
    assert "tgauth_logins_open" not in {name for name, _ in found}
    assert 0.0 == found["tgauth_failed_attempts_total", ()]


async def test_where_the_folder_cannot_be_read_the_rest_is_shown(
    deployment: Deployment, folder: Path
) -> None:
    """The store's numbers, and zeros."""
    folder.write_text("no folder")  # noqa: ASYNC240 - the test has nothing else to do
    async with asking(deployment, behind_a_token(folder)) as client:
        found = await page_of(client)
    assert 1.0 == found["tgauth_ready", ()]
    assert 0.0 == found["tgauth_logins_total", (("door", "chat"), ("outcome", "begun"))]
    assert ("tgauth_processes", (("process", "api"),)) not in found


async def test_requests_are_timed_by_route_and_never_by_path(
    deployment: Deployment, folder: Path
) -> None:
    """Whatever a stranger asks for, it makes no new label."""
    measures = Remembered()
    counting = replace(deployment, measures=measures)
    code = chat_code_of(counting, await a_begun_login(counting))
    async with asking(counting, behind_a_token(folder)) as client:
        client.headers["Accept"] = "text/html"
        await log_in(client, code)
        for method, path in (
            ("GET", "/healthz"),
            ("HEAD", "/healthz"),
            ("GET", "/%2e%2e/etc/passwd"),
            ("GET", "/account/1234"),
            ("GET", f"/auth/callback?code={code}"),
            ("POST", "/api/auth/callback"),
            ("PATCH", "/healthz"),
            ("BREW", "/coffee"),
            ("DELETE", "/account"),
        ):
            await client.request(method, path)
    timed = {key[1:]: len(times) for key, times in measures.observed.items()}
    assert {
        ("GET", "/auth/callback", "3xx"): 2,
        ("GET", "/auth/callback", "2xx"): 1,
        ("POST", "/auth/callback", "3xx"): 1,
        ("GET", "/healthz", "2xx"): 2,
        ("GET", "other", "4xx"): 2,
        ("POST", "/api/auth/callback", "4xx"): 1,
        ("other", "other", "4xx"): 3,
    } == timed
    assert {"tgauth_http_request_duration_seconds"} == {key[0] for key in measures.observed}
    assert all(0 <= took < 60 for times in measures.observed.values() for took in times)


async def test_the_page_names_nobody(deployment: Deployment, folder: Path) -> None:
    """No Telegram id, no name, no address, no id of anything."""
    tally = begin_tally(folder, "api")
    counting = replace(deployment, measures=tally)
    login = await a_begun_login(counting)
    async with asking(counting, behind_a_token(folder)) as client:
        await log_in(client, chat_code_of(counting, login))
        text = (await client.get("/metrics", headers=GOOD)).text
    tally.close()
    for word in (str(ALICE), "alice", "Alice", login.id, str(login.subject), "127.0.0.1", TOKEN):
        assert word not in text


def test_served_on_two_sockets_each_answers_for_itself(tmp_path: Path) -> None:
    """The real server: pages on the one, metrics on the other, whatever the Host header says."""
    folder = tmp_path / "tgauth.db.metrics"
    tally = begin_tally(folder, "api")
    options = ApiOptions(metrics=Metrics(folder=folder, token_hash=None, port=0))
    with served(tmp_path, options=options, measures=tally, with_metrics=True) as api:
        assert api.metrics_port is not None
        metrics = f"http://127.0.0.1:{api.metrics_port}"
        for host in ("127.0.0.1", f"127.0.0.1:{api.port}", "login.example.org"):
            headers = {"Host": host}
            assert 200 == httpx.get(f"{metrics}/metrics", headers=headers).status_code
            assert 404 == httpx.get(f"{metrics}/healthz", headers=headers).status_code
            assert 404 == httpx.get(f"{api.url}/metrics", headers=headers).status_code
            assert 200 == httpx.get(f"{api.url}/healthz", headers=headers).status_code
        found = read(httpx.get(f"{metrics}/metrics").text)
    tally.close()
    assert (
        3.0
        == found[
            "tgauth_http_request_duration_seconds_count",
            (("method", "GET"), ("route", "/healthz"), ("status", "2xx")),
        ]
    )
