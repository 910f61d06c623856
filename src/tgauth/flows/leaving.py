"""What logging out everywhere means, wherever it is asked for."""

from tgauth.domain.audit import AuditEvent, Doer
from tgauth.domain.instants import Instant
from tgauth.domain.person import Person
from tgauth.flows.auditing import Trail
from tgauth.store import Connection, logins, outbox, sessions


async def leave_everywhere(
    connection: Connection, trail: Trail, person: Person, *, by: Doer, now: Instant
) -> int:
    """End all sessions of a person and withdraw the links that could begin another one.

    Args:
        connection: The write transaction.
        trail: Where it is written down.
        person: Who leaves.
        by: Who wants it so.
        now: The current instant.

    Returns:
        How many sessions ended.
    """
    subject = person.subject
    for login in await logins.still_open(connection, subject=subject, client_id=None, now=now):
        await logins.save(connection, login.withdraw(now=now))
        await outbox.hasten(connection, login.id, now=now)
        await trail.note(
            connection,
            AuditEvent.LOGIN_WITHDRAWN,
            by,
            person,
            client_id=login.client_id,
            login_id=login.id,
        )
    number = await sessions.end_all(connection, subject, now=now)
    if number:
        await trail.note(
            connection,
            AuditEvent.SESSION_ENDED,
            by,
            person,
            reason="everywhere",
            number=number,
        )
    return number
