"""Rows of `codes`: hashes only."""

from typing import Final

from tgauth.domain.code import CALLBACK_CODE_LIFETIME, Code, CodeKind
from tgauth.domain.instants import Instant
from tgauth.store.connection import Connection, Row

COLUMNS: Final = "hash, kind, client_id, login_id, expires_at, spent_at"
SELECT: Final = f"SELECT {COLUMNS} FROM codes WHERE hash = :hash"
UPSERT: Final = f"""
    INSERT INTO codes ({COLUMNS}) VALUES (
        :hash, :kind, :client_id, :login_id, :expires_at, :spent_at
    )
    ON CONFLICT (hash) DO UPDATE SET spent_at = excluded.spent_at
"""
# Found by their logins, since there is no index by time: no code outlives its login for longer.
EXPIRE_UNSPENT: Final = """
    UPDATE codes SET expires_at = :now
    WHERE spent_at IS NULL AND expires_at > :now
    AND login_id IN (SELECT id FROM logins WHERE expires_at > :since)
"""


async def get(connection: Connection, code_hash: str) -> Code | None:
    """Return the code with this hash."""
    row = await connection.one(SELECT, {"hash": code_hash})
    return _code(row) if row else None


async def save(connection: Connection, code: Code) -> None:
    """Add a code, or keep that it was spent."""
    await connection.run(
        UPSERT,
        {
            "hash": code.hash,
            "kind": code.kind,
            "client_id": code.client_id,
            "login_id": code.login_id,
            "expires_at": code.expires_at,
            "spent_at": code.spent_at,
        },
    )


async def expire_unspent(connection: Connection, *, now: Instant) -> None:
    """Let every code that could still be spent have expired now."""
    since = now - CALLBACK_CODE_LIFETIME
    await connection.run(EXPIRE_UNSPENT, {"now": now, "since": since})


def _code(row: Row) -> Code:
    return Code(
        hash=row["hash"],
        kind=CodeKind(row["kind"]),
        client_id=row["client_id"],
        login_id=row["login_id"],
        expires_at=row["expires_at"],
        spent_at=row["spent_at"],
    )
