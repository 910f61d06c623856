"""Long polling: one getUpdates waits at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from .errors import Conflict, HungUp
from .updates import Updates, allowed_from

MAX_TIMEOUT: Final = 50
"""Client.h `LONG_POLL_MAX_TIMEOUT`."""

MAX_LIMIT: Final = 100
"""core.telegram.org/bots/api#getupdates: 1-100, and Client.cpp clamps."""

OTHER_REQUEST: Final = (
    "terminated by other getUpdates request; make sure that only one bot instance is running"
)
WEBHOOK_ACTIVE: Final = (
    "can't use getUpdates method while webhook is active; "
    "use deleteWebhook to delete the webhook first"
)
SET_WEBHOOK: Final = "terminated by setWebhook request"


@dataclass(slots=True, kw_only=True)
class _Poll:
    """A getUpdates call that waits."""

    wake: anyio.Event = field(default_factory=anyio.Event)
    conflict: str | None = None
    hung_up: bool = False


@dataclass(slots=True, kw_only=True)
class Polling:
    """The waiting call, and what ends it: an update, its timeout, a rival, a shutdown."""

    updates: Updates
    closing: bool = False
    changed: anyio.Event = field(default_factory=anyio.Event)
    _waiting: _Poll | None = None

    async def get_updates(
        self, *, offset: int, limit: int, seconds: int, allowed: list[str] | None
    ) -> list[dict[str, Any]]:
        """Return updates as soon as there are any, or none when the time is over."""
        if allowed is not None:
            self.updates.allowed = allowed_from(allowed)
        self.terminate(OTHER_REQUEST)
        found = self.updates.read(offset=offset, limit=limit)
        if not found and seconds > 0 and not self.closing:
            with self._poll() as poll, anyio.move_on_after(seconds):
                await poll.wake.wait()
            if poll.conflict:
                raise Conflict(poll.conflict)
            if poll.hung_up:
                raise HungUp
            found = self.updates.read(offset=max(offset, 0), limit=limit)
        return [update.to_json() for update in found]

    def notify(self) -> None:
        """Wake whoever waits for updates: there is one."""
        if self._waiting:
            self._waiting.wake.set()
        self.changed.set()
        self.changed = anyio.Event()

    def terminate(self, message: str) -> None:
        """End the waiting call with a conflict."""
        if self._waiting:
            self._waiting.conflict = message
            self._waiting.wake.set()
            self._waiting = None

    def hang_up(self) -> None:
        """End the waiting call without an answer: an outage begins."""
        if self._waiting:
            self._waiting.hung_up = True
            self._waiting.wake.set()
            self._waiting = None

    def close(self) -> None:
        """End the waiting call with no updates, and let none wait any more."""
        self.closing = True
        self.notify()

    @contextmanager
    def _poll(self) -> Iterator[_Poll]:
        poll = self._waiting = _Poll()
        try:
            yield poll
        finally:
            if self._waiting is poll:
                self._waiting = None
