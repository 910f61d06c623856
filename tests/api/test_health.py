"""Promises of the health checks: alive is not ready, and ready means that a login could be kept."""

import anyio
import httpx
import pytest

from tgauth.flows.deployment import Deployment

pytestmark = pytest.mark.anyio


async def test_a_healthy_process_is_ready(api: httpx.AsyncClient) -> None:
    """Both say so, and nobody keeps the answers."""
    alive, ready = await api.get("/healthz"), await api.get("/readyz")
    assert (200, {"status": "alive"}) == (alive.status_code, alive.json())
    assert (200, {"status": "ready", "store": "ok"}) == (ready.status_code, ready.json())
    assert {"no-store"} == {one.headers["cache-control"] for one in (alive, ready)}


async def test_readiness_follows_the_store(deployment: Deployment, api: httpx.AsyncClient) -> None:
    """A store that cannot be written makes it 503 while the process lives on; then it recovers."""
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
    ready = await api.get("/readyz")
    assert (503, {"status": "not ready", "store": "store_unavailable"}) == (
        ready.status_code,
        ready.json(),
    )
    assert "no-store" == ready.headers["cache-control"]
    assert 200 == (await api.get("/healthz")).status_code
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = OFF")
    with anyio.fail_after(5):
        while (await api.get("/readyz")).status_code != 200:  # noqa: ASYNC110 - asked from outside
            await anyio.sleep(0.1)


async def test_readiness_is_asked_of_the_store_once_a_second(
    deployment: Deployment, api: httpx.AsyncClient
) -> None:
    """Anybody may ask, so a hundred who do cost one write."""
    for _ in range(100):
        await api.get("/readyz")
    async with deployment.store.reading() as connection:
        row = await connection.one("SELECT number FROM probes")
    assert row is not None
    assert row["number"] <= 3
