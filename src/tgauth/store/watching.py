"""Hear of what is committed: by a wake-up at once, and by looking in any case."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Final

from tgauth.domain.errors import StoreUnavailable
from tgauth.store.connection import Connection
from tgauth.store.database import Store
from tgauth.store.wakeups import Topic

#: Seconds between two looks: what a lost wake-up costs at most.
LOOK_EVERY: Final = 1.0

#: Changes whenever another connection has committed (sqlite.org/pragma.html#pragma_data_version).
DATA_VERSION: Final = "PRAGMA data_version"


@asynccontextmanager
async def watching(
    store: Store, listeners: Mapping[Topic, Callable[[], object]]
) -> AsyncIterator[None]:
    """Call a function whenever what it waits for was committed, for the length of the block.

    It may also be called when nothing came.

    Args:
        store: The store.
        listeners: What to call, by what it waits for.
    """
    with store.wakeups.listening(listeners):
        looking = asyncio.create_task(_look(store), name="store watch")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.gather(looking, return_exceptions=True)


async def _look(store: Store) -> None:
    seen: int | None = None
    while True:
        version = await _version(store)
        # A store that cannot be read is for whoever reads it to tell.
        if version != seen or version is None:
            store.wakeups.ring_all()
        seen = version
        await asyncio.sleep(LOOK_EVERY)


async def _version(store: Store) -> int | None:
    try:
        return await store.read(_ask)
    except StoreUnavailable:
        return None


async def _ask(connection: Connection) -> int:
    row = await connection.one(DATA_VERSION)
    return int(row["data_version"]) if row else 0
