"""Promises of the history checker: no false alarm, and each kind of fault is found.

Long because of its two tables: what can have happened, and what cannot.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from tests.faults.history import Kind, Lifetimes, Operation, Outcome, unexplained

LIFETIMES = Lifetimes(chat=100.0, slack=0.0)
OK, SPENT, REPLACED = Outcome.OK, Outcome.SPENT, Outcome.REPLACED


def ask(begun: float, ended: float | None, code: str | None = "c") -> Operation:
    """Build a /login that was answered by a code, or by none."""
    outcome = None if ended is None else OK
    return Operation(kind=Kind.ASK, begun=begun, ended=ended, outcome=outcome, code=code)


def exchange(
    begun: float, ended: float | None, outcome: Outcome | None, code: str = "c"
) -> Operation:
    """Build an exchange."""
    return Operation(kind=Kind.EXCHANGE, begun=begun, ended=ended, outcome=outcome, code=code)


def look(begun: float, ended: float, outcome: Outcome, browser: str = "firefox") -> Operation:
    """Build a look at the page."""
    return Operation(
        kind=Kind.LOOK, begun=begun, ended=ended, outcome=outcome, code="c", browser=browser
    )


def press(  # noqa: PLR0913, PLR0917 - what a press is made of; in a table, names would hide it
    begun: float,
    ended: float | None,
    outcome: Outcome | None,
    value: str | None = None,
    browser: str = "firefox",
    code: str = "c",
) -> Operation:
    """Build a press of the button."""
    return Operation(
        kind=Kind.PRESS,
        begun=begun,
        ended=ended,
        outcome=outcome,
        code=code,
        browser=browser,
        value=value,
    )


POSSIBLE: dict[str, list[Operation]] = {
    "nothing": [],
    "a whole login": [
        ask(0, 1),
        look(2, 3, OK),
        press(4, 5, OK, "back"),
        exchange(6, 7, OK, "back"),
        exchange(8, 9, SPENT, "back"),
        exchange(8, 9, SPENT),
    ],
    "one of three at once": [
        ask(0, 1),
        exchange(2, 9, SPENT),
        exchange(3, 5, OK),
        exchange(4, 8, SPENT),
    ],
    "an exchange before the code was seen by another": [ask(0, 9), exchange(3, 5, OK)],
    "spent by a request without an answer": [
        ask(0, 1),
        exchange(2, None, None),
        exchange(4, 5, SPENT),
    ],
    "a request without an answer that did nothing": [
        ask(0, 1),
        exchange(2, None, None),
        exchange(4, 5, OK),
    ],
    "a request without an answer that came late": [
        ask(0, 1),
        exchange(2, None, None),
        look(4, 5, OK),
        exchange(6, 7, SPENT),
    ],
    "the same press twice": [
        ask(0, 1),
        press(2, None, None),
        press(4, 5, OK, "back"),
        press(4, 6, OK, "back"),
        exchange(7, 8, OK, "back"),
        press(9, 10, OK, "back"),
        look(11, 12, OK),
    ],
    "the press of another browser": [
        ask(0, 1),
        press(2, 3, OK, "back"),
        press(4, 5, SPENT, browser="opera"),
        look(6, 7, SPENT, browser="opera"),
    ],
    "a press that is too old to be repeated": [
        ask(0, 1),
        press(2, 3, OK, "back"),
        press(70, 71, SPENT),
        exchange(72, 73, Outcome.EXPIRED, "back"),
    ],
    "a newer link": [
        ask(0, 1),
        ask(2, 3, "d"),
        exchange(4, 5, REPLACED),
        exchange(6, 7, OK, "d"),
    ],
    "a newer /login under way": [ask(0, 1), ask(2, None, None), exchange(4, 5, REPLACED)],
    "a newer /login that came to nothing": [ask(0, 1), ask(2, None, None), exchange(4, 5, OK)],
    "too late": [ask(0, 1), exchange(101, 102, Outcome.EXPIRED)],
    "at the last moment": [ask(0, 1), exchange(100.9, 105, OK)],
    "a replaced link, too late": [
        ask(0, 1),
        ask(2, 3, "d"),
        exchange(101, 102, Outcome.EXPIRED),
    ],
}

IMPOSSIBLE: dict[str, list[Operation]] = {
    "two successes": [ask(0, 1), exchange(2, 3, OK), exchange(4, 5, OK)],
    "two successes at once": [ask(0, 1), exchange(2, 5, OK), exchange(2, 5, OK)],
    "a success after one without an answer was seen to count": [
        ask(0, 1),
        exchange(2, None, None),
        exchange(4, 5, SPENT),
        exchange(6, 7, OK),
    ],
    "a success after the end": [ask(0, 1), exchange(101.1, 102, OK)],
    "a success with a code that was never issued": [ask(0, 1), exchange(2, 3, OK, "other")],
    "a success before it was asked for": [exchange(0, 1, OK), ask(2, 3)],
    "a success of a replaced link": [ask(0, 1), ask(2, 3, "d"), exchange(4, 5, OK)],
    "a success after it was said to be replaced": [
        ask(0, 1),
        ask(2, None, None),
        exchange(4, 5, REPLACED),
        exchange(6, 7, OK),
    ],
    "a link replaced by nothing": [ask(0, 1), exchange(2, 3, REPLACED)],
    "a link replaced before the newer one was asked for": [
        ask(0, 1),
        exchange(2, 3, REPLACED),
        ask(4, 5, "d"),
    ],
    "a lost login": [ask(0, 1), exchange(2, 3, Outcome.UNKNOWN)],
    "a login that is over too early": [ask(0, 1), exchange(98, 99.9, Outcome.EXPIRED)],
    "a link that nobody used and that is used": [ask(0, 1), look(2, 3, SPENT)],
    "a look that spends": [ask(0, 1), look(2, 3, OK), exchange(4, 5, SPENT)],
    "two browsers": [
        ask(0, 1),
        press(2, 3, OK, "back"),
        press(4, 5, OK, "back", browser="opera"),
    ],
    "a press and an application": [ask(0, 1), press(2, 3, OK, "back"), exchange(4, 5, OK)],
    "two callback codes for one press": [
        ask(0, 1),
        press(2, 3, OK, "back"),
        press(4, 5, OK, "front"),
    ],
    "a callback code twice": [
        ask(0, 1),
        press(2, 3, OK, "back"),
        exchange(4, 5, OK, "back"),
        exchange(6, 7, OK, "back"),
    ],
    "a callback code before the press": [
        ask(0, 1),
        exchange(2, 3, OK, "back"),
        press(4, 5, OK, "back"),
    ],
    "a callback code after its end": [
        ask(0, 1),
        press(2, 3, OK, "back"),
        exchange(63.1, 64, OK, "back"),
    ],
    "a press that cannot be repeated at once": [
        ask(0, 1),
        press(2, 3, OK, "back"),
        press(4, 5, SPENT),
    ],
    "a press repeated for ever": [
        ask(0, 1),
        press(2, 3, OK, "back"),
        press(63.1, 64, OK, "back"),
    ],
    "a press that says spent before anybody pressed": [ask(0, 1), press(2, 3, SPENT)],
}


@pytest.mark.parametrize("history", POSSIBLE.values(), ids=POSSIBLE.keys())
def test_what_can_have_happened_is_explained(history: list[Operation]) -> None:
    """Whatever the order in which it was written down."""
    assert unexplained(history, LIFETIMES) is None
    assert unexplained(history[::-1], LIFETIMES) is None


@pytest.mark.parametrize("history", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
def test_a_planted_fault_is_found(history: list[Operation]) -> None:
    """And said in words."""
    found = unexplained(history, LIFETIMES)
    assert found is not None
    assert "c" in found


@dataclass(slots=True)
class Provider:
    """A right provider in a few lines, which knows its clock; made to be compared with."""

    now: float = 0.0
    issued: list[str] = field(default_factory=list)
    used_by: dict[str, str | None] = field(default_factory=dict)
    pressed_at: dict[str, float] = field(default_factory=dict)
    returned: set[str] = field(default_factory=set)
    issued_at: dict[str, float] = field(default_factory=dict)

    def do(self, one: Operation) -> tuple[Outcome, str | None]:
        """Carry an operation out at this moment."""
        code = one.code or ""
        if one.kind is Kind.ASK:
            self.issued.append(code)
            self.issued_at[code] = self.now
            return OK, None
        if one.kind is Kind.EXCHANGE and code.startswith("back-"):
            return self._return(code), None
        outcome = self._use(one, code)
        return outcome, f"back-{code}" if one.kind is Kind.PRESS and outcome is OK else None

    def _return(self, code: str) -> Outcome:
        chat = code.removeprefix("back-")
        if chat not in self.pressed_at:
            return Outcome.UNKNOWN
        if code in self.returned:
            return SPENT
        if self.now >= self.pressed_at[chat] + 60:
            return Outcome.EXPIRED
        self.returned.add(code)
        return OK

    def _use(self, one: Operation, code: str) -> Outcome:
        if code not in self.issued_at:
            return Outcome.UNKNOWN
        if code in self.used_by:
            is_mine = one.browser is not None and self.used_by[code] == one.browser
            return OK if is_mine and self.now < self.pressed_at[code] + 60 else SPENT
        if self.now >= self.issued_at[code] + 100:
            return Outcome.EXPIRED
        if code != self.issued[-1]:
            return REPLACED
        if one.kind is not Kind.LOOK:
            self.used_by[code] = one.browser
        if one.kind is Kind.PRESS:
            self.pressed_at[code] = self.now
        return OK


def a_random_history(chance: random.Random) -> list[Operation]:
    """Let many clients do anything at once, each taking effect at some moment, or losing it."""
    codes = ["a", "b", "c"]
    orders = [ask(0, None, code) for code in codes]
    for _ in range(chance.randint(1, 12)):
        code = chance.choice(codes)
        browser = chance.choice(["firefox", "opera"])
        orders.append(
            chance.choice(
                [
                    exchange(0, None, None, code),
                    exchange(0, None, None, f"back-{code}"),
                    press(0, None, None, browser=browser, code=code),
                    replace(look(0, 0, OK, browser), code=code, outcome=None),
                ]
            )
        )
    span = chance.choice([20, 150, 300])
    moments = {number: chance.uniform(0, span) for number in range(len(orders))}
    provider, history = Provider(), []
    for number in sorted(moments, key=lambda one: moments[one]):
        provider.now, one = moments[number], orders[number]
        begun, ended = (provider.now + sign * chance.expovariate(0.2) for sign in (-1, 1))
        is_lost = one.kind is not Kind.ASK and chance.random() < 0.2
        if is_lost and chance.random() < 0.5:
            history.append(replace(one, begun=begun, ended=None))
            continue
        outcome, value = provider.do(one)
        told = replace(one, begun=begun, ended=ended, outcome=outcome, value=value)
        history.append(replace(one, begun=begun, ended=None) if is_lost else told)
    # Nobody presents a callback code that nobody saw.
    seen = {one.value for one in history}
    return [one for one in history if one.code in {*codes, *seen}]


#: What a history is made of → the same with a fault in it, where it is one for certain.
FAULTS: dict[str, Callable[[Operation], Operation | None]] = {
    "a success too many": lambda one: (
        replace(one, begun=one.ended + 0.01, ended=one.ended + 0.02)
        if one.kind is Kind.EXCHANGE and one.outcome is OK and one.ended is not None
        else None
    ),
    "a code from nowhere": lambda one: (
        replace(one, code="nowhere") if one.kind is Kind.EXCHANGE and one.outcome is OK else None
    ),
}


def test_whatever_a_right_provider_does_is_explained() -> None:
    """Two thousand random histories with races, lost answers and late comers; no false alarm."""
    for seed in range(2000):
        history = a_random_history(random.Random(seed))  # noqa: S311 - histories that come again
        assert unexplained(history, LIFETIMES) is None, seed


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS.keys())
def test_a_fault_in_a_random_history_is_found(fault: Callable[[Operation], Operation]) -> None:
    """Wherever it is planted."""
    planted = 0
    for seed in range(800):
        history = a_random_history(random.Random(seed))  # noqa: S311 - the same
        for one in history:
            wrong = fault(one)
            if wrong is not None:
                planted += 1
                assert unexplained([*history, wrong], LIFETIMES) is not None, seed
    assert planted > 100
