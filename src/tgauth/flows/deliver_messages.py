"""The outbox: what is owed, what it says at the moment of sending, and what became of it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tgauth.domain.approval import NETWORK_BLOCK_LIFETIME, Denial, derive_numbers
from tgauth.domain.code import CodeKind, derive_code
from tgauth.domain.failures import counted_as
from tgauth.domain.instants import SECOND, Instant, time_left
from tgauth.domain.login import Door, LoginRequest, Standing
from tgauth.domain.outgoing import Notice, Outgoing
from tgauth.domain.session import Session, Visitor
from tgauth.flows.deployment import Deployment
from tgauth.measures.catalogue import LOGIN_REPLY, MESSAGES
from tgauth.store import (
    Connection,
    approvals,
    blocked_networks,
    logins,
    outbox,
    persons,
    sessions,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginLink:
    """What a message with a link holds.

    Attributes:
        url: The link.
        lifetime: Milliseconds that it still lives.
    """

    url: str
    lifetime: int

    def __repr__(self) -> str:
        """Print no link: it holds a code."""
        return "LoginLink(***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginOutcome:
    """What became of a login whose link or question is worth nothing any more.

    Attributes:
        standing: How it stands now: approved (only a question), redeemed, replaced, denied or
            expired.
        session: The session that it began, with its end if it has ended, where it began one.
        door: Where it began: a link was for it, or a question.
        denial: Why a question was denied, if it was.
        blocked_network: The network that the session began from, where no login can begin in a
            browser there at the moment.
    """

    standing: Standing
    session: Session | None
    door: Door = Door.CHAT
    denial: Denial | None = None
    blocked_network: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionList:
    """Where somebody is logged in, newest first."""

    sessions: tuple[Session, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody is asked before a login that a browser began is approved.

    Attributes:
        login_id: The login.
        visitor: The browser that waits.
        network: What its address is counted under.
        place: Where that is, where it is known.
        age: Milliseconds since it began.
        numbers: What can be picked.
    """

    login_id: str
    visitor: Visitor
    network: str
    place: str | None
    age: int
    numbers: tuple[int, ...]

    def __repr__(self) -> str:
        """Print no number."""
        return f"Question({self.login_id})"


Content = LoginLink | LoginOutcome | SessionList | Question


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMessage:
    """A message to be sent now.

    Attributes:
        outgoing: Its row.
        notice: What it says by now: a link that is over while it waited has become an apology.
        content: What it tells beyond that.
        target: The message to change, where it is none of its own.
        is_pointless: Whether nobody has to be told any more: it would change a message that was
            never sent, or send a link that was replaced before.
    """

    outgoing: Outgoing
    notice: Notice
    content: Content | None = None
    target: int | None = None
    is_pointless: bool = False


async def due_messages(
    deployment: Deployment, *, most: int
) -> tuple[list[DueMessage], Instant | None]:
    """Return what is to be sent now, and when more will be due.

    Raises:
        StoreUnavailable: The store cannot be read.
    """
    return await deployment.store.read(_due, deployment, most=most)


async def _due(
    connection: Connection, deployment: Deployment, *, most: int
) -> tuple[list[DueMessage], Instant | None]:
    now = deployment.now()
    owed = await outbox.due(connection, now=now, most=most)
    due = [await _render(deployment, connection, outgoing, now) for outgoing in owed]
    next_at = await outbox.next_time(connection, now=now)
    return [one for one in due if one is not None], next_at


async def settle_messages(deployment: Deployment, messages: Sequence[Outgoing]) -> None:
    """Keep what became of messages, all in one transaction.

    Raises:
        StoreUnavailable: It was not kept: the messages may be sent again.
    """
    await deployment.store.write(_settle, messages)
    measures = deployment.measures
    for message in messages:
        if message.sent_at is None:
            measures.count(MESSAGES, "given_up" if message.given_up_at is not None else "postponed")
            continue
        measures.count(MESSAGES, "sent")
        if message.notice is Notice.LOGIN_LINK:
            measures.observe(LOGIN_REPLY, (message.sent_at - message.created_at) / SECOND)


async def _settle(connection: Connection, messages: Sequence[Outgoing]) -> None:
    for message in messages:
        await outbox.save(connection, message)


