"""What ending sessions means, wherever it is asked for."""

from typing import Final

from tgauth.domain.approval import Denial
from tgauth.domain.audit import AuditEvent, Doer
from tgauth.domain.instants import Instant
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Notice, owe
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.auditing import Trail
from tgauth.store import Connection, approvals, logins, outbox, sessions

#: So many lists of sessions in a chat are kept true; older ones are when somebody presses a button.
_LISTS: Final = 3


async def leave(  # noqa: PLR0913 - a connection and a trail beside what it is about
    connection: Connection,
    trail: Trail,
    session: Session,
    person: Person | None,
    *,
    by: Doer,
    now: Instant,
    reason: str | None = None,
) -> None:
    """End one session, and let the chat's lists of sessions say so.

    Args:
        connection: The write transaction.
        trail: The audit log.
        session: The session.
        person: Whose it is, where the account is still there.
        by: Who ends it.
        now: The current instant.
        reason: Why, where that is not plain.
    """
    await sessions.save(connection, session.end(now=now))
    await trail.note(
        connection,
        AuditEvent.SESSION_ENDED,
        by,
        person,
        client_id=session.client_id,
        session_id=session.id,
        reason=reason,
    )
    if person is not None:
        await _correct_lists(connection, person, now=now)


async def leave_everywhere(
    connection: Connection, trail: Trail, person: Person, *, by: Doer, now: Instant
) -> int:
    """End all sessions of a person and withdraw the logins that could begin another one.

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
        await withdraw(connection, trail, login, person, by=by, now=now)
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
    await _correct_lists(connection, person, now=now)
    return number


async def withdraw(  # noqa: PLR0913 - a connection and a trail beside what it is about
    connection: Connection,
    trail: Trail,
    login: LoginRequest,
    person: Person,
    *,
    by: Doer,
    now: Instant,
) -> None:
    """Withdraw a login that somebody could still be logged in with.

    Args:
        connection: The write transaction.
        trail: Where it is written down.
        login: The login.
        person: Who would be logged in.
        by: Who wants it so.
        now: The current instant.
    """
    await logins.save(connection, login.withdraw(now=now))
    approval = await approvals.get(connection, login.id)
    if approval is not None:
        await approvals.save(connection, approval.denied(Denial.WITHDRAWN))
    await outbox.hasten(connection, login.id, now=now)
    await trail.note(
        connection,
        AuditEvent.LOGIN_WITHDRAWN,
        by,
        person,
        door=login.door,
        client_id=login.client_id,
        login_id=login.id,
    )


async def _correct_lists(connection: Connection, person: Person, *, now: Instant) -> None:
    """Owe a change of each list: it is put together anew when it is sent."""
    # A list is only ever sent to a private chat, whose id is the person's.
    chat_id = person.profile.telegram_id
    for one in await outbox.lists_in(connection, chat_id, most=_LISTS):
        changed = owe(
            Notice.SESSIONS, chat_id=chat_id, language=one.language, edits=one.message_id, now=now
        )
        await outbox.add(connection, changed)
