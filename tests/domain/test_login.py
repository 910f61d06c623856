"""Promises of a login's life: what may happen to it in which state, to the millisecond."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from tests.builders import LIFETIME, NOW, a_login

from tgauth.domain.errors import (
    LoginAlreadyDecided,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginNotApproved,
    LoginReplaced,
    TgauthError,
)
from tgauth.domain.instants import CLOCK_TOLERANCE, MINUTE, SECOND
from tgauth.domain.login import (
    Door,
    LoginRequest,
    LoginState,
    Standing,
    begin_in_browser,
    begin_in_chat,
)

DEADLINE = NOW + LIFETIME
BEFORE = (NOW, DEADLINE - SECOND, DEADLINE - 1)
AFTER = (DEADLINE, DEADLINE + 1, DEADLINE + SECOND)

#: (state, is it past the deadline, event) → the new state, or the error. Written by hand.
TABLE: dict[tuple[str, bool, str], str | type[TgauthError]] = {
    ("pending", False, "approve"): "approved",
    ("pending", False, "deny"): "denied",
    ("pending", False, "redeem"): LoginNotApproved,
    ("pending", False, "give_way"): "replaced",
    ("approved", False, "approve"): LoginAlreadyDecided,
    ("approved", False, "deny"): LoginAlreadyDecided,
    ("approved", False, "redeem"): "redeemed",
    ("approved", False, "give_way"): "replaced",
    ("denied", False, "approve"): LoginAlreadyDecided,
    ("denied", False, "deny"): LoginAlreadyDecided,
    ("denied", False, "redeem"): LoginDenied,
    ("denied", False, "give_way"): "denied",
    ("replaced", False, "approve"): LoginAlreadyDecided,
    ("replaced", False, "deny"): LoginAlreadyDecided,
    ("replaced", False, "redeem"): LoginReplaced,
    ("replaced", False, "give_way"): "replaced",
    ("redeemed", False, "approve"): LoginAlreadyDecided,
    ("redeemed", False, "deny"): LoginAlreadyDecided,
    ("redeemed", False, "redeem"): LoginAlreadyRedeemed,
    ("redeemed", False, "give_way"): "redeemed",
    ("pending", True, "approve"): LoginExpired,
    ("pending", True, "deny"): LoginExpired,
    ("pending", True, "redeem"): LoginExpired,
    ("pending", True, "give_way"): "pending",
    ("approved", True, "approve"): LoginExpired,
    ("approved", True, "deny"): LoginExpired,
    ("approved", True, "redeem"): LoginExpired,
    ("approved", True, "give_way"): "approved",
    ("denied", True, "approve"): LoginAlreadyDecided,
    ("denied", True, "deny"): LoginAlreadyDecided,
    ("denied", True, "redeem"): LoginDenied,
    ("denied", True, "give_way"): "denied",
    ("replaced", True, "approve"): LoginAlreadyDecided,
    ("replaced", True, "deny"): LoginAlreadyDecided,
    ("replaced", True, "redeem"): LoginReplaced,
    ("replaced", True, "give_way"): "replaced",
    ("redeemed", True, "approve"): LoginAlreadyDecided,
    ("redeemed", True, "deny"): LoginAlreadyDecided,
    ("redeemed", True, "redeem"): LoginAlreadyRedeemed,
    ("redeemed", True, "give_way"): "redeemed",
}

STANDINGS = {
    ("pending", False): Standing.PENDING,
    ("approved", False): Standing.APPROVED,
    ("denied", False): Standing.DENIED,
    ("replaced", False): Standing.REPLACED,
    ("redeemed", False): Standing.REDEEMED,
    ("pending", True): Standing.EXPIRED,
    ("approved", True): Standing.EXPIRED,
    ("denied", True): Standing.DENIED,
    ("replaced", True): Standing.REPLACED,
    ("redeemed", True): Standing.REDEEMED,
}

CASES = [
    pytest.param(state, event, now, expected, id=f"{state}-{event}-{now - DEADLINE:+}ms")
    for (state, late, event), expected in TABLE.items()
    for now in (AFTER if late else BEFORE)
]

REDEMPTIONS = [case for case in CASES if case.values[1] == "redeem"]


def happen(login: LoginRequest, event: str, now: int) -> LoginRequest:
    """Let `event` happen to `login`."""
    match event:
        case "approve":
            return login.approve(subject="subject-of-alice", now=now)
        case "deny":
            return login.deny(now=now)
        case "give_way":
            return login.give_way(now=now)
        case _:
            return login.redeem(session_id="session-9", browser="browser-9", now=now)


@pytest.mark.parametrize(("state", "event", "now", "expected"), CASES)
def test_each_event_has_the_outcome_that_the_table_says(
    state: str, event: str, now: int, expected: str | type[TgauthError]
) -> None:
    """In every state, on both sides of the deadline, an event leads where the table says."""
    login = a_login(LoginState(state))
    if isinstance(expected, str):
        assert expected == happen(login, event, now).state
    else:
        with pytest.raises(expected):
            happen(login, event, now)


@pytest.mark.parametrize(
    ("state", "now", "expected"),
    [
        (state, now, standing)
        for (state, late), standing in STANDINGS.items()
        for now in (AFTER if late else BEFORE)
    ],
)
def test_standing_turns_to_expired_exactly_at_the_deadline(
    state: str, now: int, expected: Standing
) -> None:
    """What waits expires at the deadline's millisecond; what was decided stays so."""
    assert expected == a_login(LoginState(state)).standing_at(now)


