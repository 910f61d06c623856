"""What Telegram hands over: kept until handled, tried a few times, parked when it is poison."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tgauth.domain.instants import SECOND, Instant

#: An update that fails this often is parked, so that it cannot hold up the others.
ATTEMPTS: Final = 3

_RETRY_DELAY: Final = 1 * SECOND


class UpdateState(StrEnum):
    """What became of an update."""

    WAITING = "waiting"
    DONE = "done"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateKey:
    """What makes two deliveries one update.

    Attributes:
        update_id: Telegram's number. It restarts at random after a quiet week, so it is not enough.
        identity: What the update is about, e.g. `message:42:17:1760000000`.
    """

    update_id: int
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUpdate:
    """An update in the inbox.

    Attributes:
        key: Its identity.
        payload: The JSON that Telegram sent; erased when done.
        state: What became of it.
        received_at: When it was stored.
        attempts: How often handling it failed.
        not_before: Not to be tried earlier.
    """

    key: UpdateKey
    payload: str | None
    state: UpdateState
    received_at: Instant
    attempts: int
    not_before: Instant

    def failed(self, *, now: Instant) -> "StoredUpdate":
        """Return this update for another attempt, or parked after the last one."""
        attempts = self.attempts + 1
        if attempts >= ATTEMPTS:
            return replace(self, attempts=attempts, state=UpdateState.PARKED)
        return replace(self, attempts=attempts, not_before=now + _RETRY_DELAY * attempts)
