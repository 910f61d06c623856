"""Rows of `sessions`."""

from typing import Final

from tgauth.domain.instants import Instant
from tgauth.domain.session import Session, Visitor
from tgauth.store.connection import Connection, Row

COLUMNS: Final = (
    "id, subject, client_id, secret_hash, device, address, created_at, expires_at, seen_at, "
    "idle_expires_at, ended_at"
)
SELECT: Final = f"SELECT {COLUMNS} FROM sessions WHERE id = :id"
SELECT_BY_SECRET: Final = f"SELECT {COLUMNS} FROM sessions WHERE secret_hash = :secret_hash"
SELECT_LIVING: Final = f"""
    SELECT {COLUMNS} FROM sessions
    WHERE subject = :subject AND ended_at IS NULL AND expires_at > :now AND idle_expires_at > :now
    ORDER BY created_at DESC, id
"""
SELECT_BY_SUBJECT: Final = f"""
    SELECT {COLUMNS} FROM sessions WHERE subject = :subject ORDER BY created_at, id
"""
UPSERT: Final = f"""
    INSERT INTO sessions ({COLUMNS}) VALUES (
        :id, :subject, :client_id, :secret_hash, :device, :address, :created_at, :expires_at,
        :seen_at, :idle_expires_at, :ended_at
    )
    ON CONFLICT (id) DO UPDATE SET
        seen_at = excluded.seen_at,
        idle_expires_at = excluded.idle_expires_at,
        ended_at = excluded.ended_at
"""
END_ALL: Final = """
    UPDATE sessions SET ended_at = :now
    WHERE subject = :subject AND ended_at IS NULL AND expires_at > :now AND idle_expires_at > :now
    RETURNING id
"""
END_EVERYBODYS: Final = """
    UPDATE sessions SET ended_at = :now
    WHERE ended_at IS NULL AND expires_at > :now AND idle_expires_at > :now
"""
COUNT_CHANGES: Final = "SELECT changes() AS number"
END_OVERDUE: Final = """
    UPDATE sessions SET ended_at = :now
    WHERE ended_at IS NULL AND expires_at > :now AND idle_expires_at > :now
    AND (expires_at <= :expected OR idle_expires_at <= :expected)
"""
# What ended by its idle time is not looked for: its lifetime ends as well, some day.
SWEEP: Final = """
    DELETE FROM sessions WHERE id IN (
        SELECT id FROM sessions WHERE expires_at < :before ORDER BY expires_at LIMIT :most
    )
    RETURNING id
"""


async def get(connection: Connection, session_id: str) -> Session | None:
    """Return the session with this id."""
    row = await connection.one(SELECT, {"id": session_id})
    return _session(row) if row else None


async def find(connection: Connection, secret_hash: str) -> Session | None:
    """Return the session whose cookie's secret has this hash."""
    row = await connection.one(SELECT_BY_SECRET, {"secret_hash": secret_hash})
    return _session(row) if row else None


async def living(connection: Connection, subject: str, *, now: Instant) -> list[Session]:
    """Return the sessions of a person that still live, newest first."""
    rows = await connection.run(SELECT_LIVING, {"subject": subject, "now": now})
    return [_session(row) for row in rows]


async def of_person(connection: Connection, subject: str) -> list[Session]:
    """Return every session of a person that is still kept, oldest first."""
    return [_session(row) for row in await connection.run(SELECT_BY_SUBJECT, {"subject": subject})]


async def save(connection: Connection, session: Session) -> None:
    """Add a session, or keep that it was used or ended."""
    await connection.run(
        UPSERT,
        {
            "id": session.id,
            "subject": session.subject,
            "client_id": session.client_id,
            "secret_hash": session.secret_hash,
            "device": session.visitor.device,
            "address": session.visitor.address,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
            "seen_at": session.seen_at,
            "idle_expires_at": session.idle_expires_at,
            "ended_at": session.ended_at,
        },
    )


async def end_all(connection: Connection, subject: str, *, now: Instant) -> int:
    """End every living session of a person; return how many there were."""
    return len(await connection.run(END_ALL, {"subject": subject, "now": now}))


async def end_everybodys(connection: Connection, *, now: Instant) -> int:
    """End every living session, whoever's it is; return how many there were."""
    await connection.run(END_EVERYBODYS, {"now": now})
    row = await connection.one(COUNT_CHANGES)
    return row["number"] if row else 0


async def end_overdue(connection: Connection, *, expected: Instant, now: Instant) -> None:
    """End for good every session that had ended by its time before the clock was set back.

    Args:
        connection: The write transaction.
        expected: What the clock would show.
        now: What it shows.
    """
    await connection.run(END_OVERDUE, {"expected": expected, "now": now})


async def sweep(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of sessions whose lifetime ended long ago; return how many."""
    return len(await connection.run(SWEEP, {"before": before, "most": most}))


def _session(row: Row) -> Session:
    return Session(
        id=row["id"],
        subject=row["subject"],
        client_id=row["client_id"],
        secret_hash=row["secret_hash"],
        visitor=Visitor(device=row["device"], address=row["address"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        seen_at=row["seen_at"],
        idle_expires_at=row["idle_expires_at"],
        ended_at=row["ended_at"],
    )
