"""What each process of ours tells about its own life, and how it is told to end."""

import asyncio
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from tgauth.supervisor.child import Notifier, watchdog

#: Tells a process that another one has taken its place.
SUCCEEDED: Final = signal.SIGUSR1


@asynccontextmanager
async def alive() -> AsyncIterator[None]:
    """Give signs of life from this event loop for the length of the block."""
    signs = asyncio.create_task(watchdog(), name="signs of life")
    try:
        yield
    finally:
        signs.cancel()
        await asyncio.gather(signs, return_exceptions=True)


def tell_ready() -> None:
    """Tell whoever supervises this process that it does its work."""
    Notifier.from_environment().ready()


class Shutdown:
    """Is awaited for the moment to stop, and knows whether somebody else has taken over."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.has_successor = False
        """Whether another process does the work now, so that nobody waits for the end of this."""

    async def __call__(self) -> None:
        """Return when it is time."""
        await self._asked.wait()
        Notifier.from_environment().stopping()

    def stop(self) -> None:
        """Let it be time."""
        self.has_successor = False
        self._asked.set()

    def succeed(self) -> None:
        """Let it be time to leave the work to a successor, in peace."""
        if not self._asked.is_set():
            self.has_successor = True
            self._asked.set()


@contextmanager
def signalled() -> Iterator[Shutdown]:
    """Turn SIGTERM, SIGINT and `SUCCEEDED` into something to wait for."""
    loop = asyncio.get_running_loop()
    shutdown = Shutdown()
    heeded = {
        signal.SIGTERM: shutdown.stop,
        signal.SIGINT: shutdown.stop,
        SUCCEEDED: shutdown.succeed,
    }
    for number, heed in heeded.items():
        loop.add_signal_handler(number, heed)
    try:
        yield shutdown
    finally:
        for number in heeded:
            loop.remove_signal_handler(number)
