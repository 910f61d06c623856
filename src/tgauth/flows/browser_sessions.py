"""What redeeming a login in a browser means, whichever door it came through."""

from dataclasses import dataclass, field

from tgauth.domain.audit import Actor, AuditEvent, Doer
from tgauth.domain.code import (
    CALLBACK_CODE_LIFETIME,
    Code,
    CodeKind,
    derive_code,
    derive_session_secret,
    hash_of,
)
from tgauth.domain.errors import OtherAccountActive
from tgauth.domain.instants import Instant
from tgauth.domain.login import LoginRequest
from tgauth.domain.person import Person
from tgauth.domain.session import Session, Visitor, begin_session
from tgauth.flows.auditing import Trail
from tgauth.flows.deployment import Deployment
from tgauth.flows.leaving import leave
from tgauth.store import Connection, codes, persons, sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A browser that wants to log somebody in.

    Attributes:
        name: Hash of the secret that names it.
        session_secret: The session cookie's secret, if it has one.
        visitor: How its owner would recognise it.
    """

    name: str
    session_secret: str | None = None
    visitor: Visitor = field(default_factory=Visitor)

    @property
    def doer(self) -> Doer:
        """Whoever sits there, for the audit log."""
        return Doer(actor=Actor.PERSON, visitor=self.visitor)

    def __repr__(self) -> str:
        """Print no secret."""
        return f"Browser({self.visitor})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """Where the browser goes on to.

    Attributes:
        login_id: The login that was redeemed.
        session: The session that began.
        secret: The secret for the session cookie.
        callback_code: The code for the application, where the browser returns to one.
        state_parameter: What the application gets back with it, if it sent anything.
    """

    login_id: str
    session: Session
    secret: str
    callback_code: str | None
    state_parameter: str | None = None

    def __repr__(self) -> str:
        """Print no secret."""
        return f"Continuation(session {self.session.id})"


async def current_session(
    connection: Connection, browser: Browser, *, now: Instant
) -> Session | None:
    """Return the session that lives in a browser, if one does."""
    secret = browser.session_secret
    session = await sessions.find(connection, hash_of(secret)) if secret else None
    return session if session is not None and session.lives_at(now) else None


async def other_person(
    connection: Connection, current: Session | None, person: Person
) -> Person | None:
    """Return who is logged in in a browser instead of `person`, if somebody else is."""
    if current is None or current.subject == person.subject:
        return None
    return await persons.get(connection, current.subject)


async def repeatable(
    connection: Connection, login: LoginRequest, browser: Browser, *, now: Instant
) -> Session | None:
    """Return the session that this very browser began with this login a moment ago, if it did.

    The answer to the first press may have been lost on the way, and a double click must not end in
    an error. What is repeated is derived again, so nothing is kept for it.
    """
    if login.session_id is None or login.browser != browser.name:
        return None
    session = await sessions.get(connection, login.session_id)
    if session is None or not session.lives_at(now):
        return None
    return session if now < session.created_at + CALLBACK_CODE_LIFETIME else None


async def require_switch(
    connection: Connection, browser: Browser, person: Person, *, switch: bool, now: Instant
) -> None:
    """Let nobody take another account's place unless the person asked for just that.

    Raises:
        OtherAccountActive: Another account is logged in here, and `switch` is false.
    """
    current = await current_session(connection, browser, now=now)
    if not switch and await other_person(connection, current, person) is not None:
        raise OtherAccountActive


async def make_room(
    connection: Connection, trail: Trail, browser: Browser, person: Person, *, now: Instant
) -> None:
    """End what lives in a browser before another session begins there.

    One browser, one session: logging out must leave nothing behind.
    """
    current = await current_session(connection, browser, now=now)
    if current is not None:
        whose = await other_person(connection, current, person) or person
        await leave(connection, trail, current, whose, by=browser.doer, now=now, reason="new_login")


def new_session(
    deployment: Deployment, login: LoginRequest, person: Person, browser: Browser
) -> Session:
    """Return the session that a login begins in a browser."""
    session_id = deployment.new_id()
    return begin_session(
        session_id=session_id,
        subject=person.subject,
        client_id=login.client_id,
        secret_hash=hash_of(derive_session_secret(deployment.master_key, session_id)),
        visitor=browser.visitor,
        rules=deployment.sessions,
        now=deployment.now(),
    )


async def note_redeemed(  # noqa: PLR0913, PLR0917 - a connection and a trail beside what it is about
    deployment: Deployment,
    connection: Connection,
    trail: Trail,
    login: LoginRequest,
    session: Session,
    person: Person,
    browser: Browser,
) -> None:
    """Write down that a login was redeemed in a browser, and keep the application's code."""
    await trail.note(
        connection,
        AuditEvent.LOGIN_REDEEMED,
        browser.doer,
        person,
        client_id=session.client_id,
        login_id=login.id,
        session_id=session.id,
    )
    callback_code = _callback_code(deployment, login)
    if callback_code is not None:
        await codes.save(
            connection,
            Code(
                hash=hash_of(callback_code),
                kind=CodeKind.CALLBACK,
                client_id=session.client_id,
                login_id=login.id,
                expires_at=session.created_at + CALLBACK_CODE_LIFETIME,
            ),
        )


def continuation(
    deployment: Deployment,
    session: Session,
    login: LoginRequest,
    state_parameter: str | None = None,
) -> Continuation:
    """Return where a browser goes on to, with what is derived for it."""
    return Continuation(
        login_id=login.id,
        session=session,
        secret=derive_session_secret(deployment.master_key, session.id),
        callback_code=_callback_code(deployment, login),
        state_parameter=state_parameter,
    )


def _callback_code(deployment: Deployment, login: LoginRequest) -> str | None:
    if deployment.client.callback_url is None:
        return None
    return derive_code(deployment.master_key, CodeKind.CALLBACK, login.id)
