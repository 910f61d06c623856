"""The outbox: what is owed, what it says at the moment of sending, and what became of it."""

from dataclasses import dataclass

from tgauth.domain.code import CodeKind, derive_code
from tgauth.domain.instants import Instant
from tgauth.domain.login import LoginRequest, Standing
from tgauth.domain.outgoing import Notice, Outgoing
from tgauth.flows.deployment import Deployment
from tgauth.store import logins, outbox


@dataclass(frozen=True, slots=True, kw_only=True)
class DueMessage:
    """A message to be sent now.

    Attributes:
        outgoing: Its row.
        notice: What it says by now: a link that expired while it waited has become an apology.
        link: The login link, where it carries one.
        lifetime: Milliseconds that the link still lives.
    """

    outgoing: Outgoing
    notice: Notice
    link: str | None = None
    lifetime: int = 0

    def __repr__(self) -> str:
        """Print no link: it holds a code."""
        return f"DueMessage({self.outgoing.id}, {self.notice})"


async def due_messages(
    deployment: Deployment, *, most: int
) -> tuple[list[DueMessage], Instant | None]:
    """Return what is to be sent now, and when more will be due.

    Raises:
        StoreUnavailable: The store cannot be read.
    """
    now = deployment.now()
    async with deployment.store.reading() as connection:
        owed = await outbox.due(connection, now=now, most=most)
        due = [
            _render(
                deployment,
                outgoing,
                await logins.get(connection, outgoing.login_id) if outgoing.login_id else None,
                now,
            )
            for outgoing in owed
        ]
        return due, await outbox.next_time(connection, now=now)


async def settle_message(deployment: Deployment, message: Outgoing) -> None:
    """Keep what became of a message.

    Raises:
        StoreUnavailable: It was not kept: the message may be sent again.
    """
    async with deployment.store.writing() as connection:
        await outbox.save(connection, message)


def _render(
    deployment: Deployment, outgoing: Outgoing, login: LoginRequest | None, now: Instant
) -> DueMessage:
    if outgoing.notice is not Notice.LOGIN_LINK:
        return DueMessage(outgoing=outgoing, notice=outgoing.notice)
    if login is None or login.standing_at(now) is Standing.EXPIRED:
        return DueMessage(outgoing=outgoing, notice=Notice.TOO_LATE)
    # The code is derived again, never stored: after a crash this is the same link.
    code = derive_code(deployment.master_key, CodeKind.CHAT, login.id)
    return DueMessage(
        outgoing=outgoing,
        notice=Notice.LOGIN_LINK,
        link=deployment.issuer.login_link(code),
        lifetime=login.expires_at - now,
    )
