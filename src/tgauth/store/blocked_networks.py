"""Rows of `blocked_networks`: from where nobody may begin a login for a while."""

from typing import Final

from tgauth.domain.instants import Instant
from tgauth.store.connection import Connection

SELECT: Final = "SELECT blocked_until FROM blocked_networks WHERE network = :network"
UPSERT: Final = """
    INSERT INTO blocked_networks (network, blocked_until) VALUES (:network, :blocked_until)
    ON CONFLICT (network) DO UPDATE SET blocked_until = excluded.blocked_until
"""
SWEEP: Final = """
    DELETE FROM blocked_networks WHERE network IN (
        SELECT network FROM blocked_networks
        WHERE blocked_until < :before ORDER BY blocked_until LIMIT :most
    )
    RETURNING network
"""


async def blocked_until(connection: Connection, network: str) -> Instant | None:
    """Return until when a network is blocked, if it ever was."""
    row = await connection.one(SELECT, {"network": network})
    return row["blocked_until"] if row else None


async def block(connection: Connection, network: str, *, until: Instant) -> None:
    """Block a network."""
    await connection.run(UPSERT, {"network": network, "blocked_until": until})


async def sweep(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of blocks that are over; return how many."""
    return len(await connection.run(SWEEP, {"before": before, "most": most}))
