"""Read the audit log."""

from tgauth.domain.audit import AuditEntry
from tgauth.flows.deployment import Deployment
from tgauth.flows.find_person import find_account, telegram_id_of
from tgauth.store import audit
from tgauth.store.audit import Wanted


async def newest_entries(deployment: Deployment, wanted: Wanted, *, most: int) -> list[AuditEntry]:
    """Return the newest entries that are wanted, oldest of them first."""
    async with deployment.store.reading() as connection:
        return await audit.newest(connection, wanted, most=most)


async def next_entries(deployment: Deployment, wanted: Wanted, *, most: int) -> list[AuditEntry]:
    """Return the entries that are wanted and come first behind a place in the log."""
    async with deployment.store.reading() as connection:
        return await audit.next_ones(connection, wanted, most=most)


async def end_of_log(deployment: Deployment) -> int:
    """Return the last place in the log that is taken."""
    async with deployment.store.reading() as connection:
        return await audit.newest_id(connection)


async def changes(deployment: Deployment) -> int:
    """Return a number that changes whenever somebody wrote something into the store."""
    async with deployment.store.reading() as connection:
        return await audit.data_version(connection)


async def about(deployment: Deployment, text: str) -> Wanted:
    """Say which entries are about a Telegram id or a subject, with an account here or without."""
    person = await find_account(deployment, text)
    if person is not None:
        return Wanted(telegram_id=person.profile.telegram_id, subject=person.subject)
    telegram_id = telegram_id_of(text)
    return Wanted(telegram_id=telegram_id) if telegram_id is not None else Wanted(subject=text)
