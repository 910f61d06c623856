"""Promises of limits: so many failures of an address in a minute, and each address for itself."""

from contextlib import nullcontext

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import NOW

from tgauth.domain.errors import TooManyFailures
from tgauth.domain.failures import Failures, counted_as
from tgauth.domain.instants import DAY, SECOND

WINDOW = 60 * SECOND
ADDRESS = "192.0.2.1"


def some(number: int, *, began_at: int = NOW) -> Failures:
    """Build the failures of an address."""
    return Failures(address=ADDRESS, began_at=began_at, number=number)


@pytest.mark.parametrize(
    ("wait", "expected"),
    [
        (0, some(4)),
        (WINDOW - SECOND, some(4)),
        (WINDOW - 1, some(4)),
        (WINDOW, some(1, began_at=NOW + WINDOW)),
        (WINDOW + SECOND, some(1, began_at=NOW + WINDOW + SECOND)),
        (-1, some(1, began_at=NOW - 1)),
        (-DAY, some(1, began_at=NOW - DAY)),
    ],
)
def test_failures_of_one_minute_are_counted_together(wait: int, expected: Failures) -> None:
    """A window ends to the millisecond, and one from the future (a clock set back) is over."""
    assert expected == some(3).one_more(now=NOW + wait)


@pytest.mark.parametrize(
    ("number", "wait", "left"),
    [
        (2, 0, None),
        (3, 0, WINDOW),
        (4, 0, WINDOW),
        (3, WINDOW - SECOND, SECOND),
        (3, WINDOW - 1, 1),
        (3, WINDOW, None),
        (4, WINDOW + SECOND, None),
        (4, -1, None),
        (4, -DAY, None),
    ],
)
def test_who_failed_too_often_waits_for_the_end_of_the_window(
    number: int, wait: int, left: int | None
) -> None:
    """The third of three failures is the last one, and how long to wait is told exactly."""
    if left is None:
        some(number).require_below(3, now=NOW + wait)
    else:
        with pytest.raises(TooManyFailures) as refused:
            some(number).require_below(3, now=NOW + wait)
        assert left == refused.value.wait


@given(wait=st.integers(-2 * WINDOW, 2 * WINDOW))
def test_the_wait_is_never_longer_than_a_window(wait: int) -> None:
    """Also after the clock was set back: nobody waits for a moment that is far away."""
    with pytest.raises(TooManyFailures) if 0 <= wait < WINDOW else nullcontext() as refused:
        some(99).require_below(3, now=NOW + wait)
    if refused is not None:
        assert 0 < refused.value.wait <= WINDOW


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.2", "192.0.2.2"),
        ("127.0.0.1", "127.0.0.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("::FFFF:c000:201", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8:0:0:ffff:ffff:ffff:ffff", "2001:db8::/64"),
        ("2001:DB8::1", "2001:db8::/64"),
        ("2001:db8:0:1::1", "2001:db8:0:1::/64"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("fe80::1%", "fe80::/64"),
        ("fe80::2%25en0", "fe80::/64"),
        ("", "unknown"),
        ("localhost", "unknown"),
        ("192.0.2.1:443", "unknown"),
        ("[2001:db8::1]", "unknown"),
        ("192.0.2.256", "unknown"),
        ("192.0.2.01", "unknown"),
        ("2001:db8::1::2", "unknown"),
        ("%eth0", "unknown"),
        ("192.0.2.1, 198.51.100.1", "unknown"),
        ("\0", "unknown"),
        ("١٩٢.0.2.1", "unknown"),
        ("9" * 4000, "unknown"),
    ],
)
def test_an_address_is_counted_under_its_network(address: str, expected: str) -> None:
    """IPv4 by itself however it is written, IPv6 by its /64, and all nonsense together."""
    assert expected == counted_as(address)
