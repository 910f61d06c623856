"""Decide whether a child that ended is started again, and when: pure, without clock or dice.

Four kinds of end are told apart:

- a *healthy* run became ready and then lived for `healthy_after` seconds. It clears the slate:
  the next start is immediate.
- a *killed* run became ready and was then ended by SIGKILL from outside before it was healthy.
  It backs off like any other short run, but says nothing about the child, so it is not counted
  towards the limit: whoever kills processes at random never ends the supervisor. (A run that hung
  was killed by ourselves, and counts.)
- a *misled* run ended with 78 before it was ready, while an earlier one had been ready: somebody
  has changed the settings under it. It is tried again, however often, so that a typing error in a
  file takes down no sibling; it heals when the file does.
- any other end is a *failure*. More than `intensity` of them within `period` seconds, and the
  supervisor gives up, as in OTP (https://www.erlang.org/doc/system/sup_princ.html,
  "Maximum Restart Intensity").
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from signal import SIGKILL
from typing import assert_never


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartPolicy:
    """How patient the supervisor is with one child; all times in seconds."""

    first_delay: float = 0.0
    """Wait after a healthy run."""
    base: float = 0.1
    """Wait after the first short run; doubles with each further one."""
    cap: float = 5.0
    """The longest wait."""
    jitter: float = 0.25
    """The largest fraction that chance may take off a wait, so that siblings fall out of step."""
    healthy_after: float = 1.0
    """Time since readiness from which a run counts as healthy."""
    intensity: int = 10
    """Failures within `period` that are still forgiven."""
    period: float = 120.0
    """The window in which short runs are remembered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How one run of a child ended."""

    at: float
    """When, on the clock that `decide` gets its `now` from."""
    code: int
    """Exit code, or the negative number of the signal that ended it."""
    ready_for: float | None
    """Seconds between readiness and the end, or the last sign of life of a run that hung; None when
    it never became ready."""
    hung: bool = False
    """Whether the supervisor ended it because it gave no sign of life."""
    proven: bool = False
    """Whether an earlier run of the same child was ready."""

    @property
    def is_misled(self) -> bool:
        """Tell whether it was refused its settings, though an earlier run was not."""
        return self.code == os.EX_CONFIG and self.proven and self.ready_for is None

    def is_healthy(self, policy: RestartPolicy) -> bool:
        """Tell whether this run proves that the child can do its work."""
        return self.ready_for is not None and self.ready_for >= policy.healthy_after

    def is_failure(self, policy: RestartPolicy) -> bool:
        """Tell whether this run counts towards the limit."""
        killed = self.ready_for is not None and self.code == -SIGKILL and not self.hung
        return not (killed or self.is_misled or self.is_healthy(policy))


class GiveUpReason(Enum):
    """Why a child is not started again, which ends its siblings too."""

    MISCONFIGURED = "misconfigured"
    UNREADABLE = "unreadable"
    CRASHING = "crashing"

    @property
    def exit_code(self) -> int:
        """The code by which the supervisor passes the reason on (sysexits.h)."""
        match self:
            case GiveUpReason.MISCONFIGURED:
                return os.EX_CONFIG
            case GiveUpReason.UNREADABLE:
                return os.EX_IOERR
            case GiveUpReason.CRASHING:
                return os.EX_TEMPFAIL
            case _:
                assert_never(self)


#: Ends that no restart can cure: a mistake in the settings, data that cannot be opened.
_FINAL = {
    reason.exit_code: reason for reason in (GiveUpReason.MISCONFIGURED, GiveUpReason.UNREADABLE)
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Restart:
    """Start the child again after `delay` seconds."""

    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GiveUp:
    """Stop everything."""

    reason: GiveUpReason


def decide(
    history: Sequence[Exit], *, policy: RestartPolicy, now: float, jitter: float
) -> Restart | GiveUp:
    """Decide what follows the last exit of `history`.

    Args:
        history: The child's exits, oldest first, at least one.
        policy: The child's restart policy.
        now: The time of the decision.
        jitter: Chance, at least 0 and below 1.
    """
    final = _FINAL.get(history[-1].code)
    if final is not None and not history[-1].is_misled:
        return GiveUp(reason=final)
    short_runs = remembered(history, policy=policy, now=now)
    if sum(run.is_failure(policy) for run in short_runs) > policy.intensity:
        return GiveUp(reason=GiveUpReason.CRASHING)
    if not short_runs:
        return Restart(delay=policy.first_delay)
    return Restart(delay=_backoff(len(short_runs), policy) * (1 - policy.jitter * jitter))


def remembered(history: Sequence[Exit], *, policy: RestartPolicy, now: float) -> tuple[Exit, ...]:
    """Return the exits that still matter: since the last healthy run, and within the period."""
    short_runs: list[Exit] = []
    for run in reversed(history):
        if run.is_healthy(policy) or run.at < now - policy.period:
            break
        short_runs.append(run)
    return tuple(reversed(short_runs))


def _backoff(short_runs: int, policy: RestartPolicy) -> float:
    delay = policy.base
    # A loop that stops at the cap: 2.0 ** n overflows for an n that a long storm can reach.
    for _ in range(short_runs - 1):
        if delay >= policy.cap:
            break
        delay *= 2
    return min(delay, policy.cap)
