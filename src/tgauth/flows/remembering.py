"""Who somebody is: an account begins with the first login, and follows what Telegram tells."""

from tgauth.domain.audit import BY_PERSON, AuditEvent
from tgauth.domain.instants import Instant
from tgauth.domain.person import Person, TelegramProfile
from tgauth.flows.auditing import Trail
from tgauth.flows.deployment import Deployment
from tgauth.store import Connection, persons


async def remember(  # noqa: PLR0913 - a connection and a trail beside what it is about
    deployment: Deployment,
    connection: Connection,
    trail: Trail,
    profile: TelegramProfile,
    known: Person | None,
    *,
    now: Instant,
) -> Person:
    """Return the account of whoever Telegram names, new or brought up to date.

    Args:
        deployment: The installation.
        connection: The write transaction.
        trail: The audit log.
        profile: Who it is by Telegram.
        known: The account, where there is one.
        now: The current instant.
    """
    if known is not None:
        person = known.seen_as(profile, now=now)
    else:
        person = Person(
            subject=deployment.new_id(), profile=profile, created_at=now, updated_at=now
        )
    if person != known:
        await persons.save(connection, person)
    if known is None:
        await trail.note(connection, AuditEvent.PERSON_JOINED, BY_PERSON, person)
    return person
