"""Rows of `sessions`."""

from typing import Final

from tgauth.domain.session import Session
from tgauth.store.database import Connection, Row

COLUMNS: Final = "id, subject, client_id, secret_hash, created_at, expires_at, ended_at"
SELECT: Final = f"SELECT {COLUMNS} FROM sessions WHERE id = :id"
SELECT_BY_SECRET: Final = f"SELECT {COLUMNS} FROM sessions WHERE secret_hash = :secret_hash"
UPSERT: Final = f"""
    INSERT INTO sessions ({COLUMNS}) VALUES (
        :id, :subject, :client_id, :secret_hash, :created_at, :expires_at, :ended_at
    )
    ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at
"""


async def get(connection: Connection, session_id: str) -> Session | None:
    """Return the session with this id."""
    row = await connection.one(SELECT, {"id": session_id})
    return _session(row) if row else None


async def find(connection: Connection, secret_hash: str) -> Session | None:
    """Return the session whose cookie's secret has this hash."""
    row = await connection.one(SELECT_BY_SECRET, {"secret_hash": secret_hash})
    return _session(row) if row else None


async def save(connection: Connection, session: Session) -> None:
    """Add a session, or keep that it ended."""
    await connection.run(
        UPSERT,
        {
            "id": session.id,
            "subject": session.subject,
            "client_id": session.client_id,
            "secret_hash": session.secret_hash,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
            "ended_at": session.ended_at,
        },
    )


def _session(row: Row) -> Session:
    return Session(
        id=row["id"],
        subject=row["subject"],
        client_id=row["client_id"],
        secret_hash=row["secret_hash"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        ended_at=row["ended_at"],
    )
