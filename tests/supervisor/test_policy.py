"""Promises of the restart policy: histories as data, decisions as data."""

import random
from signal import SIGKILL, SIGSEGV

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgauth.supervisor import Exit, GiveUp, GiveUpReason, Restart, RestartPolicy, decide
from tgauth.supervisor.policy import remembered

PLAIN = RestartPolicy(jitter=0)
CRASHING = GiveUp(reason=GiveUpReason.CRASHING)
MISCONFIGURED = GiveUp(reason=GiveUpReason.MISCONFIGURED)


def failed(at: float, code: int = 1) -> Exit:
    """Build an exit of a run that never became ready."""
    return Exit(at=at, code=code, ready_for=None)


def ran(at: float, seconds: float, code: int = 0) -> Exit:
    """Build an exit of a run that was ready for `seconds`."""
    return Exit(at=at, code=code, ready_for=seconds)


HISTORIES: dict[str, tuple[list[Exit], Restart | GiveUp]] = {
    "a healthy run": ([ran(9, 1.0)], Restart(delay=0)),
    "a healthy run that crashed": ([ran(9, 50, 1)], Restart(delay=0)),
    "a healthy run that was killed": ([ran(9, 1.0, -SIGKILL)], Restart(delay=0)),
    "a run just too short": ([ran(9, 0.999)], Restart(delay=0.1)),
    "one failure": ([failed(9)], Restart(delay=0.1)),
    "an exit 0 without readiness": ([failed(9, 0)], Restart(delay=0.1)),
    "two failures": ([failed(8), failed(9)], Restart(delay=0.2)),
    "three failures": ([failed(7), failed(8), failed(9)], Restart(delay=0.4)),
    "six failures": ([failed(at) for at in range(4, 10)], Restart(delay=3.2)),
    "seven failures reach the cap": ([failed(at) for at in range(3, 10)], Restart(delay=5)),
    "ten failures": ([failed(at) for at in range(10)], Restart(delay=5)),
    "eleven failures": ([failed(at) for at in range(-1, 10)], CRASHING),
    "eleven segmentation faults": ([ran(at, 0.5, -SIGSEGV) for at in range(-1, 10)], CRASHING),
    "eleven kills before readiness": ([failed(at, -SIGKILL) for at in range(-1, 10)], CRASHING),
    "eleven kills after readiness": (
        [ran(at, 0.5, -SIGKILL) for at in range(-1, 10)],
        Restart(delay=5),
    ),
    "eleven failures, a healthy run between": (
        [*(failed(at) for at in range(-1, 8)), ran(8, 1), failed(9), failed(10)],
        Restart(delay=0.2),
    ),
    "a healthy run after ten failures": (
        [*(failed(at) for at in range(9)), ran(9.5, 1.0)],
        Restart(delay=0),
    ),
    "the first of eleven just inside the period": (
        [failed(10 - 120), *(failed(at) for at in range(10))],
        CRASHING,
    ),
    "the first of eleven just outside the period": (
        [failed(10 - 120.001), *(failed(at) for at in range(10))],
        Restart(delay=5),
    ),
    "a bad configuration": ([failed(9, 78)], MISCONFIGURED),
    "a bad configuration after a healthy run": ([ran(9, 500, 78)], MISCONFIGURED),
    "data that cannot be opened": ([failed(9, 74)], GiveUp(reason=GiveUpReason.UNREADABLE)),
    "data that can be opened again": ([failed(8, 74), failed(9)], Restart(delay=0.2)),
    "a bad configuration that is over": ([failed(8, 78), failed(9)], Restart(delay=0.2)),
}


@pytest.mark.parametrize(("history", "expected"), HISTORIES.values(), ids=HISTORIES)
def test_decides(history: list[Exit], expected: Restart | GiveUp) -> None:
    """Each history has exactly this consequence."""
    assert expected == decide(history, policy=PLAIN, now=10, jitter=0.5)


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        (GiveUpReason.MISCONFIGURED, 78),
        (GiveUpReason.UNREADABLE, 74),
        (GiveUpReason.CRASHING, 75),
    ],
)
def test_reasons_have_exit_codes(reason: GiveUpReason, code: int) -> None:
    """The codes are a contract with service managers: sysexits.h."""
    assert code == reason.exit_code


