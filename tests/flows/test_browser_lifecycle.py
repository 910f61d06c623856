"""The promise of a browser's login: in each state each event leads where the table says.

The table is written by hand, with its own deadlines, and asks no object of ours what it thinks.
"""

from collections.abc import Awaitable, Callable
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests import browser_logins as steps
from tests.builders import ALICE, BOB, Clock, a_person, a_profile, a_session

from tgauth.domain.code import hash_of
from tgauth.domain.errors import TgauthError
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Notice
from tgauth.flows.account import end_every_session
from tgauth.flows.begin_browser_login import show_browser_login
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.deployment import Deployment
from tgauth.flows.finish_browser_login import continue_as_current
from tgauth.store import persons, sessions

pytestmark = pytest.mark.anyio

#: What a login waits for its answer, what an approval is good for at least, and how long a press
#: may be repeated: in milliseconds.
WAITS, GOOD_FOR, REPEATABLE = 300_000, 60_000, 60_000
#: How far the clock is set back: more than clocks differ, less than lies between two lives.
STEP = 2_000
CAROL = 1003

#: What a page shows in each state. What was redeemed shortly before the clock was set back is kept
#: without its browser: its press could be repeated for who knows how long.
SHOWN = {
    "pending": "pending",
    "alice asked": "pending",
    "bob asked": "pending",
    "approved": "approved",
    "denied": "denied",
    "redeemed": "redeemed",
    "spent": "redeemed",
    "forgotten": "other_browser",
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
    ("pending", "carol continues"): ("redeemed", "logged in"),
    ("pending", "its person leaves"): ("pending", ""),
    ("pending", "the clock is set back"): ("expired", ""),
    ("alice asked", "alice opens"): ("alice asked", "asked"),
    ("alice asked", "bob opens"): ("alice asked", "approval_taken"),
    ("alice asked", "alice right"): ("approved", "approved"),
    ("alice asked", "alice wrong"): ("denied", "wrong_number"),
    ("alice asked", "alice declines"): ("denied", "declined"),
    ("alice asked", "bob right"): ("alice asked", "too_late"),
    ("alice asked", "finish"): ("alice asked", "login_not_approved"),
    ("alice asked", "deadline"): ("expired", ""),
    ("alice asked", "carol continues"): ("redeemed", "logged in"),
    ("alice asked", "its person leaves"): ("alice asked", ""),
    ("alice asked", "the clock is set back"): ("expired", ""),
    ("bob asked", "alice opens"): ("bob asked", "approval_taken"),
    ("bob asked", "bob opens"): ("bob asked", "asked"),
    ("bob asked", "alice right"): ("bob asked", "too_late"),
    ("bob asked", "alice wrong"): ("bob asked", "too_late"),
    ("bob asked", "alice declines"): ("bob asked", "too_late"),
    ("bob asked", "bob right"): ("approved", "approved"),
    ("bob asked", "finish"): ("bob asked", "login_not_approved"),
    ("bob asked", "deadline"): ("expired", ""),
    ("bob asked", "carol continues"): ("redeemed", "logged in"),
    ("bob asked", "its person leaves"): ("bob asked", ""),
    ("bob asked", "the clock is set back"): ("expired", ""),
    ("approved", "alice opens"): ("approved", "approval_over"),
    ("approved", "bob opens"): ("approved", "approval_over"),
    ("approved", "alice right"): ("approved", "too_late"),
    ("approved", "alice wrong"): ("approved", "too_late"),
    ("approved", "alice declines"): ("approved", "too_late"),
    ("approved", "bob right"): ("approved", "too_late"),
    ("approved", "finish"): ("redeemed", "logged in"),
    ("approved", "deadline"): ("expired", ""),
    ("approved", "carol continues"): ("approved", "login_already_decided"),
    ("approved", "its person leaves"): ("denied", ""),
    ("approved", "the clock is set back"): ("expired", ""),
    ("denied", "alice opens"): ("denied", "approval_over"),
    ("denied", "bob opens"): ("denied", "approval_over"),
    ("denied", "alice right"): ("denied", "too_late"),
    ("denied", "alice wrong"): ("denied", "too_late"),
    ("denied", "alice declines"): ("denied", "too_late"),
    ("denied", "bob right"): ("denied", "too_late"),
    ("denied", "finish"): ("denied", "login_denied"),
    ("denied", "deadline"): ("denied", ""),
    ("denied", "carol continues"): ("denied", "login_already_decided"),
    ("denied", "its person leaves"): ("denied", ""),
    ("denied", "the clock is set back"): ("denied", ""),
    ("redeemed", "alice opens"): ("redeemed", "approval_over"),
    ("redeemed", "bob opens"): ("redeemed", "approval_over"),
    ("redeemed", "alice right"): ("redeemed", "too_late"),
    ("redeemed", "alice wrong"): ("redeemed", "too_late"),
    ("redeemed", "alice declines"): ("redeemed", "too_late"),
    ("redeemed", "bob right"): ("redeemed", "too_late"),
    ("redeemed", "finish"): ("redeemed", "logged in"),
    ("redeemed", "deadline"): ("spent", ""),
    ("redeemed", "carol continues"): ("redeemed", "logged in"),
    ("redeemed", "its person leaves"): ("spent", ""),
    ("redeemed", "the clock is set back"): ("forgotten", ""),
    ("spent", "alice opens"): ("spent", "approval_over"),
    ("spent", "bob opens"): ("spent", "approval_over"),
    ("spent", "alice right"): ("spent", "too_late"),
    ("spent", "alice wrong"): ("spent", "too_late"),
    ("spent", "alice declines"): ("spent", "too_late"),
    ("spent", "bob right"): ("spent", "too_late"),
    ("spent", "finish"): ("spent", "login_already_redeemed"),
    ("spent", "deadline"): ("spent", ""),
    ("spent", "carol continues"): ("spent", "login_already_decided"),
    ("spent", "its person leaves"): ("spent", ""),
    ("spent", "the clock is set back"): ("forgotten", ""),
    ("forgotten", "alice opens"): ("forgotten", "approval_over"),
    ("forgotten", "bob opens"): ("forgotten", "approval_over"),
    ("forgotten", "alice right"): ("forgotten", "too_late"),
    ("forgotten", "alice wrong"): ("forgotten", "too_late"),
    ("forgotten", "alice declines"): ("forgotten", "too_late"),
    ("forgotten", "bob right"): ("forgotten", "too_late"),
    ("forgotten", "finish"): ("forgotten", "other_browser"),
    ("forgotten", "deadline"): ("forgotten", ""),
    ("forgotten", "carol continues"): ("forgotten", "other_browser"),
    ("forgotten", "its person leaves"): ("forgotten", ""),
    ("forgotten", "the clock is set back"): ("forgotten", ""),
    ("expired", "alice opens"): ("expired", "approval_over"),
    ("expired", "bob opens"): ("expired", "approval_over"),
    ("expired", "alice right"): ("expired", "too_late"),
    ("expired", "alice wrong"): ("expired", "too_late"),
    ("expired", "alice declines"): ("expired", "too_late"),
    ("expired", "bob right"): ("expired", "too_late"),
    ("expired", "finish"): ("expired", "login_expired"),
    ("expired", "deadline"): ("expired", ""),
    ("expired", "carol continues"): ("expired", "login_expired"),
    ("expired", "its person leaves"): ("expired", ""),
    ("expired", "the clock is set back"): ("expired", ""),
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
    "forgotten": ["alice opens", "alice right", "finish", "the clock is set back"],
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
        elif state == "redeemed" != self.state:
            self._deadline = self._clock.now + REPEATABLE
        self.state = state
        await self._look()

    async def _happens(self, event: str) -> str:
        match event.rsplit(" ", maxsplit=1)[-1]:
            case "deadline" | "almost" | "back" as moment:
                return self._time_changes(moment)
            case "leaves":
                return await self._leaves()
            case "continues":
                return await self._continues()
            case "finish" | "finishes" as which:
                return await self._finishes("secret-1" if which == "finish" else "secret-2")
            case word:
                who = BOB if event.startswith("bob") else ALICE
                return await self._chats(who, word)

    def _time_changes(self, moment: str) -> str:
        if moment == "back":
            self._clock.step(-STEP)
        else:
            target = self._deadline - (moment == "almost")
            self._clock.advance(max(0, target - self._clock.now))
        return ""

    async def _chats(self, who: int, word: str) -> str:
        number = next(self._numbers)
        if word == "opens":
            outcome = await steps.opened(
                self._deployment, self._login, update_id=number, telegram_id=who
            )
            return outcome.value if isinstance(outcome, Notice) else "asked"
        picks: dict[str, Callable[[Deployment, LoginRequest], int | None]] = {
            "right": steps.right_number,
            "wrong": steps.wrong_number,
            "declines": lambda *_: None,
        }
        became = await steps.answered(
            self._deployment,
            self._login,
            picks[word](self._deployment, self._login),
            update_id=number,
            telegram_id=who,
        )
        return str(became)

    async def _finishes(self, browser: str) -> str:
        here = steps.the_browser(browser)
        return await self._logged_in(steps.finished(self._deployment, self._login, browser=here))

    async def _continues(self) -> str:
        """Log Carol in in this browser, and let her press the button that says her name."""
        secret, now = f"carol-{next(self._numbers)}", self._clock.now
        session = a_session(
            secret,
            subject="subject-of-carol",
            secret_hash=hash_of(secret),
            created_at=now,
            seen_at=now,
            expires_at=now + WAITS,
            idle_expires_at=now + WAITS,
        )
        async with self._deployment.store.writing() as connection:
            carol = a_person("subject-of-carol", profile=a_profile(CAROL))
            await persons.save(connection, carol)
            await sessions.save(connection, session)
        here = steps.the_browser(session_secret=secret)
        return await self._logged_in(
            continue_as_current(self._deployment, self._login.id, browser=here)
        )

    async def _logged_in(self, pressing: Awaitable[Continuation]) -> str:
        try:
            done = await pressing
        except TgauthError as error:
            return error.code
        # However often and whatever is pressed: one session, one code.
        self._continued.add((done.secret, done.callback_code))
        assert len(self._continued) == 1
        return "logged in"

    async def _leaves(self) -> str:
        """Let whoever the login belongs to, or else whoever is asked, log out everywhere."""
        login, approval = await steps.kept(self._deployment, self._login)
        assert login is not None
        assert approval is not None
        async with self._deployment.store.reading() as connection:
            person = (
                await persons.get(connection, login.subject)
                if login.subject
                else await persons.find(connection, approval.opened_by or 0)
            )
        if person is not None:
            await end_every_session(self._deployment, person)
        return ""

    async def _look(self) -> None:
        try:
            found = await show_browser_login(
                self._deployment, self._login.id, browser=steps.the_browser()
            )
        except TgauthError as error:
            shown = error.code
        else:
            shown = found.standing.value
        assert (self.state, SHOWN[self.state]) == (self.state, shown)


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
