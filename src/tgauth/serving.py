"""`tgauth serve`: the supervisor's own process, and what it keeps running.

It loads neither Telegram nor HTTP nor the store.
"""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from tgauth.lifetime import SUCCEEDED, signalled
from tgauth.listening import bind, listening
from tgauth.logs import Log
from tgauth.measures.children import counted
from tgauth.measuring import measures_of, metrics_listeners
from tgauth.migrating import run_migration
from tgauth.premises import control_path, needs_migration, only_supervisor
from tgauth.processes import BOT_GRACE, STOP_DEADLINE, command, report
from tgauth.renewal import renewed
from tgauth.settings import Settings
from tgauth.supervisor import Child, Supervisor, control_socket
from tgauth.supervisor.child import notify

_log = Log("supervisor")

_ARENAS: Final = "MALLOC_ARENA_MAX"

_API_GRACE: Final = 7.0
#: Of an API process that was replaced: idle connections, then whatever request is under way.
_LEAVING_GRACE: Final = 40.0
#: Seconds without a sign of life from its event loop after which a process is replaced. The longest
#: that one of ours was ever seen to block on a crowded machine is far below.
WATCHDOG: Final = 10.0
_TOKEN: Final = "TGAUTH_TELEGRAM__TOKEN"  # noqa: S105 - the name of a variable
#: Looks like one, and is none.
_NO_TOKEN: Final = "0:not-for-the-api"  # noqa: S105 - as it says
#: Seconds by which a start may take longer, asked for again and again.
_EXTENSION: Final = 30.0


async def serve(settings: Settings) -> int:
    """Run the supervisor with its API and bot processes; return the exit code.

    Raises:
        AlreadyServed: Another one does.
        ConfigurationError: The address cannot be listened on, or the database cannot be there.
        StoreUnavailable: The store cannot be opened, and waiting does not help.
    """
    path = settings.database.path
    place = control_path(path, os.environ)
    with (
        only_supervisor(path, place),
        listening(settings) as listener,
        _controlled(place) as control,
        ExitStack() as others,
    ):
        if needs_migration(path):
            # Once, and for as long as it takes: a child has only so long to become ready.
            _log.info("store.migrating", path=path)
            async with _taking_its_time("migrating the store"):
                with signalled() as shutdown:
                    code = await run_migration(command("db", "migrate"), shutdown=shutdown)
            if code is None:
                _log.info("store.migration_stopped", path=path)
                return os.EX_OK
            if code:
                return code
        shown = [others.enter_context(one) for one in metrics_listeners(settings, bind)]
        listeners = (listener, *shown)
        supervisor = Supervisor(
            children_of(settings, listeners, path),
            report=counted(report, measures_of(settings, "supervisor")),
            deadline=STOP_DEADLINE,
            renew=lambda: renewed(settings, lambda anew: children_of(anew, listeners, path)),
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


def children_of(
    settings: Settings, listeners: Sequence[socket.socket], database: Path
) -> list[Child]:
    """Return the processes of one installation, in the order of their start.

    Args:
        settings: What is set, now or after a reload.
        listeners: What the API listens on, and the metrics if they have an address of their own.
        database: The store that they work on, whatever the settings say since.
    """
    environment = {"TGAUTH_DATABASE__PATH": str(database.absolute()), _ARENAS: _arenas()}
    workers = settings.api.workers
    names = ["api"] if workers == 1 else [f"api-{number}" for number in range(1, workers + 1)]
    apis = [
        Child(
            name=name,
            argv=command("run", "api"),
            file_descriptors=tuple(one.fileno() for one in listeners),
            environment={**environment, **_without_token()},
            grace=_API_GRACE,
            watchdog=WATCHDOG,
            spare=True,
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


def _arenas() -> str:
    """Return how many heaps a process may have, unless the operator knows better: mallopt(3).

    By default each thread gets one, and those of the store keep 3 MB for next to nothing.
    """
    return os.environ.get(_ARENAS, "1")


def _without_token() -> dict[str, str]:
    """Return what keeps the bot's token out of an API process, where it came by the environment.

    Whoever speaks HTTP with strangers has no use for it: a webhook's secret is another one.
    """
    return {_TOKEN: _NO_TOKEN} if _TOKEN in os.environ else {}
