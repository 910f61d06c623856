"""The promise of a browser's login: in each state each event leads where the table says.

The table is written by hand, with its own deadlines, and asks no object of ours what it thinks.
"""

from collections.abc import Awaitable, Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import browser_logins as steps
from tests.builders import ALICE, BOB, Clock

from tgauth.domain.errors import TgauthError
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Notice
from tgauth.flows.begin_browser_login import show_browser_login
from tgauth.flows.deployment import Deployment

pytestmark = pytest.mark.anyio

#: What a login waits for its answer, what an approval is good for at least, and how long a press
#: may be repeated: in milliseconds.
WAITS, GOOD_FOR, REPEATABLE = 300_000, 60_000, 60_000

#: What a page shows in each state.
SHOWN = {
    "pending": "pending",
    "alice asked": "pending",
    "bob asked": "pending",
    "approved": "approved",
    "denied": "denied",
    "redeemed": "redeemed",
    "spent": "redeemed",
    "expired": "expired",
}

#: (state, event) → the new state, and what whoever made it happen is told. Written by hand.
TABLE = {
    ("pending", "alice opens"): ("alice asked", "asked"),
    ("pending", "bob opens"): ("bob asked", "asked"),
    ("pending", "alice right"): ("pending", "too_late"),
    ("pending", "alice wrong"): ("pending", "too_late"),
    ("pending", "alice declines"): ("pending", "too_late"),
    ("pending", "bob right"): ("pending", "too_late"),
    ("pending", "finish"): ("pending", "login_not_approved"),
    ("pending", "deadline"): ("expired", ""),
    ("alice asked", "alice opens"): ("alice asked", "asked"),
    ("alice asked", "bob opens"): ("alice asked", "approval_taken"),
    ("alice asked", "alice right"): ("approved", "approved"),
    ("alice asked", "alice wrong"): ("denied", "wrong_number"),
    ("alice asked", "alice declines"): ("denied", "declined"),
    ("alice asked", "bob right"): ("alice asked", "too_late"),
    ("alice asked", "finish"): ("alice asked", "login_not_approved"),
    ("alice asked", "deadline"): ("expired", ""),
    ("bob asked", "alice opens"): ("bob asked", "approval_taken"),
    ("bob asked", "bob opens"): ("bob asked", "asked"),
    ("bob asked", "alice right"): ("bob asked", "too_late"),
    ("bob asked", "alice wrong"): ("bob asked", "too_late"),
    ("bob asked", "alice declines"): ("bob asked", "too_late"),
    ("bob asked", "bob right"): ("approved", "approved"),
    ("bob asked", "finish"): ("bob asked", "login_not_approved"),
    ("bob asked", "deadline"): ("expired", ""),
    ("approved", "alice opens"): ("approved", "approval_over"),
    ("approved", "bob opens"): ("approved", "approval_over"),
    ("approved", "alice right"): ("approved", "too_late"),
    ("approved", "alice wrong"): ("approved", "too_late"),
    ("approved", "alice declines"): ("approved", "too_late"),
    ("approved", "bob right"): ("approved", "too_late"),
    ("approved", "finish"): ("redeemed", "logged in"),
    ("approved", "deadline"): ("expired", ""),
    ("denied", "alice opens"): ("denied", "approval_over"),
    ("denied", "bob opens"): ("denied", "approval_over"),
    ("denied", "alice right"): ("denied", "too_late"),
    ("denied", "alice wrong"): ("denied", "too_late"),
    ("denied", "alice declines"): ("denied", "too_late"),
    ("denied", "bob right"): ("denied", "too_late"),
    ("denied", "finish"): ("denied", "login_denied"),
    ("denied", "deadline"): ("denied", ""),
    ("redeemed", "alice opens"): ("redeemed", "approval_over"),
    ("redeemed", "bob opens"): ("redeemed", "approval_over"),
    ("redeemed", "alice right"): ("redeemed", "too_late"),
    ("redeemed", "alice wrong"): ("redeemed", "too_late"),
    ("redeemed", "alice declines"): ("redeemed", "too_late"),
    ("redeemed", "bob right"): ("redeemed", "too_late"),
    ("redeemed", "finish"): ("redeemed", "logged in"),
    ("redeemed", "deadline"): ("spent", ""),
    ("spent", "alice opens"): ("spent", "approval_over"),
    ("spent", "bob opens"): ("spent", "approval_over"),
    ("spent", "alice right"): ("spent", "too_late"),
    ("spent", "alice wrong"): ("spent", "too_late"),
    ("spent", "alice declines"): ("spent", "too_late"),
    ("spent", "bob right"): ("spent", "too_late"),
    ("spent", "finish"): ("spent", "login_already_redeemed"),
    ("spent", "deadline"): ("spent", ""),
    ("expired", "alice opens"): ("expired", "approval_over"),
    ("expired", "bob opens"): ("expired", "approval_over"),
    ("expired", "alice right"): ("expired", "too_late"),
    ("expired", "alice wrong"): ("expired", "too_late"),
    ("expired", "alice declines"): ("expired", "too_late"),
    ("expired", "bob right"): ("expired", "too_late"),
    ("expired", "finish"): ("expired", "login_expired"),
    ("expired", "deadline"): ("expired", ""),
} | {
    # Nothing changes a millisecond before a deadline, and another browser never finishes.
    (state, event): (state, told)
    for state in SHOWN
    for event, told in (("almost", ""), ("another finishes", "other_browser"))
}
EVENTS = sorted({event for _, event in TABLE})

