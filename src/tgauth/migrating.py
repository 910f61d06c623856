"""Migrate a store before anything is started on it, by a process of its own.

Owns: that process, until its end. The supervisor's own process does not load what migrates.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from tgauth.supervisor.child import NOTIFY_SOCKET, SUPERVISED_BY

#: Seconds from SIGTERM to SIGKILL. A statement of SQLite's does not hold up the former.
GRACE: Final = 5.0


async def run_migration(
    argv: tuple[str, ...], *, shutdown: Callable[[], Awaitable[None]]
) -> int | None:
    """Run a process that migrates to its end, or end it when we are told to stop.

    It dies with us, and whatever ends it, the store is as it was before or as it is afterwards: a
    migration is one transaction.

    Args:
        argv: The command.
        shutdown: Returns when this process is told to stop.

    Returns:
        Its exit code; none where it was ended.
    """
    environment = {name: text for name, text in os.environ.items() if name != NOTIFY_SOCKET}
    process = await asyncio.create_subprocess_exec(
        *argv,
        # In a session of its own, like every child: a Ctrl-C at the terminal is for us.
        start_new_session=True,
        env={**environment, SUPERVISED_BY: str(os.getpid())},
    )
    end = asyncio.ensure_future(process.wait())
    stop = asyncio.ensure_future(shutdown())
    try:
        await asyncio.wait({end, stop}, return_when=asyncio.FIRST_COMPLETED)
        return end.result() if end.done() else None
    finally:
        stop.cancel()
        if not end.done():
            await _ended(process.pid, end)


async def _ended(pid: int, end: "asyncio.Future[int]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        await asyncio.wait({end}, timeout=GRACE)
        if end.done():
            return
