"""Promises of the clock: a step is told from time that passes, and from a boot."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgauth.domain.clock import Reading, Step, step_between

NOW = 1_800_000_000_000


def a_reading(wall: int = NOW, since_boot: int = 60_000, boot_id: str = "boot-1") -> Reading:
    """Read both clocks."""
    return Reading(boot_id=boot_id, wall=wall, since_boot=since_boot)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (a_reading(), None),
        (a_reading(NOW + 500, 60_500), None),
        (a_reading(NOW - 1000), None),
        (a_reading(NOW - 1001), Step(by=-1001, expected=NOW)),
        (a_reading(NOW + 1000), None),
        (a_reading(NOW + 1001), Step(by=1001, expected=NOW)),
        # An hour passed, and the wall shows the same.
        (a_reading(NOW, 3_660_000), Step(by=-3_600_000, expected=NOW + 3_600_000)),
        # The machine slept: both clocks know.
        (a_reading(NOW + 9_000_000, 9_060_000), None),
        # Another boot, after however long.
        (a_reading(NOW, 10, "boot-2"), None),
        (a_reading(NOW + 10**12, 10, "boot-2"), None),
        (a_reading(NOW - 1, 10, "boot-2"), Step(by=-1, expected=NOW)),
        (a_reading(NOW - 1, 10**12, "boot-2"), Step(by=-1, expected=NOW)),
        # Another boot under the same name: less time since it than there was before.
        (a_reading(NOW + 5000, 59_999), None),
        (a_reading(NOW - 1, 59_999), Step(by=-1, expected=NOW)),
    ],
)
def test_a_step_is_told(now: Reading, expected: Step | None) -> None:
    """To the millisecond, on each side of what counts as one."""
    assert expected == step_between(a_reading(), now)


def test_a_step_back_is_told_from_one_forward() -> None:
    """Only the former brings anything back to life."""
    assert Step(by=-1, expected=NOW).is_back
    assert not Step(by=1, expected=NOW).is_back


happenings = st.lists(
    st.one_of(
        st.tuples(st.just("passes"), st.integers(0, 10**7)),
        st.tuples(st.just("is set"), st.integers(-(10**7), 10**7)),
        st.tuples(st.just("boots"), st.integers(0, 10**7)),
    )
)


@given(happenings)
def test_agrees_with_whoever_saw_what_happened(story: list[tuple[str, int]]) -> None:
    """Whatever happens between two readings, told one thing after the other."""
    was_set = wall = passed = boots = uptime = 0
    for what, much in story:
        if what == "passes":
            wall, passed, uptime = wall + much, passed + much, uptime + much
        elif what == "is set":
            wall, was_set = wall + much, was_set + much
        else:
            wall, boots, uptime = wall + much, boots + 1, 0
    since_boot = uptime if boots else 60_000 + uptime
    now = a_reading(NOW + wall, since_boot, f"boot-{1 + boots}")
    step = step_between(a_reading(), now)
    if boots:
        assert (wall < 0) == (step is not None)
        assert step is None or (step.is_back, step.expected) == (True, NOW)
    elif -1000 <= was_set <= 1000:
        assert step is None
    else:
        assert Step(by=was_set, expected=NOW + passed) == step
