"""How much waits in a store, and for how long already: for whoever watches it."""

from dataclasses import dataclass
from typing import Final

from tgauth.domain.instants import Instant
from tgauth.domain.outgoing import Notice
from tgauth.store.connection import Connection

SELECT_INBOX: Final = """
    SELECT
        count(*) FILTER (WHERE state = 'waiting') AS waiting,
        count(*) FILTER (WHERE state = 'parked') AS parked,
        min(received_at) FILTER (WHERE state = 'waiting') AS oldest
    FROM inbox WHERE state IN ('waiting', 'parked')
"""
# A change of an earlier message is waited for from the moment at which it is due, a message of its
# own from the moment at which it was asked for, however often it was postponed.
SELECT_OUTBOX: Final = f"""
    SELECT
        count(*) FILTER (WHERE since <= :now) AS owed,
        count(*) FILTER (WHERE since > :now) AS later,
        min(since) AS oldest
    FROM (
        SELECT
            CASE WHEN notice = '{Notice.LOGIN_CLOSED}' THEN not_before ELSE created_at END AS since
        FROM outbox WHERE sent_at IS NULL AND given_up_at IS NULL
    )
"""
COUNT_OPEN_LOGINS: Final = """
    SELECT count(*) AS number FROM logins
    WHERE expires_at > :now AND state IN ('pending', 'approved')
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Depths:
    """What waits.

    Attributes:
        waiting: Updates that wait to be handled.
        parked: Updates that could not be handled.
        waiting_for: Milliseconds for which the oldest of the waiting ones has waited.
        owed: Messages that are owed now.
        later: Changes of messages that will be due later.
        owed_for: Milliseconds for which the oldest of the owed ones has been waited for.
        logins: Logins that could still be redeemed.
    """

    waiting: int
    parked: int
    waiting_for: int
    owed: int
    later: int
    owed_for: int
    logins: int


async def depths_of(connection: Connection, *, now: Instant) -> Depths:
    """Return what waits at a moment."""
    [inbox] = await connection.run(SELECT_INBOX)
    [outbox] = await connection.run(SELECT_OUTBOX, {"now": now})
    [logins] = await connection.run(COUNT_OPEN_LOGINS, {"now": now})
    return Depths(
        waiting=inbox["waiting"],
        parked=inbox["parked"],
        waiting_for=_age(inbox["oldest"], now),
        owed=outbox["owed"],
        later=outbox["later"],
        owed_for=_age(outbox["oldest"], now),
        logins=logins["number"],
    )


def _age(oldest: Instant | None, now: Instant) -> int:
    # What comes from the future, because the clock was set back, has not waited yet.
    return 0 if oldest is None else max(0, now - oldest)
