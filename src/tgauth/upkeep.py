"""What each process does beside its work: look after the store and the clock.

It begins with the process, not with Telegram: an installation whose bot never reached it would
otherwise grow for ever.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from tgauth.domain.errors import StoreUnavailable
from tgauth.flows.deciding import watch_clock
from tgauth.flows.deployment import Deployment
from tgauth.flows.sweep import sweep
from tgauth.logs import Log

_log = Log("upkeep")

#: Seconds between two looks at the store.
_LOOK_EVERY: Final = 1.0
#: Before the first batch: a start has better things to do.
_FIRST_SWEEP: Final = 5.0
_SWEEP_EVERY: Final = 60.0
#: Between batches: whoever waits for a turn gets one.
_SWEEP_PAUSE: Final = 0.05


@asynccontextmanager
async def kept_up(deployment: Deployment, *, stop: Callable[[], object]) -> AsyncIterator[None]:
    """Look after the store for the length of the block.

    Args:
        deployment: The installation.
        stop: Called when the process has to end, because of what was seen.

    Raises:
        SchemaTooNew: The process was to stop because a newer version migrated its store.
    """
    watching = asyncio.create_task(_watch(deployment), name="watch")
    sweeping = asyncio.create_task(_sweep_for_ever(deployment), name="sweep")
    watching.add_done_callback(lambda done: None if done.cancelled() else stop())
    tasks = (watching, sweeping)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    if not watching.cancelled():
        watching.result()


async def _watch(deployment: Deployment) -> None:
    """Look again and again, until what is seen ends the process."""
    while True:
        try:
            await deployment.store.require_own_schema()
            await watch_clock(deployment)
        except StoreUnavailable as error:
            # Readiness says so as well, and louder.
            _log.debug("store.unavailable", reason=str(error))
        await asyncio.sleep(_LOOK_EVERY)


async def _sweep_for_ever(deployment: Deployment) -> None:
    await asyncio.sleep(_FIRST_SWEEP)
    while True:
        try:
            more = await sweep(deployment)
        except StoreUnavailable as error:
            more = False
            _log.warning("store.unavailable", reason=str(error))
        await asyncio.sleep(_SWEEP_PAUSE if more else _SWEEP_EVERY)
