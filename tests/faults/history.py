"""Whether what clients saw of one person's logins can have happened: a literal model, searched.

A history is a set of operations, each with the moments at which it began and was answered. It is
explained when they can be put into an order that keeps to those moments (what was answered before
another began comes before it) and in which every answer is the one that the model gives. That is
linearizability, searched as by Wing and Gong, with states that were seen before left out. An
operation without an answer may have had its effect at any later moment, or never.

The model is tables, and shares nothing with tgauth. Persons do not depend on each other, so each
one's history is searched alone.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import inf
from typing import Final


class Kind(StrEnum):
    """What a client can do."""

    ASK = "ask"  # /login in the chat, answered by a code
    LOOK = "look"  # the page behind the link
    PRESS = "press"  # its button, answered by a callback code
    EXCHANGE = "exchange"  # a code of either kind, for a token


class Outcome(StrEnum):
    """What a client can be answered."""

    OK = "ok"
    SPENT = "spent"
    REPLACED = "replaced"
    EXPIRED = "expired"
    UNKNOWN = "unknown"


class Standing(StrEnum):
    """What a chat code can be."""

    ABSENT = "absent"
    OPEN = "open"
    REPLACED = "replaced"
    SPENT = "spent"  # by an application
    PRESSED = "pressed"  # in a browser; its callback code is good
    FINISHED = "finished"  # in a browser; its callback code is spent


class When(StrEnum):
    """At which moments an answer is possible."""

    EVER = "ever"
    IN_TIME = "in time"  # before the end of the lifetime
    TOO_LATE = "too late"  # from that end on


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One possible answer, and what the code is afterwards."""

    outcome: Outcome
    then: Standing
    when: When = When.EVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What one client did once.

    Attributes:
        kind: What it did.
        begun: When.
        ended: When it was answered; none where it never was.
        outcome: What it was answered.
        code: The code that it presented; for ASK the one that it was answered, where it saw it.
        browser: Which browser looked or pressed.
        value: The callback code that a press was answered.
    """

    kind: Kind
    begun: float
    ended: float | None = None
    outcome: Outcome | None = None
    code: str | None = None
    browser: str | None = None
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifetimes:
    """How long codes live, in seconds, and how far the clients' clock may be off."""

    chat: float
    callback: float = 60.0
    slack: float = 0.5


def _always(outcome: Outcome, standing: Standing) -> tuple[Step, ...]:
    return (Step(outcome=outcome, then=standing),)


def _used(then: Standing) -> tuple[Step, ...]:
    return (
        Step(outcome=Outcome.OK, then=then, when=When.IN_TIME),
        Step(outcome=Outcome.EXPIRED, then=Standing.OPEN, when=When.TOO_LATE),
    )


#: Without a code there is nothing to say of it, whoever asks.
_ABSENT: Final = _always(Outcome.UNKNOWN, Standing.ABSENT)
_REPLACED: Final = (
    Step(outcome=Outcome.REPLACED, then=Standing.REPLACED),
    Step(outcome=Outcome.EXPIRED, then=Standing.REPLACED, when=When.TOO_LATE),
)


def _by_others(then: Standing) -> Mapping[Standing, tuple[Step, ...]]:
    return {
        Standing.ABSENT: _ABSENT,
        Standing.OPEN: _used(then),
        Standing.REPLACED: _REPLACED,
        Standing.SPENT: _always(Outcome.SPENT, Standing.SPENT),
        Standing.PRESSED: _always(Outcome.SPENT, Standing.PRESSED),
        Standing.FINISHED: _always(Outcome.SPENT, Standing.FINISHED),
    }


def _by_the_same(then: Standing) -> Mapping[Standing, tuple[Step, ...]]:
    """The browser that pressed is answered the same again, as long as that is worth something."""
    again = {
        standing: (
            Step(outcome=Outcome.OK, then=standing, when=When.IN_TIME),
            Step(outcome=Outcome.SPENT, then=standing, when=When.TOO_LATE),
        )
        for standing in (Standing.PRESSED, Standing.FINISHED)
    }
    return {**_by_others(then), **again}


EXCHANGE_OF_CHAT_CODE: Final = _by_others(Standing.SPENT)
LOOK: Final = {True: _by_the_same(Standing.OPEN), False: _by_others(Standing.OPEN)}
PRESS: Final = {True: _by_the_same(Standing.PRESSED), False: _by_others(Standing.PRESSED)}
EXCHANGE_OF_CALLBACK_CODE: Final[Mapping[Standing, tuple[Step, ...]]] = {
    **{standing: _always(Outcome.UNKNOWN, standing) for standing in Standing},
    Standing.PRESSED: (
        Step(outcome=Outcome.OK, then=Standing.FINISHED, when=When.IN_TIME),
        Step(outcome=Outcome.EXPIRED, then=Standing.PRESSED, when=When.TOO_LATE),
    ),
    Standing.FINISHED: _always(Outcome.SPENT, Standing.FINISHED),
}

#: What each chat code is, and which browser pressed; a code that is not in it is absent.
State = frozenset[tuple[str, Standing, str | None]]