@given(jitter=st.floats(0, 1, exclude_max=True), failures=st.integers(1, 10))
def test_jitter_only_shortens_and_never_by_more_than_its_fraction(
    jitter: float, failures: int
) -> None:
    """A wait lies between its full length and its length less the fraction."""
    history = [failed(at) for at in range(failures)]
    policy = RestartPolicy(jitter=0.25)
    full = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0, 5.0)[failures - 1]
    decision = decide(history, policy=policy, now=10, jitter=jitter)
    assert isinstance(decision, Restart)
    assert full * 0.75 <= decision.delay <= full


# The oracle's own table: (ready for less than a second before the end, code) by kind.
KINDS = {
    "healthy": ran(0, 2.0, 1),
    "killed": ran(0, 0.9, -9),
    "crashed": ran(0, 0.9, 1),
    "unready": failed(0, -9),
    "misconfigured": failed(0, 78),
    "unreadable": failed(0, 74),
}
runs = st.lists(st.tuples(st.sampled_from(sorted(KINDS)), st.integers(0, 40)), min_size=1)


@given(runs)
def test_agrees_with_a_literal_count(story: list[tuple[str, int]]) -> None:
    """Whatever the story: 78 and 74 end it, and so do eleven failures since a healthy run."""
    history, clock = [], 0
    for kind, pause in story:
        clock += pause
        template = KINDS[kind]
        history.append(Exit(at=clock, code=template.code, ready_for=template.ready_for))
    expected: str | float = _literally(story)
    match decide(history, policy=PLAIN, now=clock, jitter=0):
        case Restart(delay=delay):
            assert expected == pytest.approx(delay)
        case GiveUp(reason=reason):
            assert expected == reason.value


def _literally(story: list[tuple[str, int]]) -> str | float:
    """Walk backwards through the story, with a table of waits instead of a formula."""
    if story[-1][0] in {"misconfigured", "unreadable"}:
        return story[-1][0]
    ago = waits = failures = 0
    for kind, pause in reversed(story):
        if kind == "healthy" or ago > 120:
            break
        waits += 1
        failures += kind != "killed"
        ago += pause
    if failures >= 11:
        return "crashing"
    return (0.0, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)[min(waits, 7)]


@given(runs)
def test_forgetting_changes_no_decision(story: list[tuple[str, int]]) -> None:
    """What the supervisor forgets between two exits has no influence on what follows."""
    kept: tuple[Exit, ...] = ()
    whole: list[Exit] = []
    clock = 0
    for kind, pause in story:
        clock += pause
        run = Exit(at=clock, code=KINDS[kind].code, ready_for=KINDS[kind].ready_for)
        whole.append(run)
        kept = (*kept, run)
        decision = decide(whole, policy=PLAIN, now=clock, jitter=0)
        assert decision == decide(kept, policy=PLAIN, now=clock, jitter=0)
        kept = remembered(kept, policy=PLAIN, now=clock)


def test_a_crash_loop_gives_up_within_a_minute() -> None:
    """A child that dies half a second after each start is given up after eleven starts."""
    clock, starts, history = 0.0, 0, []
    while True:
        clock, starts = clock + 0.5, starts + 1
        history.append(failed(clock))
        decision = decide(history, policy=RestartPolicy(), now=clock, jitter=0)
        if decision == CRASHING:
            break
        assert isinstance(decision, Restart)
        clock += decision.delay
    assert starts == 11
    assert 20 < clock < 60


@pytest.mark.parametrize("start_up", [0.2, 0.5, 0.9])
def test_a_storm_of_kills_never_gives_up(start_up: float) -> None:
    """One kill a second, at random among three children, for a day: all are started again."""
    dice = random.Random(7)  # noqa: S311 - a simulation that must be the same in each run
    policy = RestartPolicy()
    ready_at = [start_up] * 3
    histories: list[tuple[Exit, ...]] = [()] * 3
    for second in range(1, 86_400):
        hit = dice.randrange(3)
        if second < ready_at[hit] - start_up:
            continue  # it waits for its restart: there is nothing to kill
        lived = second - ready_at[hit]
        ended = Exit(at=second, code=-SIGKILL, ready_for=lived if lived >= 0 else None)
        history = (*histories[hit], ended)
        decision = decide(history, policy=policy, now=second, jitter=dice.random())
        assert isinstance(decision, Restart)
        ready_at[hit] = second + decision.delay + start_up
        histories[hit] = remembered(history, policy=policy, now=second)


def test_a_long_storm_does_not_overflow_the_backoff() -> None:
    """Thousands of short runs within the period wait the cap, no more."""
    history = [ran(at / 100, 0.5, -SIGKILL) for at in range(5000)]
    assert Restart(delay=5) == decide(history, policy=PLAIN, now=50, jitter=0)
