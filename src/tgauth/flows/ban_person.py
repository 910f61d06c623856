"""The operator bans somebody, or lifts a ban."""

from tgauth.flows.deployment import Deployment
from tgauth.flows.leaving import leave_everywhere
from tgauth.store import bans, persons


async def ban_person(deployment: Deployment, telegram_id: int) -> bool:
    """Ban a Telegram id, known here or not, and log it out everywhere; say whether that is new."""
    now = deployment.now()
    async with deployment.store.writing() as connection:
        person = await persons.find(connection, telegram_id)
        if person is not None:
            await leave_everywhere(connection, person.subject, now=now)
        return await bans.add(connection, telegram_id, now=now)


async def unban_person(deployment: Deployment, telegram_id: int) -> bool:
    """Lift the ban of a Telegram id; say whether there was one."""
    async with deployment.store.writing() as connection:
        return await bans.remove(connection, telegram_id)