def test_approving_keeps_who_and_when() -> None:
    """An approval names the person and the moment, and changes nothing else."""
    approved = a_login(LoginState.PENDING, subject=None).approve(subject="somebody", now=NOW + 5)
    assert a_login(LoginState.APPROVED, subject="somebody", decided_at=NOW + 5) == approved


def test_denying_keeps_when() -> None:
    """A denial keeps its moment, and changes nothing else."""
    denied = a_login(LoginState.PENDING).deny(now=NOW + 5)
    assert a_login(LoginState.DENIED, decided_at=NOW + 5) == denied


def test_redeeming_keeps_session_browser_and_moment() -> None:
    """A redeemed login names the session that it began and the browser that did it."""
    redeemed = a_login().redeem(session_id="s", browser="b", now=NOW + 7)
    expected = a_login(LoginState.REDEEMED, session_id="s", browser="b", redeemed_at=NOW + 7)
    assert expected == redeemed


def test_giving_way_keeps_when() -> None:
    """A login that a newer one replaced keeps the moment, and changes nothing else."""
    for state in (LoginState.PENDING, LoginState.APPROVED):
        expected = replace(a_login(state), state=LoginState.REPLACED, decided_at=NOW + 5)
        assert expected == a_login(state).give_way(now=NOW + 5)


@pytest.mark.parametrize("now", [*BEFORE, *AFTER])
@pytest.mark.parametrize(
    "state", [LoginState.DENIED, LoginState.REPLACED, LoginState.REDEEMED], ids=str
)
def test_what_is_over_gives_way_to_nothing(state: LoginState, now: int) -> None:
    """A login that is over stays exactly as it is: it needs no write."""
    login = a_login(state)
    assert login is login.give_way(now=now)


def test_what_has_expired_gives_way_to_nothing() -> None:
    """An expired link is said to have expired, and not to have been replaced."""
    for state in (LoginState.PENDING, LoginState.APPROVED):
        assert a_login(state) == a_login(state).give_way(now=DEADLINE)


@pytest.mark.parametrize(("state", "event", "now", "expected"), REDEMPTIONS)
def test_asking_whether_it_can_be_redeemed_answers_like_redeeming(
    state: str, event: str, now: int, expected: str | type[TgauthError]
) -> None:
    """A page that only looks is refused exactly where the press of its button would be."""
    assert "redeem" == event
    login = a_login(LoginState(state))
    if isinstance(expected, str):
        login.require_redeemable(now)
        assert a_login(LoginState(state)) == login
    else:
        with pytest.raises(expected):
            login.require_redeemable(now)


def test_the_table_is_complete() -> None:
    """Every state meets every event on both sides of the deadline."""
    events = ("approve", "deny", "redeem", "give_way")
    expected = {
        (str(state), late, event)
        for state in LoginState
        for late in (False, True)
        for event in events
    }
    assert expected == set(TABLE)


def test_asking_in_the_own_chat_is_the_approval() -> None:
    """A login that began in the chat is approved from the start and expires by its lifetime."""
    begun = begin_in_chat(
        login_id="login-1",
        client_id="shop",
        subject="subject-of-alice",
        lifetime=LIFETIME,
        now=NOW,
    )
    assert a_login(LoginState.APPROVED, door=Door.CHAT, expires_at=DEADLINE) == begun


@pytest.mark.parametrize(
    ("error", "fragment"),
    [(LoginExpired(DEADLINE), str(DEADLINE)), (LoginAlreadyRedeemed("login-1"), "login-1")],
)
def test_errors_say_what_an_operator_looks_for(error: TgauthError, fragment: str) -> None:
    """The message of an error names the instant or the login that it is about."""
    assert fragment in str(error)


