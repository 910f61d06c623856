"""Promises of the limit on failures: each address for itself, and all processes together."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import Clock, a_deployment

from tgauth.domain.errors import StoreUnavailable, TooManyFailures
from tgauth.domain.instants import HOUR, MINUTE
from tgauth.flows.deployment import Deployment
from tgauth.flows.limit_failures import note_failure, require_patience
from tgauth.store import Store

pytestmark = pytest.mark.anyio

ADDRESS = "192.0.2.1"


@pytest.fixture
def strict(deployment: Deployment) -> Deployment:
    """Return an installation that lets an address fail four times in a minute."""
    return replace(deployment, failures_per_minute=4)


@pytest.fixture
async def another(strict: Deployment, database: Path) -> AsyncIterator[Deployment]:
    """Return the same installation as another process sees it."""
    async with Store.open(database) as second:
        yield a_deployment(second, now=strict.now, failures_per_minute=4)


async def test_the_limit_holds_over_all_processes(strict: Deployment, another: Deployment) -> None:
    """A second process gives no second chance."""
    for one in (strict, another, strict, another):
        for asking in (strict, another):
            await require_patience(asking, ADDRESS)
        await note_failure(one, ADDRESS)
    for asking in (strict, another):
        with pytest.raises(TooManyFailures) as refused:
            await require_patience(asking, ADDRESS)
        assert MINUTE == refused.value.wait


async def test_failures_at_the_same_moment_are_all_counted(
    strict: Deployment, another: Deployment
) -> None:
    """None is lost between two processes that count at once."""
    await asyncio.gather(*(note_failure(one, ADDRESS) for one in [strict, another] * 10))
    async with strict.store.reading() as connection:
        [row] = await connection.run("SELECT number FROM failures")
    assert 20 == row["number"]


@pytest.mark.parametrize(("wait", "free"), [(MINUTE - 1, False), (MINUTE, True), (-HOUR, True)])
async def test_a_minute_later_it_may_try_again(
    strict: Deployment, clock: Clock, wait: int, *, free: bool
) -> None:
    """To the millisecond after the first failure, and at once after the clock was set back."""
    for _ in range(4):
        await note_failure(strict, ADDRESS)
    clock.advance(wait)
    if free:
        await require_patience(strict, ADDRESS)
        await note_failure(strict, ADDRESS)
        await require_patience(strict, ADDRESS)
    else:
        with pytest.raises(TooManyFailures):
            await require_patience(strict, ADDRESS)


async def test_one_addresss_failures_are_nobody_elses(strict: Deployment) -> None:
    """Except that a whole IPv6 site, and IPv4 however it is written, is one."""
    for _ in range(4):
        await note_failure(strict, ADDRESS)
        await note_failure(strict, "2001:db8::1")
    for other in ("192.0.2.2", "2001:db8:0:1::1", "nonsense"):
        await require_patience(strict, other)
    for same in (ADDRESS, "::ffff:192.0.2.1", "2001:db8::2", "2001:db8::ffff:ffff"):
        with pytest.raises(TooManyFailures):
            await require_patience(strict, same)


async def test_asking_writes_nothing(strict: Deployment) -> None:
    """Whoever does not fail costs no write, and whoever fails too often none either."""
    for _ in range(4):
        await note_failure(strict, ADDRESS)
    await strict.store._writer.execute_fetchall("PRAGMA query_only = ON")
    await require_patience(strict, "192.0.2.2")
    with pytest.raises(TooManyFailures):
        await require_patience(strict, ADDRESS)


async def test_a_failure_that_cannot_be_counted_is_told(strict: Deployment) -> None:
    """On a full disk nobody believes that it was counted."""
    await strict.store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        await note_failure(strict, ADDRESS)
