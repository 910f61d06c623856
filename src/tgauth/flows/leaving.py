"""What ending sessions means, wherever it is asked for."""

from typing import Final

from tgauth.domain.instants import Instant
from tgauth.domain.outgoing import Notice, owe
from tgauth.domain.session import Session
from tgauth.store import Connection, logins, outbox, persons, sessions

#: So many lists of sessions in a chat are kept true; older ones are when somebody presses a button.
_LISTS: Final = 3


async def leave(connection: Connection, session: Session, *, now: Instant) -> None:
    """End one session, and let the chat's lists of sessions say so.

    Args:
        connection: The write transaction.
        session: The session.
        now: The current instant.
    """
    await sessions.save(connection, session.end(now=now))
    await _correct_lists(connection, session.subject, now=now)


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
    number = await sessions.end_all(connection, subject, now=now)
    await _correct_lists(connection, subject, now=now)
    return number


async def _correct_lists(connection: Connection, subject: str, *, now: Instant) -> None:
    """Owe a change of each list: it is put together anew when it is sent."""
    person = await persons.get(connection, subject)
    if person is None:
        return
    # A list is only ever sent to a private chat, whose id is the person's.
    chat_id = person.profile.telegram_id
    for one in await outbox.lists_in(connection, chat_id, most=_LISTS):
        changed = owe(
            Notice.SESSIONS, chat_id=chat_id, language=one.language, edits=one.message_id, now=now
        )
        await outbox.add(connection, changed)
