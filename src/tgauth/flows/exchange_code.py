"""An application turns a code into a token."""

from dataclasses import dataclass

from tgauth.domain.audit import Actor, AuditEvent, Doer
from tgauth.domain.code import CodeKind
from tgauth.domain.errors import TgauthError
from tgauth.domain.person import Person
from tgauth.domain.session import Session, Visitor, begin_session
from tgauth.flows.auditing import Trail
from tgauth.flows.deciding import decide, judge
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keyring
from tgauth.flows.spending import Presented, look_up, redeem_login, spend_callback_code
from tgauth.measures.catalogue import CODES
from tgauth.oidc.access_tokens import AccessToken, sign
from tgauth.store import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What an application gets for a code.

    Attributes:
        access_token: The signed JWT.
        lifetime: Seconds that it is good for.
        person: Who logged in.
        login_id: The login that was redeemed.
        session_id: The session that it hangs on.
        is_first: Whether this redeemed the login; otherwise a browser did, a moment before.
    """

    access_token: str
    lifetime: int
    person: Person
    login_id: str
    session_id: str
    is_first: bool

    def __repr__(self) -> str:
        """Print no token."""
        return f"Grant(session {self.session_id})"


async def exchange_code(
    deployment: Deployment, keyring: Keyring, text: str, *, visitor: Visitor
) -> Grant:
    """Spend a chat or callback code on an access token.

    The token is signed inside the transaction: were it signed afterwards, a failure there would
    have spent the code on nothing. Whether the caller is the client was asked before.

    Args:
        deployment: The installation.
        keyring: The signing keys.
        text: The code.
        visitor: From where a chat code is exchanged: its session begins here.

    Raises:
        TgauthError: The code is not good for this, with the reason; nothing was written.
    """
    by = Doer(actor=Actor.APPLICATION, visitor=visitor)
    with Trail(deployment) as trail:
        try:
            # A look before the lock: whoever guesses codes must not keep the writers waiting.
            await judge(deployment, _look, text)
            grant = await decide(deployment, _exchange, trail, keyring, text, by=by)
        except TgauthError as refusal:
            deployment.measures.count(CODES, refusal.code)
            await trail.note_refused_code(text, by, refusal)
            raise
    deployment.measures.count(CODES, "exchanged")
    return grant


async def _look(connection: Connection, deployment: Deployment, text: str) -> None:
    presented = await look_up(connection, text)
    presented.code.spend(
        kinds={CodeKind.CHAT, CodeKind.CALLBACK},
        client_id=deployment.client.id,
        now=deployment.now(),
    )


async def _exchange(  # noqa: PLR0913 - a connection and a trail beside what it is about
    connection: Connection,
    deployment: Deployment,
    trail: Trail,
    keyring: Keyring,
    text: str,
    *,
    by: Doer,
) -> Grant:
    # Judged again under the lock: the first look may be stale by now.
    presented = await look_up(connection, text)
    session = await _spend(deployment, connection, presented, by.visitor)
    is_callback = presented.code.kind is CodeKind.CALLBACK
    await trail.note(
        connection,
        AuditEvent.CODE_EXCHANGED if is_callback else AuditEvent.LOGIN_REDEEMED,
        by,
        presented.person,
        client_id=session.client_id,
        login_id=presented.login.id,
        session_id=session.id,
    )
    return _grant(deployment, keyring, presented, session)


async def _spend(
    deployment: Deployment, connection: Connection, presented: Presented, visitor: Visitor
) -> Session:
    if presented.code.kind is CodeKind.CALLBACK:
        return await spend_callback_code(deployment, connection, presented)
    session = begin_session(
        session_id=deployment.new_id(),
        subject=presented.person.subject,
        client_id=presented.login.client_id,
        secret_hash=None,
        visitor=visitor,
        rules=deployment.sessions,
        now=deployment.now(),
    )
    await redeem_login(deployment, connection, presented, session, browser=None)
    return session


def _grant(
    deployment: Deployment, keyring: Keyring, presented: Presented, session: Session
) -> Grant:
    person = presented.person
    token = AccessToken(
        issuer=deployment.issuer.url,
        subject=person.subject,
        client_id=session.client_id,
        session_id=session.id,
        token_id=deployment.new_id(),
        telegram_id=person.profile.telegram_id,
        issued_at=deployment.now(),
        lifetime=deployment.client.token_lifetime,
    )
    return Grant(
        access_token=sign(token, keyring.signer),
        lifetime=token.lifetime,
        person=person,
        login_id=presented.login.id,
        session_id=session.id,
        is_first=presented.code.kind is CodeKind.CHAT,
    )
