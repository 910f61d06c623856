"""Count failed attempts by network address, for all processes together."""

from tgauth.domain.audit import BY_SYSTEM, AuditEvent
from tgauth.domain.failures import Failures, counted_as
from tgauth.flows.auditing import Trail
from tgauth.flows.deployment import Deployment
from tgauth.measures.catalogue import FAILED_ATTEMPTS
from tgauth.store import failures


async def require_patience(deployment: Deployment, address: str) -> None:
    """Let an address try something; writes nothing.

    Raises:
        TooManyFailures: It failed too often within a minute.
        StoreUnavailable: The store cannot be read.
    """
    known = await deployment.store.read(failures.get, counted_as(address))
    if known is not None:
        known.require_below(deployment.failures_per_minute, now=deployment.now())


async def note_failure(deployment: Deployment, address: str) -> None:
    """Count a failed attempt of an address.

    Raises:
        StoreUnavailable: It was not counted.
    """
    now = deployment.now()
    counted = counted_as(address)
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            known = await failures.get(connection, counted)
            more = (known or Failures(address=counted, began_at=now)).one_more(now=now)
            await failures.save(connection, more)
            if more.number == deployment.failures_per_minute:
                await trail.note(
                    connection,
                    AuditEvent.ADDRESS_LIMITED,
                    BY_SYSTEM,
                    address=counted,
                    number=more.number,
                )
    deployment.measures.count(FAILED_ATTEMPTS)
