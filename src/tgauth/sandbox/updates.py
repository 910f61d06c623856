"""The queue of updates for the bot: what is kept, what is confirmed, what is refused."""

import random
from collections import OrderedDict, deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

KEPT_SECONDS: Final = 86_400
"""core.telegram.org/bots/api#getting-updates: not kept "longer than 24 hours"."""

CALLBACK_SECONDS: Final = 150
"""Client.cpp `process_new_callback_query_queue`: a callback query is queued for 150 s."""

FUTURE_SLACK: Final = 10
"""tdlib/td tddb/td/db/TQueue.cpp: an offset further than this beyond the tail is not believed."""

REMEMBERED: Final = 50_000

ALL_TYPES: Final = frozenset(
    {
        "message",
        "edited_message",
        "channel_post",
        "edited_channel_post",
        "business_connection",
        "business_message",
        "edited_business_message",
        "deleted_business_messages",
        "message_reaction",
        "message_reaction_count",
        "inline_query",
        "chosen_inline_result",
        "callback_query",
        "shipping_query",
        "pre_checkout_query",
        "purchased_paid_media",
        "poll",
        "poll_answer",
        "my_chat_member",
        "chat_member",
        "chat_join_request",
        "chat_boost",
        "removed_chat_boost",
    }
)

DEFAULT_TYPES: Final = ALL_TYPES - {"chat_member", "message_reaction", "message_reaction_count"}
"""core.telegram.org/bots/api#getupdates: an empty list means all types except these three."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """One thing that happened, as the bot will read it."""

    id: int
    kind: str
    content: Mapping[str, Any]
    expires_at: float

    def to_json(self) -> dict[str, Any]:
        """Return it in the form of core.telegram.org/bots/api#update."""
        return {"update_id": self.id, self.kind: self.content}


def allowed_from(names: Iterable[str]) -> frozenset[str]:
    """Read `allowed_updates`: unknown names are ignored, nothing known means the default."""
    known = frozenset(name for name in names if name in ALL_TYPES)
    return known or DEFAULT_TYPES


@dataclass(slots=True, kw_only=True)
class Updates:
    """Updates in order. What an offset confirmed is gone for good.

    `clock` gives unix seconds. Ids are sequential from a random start.
    """

    clock: Callable[[], float]
    allowed: frozenset[str] = DEFAULT_TYPES
    next_id: int = field(default_factory=lambda: random.randrange(100_000_000, 900_000_000))  # noqa: S311 - an id, not a secret
    _queue: deque[Update] = field(default_factory=deque)
    _again: deque[Update] = field(default_factory=deque)
    _history: OrderedDict[int, Update] = field(default_factory=OrderedDict)

    def add(
        self, kind: str, content: Mapping[str, Any], *, seconds: float = KEPT_SECONDS
    ) -> int | None:
        """Queue an update; `None` when the bot did not ask for its type.

        Client.cpp `add_update_impl` drops an unallowed update when it happens, not when it is
        read: to allow its type later does not bring it back.
        """
        if kind not in self.allowed:
            return None
        update = Update(
            id=self.next_id, kind=kind, content=content, expires_at=self.clock() + seconds
        )
        self.next_id += 1
        self._queue.append(update)
        self._history[update.id] = update
        if len(self._history) > REMEMBERED:
            self._history.popitem(last=False)
        return update.id

    def read(self, *, offset: int, limit: int) -> list[Update]:
        """Confirm everything below the offset for good, then return what is next.

        A negative offset keeps that many of the newest and forgets the rest (Client.cpp
        `do_get_updates`).
        """
        self._expire()
        if offset < 0:
            while len(self._queue) > -offset:
                self._queue.popleft()
        elif offset and offset <= self.next_id + FUTURE_SLACK:
            while self._queue and self._queue[0].id < offset:
                self._queue.popleft()
        again = [self._again.popleft() for _ in range(min(limit, len(self._again)))]
        return again + list(self._queue)[: limit - len(again)]

    def peek(self) -> Update | None:
        """Return the oldest update without confirming anything."""
        self._expire()
        return (self._again or self._queue or [None])[0]

    def done(self, update: Update) -> None:
        """Take one update out: the webhook accepted it."""
        for queue in (self._again, self._queue):
            if update in queue:
                queue.remove(update)
                return

    def __len__(self) -> int:
        self._expire()
        return len(self._queue) + len(self._again)

    def drop(self) -> None:
        """Forget everything that is pending."""
        self._queue.clear()
        self._again.clear()

    def repeat(self, update_id: int) -> bool:
        """Deliver an update once more although it was confirmed; False when it is unknown."""
        update = self._history.get(update_id)
        if update is None:
            return False
        self._again.append(replace(update, expires_at=self.clock() + KEPT_SECONDS))
        return True

    def restart_ids(self, next_id: int) -> None:
        """Let ids start elsewhere, as after a week of silence; only when nothing is pending."""
        if len(self):
            raise ValueError("updates are pending: ids restart only after a quiet week")
        self.next_id = next_id

    def _expire(self) -> None:
        now = self.clock()
        if any(update.expires_at <= now for update in self._queue):
            self._queue = deque(update for update in self._queue if update.expires_at > now)
