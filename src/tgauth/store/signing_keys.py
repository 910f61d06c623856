"""Rows of `signing_keys`: private parts only encrypted."""

from dataclasses import dataclass
from typing import Final

from tgauth.domain.instants import Instant
from tgauth.store.database import Connection, Row

COLUMNS: Final = "kid, algorithm, public_jwk, private_jwe, created_at"
SELECT_ALL: Final = f"SELECT {COLUMNS} FROM signing_keys ORDER BY created_at, kid"
INSERT: Final = f"""
    INSERT INTO signing_keys ({COLUMNS})
    VALUES (:kid, :algorithm, :public_jwk, :private_jwe, :created_at)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedKey:
    """A signing key as it rests.

    Attributes:
        kid: Its id in the JWKS.
        algorithm: The JWS algorithm that it signs with.
        public_jwk: The public part, JSON.
        private_jwe: The private part, encrypted under the master key.
        created_at: When it was made.
    """

    kid: str
    algorithm: str
    public_jwk: str
    private_jwe: str
    created_at: Instant


async def all_of(connection: Connection) -> list[SealedKey]:
    """Return every signing key, oldest first."""
    return [_key(row) for row in await connection.run(SELECT_ALL)]


async def add(connection: Connection, key: SealedKey) -> None:
    """Add a signing key."""
    await connection.run(
        INSERT,
        {
            "kid": key.kid,
            "algorithm": key.algorithm,
            "public_jwk": key.public_jwk,
            "private_jwe": key.private_jwe,
            "created_at": key.created_at,
        },
    )


def _key(row: Row) -> SealedKey:
    return SealedKey(
        kid=row["kid"],
        algorithm=row["algorithm"],
        public_jwk=row["public_jwk"],
        private_jwe=row["private_jwe"],
        created_at=row["created_at"],
    )
