"""Two clocks, and whether one was set: the wall's, which people set, and the time since boot."""

from dataclasses import dataclass
from typing import Final

from tgauth.domain.instants import SECOND, Instant

#: The wall clock is corrected all the time, by less than this: that is no step.
STEP_TOLERANCE: Final = 1 * SECOND


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Both clocks at one moment.

    Attributes:
        boot_id: Names this boot of this machine.
        wall: The wall clock.
        since_boot: Milliseconds since the boot, those asleep as well; nobody can set it.
    """

    boot_id: str
    wall: Instant
    since_boot: int

    def is_of_the_boot_of(self, earlier: "Reading") -> bool:
        """Say whether the time between two readings can be told by the time since the boot."""
        return self.boot_id == earlier.boot_id and self.since_boot >= earlier.since_boot


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The wall clock was set.

    Attributes:
        by: Milliseconds; negative: back.
        expected: What it would show now if it had not been set; after a boot, at least this.
    """

    by: int
    expected: Instant

    @property
    def is_back(self) -> bool:
        """Whether it was set back."""
        return self.by < 0


def step_between(earlier: Reading, now: Reading) -> Step | None:
    """Say whether the wall clock was set between two readings, and by how much.

    Across a boot nobody knows how much time has passed, only that some has.
    """
    if now.is_of_the_boot_of(earlier):
        expected = earlier.wall + now.since_boot - earlier.since_boot
        by = now.wall - expected
        return Step(by=by, expected=expected) if abs(by) > STEP_TOLERANCE else None
    by = now.wall - earlier.wall
    return Step(by=by, expected=earlier.wall) if by < 0 else None
