"""Promises of sessions: a lifetime however it is used, a shorter one unused, or an earlier end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import NOW, a_session

from tgauth.domain.instants import DAY, HOUR, MINUTE, SECOND
from tgauth.domain.session import Session, SessionRules, Visitor, begin_session

#: Written by hand: what the defaults promise.
END = NOW + 30 * DAY
IDLE_END = NOW + 7 * DAY
RULES = SessionRules(lifetime=30 * DAY, idle_lifetime=7 * DAY)


def begun(rules: SessionRules = RULES, *, secret_hash: str | None = None) -> Session:
    """Begin a session of Alice."""
    return begin_session(
        session_id="session-1",
        subject="subject-of-alice",
        client_id="shop",
        secret_hash=secret_hash,
        visitor=Visitor(device="Firefox, Linux", address="192.0.2.1"),
        rules=rules,
        now=NOW,
    )


def test_a_session_begins_with_what_it_is_given() -> None:
    """The hash of its cookie's secret above all: without, no browser would find it again."""
    assert "a hash" == begun(secret_hash="a hash").secret_hash
    assert begun().secret_hash is None


def test_the_defaults_are_thirty_days_and_a_week_unused() -> None:
    """Whoever sets nothing gets these."""
    assert RULES == SessionRules()


@pytest.mark.parametrize(
    ("now", "expected"),
    [(NOW, True), (END - SECOND, True), (END - 1, True), (END, False), (END + 1, False)],
)
def test_a_used_session_lives_for_its_lifetime(now: int, *, expected: bool) -> None:
    """However lately it was used, it lives up to the millisecond before its end."""
    session = a_session(seen_at=END - 1, idle_expires_at=END - 1 + 7 * DAY)
    assert expected == session.lives_at(now)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (NOW, True),
        (IDLE_END - SECOND, True),
        (IDLE_END - 1, True),
        (IDLE_END, False),
        (IDLE_END + 1, False),
        (END - 1, False),
    ],
)
def test_an_unused_session_ends_after_its_idle_lifetime(now: int, *, expected: bool) -> None:
    """It lives up to the millisecond before its idle end, long before its lifetime is over."""
    assert expected == a_session().lives_at(now)


def test_an_ended_session_is_dead_at_once() -> None:
    """Ending counts from the same millisecond on, and for every instant before as well."""
    assert not a_session().end(now=NOW + 5).lives_at(NOW + 5)
    assert not a_session().end(now=NOW + 5).lives_at(NOW)


def test_ending_twice_keeps_the_first_moment() -> None:
    """The moment of the first ending stays."""
    ended = a_session().end(now=NOW + 5)
    assert a_session(ended_at=NOW + 5) == ended.end(now=NOW + 9)


def test_a_session_begins_now() -> None:
    """A new session's time starts when its login is redeemed, and it keeps from where."""
    expected = a_session(
        secret_hash=None, visitor=Visitor(device="Firefox, Linux", address="192.0.2.1")
    )
    assert expected == begun()


def test_a_session_lives_by_the_rules_that_it_is_given() -> None:
    """Both lifetimes are the installation's."""
    session = begun(SessionRules(lifetime=2 * DAY, idle_lifetime=HOUR))
    assert (NOW + 2 * DAY, NOW + HOUR) == (session.expires_at, session.idle_expires_at)


@pytest.mark.parametrize(
    ("wait", "noted"),
    [
        (-HOUR, False),
        (0, False),
        (5 * MINUTE - SECOND, False),
        (5 * MINUTE - 1, False),
        (5 * MINUTE, True),
        (5 * MINUTE + 1, True),
        (DAY, True),
    ],
)
def test_a_use_is_noted_at_most_every_five_minutes(wait: int, *, noted: bool) -> None:
    """What was noted a moment ago is the very same session, so that nobody has to write it."""
    session = a_session()
    used = session.seen(RULES, now=NOW + wait)
    if noted:
        assert a_session(seen_at=NOW + wait, idle_expires_at=NOW + wait + 7 * DAY) == used
    else:
        assert session is used


@pytest.mark.parametrize(("wait", "noted"), [(15 * SECOND - 1, False), (15 * SECOND, True)])
def test_a_short_idle_lifetime_is_noted_four_times_as_often(wait: int, *, noted: bool) -> None:
    """Noting every five minutes would end a session that is idle after one, while in use."""
    rules = SessionRules(lifetime=DAY, idle_lifetime=MINUTE)
    session = begun(rules)
    assert noted == (session.seen(rules, now=NOW + wait) is not session)


@pytest.mark.parametrize(
    ("session", "now"),
    [
        pytest.param(a_session(), IDLE_END, id="idle end"),
        pytest.param(a_session(idle_expires_at=END + DAY), END, id="absolute end"),
        pytest.param(a_session(ended_at=NOW), NOW + HOUR, id="ended"),
    ],
)
def test_a_use_never_revives_the_dead(session: Session, now: int) -> None:
    """Whatever ended it, and from the very millisecond on."""
    assert session is session.seen(RULES, now=now)
    assert not session.seen(RULES, now=now).lives_at(now)


@given(waits=st.lists(st.integers(0, 3 * DAY), max_size=40))
def test_no_use_prolongs_it_beyond_its_lifetime(waits: list[int]) -> None:
    """However often it is used, its end is the one that it began with."""
    session, now = a_session(), NOW
    for wait in waits:
        now += wait
        session = session.seen(RULES, now=now)
    assert END == session.expires_at
    assert not session.lives_at(END)


def test_steady_use_keeps_it_alive_until_its_lifetime_ends() -> None:
    """Once a day is enough to reach the thirtieth."""
    session = a_session()
    for day in range(1, 30):
        session = session.seen(RULES, now=NOW + day * DAY)
    assert session.lives_at(END - 1)
    assert not session.lives_at(END)
