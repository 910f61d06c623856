"""Promises of the upkeep: it begins with the process, and says when the process has to end."""

import asyncio
from pathlib import Path

import pytest
from tests.builders import Clock, a_key

from tgauth import upkeep
from tgauth.domain.instants import DAY
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import dismiss_update, receive_update
from tgauth.store import Store
from tgauth.store.migrations import SchemaTooNew
from tgauth.upkeep import kept_up

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait for nothing that a test does not look at."""
    monkeypatch.setattr(upkeep, "_LOOK_EVERY", 0.01)
    monkeypatch.setattr(upkeep, "_FIRST_SWEEP", 0.01)
    monkeypatch.setattr(upkeep, "_SWEEP_EVERY", 0.01)


def unasked() -> None:
    """Fail: nothing was seen that ends a process."""
    pytest.fail("the process was told to stop")


async def updates_kept(store: Store) -> int:
    """Return how many updates are kept."""
    async with store.reading() as connection:
        return len(await connection.run("SELECT 1 FROM inbox"))


async def swept(store: Store) -> None:
    """Wait until no update is kept."""
    async with asyncio.timeout(5):
        while await updates_kept(store):  # noqa: ASYNC110 - nobody tells when a row is gone
            await asyncio.sleep(0.01)


async def test_what_is_old_is_swept_whatever_the_process_does(
    deployment: Deployment, clock: Clock
) -> None:
    """It needs nobody but the store."""
    await receive_update(deployment, a_key(), "{}")
    await dismiss_update(deployment, a_key())
    clock.advance(3 * DAY)
    async with kept_up(deployment, stop=unasked):
        await swept(deployment.store)


async def test_sweeping_goes_on_after_the_store_was_unavailable(
    deployment: Deployment, clock: Clock
) -> None:
    """A full disk, for one, passes."""
    writer = deployment.store._writer
    await receive_update(deployment, a_key(), "{}")
    await dismiss_update(deployment, a_key())
    clock.advance(3 * DAY)
    await writer.execute_fetchall("PRAGMA query_only = ON")
    async with kept_up(deployment, stop=unasked):
        await asyncio.sleep(0.2)
        assert 1 == await updates_kept(deployment.store)
        await writer.execute_fetchall("PRAGMA query_only = OFF")
        await swept(deployment.store)


async def test_nothing_is_left_behind(deployment: Deployment) -> None:
    """Leaving the block ends all of it, and stops nobody."""
    before = asyncio.all_tasks()
    async with asyncio.timeout(5), kept_up(deployment, stop=unasked):
        await asyncio.sleep(0.05)
    assert before == asyncio.all_tasks()


async def test_a_process_ends_when_a_newer_version_migrated_its_store(
    deployment: Deployment, database: Path
) -> None:
    """Nobody has to ask or write first, and the end says why."""
    with pytest.raises(SchemaTooNew, match="9999"):  # noqa: PT012 - raised when the block is left
        stopped = asyncio.Event()
        async with asyncio.timeout(5), kept_up(deployment, stop=stopped.set):
            async with Store.open(database) as newer:
                await newer._writer.execute_fetchall("PRAGMA user_version = 9999")
            await stopped.wait()


async def test_an_error_of_the_process_comes_out_as_itself(deployment: Deployment) -> None:
    """The upkeep hides nothing."""
    with pytest.raises(ZeroDivisionError):
        async with kept_up(deployment, stop=unasked):
            _ = 1 / 0
