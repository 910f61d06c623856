"""What the consumer hands to `supervise`: its children as data, and where reports go."""

import signal
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tgauth.supervisor.policy import RestartPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Child:
    """One process to keep running."""

    name: str
    """Unique among its siblings; names the child in reports."""
    argv: tuple[str, ...]
    """The command. It must become the child itself: a wrapper that stays between breaks both
    death with the parent and readiness, which go by pid."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Additions to the supervisor's own environment."""
    file_descriptors: tuple[int, ...] = ()
    """Listening sockets to hand down; the child adopts them with `inherited_sockets()`."""
    grace: float = 10.0
    """Seconds from SIGTERM to SIGKILL."""
    ready_within: float = 30.0
    """Seconds after its start at which a child that is not ready is killed and replaced."""
    watchdog: float | None = None
    """Seconds within which a ready child must give a sign of life (`watchdog()`); one that does not
    is killed and replaced. None where nobody asks for it."""
    group: str = ""
    """Neighbours in the same group are stopped together instead of one after the other."""
    replace_signal: int = signal.SIGTERM
    """What tells it that another one has taken its place."""
    replace_grace: float | None = None
    """Seconds from that signal to SIGKILL; by default `grace`."""
    spare: bool = False
    """Whether it leaves a spare (`stand_by()`), which takes over from it instead of a new start."""
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    """When it is started again, and when no more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """What a reload brings."""

    children: Sequence[Child]
    """What shall run from now on, in the order of their start."""
    notes: tuple[str, ...] = ()
    """What a reload cannot change, and has not."""


class ReloadRefused(Exception):
    """Nothing is to be reloaded; the message says why."""

    code = "reload_refused"

    def __init__(self, why: str) -> None:
        """Explain it in one line."""
        super().__init__(why)


Renew = Callable[[], Awaitable[Renewal]]
"""Says what a reload brings, or raises `ReloadRefused`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """What became of a reload."""

    replaced: tuple[str, ...] = ()
    """The children that are new."""
    failure: str | None = None
    """Why it ended before its end; None when it did not."""
    notes: tuple[str, ...] = ()
    """What was not changed, because no reload can."""


class Report(Protocol):
    """Where the supervisor tells what happens; the consumer logs it."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Take one event, such as `child.exited`, and its fields."""
        ...
