"""Promises of instants: written out exactly, in UTC, and never rounded up."""

import time
from collections.abc import Iterator

import pytest

from tgauth.domain.instants import Instant, maybe_timestamp, time_left, timestamp


@pytest.fixture(params=["UTC", "Asia/Kathmandu", "America/St_Johns"])
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Put this machine into a time zone."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield request.param
    time.tzset()


@pytest.mark.parametrize(
    ("instant", "expected"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_800_000_000_000, "2027-01-15T08:00:00Z"),
        (1_800_000_000_999, "2027-01-15T08:00:00Z"),
        (1_709_251_199_000, "2024-02-29T23:59:59Z"),
    ],
)
def test_an_instant_is_written_as_rfc_3339_has_it(
    instant: Instant, expected: str, zone: str
) -> None:
    """To the second, whatever the zone of this machine is."""
    assert zone
    assert expected == timestamp(instant) == maybe_timestamp(instant)


def test_where_there_is_no_instant_nothing_is_written() -> None:
    """The beginning of time is one, all the same."""
    assert maybe_timestamp(None) is None
    assert maybe_timestamp(0) is not None


@pytest.mark.parametrize(
    ("until", "expected"),
    [(None, 0), (999, 0), (1000, 0), (1001, 1), (1060, 60), (1061, 0), (10**15, 0)],
)
def test_what_lasts_longer_than_it_can_is_over(until: Instant | None, expected: int) -> None:
    """Its beginning was in a future that was none."""
    assert expected == time_left(until, longest=60, now=1000)
