"""Rows of `logins`."""

from typing import Final

from tgauth.domain.login import Door, LoginRequest, LoginState
from tgauth.store.database import Connection, Row

COLUMNS: Final = (
    "id, door, client_id, subject, state, created_at, expires_at, decided_at, redeemed_at, "
    "session_id, browser"
)
SELECT: Final = f"SELECT {COLUMNS} FROM logins WHERE id = :id"
UPSERT: Final = f"""
    INSERT INTO logins ({COLUMNS}) VALUES (
        :id, :door, :client_id, :subject, :state, :created_at, :expires_at, :decided_at,
        :redeemed_at, :session_id, :browser
    )
    ON CONFLICT (id) DO UPDATE SET
        subject = excluded.subject,
        state = excluded.state,
        decided_at = excluded.decided_at,
        redeemed_at = excluded.redeemed_at,
        session_id = excluded.session_id,
        browser = excluded.browser
"""


async def get(connection: Connection, login_id: str) -> LoginRequest | None:
    """Return the login with this id."""
    row = await connection.one(SELECT, {"id": login_id})
    return _login(row) if row else None


async def save(connection: Connection, login: LoginRequest) -> None:
    """Add a login, or keep what became of it."""
    await connection.run(
        UPSERT,
        {
            "id": login.id,
            "door": login.door,
            "client_id": login.client_id,
            "subject": login.subject,
            "state": login.state,
            "created_at": login.created_at,
            "expires_at": login.expires_at,
            "decided_at": login.decided_at,
            "redeemed_at": login.redeemed_at,
            "session_id": login.session_id,
            "browser": login.browser,
        },
    )


def _login(row: Row) -> LoginRequest:
    return LoginRequest(
        id=row["id"],
        door=Door(row["door"]),
        client_id=row["client_id"],
        subject=row["subject"],
        state=LoginState(row["state"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        decided_at=row["decided_at"],
        redeemed_at=row["redeemed_at"],
        session_id=row["session_id"],
        browser=row["browser"],
    )
