"""What a person can do with their own account, from the browser or through the operator."""

from dataclasses import dataclass
from typing import Final

from tgauth.domain.approval import Approval
from tgauth.domain.audit import BY_PERSON, AuditEntry, AuditEvent, Doer
from tgauth.domain.errors import SessionEnded
from tgauth.domain.incoming import StoredUpdate
from tgauth.domain.instants import Instant
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Outgoing
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.auditing import Trail
from tgauth.flows.deployment import Deployment
from tgauth.flows.leaving import leave, leave_everywhere
from tgauth.store import approvals, audit, inbox, logins, outbox, persons, sessions

#: So many entries of the audit log lose their person at a time: whoever waits for a turn gets one.
_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonalData:
    """Everything that is kept about a person.

    Attributes:
        person: The account.
        sessions: Their sessions, those that ended as well, oldest first.
        logins: Their logins, oldest first.
        asked: What they were asked to approve, oldest first.
        asked_nothing_until: Until when they want to be asked for nothing, if they ever said so.
        messages: What the bot said and owes to them, oldest first.
        unhandled: What they sent and nobody could handle, as Telegram handed it over.
        audit: What was written down about them, oldest first.
    """

    person: Person
    sessions: list[Session]
    logins: list[LoginRequest]
    asked: list[Approval]
    asked_nothing_until: Instant | None
    messages: list[Outgoing]
    unhandled: list[StoredUpdate]
    audit: list[AuditEntry]


async def living_sessions(deployment: Deployment, person: Person) -> list[Session]:
    """Return where a person is logged in, newest first."""
    async with deployment.store.reading() as connection:
        return await sessions.living(connection, person.subject, now=deployment.now())


async def end_own_session(
    deployment: Deployment, person: Person, session_id: str, *, by: Doer = BY_PERSON
) -> None:
    """End one session of a person, and with it all of its tokens.

    Raises:
        SessionEnded: There is no such living session of theirs.
    """
    now = deployment.now()
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            session = await sessions.get(connection, session_id)
            if session is None or session.subject != person.subject or not session.lives_at(now):
                raise SessionEnded
            await leave(connection, trail, session, person, by=by, now=now)


async def end_every_session(deployment: Deployment, person: Person, *, by: Doer = BY_PERSON) -> int:
    """End all sessions of a person, and links that wait; return how many sessions there were."""
    with Trail(deployment) as trail:
        return await deployment.store.write(
            leave_everywhere, trail, person, by=by, now=deployment.now()
        )


async def export_data(deployment: Deployment, person: Person) -> PersonalData:
    """Return everything that is kept about a person (GDPR article 15 and 20)."""
    # In a private chat the chat's id is the person's.
    chat_id = person.profile.telegram_id
    async with deployment.store.reading() as connection:
        return PersonalData(
            person=person,
            sessions=await sessions.of_person(connection, person.subject),
            logins=await logins.of_person(connection, person.subject),
            asked=await approvals.opened_by(connection, chat_id),
            asked_nothing_until=await approvals.blocked_until(connection, chat_id),
            messages=await outbox.of_chat(connection, chat_id),
            unhandled=await inbox.parked_by(connection, chat_id),
            audit=await audit.of_person(connection, chat_id),
        )


async def note_export(deployment: Deployment, person: Person, *, by: Doer = BY_PERSON) -> None:
    """Write down that somebody takes all that is kept about a person: before it is handed out.

    Raises:
        StoreUnavailable: It was not written.
    """
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            await trail.count(connection, AuditEvent.PERSON_EXPORTED, by, person)


async def delete_account(deployment: Deployment, person: Person, *, by: Doer = BY_PERSON) -> None:
    """Delete a person, their logins, codes, sessions and messages; a ban stays (GDPR article 17).

    The audit log keeps what was done, but not about whom. Whoever logs in again afterwards gets a
    new account, with another subject.
    """
    chat_id = person.profile.telegram_id
    store = deployment.store
    while await store.write(audit.forget, chat_id, most=_AT_ONCE) == _AT_ONCE:
        pass
    with Trail(deployment) as trail:
        async with store.writing() as connection:
            is_gone = await persons.remove(connection, person.subject)
            await approvals.forget(connection, chat_id)
            await outbox.forget(connection, chat_id)
            await inbox.forget(connection, chat_id)
            while await audit.forget(connection, chat_id, most=_AT_ONCE) == _AT_ONCE:
                pass
            if is_gone:
                # The subject names nobody here any more, and an application may ask about it.
                await trail.note(
                    connection,
                    AuditEvent.PERSON_REMOVED,
                    Doer(actor=by.actor),
                    subject=person.subject,
                )
