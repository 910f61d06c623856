"""The connection to the SQLite file, and the one way to write to it."""

import sqlite3
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import aiosqlite

from tgauth.database_file import require_access
from tgauth.domain.errors import StoreUnavailable
from tgauth.measures import NO_MEASURES, Measures
from tgauth.store.access import require_store
from tgauth.store.cancellation import uninterrupted
from tgauth.store.connecting import PATIENCE, connect, only_for_us, translated
from tgauth.store.connection import (
    Connection,
    impatient,
    in_thread_of,
    look,
    require_schema,
    transact,
)
from tgauth.store.migrations import SchemaTooNew, migrate, require_no_migration, version_of
from tgauth.store.presence import Presence, alone, present
from tgauth.store.turns import TurnLock
from tgauth.store.wakeups import Topic, Wakeups

#: The same for a probe: whoever asks whether the store is well wants to know soon.
PROBE_PATIENCE: Final = 1.0

P = ParamSpec("P")
T = TypeVar("T")

UPSERT_PROBE: Final = """
    INSERT INTO probes (only_row, number) VALUES (1, 1)
    ON CONFLICT (only_row) DO UPDATE SET number = probes.number + 1
"""


class Store:
    """One process's view of the store: a connection that writes and one that reads."""

    def __init__(
        self,
        path: Path,
        *,
        writer: aiosqlite.Connection,
        reader: aiosqlite.Connection,
        turns: TurnLock,
        schema: int,
    ) -> None:
        self._path = path
        self._schema = schema
        self._identity = _identity_of(path)
        self._writer = writer
        self._reader = Connection(reader)
        self._raw_reader = reader
        self._turns = turns
        self.wakeups = Wakeups(path)

    @classmethod
    @asynccontextmanager
    async def open(
        cls,
        path: Path,
        *,
        as_it_is: bool = False,
        by: Presence = present,
        measures: Measures = NO_MEASURES,
    ) -> AsyncIterator["Store"]:
        """Open the store at `path`, and close it at the end.

        Args:
            path: The file.
            as_it_is: Whether it must be there and up to date; otherwise it is made and migrated.
            by: `present` beside others, or `alone`.
            measures: Where it is timed how long writers wait, and how long they take.

        Raises:
            StoreUnavailable: It cannot be opened, is no tgauth store, or is being restored.
            StoreInUse: Somebody has it open, and it has to be opened alone.
            StoreMissing: It has to be there and is not.
            SchemaTooOld: It has to be up to date and is not.
            SchemaTooNew: It was written by a newer version.
        """
        if as_it_is:
            require_store(path)
        with by(path):
            store = await cls._connected(path, as_it_is=as_it_is)
            store._turns.measures = measures  # noqa: SLF001 - this very class
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
        async with cls.open(path, by=alone):
            pass

    @classmethod
    async def _connected(cls, path: Path, *, as_it_is: bool) -> "Store":
        require_access(path)
        turns = turns_of(path)
        with translated(), only_for_us():
            async with turns.turn():
                writer = await connect(path)
                try:
                    # Changing to WAL needs the file alone; once made, it stays in the file.
                    await writer.execute_fetchall("PRAGMA journal_mode = WAL")
                    if as_it_is:
                        await require_no_migration(writer)
                    await uninterrupted(migrate(writer, path))
                    schema = await version_of(writer)
                    # Last: whatever goes wrong afterwards would leave it open.
                    reader = await connect(path)
                    return cls(path, writer=writer, reader=reader, turns=turns, schema=schema)
                except BaseException:
                    await uninterrupted(writer.close())
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
                        await uninterrupted(self._roll_back())
                        await uninterrupted(self._writer.execute_fetchall("BEGIN IMMEDIATE"))
                        require_schema(await uninterrupted(version_of(self._writer)), self._schema)
                        yield connection
                    except BaseException:
                        await uninterrupted(self._roll_back())
                        raise
                    await uninterrupted(self._commit())
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
            self._writer,
            lambda connection: body(connection, *arguments, **more),
            schema=self._schema,
            announced=announced,
        )
        try:
            async with self._turns.turn():
                with translated():
                    return await uninterrupted(in_thread_of(self._writer, work))
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
        work = transact(self._writer, _probe, schema=self._schema, announced=set())
        async with self._turns.turn(patience=PROBE_PATIENCE):
            with translated():
                hurried = impatient(self._writer, work, PROBE_PATIENCE, otherwise=PATIENCE)
                await uninterrupted(in_thread_of(self._writer, hurried))

    async def require_own_schema(self) -> None:
        """Make sure that the store still has the schema with which it was opened.

        A newer version that is started beside this one migrates it; the rows then mean what this
        version cannot know.

        Raises:
            SchemaTooNew: It was migrated meanwhile: this process has to end.
            StoreUnavailable: The store cannot be read at the moment.
        """
        with translated():
            found = await version_of(self._raw_reader)
        if found != self._schema:
            raise SchemaTooNew(found=found, known=self._schema)

    async def close(self) -> None:
        """Let go of the file; for whoever did not get it from `open`."""
        await uninterrupted(self._close())

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


async def _probe(connection: Connection) -> None:
    await connection.run(UPSERT_PROBE)


def turns_of(path: Path) -> TurnLock:
    """Return the lock of a store's writers."""
    return TurnLock(path.with_name(path.name + ".lock"), patience=PATIENCE)


def _identity_of(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino
