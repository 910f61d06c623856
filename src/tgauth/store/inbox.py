"""Rows of `inbox`: every update that Telegram handed over, until long after it was handled."""

from typing import Final

from tgauth.domain.incoming import StoredUpdate, UpdateKey, UpdateState
from tgauth.domain.instants import CLOCK_TOLERANCE, Instant
from tgauth.store.connection import Connection, Row
from tgauth.store.wakeups import Topic

COLUMNS: Final = "update_id, identity, payload, state, received_at, attempts, not_before"
INSERT: Final = f"""
    INSERT INTO inbox ({COLUMNS}) VALUES (
        :update_id, :identity, :payload, 'waiting', :received_at, 0, :received_at
    )
    ON CONFLICT (update_id, identity) DO NOTHING
    RETURNING sequence
"""
# What was received in the future is due as well: then the clock was set back.
# An update that waits for another attempt must not hold up those behind it.
SELECT_DUE: Final = f"""
    SELECT {COLUMNS} FROM inbox WHERE state = 'waiting'
    AND (not_before <= :now OR received_at > :now + {CLOCK_TOLERANCE})
    ORDER BY sequence LIMIT 1
"""
SELECT_NEXT_TIME: Final = "SELECT min(not_before) AS instant FROM inbox WHERE state = 'waiting'"
SELECT: Final = f"""
    SELECT {COLUMNS} FROM inbox WHERE update_id = :update_id AND identity = :identity
"""
FINISH: Final = """
    UPDATE inbox SET state = 'done', payload = NULL
    WHERE update_id = :update_id AND identity = :identity AND state = 'waiting'
    RETURNING received_at
"""
UPDATE: Final = """
    UPDATE inbox SET state = :state, attempts = :attempts, not_before = :not_before
    WHERE update_id = :update_id AND identity = :identity
"""
BRING_FORWARD: Final = """
    UPDATE inbox SET not_before = not_before - :by WHERE state = 'waiting' AND not_before > :now
"""
SWEEP: Final = """
    DELETE FROM inbox WHERE sequence IN (
        SELECT sequence FROM inbox WHERE received_at < :before AND state <> 'waiting'
        ORDER BY received_at LIMIT :most
    )
    RETURNING sequence
"""
# `identity` begins with the kind and the chat of an update: see `tgauth.bot.updates.key_of`.
_PARKED_BY: Final = """
    state = 'parked' AND (
        identity LIKE 'message:' || :chat_id || ':%'
        OR identity LIKE 'callback:' || :chat_id || ':%'
    )
"""
SELECT_PARKED_BY: Final = f"SELECT {COLUMNS} FROM inbox WHERE {_PARKED_BY} ORDER BY sequence"
FORGET: Final = f"DELETE FROM inbox WHERE {_PARKED_BY}"


async def add(connection: Connection, key: UpdateKey, payload: str, *, now: Instant) -> bool:
    """Keep an update; say whether it is a new one."""
    row = await connection.one(INSERT, {**_names(key), "payload": payload, "received_at": now})
    if row is None:
        return False
    connection.announced.add(Topic.INBOX)
    return True


async def get(connection: Connection, key: UpdateKey) -> StoredUpdate | None:
    """Return the update with this key."""
    row = await connection.one(SELECT, _names(key))
    return _update(row) if row else None


async def due(connection: Connection, *, now: Instant) -> StoredUpdate | None:
    """Return the oldest update that is to be handled now."""
    row = await connection.one(SELECT_DUE, {"now": now})
    return _update(row) if row else None


async def next_time(connection: Connection) -> Instant | None:
    """Return the instant at which the next waiting update is due, if any waits."""
    row = await connection.one(SELECT_NEXT_TIME)
    return None if row is None else row["instant"]


async def finish(connection: Connection, key: UpdateKey) -> Instant | None:
    """Mark an update done and erase it; say when it came, where it was still waiting.

    The flow that handles an update does this first, in the transaction that holds the effects: so
    an update has its effects once, however often it is handed over.
    """
    row = await connection.one(FINISH, _names(key))
    return None if row is None else row["received_at"]


async def save(connection: Connection, update: StoredUpdate) -> None:
    """Keep what became of an update that could not be handled."""
    await connection.run(
        UPDATE,
        {
            **_names(update.key),
            "state": update.state,
            "attempts": update.attempts,
            "not_before": update.not_before,
        },
    )


async def bring_forward(connection: Connection, *, by: int, now: Instant) -> None:
    """Let what waits for another attempt be due so many milliseconds earlier."""
    await connection.run(BRING_FORWARD, {"by": by, "now": now})
    connection.announced.add(Topic.INBOX)


async def sweep(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of updates that were handled or parked long ago; return how many."""
    return len(await connection.run(SWEEP, {"before": before, "most": most}))


async def parked_by(connection: Connection, chat_id: int) -> list[StoredUpdate]:
    """Return what a chat sent and nobody could handle, oldest first."""
    return [_update(row) for row in await connection.run(SELECT_PARKED_BY, {"chat_id": chat_id})]


async def forget(connection: Connection, chat_id: int) -> None:
    """Delete what a chat once sent and nobody could handle: it still holds what was written."""
    await connection.run(FORGET, {"chat_id": chat_id})


def _names(key: UpdateKey) -> dict[str, str | int | None]:
    return {"update_id": key.update_id, "identity": key.identity}


def _update(row: Row) -> StoredUpdate:
    return StoredUpdate(
        key=UpdateKey(update_id=row["update_id"], identity=row["identity"]),
        payload=row["payload"],
        state=UpdateState(row["state"]),
        received_at=row["received_at"],
        attempts=row["attempts"],
        not_before=row["not_before"],
    )
