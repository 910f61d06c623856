"""Rows of `failures`: shared by all processes, so that a second one gives no second chance."""

from typing import Final

from tgauth.domain.failures import Failures
from tgauth.domain.instants import Instant
from tgauth.store.connection import Connection

SELECT: Final = "SELECT address, began_at, number FROM failures WHERE address = :address"
UPSERT: Final = """
    INSERT INTO failures (address, began_at, number) VALUES (:address, :began_at, :number)
    ON CONFLICT (address) DO UPDATE SET began_at = excluded.began_at, number = excluded.number
"""
SWEEP: Final = """
    DELETE FROM failures WHERE address IN (
        SELECT address FROM failures WHERE began_at < :before ORDER BY began_at LIMIT :most
    )
    RETURNING address
"""


async def get(connection: Connection, address: str) -> Failures | None:
    """Return the failures of an address."""
    row = await connection.one(SELECT, {"address": address})
    if row is None:
        return None
    return Failures(address=row["address"], began_at=row["began_at"], number=row["number"])


async def save(connection: Connection, failures: Failures) -> None:
    """Keep the failures of an address."""
    await connection.run(
        UPSERT,
        {
            "address": failures.address,
            "began_at": failures.began_at,
            "number": failures.number,
        },
    )


async def sweep(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of windows that are over; return how many."""
    return len(await connection.run(SWEEP, {"before": before, "most": most}))
