"""Time as the rest of the domain sees it."""

from datetime import UTC, datetime
from typing import Final

#: Milliseconds since 1970-01-01T00:00:00Z. A plain integer compares, stores and prints exactly.
Instant = int

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

#: A clock that is set back by less than this is no reason to do anything about it.
CLOCK_TOLERANCE: Final = 2 * SECOND


def timestamp(instant: Instant) -> str:
    """Return an instant as RFC 3339 has it, in UTC and to the second."""
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def maybe_timestamp(instant: Instant | None) -> str | None:
    """Return the same of an instant that there may not be."""
    return None if instant is None else timestamp(instant)


def time_left(until: Instant | None, *, longest: int, now: Instant) -> int:
    """Return how many milliseconds something lasts still; 0: it is over, or never began.

    One that would last longer than any can is over as well: the clock was set back, and its end may
    be far away.

    Args:
        until: When it ends, if it ever began.
        longest: How long it lasts at most.
        now: The current instant.
    """
    left = 0 if until is None else until - now
    return left if 0 < left <= longest else 0
