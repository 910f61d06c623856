"""Promises of stopping: what is under way is finished, what outlives the deadline is told."""

import asyncio
import json
from typing import Any

import anyio
import pytest

from tgauth.api.draining import Draining, lift_deadline

pytestmark = pytest.mark.anyio

Message = dict[str, Any]


class Slow:
    """An application that answers when it is told to."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun = asyncio.Event()
        self.cancelled = False

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        """Answer, once told to."""
        self.begun.set()
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})


async def request(app: Any, kind: str = "http") -> list[Message]:
    """Send a request; return the messages of the answer."""
    sent: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request"}

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": kind, "headers": []}, receive, send)
    return sent


async def stopped(draining: Draining, *, deadline: float) -> None:
    """Stop as a process does."""
    draining.stop_accepting(())
    await draining.drain(deadline=deadline)


async def test_a_request_under_way_is_finished() -> None:
    """Draining waits for it, and its connection is not kept."""
    slow, draining = Slow(), Draining()
    under_way = asyncio.create_task(request(draining.wrap(slow)))
    await slow.begun.wait()
    drain = asyncio.create_task(stopped(draining, deadline=60))
    await asyncio.sleep(0.15)
    assert not drain.done()
    slow.go.set()
    with anyio.fail_after(10):
        start, body = await under_way
        await drain
    assert (200, [(b"connection", b"close")]) == (start["status"], start["headers"])
    assert b"done" == body["body"]


async def test_a_request_that_comes_late_is_answered_and_its_connection_closed() -> None:
    """One that the kernel accepted before we stopped listening."""
    slow, draining = Slow(), Draining()
    slow.go.set()
    drain = asyncio.create_task(stopped(draining, deadline=1))
    await asyncio.sleep(0)
    start, _ = await request(draining.wrap(slow))
    await drain
    assert (200, [(b"connection", b"close")]) == (start["status"], start["headers"])


async def test_what_outlives_the_deadline_is_told_so() -> None:
    """It is ended, with a 503 that says to come again."""
    slow, draining = Slow(), Draining()
    under_way = asyncio.create_task(request(draining.wrap(slow)))
    await slow.begun.wait()
    with anyio.fail_after(10):
        await stopped(draining, deadline=0.05)
        start, body = await under_way
    assert slow.cancelled
    assert 503 == start["status"]
    assert {(b"connection", b"close"), (b"retry-after", b"1")} < set(start["headers"])
    assert (b"content-length", str(len(body["body"])).encode()) in start["headers"]
    assert {"error", "error_description"} == set(json.loads(body["body"]))
    assert not body["more_body"]


async def test_a_request_has_a_deadline_of_its_own() -> None:
    """Whatever it waits for, also while nobody stops."""
    slow = Slow()
    with anyio.fail_after(10):
        start, _ = await request(Draining(request_deadline=0.05).wrap(slow))
    assert (True, 503) == (slow.cancelled, start["status"])


async def test_an_answer_that_has_begun_is_not_begun_again() -> None:
    """A second start would break the protocol."""

    async def half(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.sleep(60)

    draining = Draining()
    under_way = asyncio.create_task(request(draining.wrap(half)))
    await asyncio.sleep(0.02)
    with anyio.fail_after(10):
        await stopped(draining, deadline=0.02)
        messages = await under_way
    assert ["http.response.start"] == [message["type"] for message in messages]


async def test_nothing_under_way_is_not_waited_for() -> None:
    """Only for a moment, for what the kernel may have accepted."""
    began = anyio.current_time()
    await stopped(Draining(), deadline=60)
    assert anyio.current_time() - began < 10


async def test_before_the_stop_connections_are_kept() -> None:
    """Keep-alive works as ever."""
    slow = Slow()
    slow.go.set()
    start, _ = await request(Draining().wrap(slow))
    assert [] == start["headers"]


async def test_a_fault_counts_as_finished() -> None:
    """And goes on as itself."""

    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise ZeroDivisionError

    draining = Draining()
    with pytest.raises(ZeroDivisionError):
        await request(draining.wrap(broken))
    with anyio.fail_after(10):
        await stopped(draining, deadline=60)


async def test_the_lifespan_is_left_alone() -> None:
    """It is no request, and not ended by the deadline."""
    slow, draining = Slow(), Draining()
    lifespan = asyncio.create_task(request(draining.wrap(slow), "lifespan"))
    await slow.begun.wait()
    await stopped(draining, deadline=0.01)
    assert not lifespan.done()
    slow.go.set()
    await lifespan


async def test_a_stream_lifts_its_own_deadline() -> None:
    """And is still ended when the process stops."""
    begun = asyncio.Event()

    async def endless(scope: Any, _receive: Any, send: Any) -> None:
        lift_deadline(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        begun.set()
        await asyncio.sleep(60)

    draining = Draining(request_deadline=0.05)
    under_way = asyncio.create_task(request(draining.wrap(endless)))
    await begun.wait()
    await asyncio.sleep(0.15)
    assert not under_way.done()
    with anyio.fail_after(10):
        await stopped(draining, deadline=0.02)
        await under_way
