"""A bell between tasks of one process."""

import asyncio
import contextlib


class Bell:
    """Rings once for however many reasons there are; who waits hears it at once."""

    def __init__(self) -> None:
        self._rung = asyncio.Event()

    def ring(self) -> None:
        """Wake whoever waits, now or next."""
        self._rung.set()

    async def wait(self, seconds: float) -> None:
        """Wait for the bell, or for so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._rung.wait()
        self._rung.clear()
