"""A person opens a login's link in the chat, is asked, and answers."""

from dataclasses import dataclass
from enum import StrEnum

from tgauth.domain.approval import PAUSE_WINDOW, Approval, Denial, derive_numbers
from tgauth.domain.audit import BY_PERSON, AuditEvent
from tgauth.domain.instants import Instant
from tgauth.domain.login import Door, LoginRequest, Standing
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import Person
from tgauth.flows.asking import find_question, may_log_in, why_not_asked
from tgauth.flows.auditing import Trail
from tgauth.flows.begin_chat_login import Asked, promise
from tgauth.flows.deciding import decide
from tgauth.flows.deployment import Deployment
from tgauth.flows.remembering import remember
from tgauth.store import Connection, approvals, inbox, logins, outbox, persons


class Answered(StrEnum):
    """What became of an answer."""

    APPROVED = "approved"
    DECLINED = "declined"
    WRONG_NUMBER = "wrong_number"
    #: It was answered before, has expired, or is somebody else's.
    TOO_LATE = "too_late"
    NOT_ALLOWED = "not_allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a person pressed under a question.

    Attributes:
        login_id: The login that the question is about.
        number: The number that was picked; none: declined.
        message_id: The message that the button is under.
    """

    login_id: str
    number: int | None
    message_id: int


async def open_approval(
    deployment: Deployment, asked: Asked, handle: str
) -> LoginRequest | Notice | None:
    """Ask whoever opens a login's link whether they began it; approves nothing.

    The first one who opens it is the only one who is ever asked.

    Args:
        deployment: The installation.
        asked: Who opens it.
        handle: What stands in the link.

    Returns:
        The login; or the notice that was promised instead; or nothing, where this update had its
        effects before.
    """
    with Trail(deployment, door=Door.BROWSER) as trail:
        return await decide(deployment, _open, trail, asked, handle)


async def _open(
    connection: Connection, deployment: Deployment, trail: Trail, asked: Asked, handle: str
) -> LoginRequest | Notice | None:
    now = deployment.now()
    received_at = await inbox.finish(connection, asked.key)
    if received_at is None:
        return None
    approval, login = await find_question(connection, handle)
    known = await persons.find(connection, asked.profile.telegram_id)
    refusal = await why_not_asked(deployment, connection, asked, known, approval, login)
    if approval is None or login is None or refusal is not None:
        notice = refusal or Notice.APPROVAL_UNKNOWN
        if login is not None:
            await trail.count(
                connection,
                AuditEvent.LOGIN_REFUSED,
                BY_PERSON,
                known,
                telegram_id=asked.profile.telegram_id,
                client_id=login.client_id,
                reason=notice.value,
            )
        await promise(connection, asked, notice, now=now)
        return notice
    await _ask(connection, trail, asked, known, approval, login, received_at=received_at, now=now)
    return login


async def _ask(  # noqa: PLR0913, PLR0917 - a connection and a trail beside what it is about
    connection: Connection,
    trail: Trail,
    asked: Asked,
    known: Person | None,
    approval: Approval,
    login: LoginRequest,
    *,
    received_at: Instant,
    now: Instant,
) -> None:
    is_first = approval.opened_by is None
    opened = approval.open(telegram_id=asked.profile.telegram_id, now=now)
    await approvals.save(connection, opened)
    if is_first:
        await trail.note(
            connection,
            AuditEvent.LOGIN_OPENED,
            BY_PERSON,
            known,
            telegram_id=asked.profile.telegram_id,
            client_id=login.client_id,
            login_id=login.id,
            address=approval.visitor.address,
            device=approval.visitor.device,
        )
    elif await outbox.is_owed(
        connection, chat_id=asked.chat_id, notice=Notice.APPROVAL, login_id=login.id
    ):
        return
    else:
        earlier = await outbox.link_message(connection, login.id)
        if earlier is not None:
            # What is owed for the end changes the newest question; this one will not be it.
            await _promise_outcome(
                connection, asked, login, earlier, now=now, not_before=login.expires_at
            )
    notices = ((Notice.APPROVAL, now), (Notice.LOGIN_CLOSED, login.expires_at))
    for notice, not_before in notices if is_first else notices[:1]:
        await outbox.add(
            connection,
            asked.owe(notice, login_id=login.id, now=received_at, not_before=not_before),
        )


async def answer_approval(deployment: Deployment, asked: Asked, answer: Answer) -> Answered | None:
    """Approve or deny a login, as the person who is asked for it wants.

    The right number approves; a wrong one denies as surely as declining: whoever began the login
    sees which one is right, and a guess is no knowledge.

    Args:
        deployment: The installation.
        asked: Who answers.
        answer: What they pressed.

    Returns:
        What became of it; nothing, where this update had its effects before.
    """
    with Trail(deployment, door=Door.BROWSER) as trail:
        return await decide(deployment, _answer, trail, asked, answer)


async def _answer(
    connection: Connection, deployment: Deployment, trail: Trail, asked: Asked, answer: Answer
) -> Answered | None:
    now = deployment.now()
    if not await inbox.finish(connection, asked.key):
        return None
    login = await logins.get(connection, answer.login_id)
    approval = await approvals.get(connection, answer.login_id)
    if (
        login is None
        or approval is None
        or approval.opened_by != asked.profile.telegram_id
        or login.standing_at(now) is not Standing.PENDING
    ):
        return Answered.TOO_LATE
    known = await persons.find(connection, asked.profile.telegram_id)
    if not await may_log_in(deployment, connection, asked, known):
        return Answered.NOT_ALLOWED
    await _close_at_the_end(connection, asked, login, answer.message_id, now=now)
    right = derive_numbers(deployment.master_key, login.id).right
    if answer.number != right:
        denial = Denial.DECLINED if answer.number is None else Denial.WRONG_NUMBER
        await _deny(connection, trail, asked, known, approval, login, denial, now=now)
        return Answered(denial.value)
    person = await remember(deployment, connection, trail, asked.profile, known, now=now)
    approved = login.approve(subject=person.subject, now=now)
    await logins.save(connection, approved)
    # What is owed for the end comes then, not when it would have been without the answer.
    await outbox.postpone(connection, login.id, until=approved.expires_at, now=now)
    await _promise_outcome(connection, asked, login, answer.message_id, now=now, not_before=now)
    await _note(connection, trail, AuditEvent.LOGIN_APPROVED, asked, person, login, None)
    return Answered.APPROVED


async def decline_all(
    connection: Connection, trail: Trail, asked: Asked, known: Person | None, *, now: Instant
) -> None:
    """Decline everything that somebody is asked at the moment.

    Args:
        connection: The write transaction.
        trail: Where it is written down.
        asked: Who is asked.
        known: Their account, where there is one.
        now: The current instant.
    """
    # None waits for longer than that.
    since, telegram_id = now - PAUSE_WINDOW, asked.profile.telegram_id
    for approval in await approvals.open_of(connection, telegram_id, since=since):
        login = await logins.get(connection, approval.login_id)
        if login is not None and login.standing_at(now) is Standing.PENDING:
            await _deny(connection, trail, asked, known, approval, login, Denial.DECLINED, now=now)


async def _deny(  # noqa: PLR0913, PLR0917 - a connection and a trail beside what it is about
    connection: Connection,
    trail: Trail,
    asked: Asked,
    known: Person | None,
    approval: Approval,
    login: LoginRequest,
    denial: Denial,
    *,
    now: Instant,
) -> None:
    await logins.save(connection, login.deny(now=now))
    await approvals.save(connection, approval.denied(denial))
    await outbox.hasten(connection, login.id, now=now)
    await _note(connection, trail, AuditEvent.LOGIN_DENIED, asked, known, login, denial)


async def _close_at_the_end(
    connection: Connection, asked: Asked, login: LoginRequest, message_id: int, *, now: Instant
) -> None:
    """Let a question that was answered say how its login ended, also where it is not the newest.

    One that Telegram took and whose receipt was lost was sent again: nobody knows of the first.
    """
    if message_id == await outbox.link_message(connection, login.id):
        return
    if not await outbox.is_to_close(connection, login.id, message_id):
        await _promise_outcome(
            connection, asked, login, message_id, now=now, not_before=login.expires_at
        )


async def _promise_outcome(  # noqa: PLR0913 - each is one part of a promise
    connection: Connection,
    asked: Asked,
    login: LoginRequest,
    message_id: int,
    *,
    now: Instant,
    not_before: Instant,
) -> None:
    """Let a question say at some moment how its login stands by then."""
    await outbox.add(
        connection,
        asked.owe(
            Notice.LOGIN_CLOSED,
            login_id=login.id,
            edits=message_id,
            now=now,
            not_before=not_before,
        ),
    )


async def _note(  # noqa: PLR0913, PLR0917 - a connection and a trail beside what it is about
    connection: Connection,
    trail: Trail,
    event: AuditEvent,
    asked: Asked,
    person: Person | None,
    login: LoginRequest,
    denial: Denial | None,
) -> None:
    await trail.note(
        connection,
        event,
        BY_PERSON,
        person,
        telegram_id=asked.profile.telegram_id,
        client_id=login.client_id,
        login_id=login.id,
        reason=denial.value if denial else None,
    )
