"""What must not be interrupted, is not."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import anyio

T = TypeVar("T")


async def uninterrupted(work: Coroutine[Any, Any, T]) -> T:
    """Await something to its end, and only then pass on a cancellation that came meanwhile.

    anyio's shield holds against anyio's scopes alone: asyncio.TaskGroup, asyncio.timeout and
    python-telegram-bot's updater cancel the task itself.
    """
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    with anyio.CancelScope(shield=True):
        while not task.done():
            try:
                await asyncio.wait([task])
            except asyncio.CancelledError as error:
                cancelled = error
    if cancelled is not None:
        task.exception()  # retrieved, so that nobody complains
        raise cancelled
    return task.result()
