"""One run of one child: from its start over its readiness to its end, whatever that is."""

import math
import signal
import time
from dataclasses import dataclass

from anyio import CancelScope, Event, current_time, move_on_after, sleep

from tgauth.supervisor.declarations import Child, Report
from tgauth.supervisor.policy import Exit
from tgauth.supervisor.process import Running

_SECOND_LOOK = 0.1
"""Seconds in which a sign of life may still be read that came in time."""
_OVERSLEPT = 1.0
"""Seconds by which the supervisor itself may be late; beyond, the child is not to blame."""
_LAST_WORDS = 0.5
"""Seconds from SIGABRT, upon which a child tells where it hangs, to SIGKILL."""
_MOST_EXTRAS = 32
_EXTRA = "X_"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a run ended, in words and on the clock of people.

    Attributes:
        pid: Whose it was.
        at: When, in seconds since the epoch.
        how: What the system says: `exit code 1`, or `SIGKILL`.
        why: What the supervisor knows: `exited`, `not_ready`, `hung` or `stopped`.
        uptime: Seconds from its start.
    """

    pid: int
    at: float
    how: str
    why: str
    uptime: float


class Instance:
    """Watches one process."""

    def __init__(
        self,
        child: Child,
        process: Running,
        *,
        started_at: float,
        report: Report,
        proven: bool = False,
    ) -> None:
        """Prepare to watch `process`, which was started as `child`.

        Args:
            child: What runs.
            process: The process.
            started_at: When it was started.
            report: Where to tell what happens.
            proven: Whether an earlier run of the same child was ready.
        """
        self.child = child
        self.pid = process.pid
        self.settled = Event()
        """Set when it is ready, or has ended before."""
        self.over = Event()
        """Set when it has ended, with all its descendants."""
        self.status = ""
        self.extras: dict[str, str] = {}
        """Fields of its notifications that begin with X_, as they came."""
        self.started_at = started_at
        self.is_silent = False
        """Whether it missed its time for a sign of life, and is being ended for that."""
        self._process = process
        self._report = report
        self._ready_at: float | None = None
        self._heard_at = started_at
        self._due = started_at + child.ready_within
        self._patience = CancelScope()
        self._scope = CancelScope(shield=True)
        self._proven = proven
        self._grace = child.grace
        self._number: int = signal.SIGTERM
        self._ending = CancelScope(shield=True)
        self._why = "exited"
        self._exit: Exit | None = None
        self._ended: Ended | None = None

    @property
    def exit(self) -> Exit:
        """How it ended, for the policy; only once it is over."""
        if self._exit is None:
            raise RuntimeError("it still runs")
        return self._exit

    @property
    def ended(self) -> Ended:
        """How it ended, for people; only once it is over."""
        if self._ended is None:
            raise RuntimeError("it still runs")
        return self._ended

    @property
    def is_ready(self) -> bool:
        """Whether it reported readiness and has not ended."""
        return self._ready_at is not None and not self.over.is_set()

    def call_spare(self) -> Running | None:
        """Let its spare take over from it, where there is one; it has ended."""
        succession = self._process.succession
        called = None if succession is None else succession.call()
        if succession is not None and called is None:
            succession.close()
        return called

    async def dismiss_spare(self) -> None:
        """Let nobody take over from it."""
        if self._process.succession is not None:
            await self._process.succession.end()

    def take(self, fields: dict[str, str]) -> None:
        """Take in what the process told."""
        for field, value in fields.items():
            match field, value:
                case "READY", "1":
                    self.mark_ready()
                case "STATUS", _:
                    self.status = value
                    self._report("child.status", name=self.child.name, status=value)
                case "WATCHDOG", "1":
                    self._hear()
                case "STOPPING", "1":
                    self._report("child.stopping", name=self.child.name, pid=self.pid)
                case _ if field.startswith(_EXTRA) and self._has_room_for(field):
                    self.extras[field] = value
                case _:  # sd_notify(3): unknown fields are ignored
                    pass

    def mark_ready(self) -> None:
        """Note that the process reported readiness."""
        if self._ready_at is None:
            self._ready_at = current_time()
            seconds = self._ready_at - self.started_at
            self._report("child.ready", name=self.child.name, pid=self.pid, seconds=seconds)
            self._hear()
            self.settled.set()

    def kill(self) -> None:
        """End it and its descendants without grace."""
        self.begin_stop(grace=0)
        self._process.kill()

    def begin_stop(self, *, number: int = signal.SIGTERM, grace: float | None = None) -> None:
        """Have it ended by `run`, which goes on until it has. A second call can only shorten that.

        Args:
            number: How it is asked to end.
            grace: Seconds from then to SIGKILL; by default its own.
        """
        grace = self.child.grace if grace is None else grace
        if self._why in {"hung", "not_ready"}:
            grace = 0
        if self._why == "stopped":
            self._process.signal(number)
            self._ending.deadline = min(self._ending.deadline, current_time() + grace)
        self._number, self._grace, self._why = number, grace, "stopped"
        self._scope.cancel()

    async def run(self) -> None:
        """Watch it to its end. Only `begin_stop` and `kill` cut this short."""
        try:
            with self._scope:
                await self._watch()
        finally:
            await self._stop()
            self._note_end()

    async def _stop(self) -> None:
        """Send a signal, wait for the grace, then send SIGKILL to all that is left of its group.

        Cannot be cancelled. For a process that has ended already, only the sweep remains. A
        descendant that moved to a process group of its own escapes it.
        """
        if self._process.code is None and self._grace > 0:
            self._process.signal(self._number)
            self._ending.deadline = current_time() + self._grace
            with self._ending:
                await self._process.wait()
        with CancelScope(shield=True):
            self._process.kill()
            await self._process.wait()

    async def _watch(self) -> None:
        while await self._is_late():
            due = self._due
            overslept = current_time() - due
            await sleep(_SECOND_LOOK)
            if self._process.code is not None:
                return
            if overslept > _OVERSLEPT and self._due == due:
                # The machine slept, or somebody stopped us: nobody had a chance to be heard.
                self._report("supervisor.overslept", seconds=overslept)
                self._due = current_time() + self._time_to_be_heard()
            if self._due == due:
                await self._end_for_silence()
                return

    async def _is_late(self) -> bool:
        """Wait for the end, or until something is due that has not come."""
        self._patience = CancelScope(deadline=self._due)
        with self._patience:
            await self._process.wait()
        return self._patience.cancelled_caught

    async def _end_for_silence(self) -> None:
        self._grace = 0  # what does not answer would not hear SIGTERM either
        name, pid = self.child.name, self.pid
        if self._ready_at is None:
            self._why = "not_ready"
            self._report("child.not_ready", name=name, pid=pid, within=self.child.ready_within)
            self._process.kill()
            return
        self._why = "hung"
        self.is_silent = True
        silent = current_time() - self._heard_at
        self._report("child.hung", name=name, pid=pid, silent=silent)
        self._process.signal(signal.SIGABRT)
        with move_on_after(_LAST_WORDS):
            await self._process.wait()
        self._process.kill()

    def _has_room_for(self, field: str) -> bool:
        return field in self.extras or len(self.extras) < _MOST_EXTRAS

    def _hear(self) -> None:
        self._heard_at = current_time()
        if self._ready_at is not None:
            self._due = self._heard_at + self._time_to_be_heard()
            self._patience.deadline = self._due

    def _time_to_be_heard(self) -> float:
        if self._ready_at is None:
            return self.child.ready_within
        return math.inf if self.child.watchdog is None else self.child.watchdog

    def _note_end(self) -> None:
        now, code = current_time(), self._process.code or 0
        how = {"code": code} if code >= 0 else {"signal": signal_name(-code)}
        uptime = now - self.started_at
        until = self._heard_at if self.is_silent else now
        self._exit = Exit(
            at=now,
            code=code,
            ready_for=None if self._ready_at is None else until - self._ready_at,
            hung=self.is_silent,
            proven=self._proven,
        )
        self._ended = Ended(
            pid=self.pid,
            at=time.time(),
            how=f"exit code {code}" if code >= 0 else signal_name(-code),
            why=self._why,
            uptime=uptime,
        )
        self._report("child.exited", name=self.child.name, pid=self.pid, **how, uptime=uptime)
        self.over.set()
        self.settled.set()


def signal_name(number: int) -> str:
    """Return a signal's name, or its number where it has none."""
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal; only the first and the last have names
        return f"signal {number}"
