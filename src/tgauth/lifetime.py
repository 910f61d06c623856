"""What each process of ours tells about its own life, and how it is told to end."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from tgauth.supervisor.child import Notifier, watchdog


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


def tell_status(text: str) -> None:
    """Tell whoever supervises this process what it is doing, in a few words."""
    Notifier.from_environment().status(text)


@contextmanager
def signalled() -> Iterator[Callable[[], Awaitable[None]]]:
    """Turn SIGTERM and SIGINT into something to wait for."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, asked.set)

    async def wait() -> None:
        await asked.wait()
        Notifier.from_environment().stopping()

    try:
        yield wait
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)
