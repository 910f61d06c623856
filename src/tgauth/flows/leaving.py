"""What logging out everywhere means, wherever it is asked for."""

from tgauth.domain.instants import Instant
from tgauth.store import Connection, logins, outbox, sessions


async def leave_everywhere(connection: Connection, subject: str, *, now: Instant) -> int:
    """End all sessions of a person and withdraw the links that could begin another one.

    Args:
        connection: The write transaction.
        subject: The person.
        now: The current instant.

    Returns:
        How many sessions ended.
    """
    for login in await logins.still_open(connection, subject=subject, client_id=None, now=now):
        await logins.save(connection, login.withdraw(now=now))
        await outbox.hasten(connection, login.id, now=now)
    return await sessions.end_all(connection, subject, now=now)