class Life(RuleBasedStateMachine):
    """Any order of events and waits: the login follows the table, which it is never asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.login = a_login(LoginState.PENDING)
        self.expected = "pending"
        self.redemptions = 0

    @rule(wait=st.sampled_from([0, 1, SECOND, LIFETIME - SECOND, LIFETIME - 1, LIFETIME]))
    def time_passes(self, wait: int) -> None:
        """Let time pass."""
        self.now += wait

    @rule(event=st.sampled_from(["approve", "deny", "redeem", "give_way"]))
    def something_happens(self, event: str) -> None:
        """Try an event, and compare with the table."""
        outcome = TABLE[self.expected, self.now >= DEADLINE, event]
        if isinstance(outcome, str):
            self.login = happen(self.login, event, self.now)
            self.expected = outcome
            self.redemptions += event == "redeem"
        else:
            with pytest.raises(outcome):
                happen(self.login, event, self.now)

    @invariant()
    def it_is_where_the_table_says(self) -> None:
        """Its state and standing are the table's, and it is redeemed at most once."""
        assert self.expected == self.login.state
        assert STANDINGS[self.expected, self.now >= DEADLINE] == self.login.standing_at(self.now)
        assert self.redemptions <= 1


TestLife: Any = Life.TestCase


@given(offset=st.integers(-2 * LIFETIME, 2 * LIFETIME))
def test_an_approved_login_is_redeemed_only_before_its_deadline(offset: int) -> None:
    """Redeeming works in its lifetime, never from its end on, and never long before it began."""
    if -LIFETIME - CLOCK_TOLERANCE <= offset < 0:
        redeemed = a_login().redeem(session_id="s", now=DEADLINE + offset)
        assert LoginState.REDEEMED == redeemed.state
    else:
        with pytest.raises(LoginExpired):
            a_login().redeem(session_id="s", now=DEADLINE + offset)


def test_a_login_from_the_future_is_expired() -> None:
    """A clock that was set back does not give a link more life than it had: fail closed."""
    login = a_login()
    assert Standing.EXPIRED == login.standing_at(login.created_at - CLOCK_TOLERANCE - 1)
    assert Standing.APPROVED == login.standing_at(login.created_at - CLOCK_TOLERANCE)


@pytest.mark.parametrize("state", LoginState)
@pytest.mark.parametrize("late", [False, True])
def test_withdrawing_ends_what_is_open_only(state: LoginState, *, late: bool) -> None:
    """What waits is denied from then on; what is over stays as it is."""
    now = DEADLINE if late else NOW + 5
    is_open = state in {LoginState.PENDING, LoginState.APPROVED} and not late
    expected = a_login(LoginState.DENIED, decided_at=now) if is_open else a_login(state)
    assert expected == a_login(state).withdraw(now=now)


#: Where an approval of a browser's login falls, from its deadline, and how long it is good from
#: there: the whole rest of its lifetime, and at least a minute.
APPROVALS = {-LIFETIME: LIFETIME, -MINUTE - 1: MINUTE + 1, -MINUTE: MINUTE, -1: MINUTE}


@pytest.mark.parametrize(("at", "good_for"), APPROVALS.items())
def test_an_approval_leaves_the_browser_a_minute(at: int, good_for: int) -> None:
    """Whoever approves in the last moment may have to open the page again first."""
    approved = a_browser_login().approve(subject="s", now=DEADLINE + at)
    until = DEADLINE + at + good_for
    assert Standing.APPROVED == approved.standing_at(until - 1)
    assert Standing.EXPIRED == approved.standing_at(until)


def test_a_link_from_the_chat_has_no_such_minute() -> None:
    """Asking is its approval, and its lifetime is what the message says."""
    login = begin_in_chat(login_id="l", client_id="shop", subject="s", lifetime=1000, now=NOW)
    assert NOW + 1000 == login.expires_at


@pytest.mark.parametrize("event", ["approve", "deny"])
def test_nobody_decides_on_a_browsers_login_that_expired(event: str) -> None:
    """One millisecond late is late: there is no minute for the answer itself."""
    with pytest.raises(LoginExpired):
        happen(a_browser_login(), event, DEADLINE)


def test_a_browsers_login_waits_for_somebody() -> None:
    """It has a browser and a deadline, and no person."""
    assert LoginState.PENDING == a_browser_login().state
    assert (Door.BROWSER, None, "browser-1", DEADLINE) == (
        a_browser_login().door,
        a_browser_login().subject,
        a_browser_login().browser,
        a_browser_login().expires_at,
    )
    with pytest.raises(LoginNotApproved):
        a_browser_login().redeem(session_id="s", browser="browser-1", now=NOW)


def a_browser_login() -> LoginRequest:
    """Build a login that just began in a browser."""
    return begin_in_browser(
        login_id="l", client_id="shop", browser="browser-1", lifetime=LIFETIME, now=NOW
    )