def unexplained(history: Sequence[Operation], lifetimes: Lifetimes) -> str | None:
    """Say what cannot have happened in one person's history; nothing where all of it can.

    Args:
        history: What the person's clients did, in any order.
        lifetimes: How long codes live.
    """
    pressed: dict[str, set[str]] = {}
    for one in history:
        if one.kind is Kind.PRESS and one.code and one.value:
            pressed.setdefault(one.code, set()).add(one.value)
    for code, values in pressed.items():
        if len(values) > 1:
            return f"the press of one button ({code}) was answered by different codes: {values}"
    return _Search(history, lifetimes).stuck_at()


class _Search:
    """The search for an order, over bit masks of the operations that are still to be placed."""

    def __init__(self, history: Sequence[Operation], lifetimes: Lifetimes) -> None:
        self._operations = sorted(history, key=lambda one: one.begun)
        self._lifetimes = lifetimes
        self._owner = {one.value: one.code for one in history if one.kind is Kind.PRESS}
        self._answered = sum(1 << n for n, one in enumerate(self._operations) if one.outcome)

    def stuck_at(self) -> str | None:
        everything = (1 << len(self._operations)) - 1
        start: tuple[int, State] = (everything, frozenset())
        seen, left = {start}, [start]
        furthest = everything
        while left:
            rest, state = left.pop()
            furthest = min(furthest, rest, key=lambda mask: (mask & self._answered).bit_count())
            if not rest & self._answered:
                return None
            for follower in self._followers(rest, state):
                if follower not in seen:
                    seen.add(follower)
                    left.append(follower)
        missing = furthest & self._answered
        first = next(n for n in range(len(self._operations)) if missing >> n & 1)
        return f"no order of its {len(self._operations)} operations explains {self._told(first)}"

    def _told(self, number: int) -> str:
        one = self._operations[number]
        by = f" by {one.browser}" if one.browser else ""
        return f"{one.kind} {one.code}{by} at {one.begun:.3f}, answered {one.outcome}"

    def _followers(self, rest: int, state: State) -> Iterator[tuple[int, State]]:
        waiting = [n for n in range(len(self._operations)) if rest >> n & 1]
        # What was answered before another began has to come before it.
        until = min(_end(self._operations[n]) for n in waiting)
        for number in waiting:
            one = self._operations[number]
            if one.begun > until:
                break
            for after in self._applied(one, state):
                # Without an answer only an effect counts: that it had none need not be placed.
                if one.outcome is not None or after != state:
                    yield rest & ~(1 << number), after

    def _applied(self, one: Operation, state: State) -> Iterator[State]:
        if one.kind is Kind.ASK:
            yield _issued(state, one.code)
            return
        owner = self._owner.get(one.code) if one.kind is Kind.EXCHANGE else None
        code = owner or one.code or ""
        standing, browser = next(
            ((is_now, by) for name, is_now, by in state if name == code), (Standing.ABSENT, None)
        )
        is_same = browser == one.browser
        for step in _table(one, is_same=is_same, is_callback=owner is not None)[standing]:
            wanted = one.outcome in {None, step.outcome}
            if wanted and self._is_timely(step, one, code, by_press=browser is not None):
                by = one.browser if step.then is Standing.PRESSED and browser is None else browser
                others = (row for row in state if row[0] != code)
                kept = () if step.then is Standing.ABSENT else ((code, step.then, by),)
                yield frozenset((*others, *kept))

    def _is_timely(self, step: Step, one: Operation, code: str, *, by_press: bool) -> bool:
        """Say whether a moment of the operation was on the right side of the lifetime's end."""
        if step.when is When.EVER:
            return True
        kind = Kind.PRESS if by_press else Kind.ASK
        lifetime = self._lifetimes.callback if by_press else self._lifetimes.chat
        began = [other for other in self._operations if other.kind is kind and other.code == code]
        slack = self._lifetimes.slack
        if step.when is When.IN_TIME:
            # The latest moment at which the lifetime can have begun: when its code was seen.
            answered = (other for other in began if other.outcome is Outcome.OK)
            latest = min(map(_end, answered), default=inf)
            return one.begun < latest + lifetime + slack
        earliest = min((other.begun for other in began), default=-inf)
        return _end(one) >= earliest + lifetime - slack


def _end(one: Operation) -> float:
    return inf if one.ended is None or one.outcome is None else one.ended


def _issued(state: State, code: str | None) -> State:
    """Return what a new login makes of the codes: it takes the place of one that is open."""
    others = (
        (name, Standing.REPLACED if is_now is Standing.OPEN else is_now, by)
        for name, is_now, by in state
    )
    fresh = () if code is None else ((code, Standing.OPEN, None),)
    return frozenset((*others, *fresh))


def _table(
    one: Operation, *, is_same: bool, is_callback: bool
) -> Mapping[Standing, tuple[Step, ...]]:
    if one.kind is Kind.LOOK:
        return LOOK[is_same]
    if one.kind is Kind.PRESS:
        return PRESS[is_same]
    return EXCHANGE_OF_CALLBACK_CODE if is_callback else EXCHANGE_OF_CHAT_CODE