#: How each state is come to, from the beginning.
PATHS = {
    "pending": [],
    "alice asked": ["alice opens"],
    "bob asked": ["bob opens"],
    "approved": ["alice opens", "alice right"],
    "denied": ["alice opens", "alice wrong"],
    "redeemed": ["alice opens", "alice right", "finish"],
    "spent": ["alice opens", "alice right", "finish", "deadline"],
    "expired": ["deadline"],
}


class Life:
    """One login, the state that it has by the table, and the deadline that comes next."""

    def __init__(self, deployment: Deployment, clock: Clock, login: LoginRequest) -> None:
        self._deployment, self._clock, self._login = deployment, clock, login
        self._numbers = count(clock.now)
        self.state = "pending"
        self._deadline = clock.now + WAITS
        self._continued: set[tuple[str, str | None]] = set()

    async def happen(self, event: str) -> None:
        """Let something happen, and see that it leads where the table says."""
        state, expected = TABLE[self.state, event]
        told = await self._happens(event)
        assert (self.state, event, expected) == (self.state, event, told)
        if (self.state, state) in {("alice asked", "approved"), ("bob asked", "approved")}:
            self._deadline = max(self._deadline, self._clock.now + GOOD_FOR)
        elif (self.state, state) == ("approved", "redeemed"):
            self._deadline = self._clock.now + REPEATABLE
        self.state = state
        await self._look()

    async def _happens(self, event: str) -> str:
        who = BOB if event.startswith("bob") else ALICE
        numbers: dict[str, Callable[[Deployment, LoginRequest], int | None]] = {
            "right": steps.right_number,
            "wrong": steps.wrong_number,
            "declines": lambda *_: None,
        }
        match event.rsplit(" ", maxsplit=1)[-1]:
            case "deadline":
                self._clock.advance(max(0, self._deadline - self._clock.now))
                return ""
            case "almost":
                self._clock.advance(max(0, self._deadline - 1 - self._clock.now))
                return ""
            case "opens":
                outcome = await steps.opened(
                    self._deployment, self._login, update_id=next(self._numbers), telegram_id=who
                )
                return outcome.value if isinstance(outcome, Notice) else "asked"
            case "finish":
                return await self._finishes("secret-1")
            case "finishes":
                return await self._finishes("secret-2")
            case answer:
                number = numbers[answer](self._deployment, self._login)
                became = await steps.answered(
                    self._deployment,
                    self._login,
                    number,
                    update_id=next(self._numbers),
                    telegram_id=who,
                )
                return str(became)

    async def _finishes(self, browser: str) -> str:
        try:
            done = await steps.finished(
                self._deployment, self._login, browser=steps.the_browser(browser)
            )
        except TgauthError as error:
            return error.code
        # However often it is pressed: one session, one code.
        self._continued.add((done.secret, done.callback_code))
        assert len(self._continued) == 1
        return "logged in"

    async def _look(self) -> None:
        found = await show_browser_login(
            self._deployment, self._login.id, browser=steps.the_browser()
        )
        assert (self.state, SHOWN[self.state]) == (self.state, found.standing.value)


@pytest.fixture
def begin(deployment: Deployment, clock: Clock) -> Callable[[], Awaitable[Life]]:
    """Return what begins a life, hours after the one before, so that none is in another's way."""

    async def begins() -> Life:
        clock.advance(10_000_000)
        return Life(deployment, clock, await steps.begun(deployment))

    return begins


Begin = Callable[[], Awaitable[Life]]


def test_the_table_is_whole() -> None:
    """Each state has each event."""
    assert {(state, event) for state in SHOWN for event in EVENTS} == set(TABLE)
    assert set(SHOWN) == set(PATHS)


@pytest.mark.parametrize("state", SHOWN)
@pytest.mark.parametrize("event", EVENTS)
async def test_each_event_leads_where_the_table_says(begin: Begin, state: str, event: str) -> None:
    """In each state, and again a millisecond before its deadline."""
    for almost in ([], ["almost"]):
        life = await begin()
        for one in (*PATHS[state], *almost):
            await life.happen(one)
        assert state == life.state
        await life.happen(event)


@settings(
    max_examples=60,
    # Each example begins a login of its own, hours after the one before.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(events=st.lists(st.sampled_from(EVENTS), max_size=15))
async def test_whatever_happens_the_table_holds(begin: Begin, events: list[str]) -> None:
    """In any order, any number of times."""
    life = await begin()
    for event in events:
        await life.happen(event)


async def test_an_approval_in_the_last_millisecond_is_good_for_another_minute(
    begin: Begin, deployment: Deployment, clock: Clock
) -> None:
    """For the browser, not for another answer; one that came a millisecond later is none."""
    assert deployment.approval_lifetime == WAITS
    life = await begin()
    began = clock.now
    for event in ("alice opens", "almost", "alice right"):
        await life.happen(event)
    assert began + WAITS - 1 == clock.now
    await life.happen("almost")
    assert began + WAITS - 1 + GOOD_FOR - 1 == clock.now
    await life.happen("finish")
    assert "redeemed" == life.state
    late = await begin()
    for event in ("alice opens", "deadline", "alice right", "finish"):
        await late.happen(event)
    assert "expired" == late.state
