"""How fast a bot may speak: Telegram's limits, its own word about them, and its troubles.

Pure: no I/O, and the clock is an argument. core.telegram.org/bots/faq ("My bot is hitting limits"):
about 30 messages a second over all chats, one a second to one chat "short bursts" apart, 20 a
minute to one group. Whether changes of messages count with messages is not public, so they share
the limit over all chats, and have those of a chat for themselves.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

PER_SECOND: Final = 30

#: So many different private chats refused at once for flooding: that is not about any of them.
MANY_CHATS: Final = 3
#: So many different chats failed with nothing getting through: Telegram is away.
AWAY_CHATS: Final = 2
#: Seconds between two attempts while it is; the last one repeats.
AWAY_DELAYS: Final = (1.0, 2.0, 5.0, 10.0)
_FORGET_EVERY: Final = 5.0
#: Less than this is nothing: times are floating-point numbers.
_NOTHING: Final = 1e-6


class Kind(StrEnum):
    """What is counted apart in a chat."""

    SEND = "send"
    EDIT = "edit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What Telegram allows.

    Attributes:
        per_second: Calls over all chats.
        at_once: Calls under way at a time.
    """

    per_second: int = PER_SECOND
    at_once: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Burst:
    """So many at once, then one for each interval of seconds."""

    most: int
    interval: float


_PRIVATE: Final = _Burst(most=3, interval=1.0)
#: At most 2 + 60 / 3.4, which is below 20, in any minute.
_GROUP: Final = _Burst(most=2, interval=3.4)


@dataclass(slots=True, kw_only=True)
class _Bucket:
    """What a chat may still take."""

    burst: _Burst
    tokens: float
    at: float

    def tokens_at(self, now: float) -> float:
        """Return the tokens at a moment."""
        gained = max(0.0, now - self.at) / self.burst.interval
        return min(float(self.burst.most), self.tokens + gained)

    def spend(self, now: float) -> None:
        """Take one."""
        self.tokens, self.at = self.tokens_at(now) - 1, now

    def next_at(self, now: float) -> float:
        """Return when there is a whole one."""
        missing = 1 - self.tokens_at(now)
        return now + missing * self.burst.interval if missing > _NOTHING else now


@dataclass(slots=True, kw_only=True)
class Pace:
    """Who may be spoken to, and how many at once.

    A call counts from its departure until a second after its answer: wherever between the two
    Telegram counts it, there are never more in a second than it allows, however slow the way is.

    Attributes:
        clock: Seconds of any epoch.
        limits: What is allowed.
    """

    clock: Callable[[], float]
    limits: Limits = field(default_factory=Limits)
    _under_way: int = 0
    _answered: deque[float] = field(default_factory=deque)
    _buckets: dict[tuple[int, Kind], _Bucket] = field(default_factory=dict)
    _resting: dict[tuple[int, Kind], float] = field(default_factory=dict)
    _flooded: dict[int, float] = field(default_factory=dict)
    _resumes_at: float = float("-inf")
    _failing: set[int] = field(default_factory=set)
    _attempts: int = 0
    _forgot_at: float = 0.0

    @property
    def is_away(self) -> bool:
        """Whether Telegram seems to be away: then one at a time tries whether it is back."""
        return len(self._failing) >= AWAY_CHATS

    def room(self) -> int:
        """Return how many calls may depart now."""
        now = self.clock()
        if now < self._resumes_at:
            return 0
        if self.is_away:
            return 0 if self._under_way else 1
        self._forget_answered(now)
        overall = self.limits.per_second - self._under_way - len(self._answered)
        return max(0, min(overall, self.limits.at_once - self._under_way))

    def may(self, chat_id: int, kind: Kind) -> bool:
        """Say whether this chat may be spoken to now."""
        return self._free_at(chat_id, kind) <= self.clock()

    def depart(self) -> None:
        """Count a call that begins."""
        self._under_way += 1

    def arrive(self, chat_id: int, kind: Kind) -> None:
        """Count a call that ended, whether Telegram took it or not: nobody knows what it counts."""
        now = self.clock()
        self._under_way -= 1
        self._answered.append(now)
        burst = _PRIVATE if chat_id > 0 else _GROUP
        fresh = _Bucket(burst=burst, tokens=burst.most, at=now)
        bucket = self._buckets.setdefault((chat_id, kind), fresh)
        bucket.spend(now)
        self._resting[chat_id, kind] = bucket.next_at(now)
        self._forget_chats(now)

    def succeed(self) -> None:
        """Note that Telegram answered, whatever it said: it is there."""
        self._failing.clear()
        self._attempts = 0

    def fail(self, chat_id: int) -> None:
        """Note that no answer came: with several chats in a row everything waits for a while."""
        now = self.clock()
        self._failing.add(chat_id)
        if self.is_away and now >= self._resumes_at:
            self._resumes_at = now + AWAY_DELAYS[min(self._attempts, len(AWAY_DELAYS) - 1)]
            self._attempts += 1

    def flood(self, chat_id: int, wait: float) -> None:
        """Note that Telegram wants to be left alone for so many seconds.

        Its answer does not say whether it is about the chat or about the bot. When several private
        chats get it at once it is the bot, and everything waits. Groups say nothing about it:
        whoever owns one can put it into slow mode, which Telegram tells in the same words (TDLib,
        NetQueryDelayer.cpp, SLOWMODE_WAIT_), and three would silence the bot for everybody.
        """
        now = self.clock()
        self._flooded = {chat: until for chat, until in self._flooded.items() if until > now}
        self._flooded[chat_id] = now + wait
        if chat_id > 0 and sum(chat > 0 for chat in self._flooded) >= MANY_CHATS:
            self._resumes_at = max(self._resumes_at, now + wait)

    def resting(self) -> int:
        """Return how many chats at most have to be passed over now."""
        now = self.clock()
        self._forget_rested(now)
        return len(self._resting) + sum(until > now for until in self._flooded.values())

    def next_at(self) -> float | None:
        """Return when more may be possible; nothing where only an answer can change that."""
        now = self.clock()
        if now < self._resumes_at:
            return self._resumes_at
        self._forget_answered(now)
        self._forget_rested(now)
        moments = [*self._resting.values(), *self._flooded.values()]
        if self._answered:
            moments.append(self._answered[0] + 1)
        return min((moment for moment in moments if moment > now), default=None)

    def _free_at(self, chat_id: int, kind: Kind) -> float:
        bucket = self._buckets.get((chat_id, kind))
        of_bucket = float("-inf") if bucket is None else bucket.next_at(self.clock())
        return max(of_bucket, self._flooded.get(chat_id, float("-inf")))

    def _forget_answered(self, now: float) -> None:
        while self._answered and self._answered[0] + 1 <= now:
            self._answered.popleft()

    def _forget_rested(self, now: float) -> None:
        # Few: most chats get one message and are not heard of for long. Asked for at each message,
        # so all the chats of a busy minute must not be looked at for it.
        self._resting = {key: until for key, until in self._resting.items() if until > now}

    def _forget_chats(self, now: float) -> None:
        """Forget whoever has their whole burst again."""
        if now - self._forgot_at < _FORGET_EVERY:
            return
        self._forgot_at = now
        self._buckets = {
            key: bucket
            for key, bucket in self._buckets.items()
            if bucket.tokens_at(now) < bucket.burst.most
        }
