"""Writers take turns: a lock file held around every write transaction.

SQLite's own busy handler is unfair between processes, and before 3.51.3 two connections that write
and checkpoint at the same moment can damage a WAL file (sqlite.org/wal.html#walresetbug). A flock
around each write transaction and each checkpoint is fair and keeps clear of both.
"""

import asyncio
import fcntl
import os
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio

from tgauth.database_file import unavailable
from tgauth.domain.errors import StoreUnavailable
from tgauth.measures import NO_MEASURES, Measures
from tgauth.measures.catalogue import STORE_BUSY, STORE_WAIT
from tgauth.store.lock_files import open_lock_file


class _Ticket:
    """One wait for the lock: whoever comes second, waiter or time-out, lets go of it."""

    def __init__(self) -> None:
        self.mutex = threading.Lock()
        self.abandoned = False
        self.taken = False
        self.granted = asyncio.Event()
        self.loop = asyncio.get_running_loop()


class TurnLock:
    """A lock between the processes that share one store, and between tasks of one process."""

    def __init__(self, path: Path, *, patience: float) -> None:
        """Prepare the lock.

        Args:
            path: The lock file; made when missing.
            patience: Seconds to wait for a turn before the store counts as unavailable.
        """
        #: Where waiting and holding are timed.
        self.measures: Measures = NO_MEASURES
        self._path = path
        self._patience = patience
        self._tasks = anyio.Lock()

    @asynccontextmanager
    async def turn(self, *, patience: float | None = None) -> AsyncIterator[None]:
        """Hold the lock for the length of the block.

        Args:
            patience: Seconds to wait for it, where they are others than usual.

        Raises:
            StoreUnavailable: Nobody let go of it in time, or the file cannot be opened.
        """
        # One deadline for the whole wait, or tasks that queue up would each wait in full, in a row.
        patience = self._patience if patience is None else patience
        asked = anyio.current_time()
        deadline = asked + patience
        try:
            with anyio.fail_after(patience):
                await self._tasks.acquire()
        except TimeoutError as error:
            raise self._too_long(patience) from error
        try:
            descriptor = await self._acquire(deadline, patience)
            taken = anyio.current_time()
            self.measures.observe(STORE_WAIT, taken - asked)
            try:
                yield
            finally:
                os.close(descriptor)
                self.measures.observe(STORE_BUSY, anyio.current_time() - taken)
        finally:
            self._tasks.release()

    async def _acquire(self, deadline: float, patience: float) -> int:
        try:
            descriptor = open_lock_file(self._path)
        except OSError as error:
            raise unavailable(self._path, error) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            try:
                await self._wait_for(descriptor, deadline)
            except TimeoutError as error:
                raise self._too_long(patience) from error
        return descriptor

    async def _wait_for(self, descriptor: int, deadline: float) -> None:
        ticket = _Ticket()
        try:
            with anyio.fail_after(deadline - anyio.current_time()):
                # A daemon: a holder that never lets go must not keep this process from ending.
                waiter = threading.Thread(
                    target=_take_blocking, args=(descriptor, ticket), daemon=True
                )
                waiter.start()
                await ticket.granted.wait()
        except BaseException:
            with ticket.mutex:
                ticket.abandoned = True
                if ticket.taken:
                    os.close(descriptor)
            raise

    def _too_long(self, patience: float) -> StoreUnavailable:
        return StoreUnavailable(f"{self._path.name} was taken for {patience:g} s", may_pass=True)


def _take_blocking(descriptor: int, ticket: _Ticket) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    with ticket.mutex:
        if ticket.abandoned:
            os.close(descriptor)
        else:
            ticket.taken = True
            ticket.loop.call_soon_threadsafe(ticket.granted.set)
