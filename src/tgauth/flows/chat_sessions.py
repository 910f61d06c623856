"""What a person does with their sessions from the chat: look at them, end one, end all."""

from enum import StrEnum
from typing import Any

from tgauth.domain.approval import NETWORK_BLOCK_LIFETIME
from tgauth.domain.audit import BY_PERSON, AuditEvent
from tgauth.domain.failures import UNKNOWN, counted_as
from tgauth.domain.instants import Instant, time_left
from tgauth.domain.login import Door
from tgauth.domain.outgoing import Notice, Outgoing
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.auditing import Trail
from tgauth.flows.begin_chat_login import Asked, promise
from tgauth.flows.deployment import Deployment
from tgauth.flows.leaving import leave, leave_everywhere, withdraw
from tgauth.store import (
    Connection,
    blocked_networks,
    inbox,
    logins,
    outbox,
    persons,
    sessions,
)


class Ending(StrEnum):
    """What became of a tap on a button that ends something."""

    ENDED = "ended"
    ENDED_BEFORE = "ended_before"


async def show_sessions(deployment: Deployment, asked: Asked) -> None:
    """Answer `/sessions`: the list is put together when it is sent, so that it is true then."""
    async with deployment.store.writing() as connection:
        if await inbox.finish(connection, asked.key):
            await promise(connection, asked, Notice.SESSIONS, now=deployment.now())


async def log_out_everywhere(
    deployment: Deployment, asked: Asked, *, message_id: int | None = None
) -> int | None:
    """Answer `/logout`: end every session of the person, and with them all of their tokens.

    Args:
        deployment: The installation.
        asked: Who asks.
        message_id: The list of sessions whose button asked; none: a command did.

    Returns:
        How many sessions ended; nothing, where this update had its effects before.
    """
    with Trail(deployment) as trail:
        return await deployment.store.write(_leave, deployment, trail, asked, message_id)


async def _leave(
    connection: Connection,
    deployment: Deployment,
    trail: Trail,
    asked: Asked,
    message_id: int | None,
) -> int | None:
    now = deployment.now()
    if not await inbox.finish(connection, asked.key):
        return None
    person = await persons.find(connection, asked.profile.telegram_id)
    if message_id is not None:
        await outbox.add(connection, _list_again(deployment, asked, message_id))
    number = 0
    if person is not None:
        number = await leave_everywhere(connection, trail, person, by=BY_PERSON, now=now)
    if message_id is None:
        notice = Notice.LOGGED_OUT if number else Notice.NOT_LOGGED_IN
        await promise(connection, asked, notice, now=now)
    return number


async def end_from_chat(
    deployment: Deployment, asked: Asked, session_id: str, *, message_id: int, in_list: bool
) -> Ending | None:
    """End one session of the person who tapped its button, and change the message to say so.

    Args:
        deployment: The installation.
        asked: Who tapped.
        session_id: The session.
        message_id: The message that the button is under.
        in_list: Whether that is a list of sessions; otherwise it is the used link of one login.

    Returns:
        What became of it; nothing, where this update had its effects before.
    """
    now = deployment.now()
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            if not await inbox.finish(connection, asked.key):
                return None
            person = await persons.find(connection, asked.profile.telegram_id)
            session = await sessions.get(connection, session_id)
            login = await logins.of_session(connection, session_id)
            if in_list:
                await outbox.add(connection, _list_again(deployment, asked, message_id))
            if person is None or session is None or session.subject != person.subject:
                return Ending.ENDED_BEFORE
            if not in_list and login is not None:
                again = asked.owe(Notice.LOGIN_CLOSED, login_id=login.id, edits=message_id, now=now)
                await outbox.add(connection, again)
            if not in_list:
                await _disown(connection, trail, session, person, now=now)
            if not session.lives_at(now):
                return Ending.ENDED_BEFORE
            await leave(connection, trail, session, person, by=BY_PERSON, now=now)
            return Ending.ENDED


async def _disown(
    connection: Connection, trail: Trail, session: Session, person: Person, *, now: Instant
) -> None:
    """Write down that a login was not its person's, and block where it came from for a while.

    What else they approved for browsers and nobody has finished is withdrawn: whoever had this one
    approved may have those, too, and finish them from another network.

    The hour runs from the session's end: who presses again and again, or long afterwards, does not
    keep everybody who shares that network from logging in, and fills no log.
    """
    about: dict[str, Any] = {"client_id": session.client_id, "session_id": session.id}
    lives = session.lives_at(now)
    note = trail.note if lives else trail.count
    await note(connection, AuditEvent.SESSION_DISOWNED, BY_PERSON, person, **about)
    for login in await logins.still_open(
        connection, subject=person.subject, client_id=None, now=now
    ):
        if login.door is Door.BROWSER:
            await withdraw(connection, trail, login, person, by=BY_PERSON, now=now)
    network = counted_as(session.visitor.address or "")
    if network == UNKNOWN:
        return  # that is everybody who comes without an address
    until = (now if lives else _end_of(session)) + NETWORK_BLOCK_LIFETIME
    before = await blocked_networks.blocked_until(connection, network)
    left, left_before = (
        time_left(one, longest=NETWORK_BLOCK_LIFETIME, now=now) for one in (until, before)
    )
    if left <= left_before:
        return
    await blocked_networks.block(connection, network, until=until)
    await trail.note(
        connection,
        AuditEvent.ADDRESS_BLOCKED,
        BY_PERSON,
        person,
        **about,
        address=network,
        device=session.visitor.device,
    )


def _end_of(session: Session) -> Instant:
    ends = (session.ended_at, session.expires_at, session.idle_expires_at)
    return min(end for end in ends if end is not None)


def _list_again(deployment: Deployment, asked: Asked, message_id: int) -> Outgoing:
    return asked.owe(Notice.SESSIONS, edits=message_id, now=deployment.now())
