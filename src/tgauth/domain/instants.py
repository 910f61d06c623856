"""Time as the rest of the domain sees it."""

from typing import Final

#: Milliseconds since 1970-01-01T00:00:00Z. A plain integer compares, stores and prints exactly.
Instant = int

SECOND: Final = 1000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

#: A clock that is set back by less than this is no reason to do anything about it.
CLOCK_TOLERANCE: Final = 2 * SECOND
