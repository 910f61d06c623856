"""An application turns a code into a token."""

from dataclasses import dataclass

from tgauth.domain.code import CodeKind
from tgauth.domain.person import Person
from tgauth.domain.session import Session, Visitor, begin_session
from tgauth.flows.deciding import decide, judge
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keyring
from tgauth.flows.spending import Presented, look_up, redeem_login, spend_callback_code
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
    """

    access_token: str
    lifetime: int
    person: Person
    login_id: str
    session_id: str

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
    # A look before the lock: whoever guesses codes must not keep the writers waiting.
    await judge(deployment, _look, text)
    return await decide(deployment, _exchange, keyring, text, visitor)


async def _look(connection: Connection, deployment: Deployment, text: str) -> None:
    presented = await look_up(connection, text)
    presented.code.spend(
        kinds={CodeKind.CHAT, CodeKind.CALLBACK},
        client_id=deployment.client.id,
        now=deployment.now(),
    )


async def _exchange(
    connection: Connection, deployment: Deployment, keyring: Keyring, text: str, visitor: Visitor
) -> Grant:
    # Judged again under the lock: the first look may be stale by now.
    presented = await look_up(connection, text)
    session = await _spend(deployment, connection, presented, visitor)
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
    )
