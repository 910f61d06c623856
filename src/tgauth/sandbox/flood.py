"""Flood limits: how many messages a bot may send, as the FAQ states them."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from .errors import TooManyRequests

OVERALL_PER_SECOND: Final = 30
"""core.telegram.org/bots/faq: "no more than about 30 messages per second" over all chats."""

GROUP_PER_MINUTE: Final = 20
"""core.telegram.org/bots/faq: "not more than 20 messages per minute" to one group."""

PRIVATE_BURST: Final = 3
"""The FAQ allows "short bursts" over one message a second to one chat and gives no number.

Three is the smallest that lets an ordinary exchange through (an answer, its correction, a
farewell), so a bot that relies on more is found out here.
"""

FORGET_AFTER: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is allowed; `None` in place of this object lifts every limit."""

    overall_per_second: int = OVERALL_PER_SECOND
    group_per_minute: int = GROUP_PER_MINUTE
    private_burst: int = PRIVATE_BURST


@dataclass(slots=True, kw_only=True)
class _Bucket:
    """One message a second, after a burst."""

    tokens: float
    at: float

    def refill(self, *, now: float, burst: int) -> None:
        self.tokens = min(float(burst), self.tokens + max(0.0, now - self.at))
        self.at = now


class Kind(StrEnum):
    """What is counted apart: whether edits count with messages is not public, nor that they don't.

    So each has the whole limit of a chat for itself, and both share the limit overall.
    """

    SEND = "send"
    EDIT = "edit"


Key = tuple[int, Kind]


@dataclass(slots=True, kw_only=True)
class Flood:
    """Counts what was sent and refuses what is too much; a refusal itself is not counted.

    `clock` gives seconds of any epoch.
    """

    limits: Limits | None
    clock: Callable[[], float]
    _overall: deque[float] = field(default_factory=deque)
    _groups: dict[Key, deque[float]] = field(default_factory=dict)
    _privates: dict[Key, _Bucket] = field(default_factory=dict)
    _swept: float = 0.0

    def spend(self, chat_id: int, kind: Kind = Kind.SEND) -> None:
        """Count one message or edit in a chat, or raise `TooManyRequests`."""
        if self.limits is None:
            return
        now, key = self.clock(), (chat_id, kind)
        self._sweep(now)
        overall = self._window(self._overall, now=now, span=1.0)
        waits = [self._wait(overall, now=now, span=1.0, most=self.limits.overall_per_second)]
        if chat_id < 0:
            sent = self._window(self._groups.setdefault(key, deque()), now=now, span=60.0)
            waits.append(self._wait(sent, now=now, span=60.0, most=self.limits.group_per_minute))
        else:
            sent = deque()
            waits.append(self._wait_private(key, now=now, burst=self.limits.private_burst))
        longest = max(waits)
        if longest > 0:
            raise TooManyRequests(max(1, math.ceil(longest)))
        overall.append(now)
        sent.append(now)
        if chat_id > 0:
            self._privates[key].tokens -= 1

    @staticmethod
    def _window(sent: deque[float], *, now: float, span: float) -> deque[float]:
        while sent and sent[0] <= now - span:
            sent.popleft()
        return sent

    @staticmethod
    def _wait(sent: deque[float], *, now: float, span: float, most: int) -> float:
        return sent[0] + span - now if len(sent) >= most else 0.0

    def _wait_private(self, key: Key, *, now: float, burst: int) -> float:
        fresh = _Bucket(tokens=float(burst), at=now)
        bucket = self._privates.setdefault(key, fresh)
        bucket.refill(now=now, burst=burst)
        return 0.0 if bucket.tokens >= 1 else 1.0 - bucket.tokens

    def _sweep(self, now: float) -> None:
        """Forget idle chats, so that a load test of many people stays small."""
        if now - self._swept < FORGET_AFTER:
            return
        self._swept = now
        self._privates = {k: v for k, v in self._privates.items() if now - v.at < FORGET_AFTER}
        self._groups = {k: v for k, v in self._groups.items() if v and now - v[-1] < FORGET_AFTER}
