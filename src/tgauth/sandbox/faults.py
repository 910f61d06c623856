"""What goes wrong on purpose, and the journal of calls."""

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final

REMEMBERED: Final = 20_000
HIDDEN: Final = frozenset({"secret_token"})


class Kind(StrEnum):
    """The ways in which a call can fail."""

    STATUS = "status"
    DROP = "drop"
    ACCEPT_THEN_DROP = "accept_then_drop"
    MALFORMED = "malformed"
    DELAY = "delay"


@dataclass(slots=True, kw_only=True)
class Fault:
    """A failure for the next `count` calls of a method; `*` is every method."""

    method: str
    kind: Kind
    status: int = 500
    retry_after: int | None = None
    seconds: float = 1.0
    count: int = 1


@dataclass(slots=True, kw_only=True)
class Faults:
    """The failures that wait for their calls, and an outage that takes them all."""

    outage: bool = False
    pending: list[Fault] = field(default_factory=list)

    def add(self, faults: Iterable[Fault]) -> None:
        """Let more calls fail."""
        self.pending.extend(faults)

    def take(self, method: str) -> Fault | None:
        """Return what happens to this call, and count it."""
        for fault in self.pending:
            if fault.method == "*" or fault.method.lower() == method.lower():
                fault.count -= 1
                if fault.count <= 0:
                    self.pending.remove(fault)
                return fault
        return None


@dataclass(slots=True, kw_only=True)
class Journal:
    """Every call of the Bot API with its outcome, and without the token."""

    token: str
    clock: Callable[[], float]
    _calls: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def begin(self, method: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Note a call; its outcome is filled in when it ends."""
        shown = {k: "***" if k in HIDDEN else self._clean(v) for k, v in parameters.items()}
        call = {
            "seq": next(self._numbers),
            "method": method,
            "parameters": shown,
            "time": self.clock(),
            "outcome": "open",
        }
        self._calls.append(call)
        return call

    def after(self, number: int) -> list[dict[str, Any]]:
        """Return the calls with a greater number."""
        return [call for call in self._calls if call["seq"] > number]

    def _clean(self, value: Any) -> Any:
        if isinstance(value, str):
            return value.replace(self.token, "***")
        if isinstance(value, Mapping):
            return {k: self._clean(v) for k, v in value.items()}
        if isinstance(value, list):
            return [self._clean(item) for item in value]
        return value
