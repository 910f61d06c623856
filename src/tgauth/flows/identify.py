"""Say who a session belongs to."""

import contextlib
from dataclasses import dataclass

from tgauth.domain.code import hash_of
from tgauth.domain.errors import SessionEnded, StoreUnavailable, TokenRefused
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.deciding import judge
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keyring
from tgauth.oidc.access_tokens import verify
from tgauth.store import Connection, persons, sessions


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """A person, and the session by which we know them.

    Attributes:
        person: Who.
        session: By which session.
    """

    person: Person
    session: Session


async def identify_by_token(deployment: Deployment, keyring: Keyring, token: str) -> Identity:
    """Say whose access token this is; it is worth nothing once its session has ended.

    Raises:
        TokenRefused: It is none of ours, or expired.
        SessionEnded: Its session no longer lives.
    """
    now = deployment.now()
    claims = verify(token, keys=keyring.keys, issuer=deployment.issuer.url, now=now)
    session, person = await judge(deployment, _by_id, claims.session_id, claims.subject)
    if session is None or person is None or session.subject != person.subject:
        raise TokenRefused("the token's session is not known here")
    if not session.lives_at(deployment.now()) or not _permits(deployment, person):
        raise SessionEnded
    await _note_use(deployment, session)
    return Identity(person=person, session=session)


async def identify_by_cookie(deployment: Deployment, secret: str) -> Identity:
    """Say who is logged in in the browser that holds this secret.

    Raises:
        SessionEnded: Nobody.
    """
    session, person = await judge(deployment, _by_secret, hash_of(secret))
    if session is None or person is None or not session.lives_at(deployment.now()):
        raise SessionEnded
    if not _permits(deployment, person):
        raise SessionEnded
    await _note_use(deployment, session)
    return Identity(person=person, session=session)


async def _by_id(
    connection: Connection, _: Deployment, session_id: str, subject: str
) -> tuple[Session | None, Person | None]:
    return await sessions.get(connection, session_id), await persons.get(connection, subject)


async def _by_secret(
    connection: Connection, _: Deployment, secret_hash: str
) -> tuple[Session | None, Person | None]:
    session = await sessions.find(connection, secret_hash)
    return session, await persons.get(connection, session.subject) if session else None


def _permits(deployment: Deployment, person: Person) -> bool:
    """Ask the operator's list: whoever was taken off it, or banned, is logged out by that."""
    return person.banned_at is None and deployment.allow.permits(person.profile.telegram_id)


async def _note_use(deployment: Deployment, session: Session) -> None:
    """Keep an idle session from ending; one use in a few minutes is written."""
    if session.seen(deployment.sessions, now=deployment.now()) is session:
        return
    # A full disk is readiness's to tell; whoever only asks who they are is answered.
    with contextlib.suppress(StoreUnavailable):
        async with deployment.store.writing() as connection:
            fresh = await sessions.get(connection, session.id)
            if fresh is not None:
                seen = fresh.seen(deployment.sessions, now=deployment.now())
                await sessions.save(connection, seen)
