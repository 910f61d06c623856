"""Promises of sessions: thirty days, or until somebody ends them."""

import pytest
from tests.builders import NOW, a_session

from tgauth.domain.instants import DAY, SECOND
from tgauth.domain.session import begin_session

END = NOW + 30 * DAY


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NOW, True), (END - SECOND, True), (END - 1, True), (END, False), (END + 1, False)],
)
def test_a_session_lives_for_thirty_days(now: int, *, expected: bool) -> None:
    """It lives up to the millisecond before its end."""
    assert expected == a_session().lives_at(now)


def test_an_ended_session_is_dead_at_once() -> None:
    """Ending counts from the same millisecond on, and for every instant before as well."""
    assert not a_session().end(now=NOW + 5).lives_at(NOW + 5)


def test_ending_twice_keeps_the_first_moment() -> None:
    """The moment of the first ending stays."""
    ended = a_session().end(now=NOW + 5)
    assert a_session(ended_at=NOW + 5) == ended.end(now=NOW + 9)


def test_a_session_begins_now() -> None:
    """A new session's time starts when its login is redeemed."""
    begun = begin_session(
        session_id="session-1",
        subject="subject-of-alice",
        client_id="shop",
        secret_hash=None,
        now=NOW,
    )
    assert a_session(secret_hash=None) == begun
