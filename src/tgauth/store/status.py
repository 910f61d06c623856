"""What a store holds, in numbers."""

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tgauth.domain.instants import Instant
from tgauth.store.connection import Connection
from tgauth.store.depths import COUNT_OPEN_LOGINS, SELECT_INBOX
from tgauth.store.migrations import shipped
from tgauth.store.plain import SELECT_TABLES, identity_of, opened

#: The kinds of row that an operator has a word for.
KINDS: Final = (
    "persons",
    "bans",
    "sessions",
    "logins",
    "approvals",
    "approval_blocks",
    "blocked_networks",
    "codes",
    "signing_keys",
    "inbox",
    "outbox",
    "failures",
    "audit",
)
SELECT_OUTBOX: Final = """
    SELECT count(*) AS owed, min(created_at) AS oldest FROM outbox
    WHERE sent_at IS NULL AND given_up_at IS NULL
"""
COUNT_GIVEN_UP: Final = "SELECT count(*) AS number FROM outbox WHERE given_up_at IS NOT NULL"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreStatus:
    """A store in numbers.

    Attributes:
        path: Where it is.
        size: Its length in bytes.
        wal_size: The length of what is not written back to it yet.
        schema: The version of its schema.
        newest_schema: The version that this tgauth works with.
        sqlite: The version of SQLite that runs.
        rows: How many rows there are of each kind.
        waiting: How many of Telegram's updates wait to be handled.
        oldest_waiting: When the oldest of them came.
        parked: How many could not be handled.
        owed: How many messages are to be sent, now or later.
        oldest_owed: When the oldest of them was promised.
        given_up: How many could not be sent.
    """

    path: Path
    size: int
    wal_size: int
    schema: int
    newest_schema: int
    sqlite: str
    rows: Mapping[str, int]
    waiting: int
    oldest_waiting: Instant | None
    parked: int
    owed: int
    oldest_owed: Instant | None
    given_up: int


async def status_of(path: Path) -> StoreStatus:
    """Return the numbers of the store at `path`, of whatever version.

    Raises:
        StoreMissing: There is none.
        StoreUnavailable: It cannot be read at the moment.
        NoStore: What is there is none of tgauth's.
    """
    async with opened(path) as connection:
        identity = await identity_of(connection, path)
        tables = {row["name"] for row in await connection.run(SELECT_TABLES)}
        inbox = await connection.one(SELECT_INBOX)
        outbox = await connection.one(SELECT_OUTBOX)
        rows = {kind: await _count(connection, kind) for kind in KINDS if kind in tables}
        given_up = await connection.one(COUNT_GIVEN_UP)
        return StoreStatus(
            path=path,
            size=_size_of(path),
            wal_size=_size_of(path.with_name(f"{path.name}-wal")),
            schema=identity.schema,
            newest_schema=shipped()[-1].number,
            sqlite=sqlite3.sqlite_version,
            rows=rows,
            waiting=inbox["waiting"] if inbox else 0,
            oldest_waiting=inbox["oldest"] if inbox else None,
            parked=inbox["parked"] if inbox else 0,
            owed=outbox["owed"] if outbox else 0,
            oldest_owed=outbox["oldest"] if outbox else None,
            given_up=given_up["number"] if given_up else 0,
        )


async def open_logins(path: Path, *, now: Instant) -> int:
    """Return how many logins of the store at `path` can still be redeemed.

    Raises:
        StoreMissing: There is none.
        StoreUnavailable: It cannot be read at the moment.
    """
    async with opened(path) as connection:
        row = await connection.one(COUNT_OPEN_LOGINS, {"now": now})
        return int(row["number"]) if row else 0


async def _count(connection: Connection, table: str) -> int:
    row = await connection.one(f"SELECT count(*) AS number FROM {table}")
    return int(row["number"]) if row else 0


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
