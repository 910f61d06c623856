"""The row of `clock`: its latest reading."""

from typing import Final

from tgauth.domain.clock import Reading
from tgauth.store.connection import Connection

SELECT: Final = "SELECT boot_id, wall_ms, boottime_ms FROM clock"
UPSERT: Final = """
    INSERT INTO clock (only_row, boot_id, wall_ms, boottime_ms)
    VALUES (1, :boot_id, :wall_ms, :boottime_ms)
    ON CONFLICT (only_row) DO UPDATE SET
        boot_id = excluded.boot_id,
        wall_ms = excluded.wall_ms,
        boottime_ms = excluded.boottime_ms
"""


async def get(connection: Connection) -> Reading | None:
    """Return the latest reading that was kept, if any was."""
    row = await connection.one(SELECT)
    if row is None:
        return None
    return Reading(boot_id=row["boot_id"], wall=row["wall_ms"], since_boot=row["boottime_ms"])


async def save(connection: Connection, reading: Reading) -> None:
    """Keep a reading."""
    await connection.run(
        UPSERT,
        {
            "boot_id": reading.boot_id,
            "wall_ms": reading.wall,
            "boottime_ms": reading.since_boot,
        },
    )
