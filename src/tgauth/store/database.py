"""The connection to the SQLite file, and the one way to write to it."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiosqlite

from tgauth.domain.errors import StoreUnavailable, TgauthError
from tgauth.store.access import only_for_us, require_access
from tgauth.store.cancellation import to_the_end
from tgauth.store.connection import Connection, in_thread_of, look, transact
from tgauth.store.migrations import SchemaTooOld, migrate, shipped, version_of
from tgauth.store.presence import alone, present
from tgauth.store.troubles import translated
from tgauth.store.turns import TurnLock
from tgauth.store.wakeups import Topic, Wakeups

#: Seconds to wait for another process's write before the store counts as unavailable.
PATIENCE: Final = 5.0

P = ParamSpec("P")
T = TypeVar("T")

UPSERT_PROBE: Final = """
    INSERT INTO probes (only_row, number) VALUES (1, 1)
    ON CONFLICT (only_row) DO UPDATE SET number = probes.number + 1
"""

_PRAGMAS: Final = (
    # A login that was acknowledged to a person survives a power cut: NORMAL does not promise that.
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    f"PRAGMA busy_timeout = {int(PATIENCE * 1000)}",
)


class StoreMissing(TgauthError):
    """There is no store where one was expected, and what was asked for makes none."""

    code = "store_missing"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"there is no store at {path}: TGAUTH_DATABASE__PATH names another file, or tgauth "
            "has never run here"
        )


class Store:
    """One process's view of the store: a connection that writes and one that reads."""

    def __init__(
        self,
        path: Path,
        *,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        turns: TurnLock,
    ) -> None:
        self._path = path
        self._identity = _identity_of(path)
        self._writer = writer
        self._reader = Connection(reader)
        self._raw_reader = reader
        self._turns = turns
        self.wakeups = Wakeups(path)

    @classmethod
    @asynccontextmanager
    async def open(cls, path: Path, *, as_it_is: bool = False) -> AsyncIterator["Store"]:
        """Open the store at `path`, and close it at the end.

        Args:
            path: The file.
            as_it_is: Whether it must be there and up to date; otherwise it is made and migrated.

        Raises:
            StoreUnavailable: It cannot be opened, is no tgauth store, or is being restored.
            StoreMissing: It has to be there and is not.
            SchemaTooOld: It has to be up to date and is not.
            SchemaTooNew: It was written by a newer version.
        """
        if as_it_is:
            require_store(path)
        with present(path):
            store = await cls._connected(path, as_it_is=as_it_is)
            try:
                yield store
            finally:
                await store.close()

    @classmethod
    async def migrate(cls, path: Path) -> None:
        """Bring the store at `path` to this version's schema, while nobody else has it open.

        Raises:
            StoreMissing: There is none.
            StoreInUse: Somebody has it open.
            StoreUnavailable: It cannot be written, or there is no room for the copy.
            SchemaTooNew: It was written by a newer version.
        """
        require_store(path)
        with alone(path):
            store = await cls._connected(path, as_it_is=False)
            await store.close()

    @classmethod
    async def _connected(cls, path: Path, *, as_it_is: bool) -> "Store":
        require_access(path)
        turns = turns_of(path)
        with translated(), only_for_us():
            async with turns.turn():
                writer = await _connect(path)
                try:
                    # Changing to WAL needs the file alone; once made, it stays in the file.
                    await writer.execute_fetchall("PRAGMA journal_mode = WAL")
                    if as_it_is:
                        await _require_no_migration(writer)
                    await to_the_end(migrate(writer, path))
                    reader = await _connect(path)
                    return cls(path, writer=writer, reader=reader, turns=turns)
                except BaseException:
                    await to_the_end(writer.close())
                    raise

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[Connection]:
        """Hold the one write transaction: returning commits, raising rolls back.

        BEGIN IMMEDIATE, because a deferred transaction that reads and then writes fails at once
        under several writers. BEGIN, COMMIT and ROLLBACK run to their end: a task that is cancelled
        while it waits for one of them would leave the connection inside an open transaction.

        Raises:
            StoreUnavailable: The store cannot be written at the moment. Nothing was changed, except
                that a failed COMMIT may still have been written (SQLite cannot know).
        """
        connection = Connection(self._writer)
        try:
            async with self._turns.turn():
                with translated():
                    try:
                        # Nothing can be left open here; if it ever is, one login fails and not all.
                        await to_the_end(self._roll_back())
                        await to_the_end(self._writer.execute_fetchall("BEGIN IMMEDIATE"))
                        yield connection
                    except BaseException:
                        await to_the_end(self._roll_back())
                        raise
                    await to_the_end(self._commit())
        finally:
            # Waking somebody for nothing does no harm; not waking after a commit would.
            self._announce(connection.announced)

    async def write(
        self,
        body: Callable[Concatenate[Connection, P], Coroutine[Any, Any, T]],
        *arguments: P.args,
        **more: P.kwargs,
    ) -> T:
        """Run a whole write transaction in the store's thread, and return what its body returns.

        As `writing`, but in one hop; the body may await nothing but its connection.

        Args:
            body: What happens inside; given the connection first.
            *arguments: What else it is given.
            **more: The same, by name.

        Raises:
            StoreUnavailable: As in `writing`.
        """
        announced: set[Topic] = set()
        work = transact(
            self._writer, lambda connection: body(connection, *arguments, **more), announced
        )
        try:
            async with self._turns.turn():
                with translated():
                    return await to_the_end(in_thread_of(self._writer, work))
        finally:
            # Also when this task was cancelled while the commit ran.
            self._announce(announced)

    async def read(
        self,
        body: Callable[Concatenate[Connection, P], Coroutine[Any, Any, T]],
        *arguments: P.args,
        **more: P.kwargs,
    ) -> T:
        """Run some reading in the store's thread, and return what its body returns.

        The same as `reading`, in one hop; the body may await nothing but its connection.

        Raises:
            StoreUnavailable: The store cannot be read at the moment.
        """
        work = look(self._raw_reader, lambda connection: body(connection, *arguments, **more))
        with translated():
            return await in_thread_of(self._raw_reader, work)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """Lend the reading connection. Each statement sees the newest commit.

        Raises:
            StoreUnavailable: The store cannot be read at the moment.
        """
        with translated():
            yield self._reader

    async def probe(self) -> None:
        """Commit a row: tells whether a login could be stored right now, also on a full disk.

        Raises:
            StoreUnavailable: It could not.
        """
        if _identity_of(self._path) != self._identity:
            # What is written to a file that was deleted or replaced is gone at the next start.
            raise StoreUnavailable(f"{self._path} is not the file any more that was opened")
        async with self.writing() as connection:
            await connection.run(UPSERT_PROBE)

    async def close(self) -> None:
        """Let go of the file; for whoever did not get it from `open`."""
        await to_the_end(self._close())

    def _announce(self, topics: set[Topic]) -> None:
        if topics:
            self.wakeups.announce(topics)

    async def _commit(self) -> None:
        try:
            await self._writer.execute_fetchall("COMMIT")
        except sqlite3.Error:
            await self._roll_back()
            raise

    async def _roll_back(self) -> None:
        # SQLite rolls back by itself on some errors (a full disk); a second ROLLBACK would hide
        # the first error behind its own.
        if self._writer.in_transaction:
            await self._writer.execute_fetchall("ROLLBACK")

    async def _close(self) -> None:
        self.wakeups.close()
        try:
            # The last connection to close checkpoints the WAL: that needs a turn as well.
            async with self._turns.turn():
                await self._raw_reader.close()
                await self._writer.close()
        except StoreUnavailable:
            await self._raw_reader.close()
            await self._writer.close()


def turns_of(path: Path) -> TurnLock:
    """Return the lock of a store's writers."""
    return TurnLock(path.with_name(path.name + ".lock"), patience=PATIENCE)


def require_store(path: Path) -> None:
    """Refuse a path where no file is.

    Raises:
        StoreMissing: There is none.
    """
    if not path.is_file():
        raise StoreMissing(path)


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


async def _connect(path: Path) -> aiosqlite.Connection:
    connection = await aiosqlite.connect(path, isolation_level=None)
    try:
        connection.row_factory = sqlite3.Row
        for pragma in _PRAGMAS:
            await connection.execute_fetchall(pragma)
    except BaseException:
        await to_the_end(connection.close())
        raise
    return connection


async def _require_no_migration(connection: aiosqlite.Connection) -> None:
    current, newest = await version_of(connection), shipped()[-1].number
    if current < newest:
        raise SchemaTooOld(found=current, known=newest)
