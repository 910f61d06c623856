"""Promises of the bell: heard at once, now or next, and never waited for too long."""

import asyncio

import anyio
import pytest

from tgauth.bot.waking import Bell

pytestmark = pytest.mark.anyio


async def test_a_ring_before_the_wait_is_heard() -> None:
    """However often it rang, it is one reason to wake."""
    bell = Bell()
    bell.ring()
    bell.ring()
    with anyio.fail_after(10):
        await bell.wait(60)
    with anyio.move_on_after(0.02) as scope:
        await bell.wait(60)
    assert scope.cancelled_caught


async def test_a_ring_during_the_wait_is_heard() -> None:
    """At once."""
    bell = Bell()
    asyncio.get_running_loop().call_later(0.01, bell.ring)
    with anyio.fail_after(10):
        await bell.wait(60)


@pytest.mark.parametrize("seconds", [0, 0.01])
async def test_the_wait_ends_by_itself(seconds: float) -> None:
    """Without an error."""
    with anyio.fail_after(10):
        await Bell().wait(seconds)
