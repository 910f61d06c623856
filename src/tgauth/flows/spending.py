"""What spending a code means, shared by the browser's button and the application's request."""

from dataclasses import dataclass

from tgauth.domain.code import Code, CodeKind, hash_of, looks_like_a_code
from tgauth.domain.errors import (
    CodeRevoked,
    CodeUnknown,
    PersonBanned,
    PersonNotAllowed,
)
from tgauth.domain.login import LoginRequest
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.deployment import Deployment
from tgauth.store import Connection, codes, logins, outbox, persons, sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A code that somebody presented, with all that hangs on it.

    Attributes:
        code: The code's row.
        login: The login that it belongs to.
        person: Who that login is for.
    """

    code: Code
    login: LoginRequest
    person: Person


async def look_up(connection: Connection, text: str) -> Presented:
    """Find what hangs on a code, without judging it.

    Raises:
        CodeUnknown: There is no such code.
    """
    if not looks_like_a_code(text):
        raise CodeUnknown
    code = await codes.get(connection, hash_of(text))
    login = await logins.get(connection, code.login_id) if code else None
    person = await persons.get(connection, login.subject) if login and login.subject else None
    if code is None or login is None or person is None:
        raise CodeUnknown
    return Presented(code=code, login=login, person=person)


def require_allowed(deployment: Deployment, person: Person) -> None:
    """Ask the operator's list again at the moment of spending: it may have changed.

    Raises:
        PersonNotAllowed: The person is not on it.
        PersonBanned: The person was banned.
    """
    telegram_id = person.profile.telegram_id
    if not deployment.allow.permits(telegram_id):
        raise PersonNotAllowed(telegram_id)
    if person.banned_at is not None:
        raise PersonBanned(telegram_id)


async def redeem_login(
    deployment: Deployment,
    connection: Connection,
    presented: Presented,
    session: Session,
    *,
    browser: str | None,
) -> None:
    """Redeem the login behind a chat code: spend the code, keep the session.

    Args:
        deployment: The installation.
        connection: The write transaction.
        presented: The code that was presented.
        session: The session that begins with it.
        browser: Hash of the secret that names the browser, where there is one.

    Raises:
        TgauthError: The code or the login cannot be redeemed now; nothing was written.
    """
    now = deployment.now()
    require_allowed(deployment, presented.person)
    spent = presented.code.spend(kinds={CodeKind.CHAT}, client_id=deployment.client.id, now=now)
    redeemed = presented.login.redeem(session_id=session.id, browser=browser, now=now)
    await sessions.save(connection, session)
    await codes.save(connection, spent)
    await logins.save(connection, redeemed)
    await outbox.hasten(connection, redeemed.id, now=now)


async def spend_callback_code(
    deployment: Deployment, connection: Connection, presented: Presented
) -> Session:
    """Spend a callback code on the session that its login began.

    Raises:
        TgauthError: The code cannot be spent now, or the session has ended; nothing was written.
    """
    now = deployment.now()
    require_allowed(deployment, presented.person)
    spent = presented.code.spend(kinds={CodeKind.CALLBACK}, client_id=deployment.client.id, now=now)
    session_id = presented.login.session_id
    session = await sessions.get(connection, session_id) if session_id else None
    if session is None or not session.lives_at(now):
        raise CodeRevoked(presented.login.id)
    await codes.save(connection, spent)
    return session
