"""What the consumer hands to `supervise`: its children as data, and where reports go."""

from collections.abc import Mapping
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
    spare: bool = False
    """Whether it leaves a spare (`stand_by()`), which takes over from it instead of a new start."""
    policy: RestartPolicy = field(default_factory=RestartPolicy)
    """When it is started again, and when no more."""


class Report(Protocol):
    """Where the supervisor tells what happens; the consumer logs it."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Take one event, such as `child.exited`, and its fields."""
        ...
