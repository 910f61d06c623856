"""Rows of `bans`: by Telegram id, so that one outlives the account and can come before it."""

from typing import Final

from tgauth.domain.instants import Instant
from tgauth.store.connection import Connection

INSERT: Final = """
    INSERT INTO bans (telegram_id, banned_at) VALUES (:telegram_id, :banned_at)
    ON CONFLICT (telegram_id) DO NOTHING
    RETURNING telegram_id
"""
SELECT: Final = "SELECT banned_at FROM bans WHERE telegram_id = :telegram_id"
SELECT_PAGE: Final = """
    SELECT telegram_id, banned_at FROM bans WHERE telegram_id > :after
    ORDER BY telegram_id LIMIT :most
"""
DELETE: Final = "DELETE FROM bans WHERE telegram_id = :telegram_id RETURNING telegram_id"


async def add(connection: Connection, telegram_id: int, *, now: Instant) -> bool:
    """Ban a Telegram id; say whether it was not banned before."""
    row = await connection.one(INSERT, {"telegram_id": telegram_id, "banned_at": now})
    return row is not None


async def get(connection: Connection, telegram_id: int) -> Instant | None:
    """Return when a Telegram id was banned, if it is."""
    row = await connection.one(SELECT, {"telegram_id": telegram_id})
    return None if row is None else row["banned_at"]


async def page(connection: Connection, *, after: int, most: int) -> dict[int, Instant]:
    """Return the next banned Telegram ids, and since when."""
    rows = await connection.run(SELECT_PAGE, {"after": after, "most": most})
    return {row["telegram_id"]: row["banned_at"] for row in rows}


async def remove(connection: Connection, telegram_id: int) -> bool:
    """Lift a ban; say whether there was one."""
    return await connection.one(DELETE, {"telegram_id": telegram_id}) is not None
