"""Forget what is of no use any more, a little at a time."""

from collections.abc import Awaitable, Callable
from typing import Final

from tgauth.domain.failures import WINDOW
from tgauth.domain.instants import DAY, HOUR, Instant
from tgauth.flows.deployment import Deployment
from tgauth.store import (
    Connection,
    approvals,
    audit,
    blocked_networks,
    failures,
    inbox,
    logins,
    outbox,
    sessions,
    signing_keys,
)

#: How long what is over is kept, for its owner to see and for the operator to look into.
KEPT_FOR: Final = 7 * DAY
#: How long a login is kept that nobody was asked about: its page says for so long that it expired.
UNASKED_KEPT_FOR: Final = 1 * HOUR
#: Telegram keeps an update for a day, so no repeat of it comes later than that.
UPDATES_KEPT_FOR: Final = 2 * DAY
_AT_ONCE: Final = 100

_Sweep = Callable[..., Awaitable[int]]


async def sweep(deployment: Deployment) -> bool:
    """Delete a small batch of each kind; say whether more may be left.

    Each kind has a transaction of its own, so nobody who waits for a turn waits for all of them.
    """
    now = deployment.now()
    more = False
    kinds: tuple[tuple[_Sweep, Instant], ...] = (
        (inbox.sweep, now - UPDATES_KEPT_FOR),
        (outbox.sweep, now - KEPT_FOR),
        (logins.sweep, now - KEPT_FOR),
        (logins.sweep_unasked, now - UNASKED_KEPT_FOR),
        (sessions.sweep, now - KEPT_FOR),
        (failures.sweep, now - WINDOW),
        (approvals.sweep_blocks, now),
        (blocked_networks.sweep, now),
        (audit.sweep, now - deployment.audit_kept_for),
        (_sweep_keys, now),
    )
    for delete, before in kinds:
        async with deployment.store.writing() as connection:
            more |= await delete(connection, before=before, most=_AT_ONCE) == _AT_ONCE
    return more


async def _sweep_keys(connection: Connection, *, before: Instant, most: int) -> int:
    # There are never many: all at once.
    return min(await signing_keys.sweep(connection, now=before), most - 1)
