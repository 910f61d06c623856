"""Streams of events: pages hear at once of what becomes of their logins.

One for each process. Whoever commits something about such a login wakes it; it then looks once for
all of its open streams. It sleeps while none is open.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from enum import StrEnum
from typing import Final, assert_never

from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.failures import counted_as
from tgauth.domain.instants import SECOND, Instant
from tgauth.domain.login import Standing
from tgauth.flows.deployment import Deployment
from tgauth.flows.follow_browser_logins import Signal, follow_browser_logins
from tgauth.logs import Log
from tgauth.store.wakeups import Topic
from tgauth.store.watching import watching

_log = Log("api")

#: Streams that one process holds open at a time …
MOST: Final = 2000
#: … and for one network address.
MOST_OF_ONE: Final = 50
#: Seconds until another look where the clock is not the one that sleeping goes by.
_LONGEST_SLEEP: Final = 60.0
_SHORTEST_SLEEP: Final = 0.01
#: Seconds until another try where something went wrong.
_PAUSE: Final = 1.0


class Event(StrEnum):
    """All that a stream ever says."""

    WAITING = "waiting"
    OPENED = "opened"
    APPROVED = "approved"
    DENIED = "denied"
    EXPIRED = "expired"
    REDEEMED = "redeemed"

    @property
    def order(self) -> int:
        """How far a login has come: it never goes back."""
        return min(list(Event).index(self), 2)

    @property
    def is_final(self) -> bool:
        """Whether the page goes on by itself then, and needs to hear no more."""
        return self not in {Event.WAITING, Event.OPENED}


class TooManyStreams(Exception):
    """There are as many streams open as may be.

    Attributes:
        of_one: Whether one address has them all.
    """

    def __init__(self, *, of_one: bool) -> None:
        super().__init__("too many streams are open")
        self.of_one = of_one


class Stream:
    """What one page hears."""

    def __init__(self) -> None:
        self._changed = asyncio.Event()
        self._event: Event | None = None
        self._told: Event | None = None
        self._is_over = False
        self.expires_at: Instant | None = None

    @property
    def knows(self) -> bool | None:
        """Whether somebody is asked, as far as is known here; none: nothing is known."""
        return None if self._event is None else self._event is not Event.WAITING

    def hear(self, signal: Signal | None) -> None:
        """Take in how the login stands; none: it is gone."""
        event = Event.EXPIRED if signal is None else event_of(signal)
        if self._event is not None and self._event.order >= event.order:
            return  # two looks were under way at a time, and this one is the older
        self.expires_at = None if signal is None or event.is_final else signal.expires_at
        self._event = event
        self._changed.set()

    def end(self) -> None:
        """Let the stream end, so that its page opens another one elsewhere."""
        self._is_over = True
        self._changed.set()

    async def next(self) -> Event | None:
        """Wait for something new; none: the stream ends."""
        while self._event is self._told or self._event is None:
            if self._is_over or (self._told is not None and self._told.is_final):
                return None
            await self._changed.wait()
            self._changed.clear()
        self._told = self._event
        return self._event


class Streams:
    """The streams of one process."""

    def __init__(
        self, deployment: Deployment, *, most: int = MOST, most_of_one: int = MOST_OF_ONE
    ) -> None:
        self._deployment = deployment
        self._most = most
        self._most_of_one = most_of_one
        self._open: dict[str, set[Stream]] = {}
        self._number = 0
        self._by_network: Counter[str] = Counter()
        self._is_leaving = False
        self._needed = asyncio.Event()
        self._woken = asyncio.Event()
        #: When the next look comes by itself, if it is known.
        self._next_look: Instant | None = None

    @contextmanager
    def opened(self, stream_hash: str, address: str) -> Iterator[Stream]:
        """Open a stream for the length of the block.

        Args:
            stream_hash: Hash of its name.
            address: The network address of who listens.

        Raises:
            TooManyStreams: There are as many as may be.
        """
        network = counted_as(address)
        if self._by_network[network] >= self._most_of_one:
            raise TooManyStreams(of_one=True)
        if self._number >= self._most:
            raise TooManyStreams(of_one=False)
        stream = Stream()
        self._number += 1
        self._by_network[network] += 1
        self._open.setdefault(stream_hash, set()).add(stream)
        self._needed.set()
        if self._is_leaving:
            stream.end()
        try:
            yield stream
        finally:
            self._close(stream, stream_hash, network)

    def begin(self, stream: Stream, signal: Signal) -> None:
        """Tell a stream how its login stands at first.

        Args:
            stream: The stream.
            signal: How it stands.
        """
        stream.hear(signal)
        ends, planned = stream.expires_at, self._next_look
        if ends is not None and (planned is None or ends < planned):
            self._woken.set()  # none of those that were open before ends so soon

    def _close(self, stream: Stream, stream_hash: str, network: str) -> None:
        self._number -= 1
        self._by_network[network] -= 1
        if not self._by_network[network]:
            del self._by_network[network]
        self._open[stream_hash].discard(stream)
        if not self._open[stream_hash]:
            del self._open[stream_hash]
        if not self._open:
            self._needed.clear()
            self._woken.set()

    def end_all(self) -> None:
        """End every stream, and each that comes from now on: the process stops."""
        self._is_leaving = True
        for stream in self._all():
            stream.end()

    @asynccontextmanager
    async def following(self) -> AsyncIterator[None]:
        """Tell the streams what happens, for the length of the block."""
        task = asyncio.create_task(self._follow(), name="streams of events")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def _all(self) -> list[Stream]:
        return [stream for streams in self._open.values() for stream in streams]

    async def _follow(self) -> None:
        while True:
            await self._needed.wait()
            try:
                async with watching(self._deployment.store, {Topic.APPROVAL: self._woken.set}):
                    while self._open:
                        await self._wait()
                        await self._look()
            except Exception as error:  # noqa: BLE001 - pages that hear nothing would wait for ever
                _log.exception("streams.failed", error)
                await asyncio.sleep(_PAUSE)

    async def _wait(self) -> None:
        """Wait until something was committed, or the next login expires."""
        moments = [one.expires_at for one in self._all() if one.expires_at is not None]
        ends = self._next_look = min(moments, default=None)
        left = _LONGEST_SLEEP if ends is None else (ends - self._deployment.now()) / SECOND
        try:
            async with asyncio.timeout(min(max(left, _SHORTEST_SLEEP), _LONGEST_SLEEP)):
                await self._woken.wait()
        except TimeoutError:
            return
        self._woken.clear()

    async def _look(self) -> None:
        known = {
            name: _least([one.knows for one in streams]) for name, streams in self._open.items()
        }
        try:
            found = await follow_browser_logins(self._deployment, known)
        except StoreUnavailable as error:
            _log.debug("streams.store_unavailable", reason=str(error))
            await asyncio.sleep(_PAUSE)
            self._woken.set()
            return
        for stream_hash, signal in found.items():
            for stream in self._open.get(stream_hash, ()):
                stream.hear(signal)


def _least(known: Sequence[bool | None]) -> bool | None:
    """Return what all the streams of one login know."""
    return None if None in known else all(known)


def event_of(signal: Signal) -> Event:
    """Return what a page is told of how its login stands."""
    match signal.standing:
        case Standing.PENDING:
            return Event.OPENED if signal.is_opened else Event.WAITING
        case Standing.APPROVED:
            return Event.APPROVED
        case Standing.DENIED:
            return Event.DENIED
        case Standing.REDEEMED:
            return Event.REDEEMED
        case Standing.EXPIRED | Standing.REPLACED:
            return Event.EXPIRED
        case _:
            assert_never(signal.standing)
