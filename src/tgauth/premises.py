"""Where a store can be, and that one supervisor at a time works on it."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final

from tgauth.database_file import MAGIC, header_of, require_access, require_database, unavailable
from tgauth.logs import Log
from tgauth.migration_files import newest
from tgauth.settings import ConfigurationError
from tgauth.supervisor import AlreadyHeld, hold, noted

_log = Log("bot")

_RUNTIME_DIRECTORY: Final = "RUNTIME_DIRECTORY"
#: What Docker, Podman, systemd-nspawn and Kubernetes leave for whoever wants to know.
_CONTAINER_FILES: Final = (".dockerenv", "run/.containerenv", "run/systemd/container")
_CONTAINER_VARIABLES: Final = ("container", "KUBERNETES_SERVICE_HOST")
#: Seconds between looks at whether another bot still works.
_LOOK_EVERY: Final = 0.02


class AlreadyServed(Exception):
    """Another `tgauth serve` works on this store."""

    code = "already_served"

    def __init__(self, database: Path, holder: int | None) -> None:
        by = f"process {holder}" if holder else "another process"
        super().__init__(
            f"{database} is served already, by {by}: stop that one first, or give this one a "
            "database of its own"
        )


@contextmanager
def only_supervisor(database: Path, control: Path) -> Iterator[None]:
    """Keep a second supervisor away from the same store.

    Args:
        database: The store.
        control: Where the first one can be spoken to, which is noted for whoever wants to.

    Raises:
        AlreadyServed: Another one works on it.
        ConfigurationError: The database cannot be there.
        StoreUnavailable: Its folder cannot be written, or the file is another account's or none
            of SQLite.
    """
    check_place(database)
    lock = beside(database, "serve")
    with ExitStack() as held:
        try:
            held.enter_context(hold(lock, note=str(control)))
        except AlreadyHeld as error:
            raise AlreadyServed(database, error.holder) from None
        except OSError as error:
            raise unavailable(lock, error) from error
        # Told here once, rather than by each process in turn.
        whole = database.resolve()
        require_access(whole)
        require_database(whole)
        yield


@asynccontextmanager
async def only_bot(database: Path) -> AsyncIterator[None]:
    """Wait until no other bot of ours works on the same store, and keep others waiting.

    Two would ask Telegram for the same updates, which gives them to one and an error to the other.
    So the next bot can get ready while the last one still works, and follow within milliseconds.
    """
    lock = beside(database, "bot")
    waits_for: int | None = None
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(hold(lock))
                break
            except AlreadyHeld as error:
                if waits_for != error.holder:
                    waits_for = error.holder
                    _log.info("bot.waiting", until_ended=error.holder)
            except OSError as error:
                raise unavailable(lock, error) from error
            await asyncio.sleep(_LOOK_EVERY)
        yield


def control_path(database: Path, environment: Mapping[str, str]) -> Path:
    """Return where the supervisor of a store shall listen for commands.

    That is in the folder for such things which systemd made (systemd.exec(5), RuntimeDirectory=),
    or beside the store.
    """
    made = environment.get(_RUNTIME_DIRECTORY, "").partition(":")[0]
    whole = beside(database, "control")
    return Path(made) / whole.name if made else whole


def control_places(database: Path, environment: Mapping[str, str]) -> tuple[Path, ...]:
    """Return where the supervisor of a store may listen for commands, the likeliest place first."""
    told = noted(beside(database, "serve"))
    places = [Path(told)] if told else []
    places += [control_path(database, environment), beside(database, "control")]
    return tuple(dict.fromkeys(places))


def beside(database: Path, ending: str) -> Path:
    """Return the file of that ending beside a store. Two names of one store are one store."""
    whole = database.resolve()
    return whole.with_name(f"{whole.name}.{ending}")


def is_root_at_large(
    environment: Mapping[str, str], *, user: int | None = None, root: Path = Path("/")
) -> bool:
    """Say whether we run as root where that means the whole machine: outside a container.

    Args:
        environment: The process's environment.
        user: As whom; by default as whom we do.
        root: The file system that we see.
    """
    if (os.geteuid() if user is None else user) != 0:
        return False
    marks = any((root / mark).exists() for mark in _CONTAINER_FILES)
    named = any(environment.get(name) for name in _CONTAINER_VARIABLES)
    return not (marks or named or os.getpid() == 1)


def needs_migration(path: Path) -> bool:
    """Say whether a store was made by an earlier version, looking at its header only.

    The number is in bytes 60 to 63 (sqlite.org/fileformat2.html §1.3.15). What a kill left in the
    write-ahead log is not seen here; whoever opens the store sees it.

    Raises:
        StoreUnavailable: It cannot be read.
    """
    header = header_of(path)
    version = int.from_bytes(header[60:64], "big")
    return header.startswith(MAGIC) and 0 < version < newest()


def check_place(path: Path) -> None:
    """Refuse a path where no database can be.

    Raises:
        ConfigurationError: There is no such folder, or it is one.
    """
    if not path.parent.is_dir():
        raise ConfigurationError(
            "TGAUTH_DATABASE__PATH",
            found=f"the folder {path.parent} does not exist",
            expected="a path in an existing folder",
        )
    if path.is_dir():
        raise ConfigurationError(
            "TGAUTH_DATABASE__PATH",
            found=f"{path} is a folder",
            expected=f"a file, like {path / 'tgauth.db'}",
        )
