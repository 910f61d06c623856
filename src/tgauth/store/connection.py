"""What a row module is given, and how a whole body of statements runs in one hop."""

import sqlite3
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Final, TypeVar

import aiosqlite

from tgauth.domain.errors import StoreUnavailable
from tgauth.store.wakeups import Topic

T = TypeVar("T")

SELECT_SCHEMA: Final = "PRAGMA user_version"

Parameters = Mapping[str, str | int | None]
Row = sqlite3.Row


class Connection:
    """What a row module is given: named parameters in, rows out.

    Attributes:
        announced: What others wait for and this transaction brings: they are woken when it is
            committed.
    """

    __slots__ = ("_raw", "announced")

    def __init__(self, raw: aiosqlite.Connection) -> None:
        self._raw = raw
        self.announced: set[Topic] = set()

    async def run(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        """Run one statement and return all of its rows."""
        rows = await self._raw.execute_fetchall(sql, parameters or {})
        return list(rows)

    async def one(self, sql: str, parameters: Parameters | None = None) -> Row | None:
        """Run one statement and return its first row, if it has any."""
        rows = await self.run(sql, parameters)
        return rows[0] if rows else None


class DirectConnection(Connection):
    """The same inside the connection's own thread, where nothing has to be waited for."""

    __slots__ = ("_direct",)

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._direct = raw
        self.announced = set()

    async def run(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        """Run one statement and return all of its rows."""
        return self._direct.execute(sql, parameters or {}).fetchall()


def transact(
    writer: aiosqlite.Connection,
    body: Callable[[Connection], Coroutine[Any, Any, T]],
    *,
    schema: int,
    announced: set[Topic],
) -> Callable[[], T]:
    """Return what runs `body` as a write transaction, in the connection's own thread.

    Returning commits, raising rolls back; the body may await nothing but its connection.

    Args:
        writer: The connection.
        body: What happens inside.
        schema: The version of the schema that it was written for.
        announced: Holds afterwards what was committed and others wait for.
    """

    def work() -> T:
        raw = writer._conn  # noqa: SLF001 - the connection that this very thread made
        if raw.in_transaction:
            raw.execute("ROLLBACK")
        raw.execute("BEGIN IMMEDIATE")
        connection = DirectConnection(raw)
        try:
            require_schema(raw.execute(SELECT_SCHEMA).fetchone()[0], schema)
            outcome = _driven(body(connection))
            raw.execute("COMMIT")
        except BaseException:
            if raw.in_transaction:
                raw.execute("ROLLBACK")
            raise
        announced.update(connection.announced)
        return outcome

    return work


def require_schema(found: int, known: int) -> None:
    """Refuse to write where another version has migrated the store meanwhile.

    Raises:
        StoreUnavailable: It has.
    """
    if found != known:
        raise StoreUnavailable(
            f"it was migrated to version {found} meanwhile, and this process works with {known}"
        )


def impatient(
    writer: aiosqlite.Connection, work: Callable[[], T], patience: float, *, otherwise: float
) -> Callable[[], T]:
    """Return `work` that waits for other programs' locks so long only, and no other time.

    Args:
        writer: The connection.
        work: What to run in its thread.
        patience: Seconds.
        otherwise: Seconds that the connection waits at other times.
    """

    def hurried() -> T:
        raw = writer._conn  # noqa: SLF001 - the connection that this very thread made
        raw.execute(f"PRAGMA busy_timeout = {int(patience * 1000)}")
        try:
            return work()
        finally:
            raw.execute(f"PRAGMA busy_timeout = {int(otherwise * 1000)}")

    return hurried


def look(
    reader: aiosqlite.Connection, body: Callable[[Connection], Coroutine[Any, Any, T]]
) -> Callable[[], T]:
    """Return what runs `body` in the connection's own thread, without a transaction."""

    def work() -> T:
        return _driven(body(DirectConnection(reader._conn)))  # noqa: SLF001 - the same

    return work


async def in_thread_of(connection: aiosqlite.Connection, work: Callable[[], T]) -> T:
    """Run something in the thread that a connection lives in.

    Args:
        connection: The connection.
        work: What to run there.
    """
    # aiosqlite's own door for everything that it does; a test notices when it is gone.
    execute: Callable[[Callable[[], T]], Coroutine[Any, Any, T]] = connection._execute  # noqa: SLF001 - see above
    return await execute(work)


def _driven(body: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never has to wait."""
    try:
        body.send(None)
    except StopIteration as end:
        outcome: T = end.value
        return outcome
    body.close()
    raise RuntimeError("a transaction waited for something else than its store")
