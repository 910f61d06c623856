"""A kill storm: people log in in every way while processes are killed."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.faults.history import Lifetimes
from tests.faults.storm.journal import Journal, read
from tests.faults.storm.running import Order, storm
from tests.faults.storm.verdict import judge

SEED = 20261124
LOGINS = 150


@pytest.mark.timeout(240)
def test_a_storm_of_kills_loses_doubles_and_hangs_nothing(tmp_path: Path) -> None:
    """Every /login is answered, every code redeemed once, and the store is whole afterwards.

    The long one is a command: `python -m tests.faults.storm`.
    """
    outcome = storm(Order(logins=LOGINS, seed=SEED), tmp_path)
    print(outcome.numbers, outcome.history)  # noqa: T201 - what a failing run was
    assert () == outcome.findings
    assert LOGINS == outcome.numbers["people"]
    assert outcome.numbers["kills"] > 2  # the next one waits for a start, mostly
    assert outcome.numbers["tokens"] > LOGINS // 2


@dataclass(slots=True)
class Pen:
    """Writes a journal by hand, at any moment."""

    journal: Journal
    now: float = 0.0

    def at(self, now: float) -> Journal:
        """Set the clock and return the journal."""
        self.now = now
        return self.journal

    def do(self, begun: float, ended: float, do: str, outcome: str, code: str = "c") -> None:
        """Write an operation of person 1."""
        number = self.at(begun).begin(1, do, code=code)
        self.at(ended).end(number, outcome)


def told(path: Path, write: Callable[[Pen], None], *, ends: bool = True) -> tuple[str, ...]:
    """Return what is found in a journal of one person, who begins at 0 and ends at 90."""
    pen = Pen(journal=None)  # type: ignore[arg-type]  # made in the next line, with its clock
    with closing(Journal(path / "history.jsonl", clock=lambda: pen.now)) as pen.journal:
        pen.at(0).note("story", who=1, name="direct", insists=True)
        write(pen)
        if ends:
            pen.at(90).note("end of story", who=1)
    return judge(read(path / "history.jsonl"), Lifetimes(chat=100)).findings


def a_login(pen: Pen) -> None:
    """Write a login in which nothing went wrong."""
    pen.do(0, 1, "ask", "sent", code="")
    pen.at(2).note("seen", who=1, code="c")
    pen.do(3, 4, "exchange", "ok")
    pen.do(5, 6, "me", "ok")


def with_more(*more: Callable[[Pen], object]) -> Callable[[Pen], None]:
    """Return what writes a good login, and something after it."""

    def write(pen: Pen) -> None:
        a_login(pen)
        for one in more:
            one(pen)

    return write


def test_a_good_journal_has_no_findings(tmp_path: Path) -> None:
    """Also when its last /login was answered by an honest word."""
    write = with_more(
        lambda pen: pen.do(7, 8, "ask", "sent", code=""),
        lambda pen: pen.at(9).note("told", who=1, text="Too many logins in a short time."),
    )
    assert () == told(tmp_path, write)


#: What goes wrong → what is found.
PLANTED: dict[str, tuple[Callable[[Pen], None], str]] = {
    "a code twice": (
        with_more(lambda pen: pen.do(7, 8, "exchange", "ok")),
        "1: no order of its 3 operations explains exchange c at 7.000, answered ok",
    ),
    "a /login that nobody answered": (
        with_more(lambda pen: pen.do(7, 8, "ask", "sent", code="")),
        "1: /login at 7.0 was never answered",
    ),
    "two links for one /login": (
        with_more(lambda pen: pen.at(7).note("seen", who=1, code="d")),
        "1: 1 times /login were answered by 2 different links",
    ),
    "a request that hangs": (
        with_more(lambda pen: pen.do(7, 60, "exchange", "hung")),
        "1: exchange at 7.0 was never answered nor broken off",
    ),
    "a 500": (
        with_more(lambda pen: pen.do(7, 8, "exchange", "odd: 500 {}")),
        "1: exchange at 7.0 was answered odd: 500 {}",
    ),
    "a serve that ended": (
        with_more(lambda pen: pen.at(7).note("gave up", code=75)),
        "serve ended by itself at 7.0, with 75",
    ),
    "a story that broke off": (
        with_more(lambda pen: pen.at(7).note("end of story", who=1, error="KeyError()")),
        "1: the story 'direct' broke off: KeyError()",
    ),
    "nobody in": (
        lambda pen: pen.do(0, 1, "open", "ok"),
        "1: insisted, and was not logged in",
    ),
}


@pytest.mark.parametrize(("write", "found"), PLANTED.values(), ids=PLANTED.keys())
def test_a_planted_fault_is_found(tmp_path: Path, write: Callable[[Pen], None], found: str) -> None:
    """Each by its own words, so that no look is missing."""
    assert found in told(tmp_path, write, ends="broke off" not in found)


def test_a_story_without_an_end_hangs(tmp_path: Path) -> None:
    """However well it went until then."""
    found = told(tmp_path, a_login, ends=False)
    assert ("1: the story 'direct' never came to its end",) == found