async def _render(
    deployment: Deployment, connection: Connection, outgoing: Outgoing, now: Instant
) -> DueMessage | None:
    login = await logins.get(connection, outgoing.login_id) if outgoing.login_id else None
    match outgoing.notice:
        case Notice.LOGIN_LINK:
            return await _link(deployment, connection, outgoing, login, now)
        case Notice.APPROVAL:
            return await _question(deployment, connection, outgoing, login, now)
        case Notice.LOGIN_CLOSED:
            return await _outcome(connection, outgoing, login, now)
        case Notice.SESSIONS:
            person = await persons.find(connection, outgoing.chat_id)
            living = await sessions.living(connection, person.subject, now=now) if person else []
            return DueMessage(
                outgoing=outgoing,
                notice=outgoing.notice,
                content=SessionList(sessions=tuple(living)),
                target=outgoing.edits,
            )
        case _:
            return DueMessage(outgoing=outgoing, notice=outgoing.notice, target=outgoing.edits)


async def _link(
    deployment: Deployment,
    connection: Connection,
    outgoing: Outgoing,
    login: LoginRequest | None,
    now: Instant,
) -> DueMessage:
    standing = login.standing_at(now) if login else Standing.EXPIRED
    if login is None or standing in {Standing.EXPIRED, Standing.DENIED}:
        return DueMessage(outgoing=outgoing, notice=Notice.TOO_LATE)
    if standing is Standing.REPLACED:
        return DueMessage(outgoing=outgoing, notice=outgoing.notice, is_pointless=True)
    if standing is Standing.REDEEMED:
        # Sent before and not marked: the link is of no use any more, what became of it is.
        content = await _outcome_of(connection, outgoing, login, standing, now)
        return DueMessage(outgoing=outgoing, notice=outgoing.notice, content=content)
    # The code is derived again, never stored: after a crash this is the same link.
    code = derive_code(deployment.master_key, CodeKind.CHAT, login.id)
    link = LoginLink(url=deployment.issuer.login_link(code), lifetime=login.expires_at - now)
    return DueMessage(outgoing=outgoing, notice=Notice.LOGIN_LINK, content=link)


async def _question(
    deployment: Deployment,
    connection: Connection,
    outgoing: Outgoing,
    login: LoginRequest | None,
    now: Instant,
) -> DueMessage:
    approval = await approvals.get(connection, login.id) if login else None
    if login is None or approval is None:
        return DueMessage(outgoing=outgoing, notice=Notice.APPROVAL_OVER)
    standing = login.standing_at(now)
    if standing is not Standing.PENDING:
        # Sent before and not marked, or too late: what became of it is all there is to say.
        content = await _outcome_of(connection, outgoing, login, standing, now)
        return DueMessage(outgoing=outgoing, notice=outgoing.notice, content=content)
    question = Question(
        login_id=login.id,
        visitor=approval.visitor,
        network=approval.network,
        place=approval.place,
        age=max(0, now - login.created_at),
        numbers=derive_numbers(deployment.master_key, login.id).offered,
    )
    return DueMessage(outgoing=outgoing, notice=outgoing.notice, content=question)


async def _outcome(
    connection: Connection, outgoing: Outgoing, login: LoginRequest | None, now: Instant
) -> DueMessage | None:
    standing = login.standing_at(now) if login else Standing.EXPIRED
    waits = standing is Standing.APPROVED and login is not None and login.door is Door.CHAT
    if login is None or waits or standing is Standing.PENDING:
        return None  # not over after all: the clock was set back a little
    target = outgoing.edits or await outbox.link_message(connection, login.id)
    return DueMessage(
        outgoing=outgoing,
        notice=Notice.LOGIN_CLOSED,
        content=await _outcome_of(connection, outgoing, login, standing, now),
        target=target,
        is_pointless=target is None,
    )


async def _outcome_of(
    connection: Connection,
    outgoing: Outgoing,
    login: LoginRequest,
    standing: Standing,
    now: Instant,
) -> LoginOutcome:
    person = await persons.get(connection, login.subject) if login.subject else None
    if person is not None and person.profile.telegram_id != outgoing.chat_id:
        # Whoever sat there continued as somebody else: that one's session is not for this chat.
        return LoginOutcome(
            door=login.door, standing=Standing.DENIED, session=None, denial=Denial.WITHDRAWN
        )
    session = await sessions.get(connection, login.session_id) if login.session_id else None
    approval = await approvals.get(connection, login.id) if login.door is Door.BROWSER else None
    return LoginOutcome(
        door=login.door,
        standing=standing,
        session=session,
        denial=approval.denial if approval else None,
        blocked_network=await _blocked_network(connection, session, now) if session else None,
    )


async def _blocked_network(connection: Connection, session: Session, now: Instant) -> str | None:
    if session.visitor.address is None:
        return None
    network = counted_as(session.visitor.address)
    until = await blocked_networks.blocked_until(connection, network)
    return network if time_left(until, longest=NETWORK_BLOCK_LIFETIME, now=now) else None
