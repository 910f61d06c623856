"""The page behind the bot's link, and the press of its button."""

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
from tgauth.domain.errors import OtherAccountActive, TgauthError
from tgauth.domain.instants import Instant
from tgauth.domain.login import LoginRequest
from tgauth.domain.person import Person
from tgauth.domain.session import Session, Visitor, begin_session
from tgauth.flows.auditing import Trail
from tgauth.flows.deciding import decide, judge
from tgauth.flows.deployment import Deployment
from tgauth.flows.leaving import leave
from tgauth.flows.spending import Presented, look_up, redeem_login, require_allowed
from tgauth.store import Connection, codes, persons, sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """A browser that opened a link.

    Attributes:
        name: Hash of the secret that names it.
        session_secret: The session cookie's secret, if it has one.
        visitor: How its owner would recognise it.
    """

    name: str
    session_secret: str | None = None
    visitor: Visitor = field(default_factory=Visitor)

    def __repr__(self) -> str:
        """Print no secret."""
        return f"Browser({self.visitor})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the page offers.

    Attributes:
        person: Who would be logged in.
        other: Who is logged in in this browser instead, if somebody else is.
    """

    person: Person
    other: Person | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """Where the browser goes on to.

    Attributes:
        login_id: The login that was redeemed.
        session: The session that began.
        secret: The secret for the session cookie.
        callback_code: The code for the application, where the browser returns to one.
    """

    login_id: str
    session: Session
    secret: str
    callback_code: str | None

    def __repr__(self) -> str:
        """Print no secret."""
        return f"Continuation(session {self.session.id})"


async def show_offer(deployment: Deployment, text: str, *, browser: Browser) -> Offer:
    """Say whom a code would log in, spending nothing.

    Args:
        deployment: The installation.
        text: The code.
        browser: The browser that asks.

    Raises:
        TgauthError: The code would not be accepted now, with the reason.
    """
    return await judge(deployment, _offer, text, browser)


async def _offer(
    connection: Connection, deployment: Deployment, text: str, browser: Browser
) -> Offer:
    now = deployment.now()
    presented = await look_up(connection, text)
    require_allowed(deployment, presented.person)
    if await _repeatable(connection, presented, browser.name, now) is None:
        presented.code.spend(kinds={CodeKind.CHAT}, client_id=deployment.client.id, now=now)
        presented.login.require_redeemable(now)
    current = await _current(connection, browser.session_secret, now)
    return Offer(person=presented.person, other=await _other(connection, current, presented))


async def continue_in_browser(
    deployment: Deployment,
    text: str,
    *,
    browser: Browser,
    switch: bool,
) -> Continuation:
    """Spend a chat code in a browser.

    The same press twice has the same outcome as once, as long as the callback code lives: the
    answer to the first one may have been lost on the way, and a double click must not end in an
    error. What is repeated is derived again, so nothing is kept for it.

    Args:
        deployment: The installation.
        text: The code.
        browser: The browser.
        switch: Whether the person asked to leave another account for this one.

    Raises:
        OtherAccountActive: Another account is logged in here, and `switch` is false.
        TgauthError: The code or the login cannot be redeemed now. Nothing was written.
    """
    by = Doer(actor=Actor.PERSON, visitor=browser.visitor)
    with Trail(deployment) as trail:
        try:
            return await decide(deployment, _continue, trail, text, browser, switch=switch)
        except TgauthError as refusal:
            await trail.note_refused_code(text, by, refusal)
            raise


async def _continue(  # noqa: PLR0913 - a connection and a trail beside what it is about
    connection: Connection,
    deployment: Deployment,
    trail: Trail,
    text: str,
    browser: Browser,
    *,
    switch: bool,
) -> Continuation:
    now = deployment.now()
    presented = await look_up(connection, text)
    current = await _current(connection, browser.session_secret, now)
    other = await _other(connection, current, presented)
    if other is not None and not switch:
        raise OtherAccountActive
    repeated = await _repeatable(connection, presented, browser.name, now)
    if repeated is not None:
        return _continuation(deployment, repeated, presented.login)
    if current is not None:
        # One browser, one session: logging out here must leave nothing behind.
        by = Doer(actor=Actor.PERSON, visitor=browser.visitor)
        whose = other or presented.person
        await leave(connection, trail, current, whose, by=by, now=now, reason="new_login")
    return await _begin(deployment, connection, trail, presented, browser)


async def _begin(
    deployment: Deployment,
    connection: Connection,
    trail: Trail,
    presented: Presented,
    browser: Browser,
) -> Continuation:
    session_id = deployment.new_id()
    secret = derive_session_secret(deployment.master_key, session_id)
    session = begin_session(
        session_id=session_id,
        subject=presented.person.subject,
        client_id=presented.login.client_id,
        secret_hash=hash_of(secret),
        visitor=browser.visitor,
        rules=deployment.sessions,
        now=deployment.now(),
    )
    await redeem_login(deployment, connection, presented, session, browser=browser.name)
    await trail.note(
        connection,
        AuditEvent.LOGIN_REDEEMED,
        Doer(actor=Actor.PERSON, visitor=browser.visitor),
        presented.person,
        client_id=session.client_id,
        login_id=presented.login.id,
        session_id=session.id,
    )
    callback_code = _callback_code(deployment, presented.login)
    if callback_code is not None:
        await codes.save(
            connection,
            Code(
                hash=hash_of(callback_code),
                kind=CodeKind.CALLBACK,
                client_id=session.client_id,
                login_id=presented.login.id,
                expires_at=session.created_at + CALLBACK_CODE_LIFETIME,
            ),
        )
    return _continuation(deployment, session, presented.login)


async def _repeatable(
    connection: Connection, presented: Presented, browser: str, now: Instant
) -> Session | None:
    """Return the session that this very browser began with this code a moment ago, if it did."""
    login = presented.login
    if presented.code.kind is not CodeKind.CHAT or login.session_id is None:
        return None
    if login.browser != browser:
        return None
    session = await sessions.get(connection, login.session_id)
    if session is None or not session.lives_at(now):
        return None
    return session if now < session.created_at + CALLBACK_CODE_LIFETIME else None


def _continuation(deployment: Deployment, session: Session, login: LoginRequest) -> Continuation:
    return Continuation(
        login_id=login.id,
        session=session,
        secret=derive_session_secret(deployment.master_key, session.id),
        callback_code=_callback_code(deployment, login),
    )


def _callback_code(deployment: Deployment, login: LoginRequest) -> str | None:
    if deployment.client.callback_url is None:
        return None
    return derive_code(deployment.master_key, CodeKind.CALLBACK, login.id)


async def _current(connection: Connection, secret: str | None, now: Instant) -> Session | None:
    session = await sessions.find(connection, hash_of(secret)) if secret else None
    return session if session is not None and session.lives_at(now) else None


async def _other(
    connection: Connection, current: Session | None, presented: Presented
) -> Person | None:
    if current is None or current.subject == presented.person.subject:
        return None
    return await persons.get(connection, current.subject)
