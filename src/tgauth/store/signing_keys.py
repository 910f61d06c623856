"""Rows of `signing_keys`: private parts only encrypted."""

from dataclasses import dataclass
from typing import Final

from tgauth.domain.instants import Instant
from tgauth.store.connection import Connection, Row

COLUMNS: Final = "kid, algorithm, public_jwk, private_jwe, created_at, signs_from, expires_at"
SELECT_ALL: Final = f"SELECT {COLUMNS} FROM signing_keys ORDER BY created_at, kid"
UPSERT: Final = f"""
    INSERT INTO signing_keys ({COLUMNS})
    VALUES (:kid, :algorithm, :public_jwk, :private_jwe, :created_at, :signs_from, :expires_at)
    ON CONFLICT (kid) DO UPDATE SET expires_at = excluded.expires_at
"""
DELETE_ALL: Final = "DELETE FROM signing_keys"
SWEEP: Final = "DELETE FROM signing_keys WHERE expires_at <= :now RETURNING kid"


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A signing key as it rests.

    Attributes:
        kid: Its id in the JWKS.
        algorithm: The JWS algorithm that it signs with.
        public_jwk: The public part, JSON.
        private_jwe: The private part, encrypted under the master key.
        created_at: When it was made.
        signs_from: From when on it signs; before that it is only published.
        expires_at: From when on nothing that it signed is believed; none: it is in use.
    """

    kid: str
    algorithm: str
    public_jwk: str
    private_jwe: str
    created_at: Instant
    signs_from: Instant = 0
    expires_at: Instant | None = None


async def all_of(connection: Connection) -> list[SealedKey]:
    """Return every signing key, oldest first."""
    return [_key(row) for row in await connection.run(SELECT_ALL)]


async def save(connection: Connection, key: SealedKey) -> None:
    """Add a signing key, or keep when it expires."""
    await connection.run(
        UPSERT,
        {
            "kid": key.kid,
            "algorithm": key.algorithm,
            "public_jwk": key.public_jwk,
            "private_jwe": key.private_jwe,
            "created_at": key.created_at,
            "signs_from": key.signs_from,
            "expires_at": key.expires_at,
        },
    )


async def remove_all(connection: Connection) -> None:
    """Delete every signing key."""
    await connection.run(DELETE_ALL)


async def sweep(connection: Connection, *, now: Instant) -> int:
    """Delete the keys that nothing can be verified with any more; return how many."""
    return len(await connection.run(SWEEP, {"now": now}))


def _key(row: Row) -> SealedKey:
    return SealedKey(
        kid=row["kid"],
        algorithm=row["algorithm"],
        public_jwk=row["public_jwk"],
        private_jwe=row["private_jwe"],
        created_at=row["created_at"],
        signs_from=row["signs_from"],
        expires_at=row["expires_at"],
    )
