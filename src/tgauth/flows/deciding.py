"""Decide by the time only once it is clear that the clock was not set.

The wall clock decides what has expired, and people set it: set back, it would bring back to life
what was over. So whoever decides looks at the latest reading that was kept, in the transaction that
decides. A step is dealt with first, in a transaction of its own: a refusal rolls back, and what the
step ended has to stay ended.
"""

from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

from tgauth.domain.clock import Reading, Step, step_between
from tgauth.domain.instants import MINUTE, SECOND, Instant
from tgauth.flows.deployment import Deployment
from tgauth.logs import Log
from tgauth.store import Connection, clock, codes, inbox, logins, outbox, sessions

P = ParamSpec("P")
T = TypeVar("T")

_log = Log("clock")

#: A reading is kept again when the latest one is older, in a transaction that writes anyway …
_REFRESHED_EVERY: Final = 1 * SECOND
#: … and where nobody writes.
_REFRESHED_AT_LEAST_EVERY: Final = 1 * MINUTE

_Body = Callable[Concatenate[Connection, Deployment, P], Coroutine[Any, Any, T]]


async def decide(
    deployment: Deployment, body: _Body[P, T], *arguments: P.args, **more: P.kwargs
) -> T:
    """Run a write transaction that decides by the time, and return what its body returns.

    Args:
        deployment: The installation.
        body: What happens inside; given the connection and the installation, for which time stands
            still.
        *arguments: What else it is given.
        **more: The same, by name.

    Raises:
        StoreUnavailable: As `Store.write`.
    """

    async def decided(connection: Connection) -> T | Step:
        reading, step = await _look(connection, deployment, every=_REFRESHED_EVERY)
        if step is not None:
            return step
        return await body(connection, _at(deployment, reading), *arguments, **more)

    while True:
        outcome = await deployment.store.write(decided)
        if not isinstance(outcome, Step):
            return outcome
        _tell(outcome)


async def judge(
    deployment: Deployment, body: _Body[P, T], *arguments: P.args, **more: P.kwargs
) -> T:
    """Run some reading that judges by the time, and return what its body returns.

    As `decide`, but nothing is written where the clock was not set.

    Raises:
        StoreUnavailable: As `Store.read`, and where a step cannot be kept.
    """

    async def judged(connection: Connection) -> T | Step:
        kept, reading = await clock.get(connection), deployment.reading()
        step = step_between(kept, reading) if kept else None
        if step is not None:
            return step
        return await body(connection, _at(deployment, reading), *arguments, **more)

    while True:
        outcome = await deployment.store.read(judged)
        if not isinstance(outcome, Step):
            return outcome
        await watch_clock(deployment)


async def watch_clock(deployment: Deployment) -> None:
    """Look at the clock, and deal with it where it was set; for whoever has nothing to decide.

    Raises:
        StoreUnavailable: The store cannot be read or, where something is to be kept, written.
    """
    if not await deployment.store.read(_is_due, deployment):
        return
    _, step = await deployment.store.write(_look, deployment, every=0)
    if step is not None:
        _tell(step)


async def _is_due(connection: Connection, deployment: Deployment) -> bool:
    kept, reading = await clock.get(connection), deployment.reading()
    return (
        kept is None
        or not reading.is_of_the_boot_of(kept)
        or step_between(kept, reading) is not None
        or reading.since_boot - kept.since_boot >= _REFRESHED_AT_LEAST_EVERY
    )


async def _look(
    connection: Connection, deployment: Deployment, *, every: int
) -> tuple[Reading, Step | None]:
    kept, reading = await clock.get(connection), deployment.reading()
    step = step_between(kept, reading) if kept else None
    if step is not None and step.is_back:
        await _end_what_was_pending(connection, step, now=reading.wall)
    if (
        kept is None
        or step is not None
        or not reading.is_of_the_boot_of(kept)
        or reading.since_boot - kept.since_boot >= every
    ):
        await clock.save(connection, reading)
    return reading, step


async def _end_what_was_pending(connection: Connection, step: Step, *, now: Instant) -> None:
    """End what a clock that was set back would let live on, or bring back to life.

    How long it has lived cannot be told by the wall any more: fail closed. It has expired *now*, so
    it stays so: for the clock to show less, it would have to be set back again.
    """
    await codes.expire_unspent(connection, now=now)
    await logins.expire_open(connection, now=now)
    await sessions.end_overdue(connection, expected=step.expected, now=now)
    await outbox.hasten_all(connection, now=now)
    # What waits for its next attempt waits as long as it would have.
    await outbox.bring_forward(connection, by=-step.by, now=now)
    await inbox.bring_forward(connection, by=-step.by, now=now)


def _at(deployment: Deployment, reading: Reading) -> Deployment:
    """Return the installation at the moment of a reading: what was judged is what is decided by."""
    return replace(deployment, now=lambda: reading.wall)


def _tell(step: Step) -> None:
    seconds = round(abs(step.by) / SECOND, 3)
    if step.is_back:
        _log.warning("clock.stepped_back", seconds=seconds)
    else:
        _log.info("clock.stepped_forward", seconds=seconds)
