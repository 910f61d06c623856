"""`tgauth serve`: the supervisor's own process, and what it keeps running.

It loads neither Telegram nor HTTP nor the store.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from tgauth.lifetime import SUCCEEDED
from tgauth.listening import listening
from tgauth.logs import Log
from tgauth.premises import alone, control_path, needs_migration
from tgauth.processes import BOT_GRACE, STOP_DEADLINE, command, report
from tgauth.renewal import renewed
from tgauth.settings import Settings
from tgauth.supervisor import Child, Supervisor, control_socket
from tgauth.supervisor.child import notify

_log = Log("supervisor")

_API_GRACE: Final = 7.0
#: Of an API process that was replaced: idle connections, then whatever request is under way.
_LEAVING_GRACE: Final = 40.0
#: Seconds without a sign of life from its event loop after which a process is replaced. The longest
#: that one of ours was ever seen to block on a crowded machine is far below.
WATCHDOG: Final = 10.0
#: Seconds by which a start may take longer, asked for again and again.
_EXTENSION: Final = 30.0


async def serve(settings: Settings) -> int:
    """Run the supervisor with its API and bot processes; return the exit code.

    Raises:
        AlreadyServed: Another one does.
        ConfigurationError: The address cannot be listened on, or the database cannot be there.
        StoreUnavailable: Its folder cannot be written.
    """
    path = settings.database.path
    place = control_path(path, os.environ)
    with alone(path, place), listening(settings) as listener, _controlled(place) as control:
        if needs_migration(path):
            # Once, and for as long as it takes: a child has only so long to become ready.
            _log.info("store.migrating", path=path)
            async with _taking_its_time("migrating the store"):
                process = await asyncio.create_subprocess_exec(*command("db", "migrate"))
                code = await process.wait()
            if code:
                return code
        supervisor = Supervisor(
            children_of(settings, listener, path),
            report=report,
            deadline=STOP_DEADLINE,
            renew=lambda: renewed(settings, lambda anew: children_of(anew, listener, path)),
            control=control,
        )
        return await supervisor.run()


@asynccontextmanager
async def _taking_its_time(what: str) -> AsyncIterator[None]:
    """Ask a service manager to wait for as long as the block takes (sd_notify(3))."""

    async def ask() -> None:
        while True:
            notify(EXTEND_TIMEOUT_USEC=str(int(_EXTENSION * 1_000_000)), STATUS=what)
            await asyncio.sleep(_EXTENSION / 3)

    asking = asyncio.create_task(ask())
    try:
        yield
    finally:
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)


@contextmanager
def _controlled(place: Path) -> Iterator[socket.socket | None]:
    """Listen for commands; going without is better than not serving at all."""
    with ExitStack() as opened:
        control: socket.socket | None = None
        try:
            control = opened.enter_context(control_socket(place))
        except OSError as error:
            advice = "`tgauth status`, `reload` and `stop` do not work; signals do"
            _log.warning("control.unavailable", path=place, reason=error, advice=advice)
        yield control


def children_of(settings: Settings, listener: socket.socket, database: Path) -> list[Child]:
    """Return the processes of one installation, in the order of their start.

    Args:
        settings: What is set, now or after a reload.
        listener: What the API listens on.
        database: The store that they work on, whatever the settings say since.
    """
    environment = {"TGAUTH_DATABASE__PATH": str(database.absolute())}
    workers = settings.api.workers
    names = ["api"] if workers == 1 else [f"api-{number}" for number in range(1, workers + 1)]
    apis = [
        Child(
            name=name,
            argv=command("run", "api"),
            file_descriptors=(listener.fileno(),),
            environment=environment,
            grace=_API_GRACE,
            watchdog=WATCHDOG,
            group="api",
            replace_signal=SUCCEEDED,
            replace_grace=_LEAVING_GRACE,
        )
        for name in names
    ]
    bot = Child(
        name="bot",
        argv=command("run", "bot"),
        environment=environment,
        grace=BOT_GRACE,
        watchdog=WATCHDOG,
    )
    return [*apis, bot]
