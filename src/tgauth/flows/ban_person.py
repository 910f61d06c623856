"""The operator bans somebody, or lifts a ban."""

from tgauth.domain.audit import BY_OPERATOR, AuditEvent
from tgauth.flows.auditing import Trail
from tgauth.flows.deployment import Deployment
from tgauth.flows.leaving import leave_everywhere
from tgauth.store import bans, persons


async def ban_person(deployment: Deployment, telegram_id: int) -> bool:
    """Ban a Telegram id, known here or not, and log it out everywhere; say whether that is new."""
    now = deployment.now()
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            person = await persons.find(connection, telegram_id)
            is_new = await bans.add(connection, telegram_id, now=now)
            if is_new:
                await trail.note(
                    connection,
                    AuditEvent.PERSON_BANNED,
                    BY_OPERATOR,
                    person,
                    telegram_id=telegram_id,
                )
            if person is not None:
                await leave_everywhere(connection, trail, person, by=BY_OPERATOR, now=now)
            return is_new


async def unban_person(deployment: Deployment, telegram_id: int) -> bool:
    """Lift the ban of a Telegram id; say whether there was one."""
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            was_banned = await bans.remove(connection, telegram_id)
            if was_banned:
                await trail.note(
                    connection,
                    AuditEvent.PERSON_UNBANNED,
                    BY_OPERATOR,
                    await persons.find(connection, telegram_id),
                    telegram_id=telegram_id,
                )
            return was_banned
