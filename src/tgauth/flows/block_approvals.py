"""A person wants to be asked about no logins for a day, or about them again."""

from tgauth.domain.approval import BLOCK_LIFETIME
from tgauth.domain.audit import BY_PERSON, AuditEvent
from tgauth.domain.login import Door
from tgauth.domain.outgoing import Notice
from tgauth.flows.approve_in_chat import decline_all
from tgauth.flows.auditing import Trail
from tgauth.flows.begin_chat_login import Asked
from tgauth.flows.deciding import decide
from tgauth.flows.deployment import Deployment
from tgauth.store import Connection, approvals, inbox, outbox, persons


async def block_approvals(
    deployment: Deployment, asked: Asked, *, blocked: bool, message_id: int
) -> bool:
    """Ask somebody for nothing for a day, or again; say whether this update did it.

    What they are asked at the moment counts as declined with the former.

    Args:
        deployment: The installation.
        asked: Who wants it so.
        blocked: Whether they want to be asked for nothing.
        message_id: The message that the button is under: it is changed to say so.
    """
    with Trail(deployment, door=Door.BROWSER) as trail:
        return await decide(deployment, _block, trail, asked, blocked, message_id)


async def _block(  # noqa: PLR0913, PLR0917 - a connection and a trail beside what it is about
    connection: Connection,
    deployment: Deployment,
    trail: Trail,
    asked: Asked,
    blocked: bool,  # noqa: FBT001 - passed on by `decide`
    message_id: int,
) -> bool:
    now, telegram_id = deployment.now(), asked.profile.telegram_id
    if not await inbox.finish(connection, asked.key):
        return False
    known = await persons.find(connection, telegram_id)
    if blocked:
        await approvals.block(connection, telegram_id, until=now + BLOCK_LIFETIME)
        await decline_all(connection, trail, asked, known, now=now)
    else:
        await approvals.unblock(connection, telegram_id)
    # Anybody can press it, and ever so often: an hour of it is one entry.
    await trail.count(
        connection,
        AuditEvent.APPROVALS_BLOCKED,
        BY_PERSON,
        known,
        telegram_id=telegram_id,
        reason="for_a_day" if blocked else "ended",
    )
    await outbox.add(
        connection,
        asked.owe(
            Notice.APPROVALS_BLOCKED if blocked else Notice.APPROVALS_ALLOWED,
            edits=message_id,
            now=now,
        ),
    )
    return True
