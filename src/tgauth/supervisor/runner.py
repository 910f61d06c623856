"""The task of one child: start it, watch it, start it again, until told to stop.

A runner shields itself from every cancellation but its own, so that neither a sibling's failure
nor the end of the supervisor's task can take a child down out of order or without its grace.
"""

import math
import os
import signal
from collections.abc import Awaitable, Callable
from random import SystemRandom
from typing import assert_never

from anyio import CancelScope, Event, Lock, current_time, sleep
from anyio.abc import Process

from tgauth.supervisor.declarations import Child, Report
from tgauth.supervisor.policy import Exit, GiveUp, GiveUpReason, Restart, decide, remembered
from tgauth.supervisor.process import kill_group, stop

_dice = SystemRandom()


class Runner:
    """Keeps one child running."""

    def __init__(
        self,
        child: Child,
        *,
        spawn: Callable[[Child], Awaitable[Process]],
        spawning: Lock,
        report: Report,
        give_up: Callable[[Child, GiveUpReason], None],
    ) -> None:
        """Prepare to keep `child` running.

        Args:
            child: What to run.
            spawn: Starts it.
            spawning: Held from before the fork until the pid is known here. Whoever asks what a
                pid means takes it first, and so never meets a child that is not yet known.
            report: Where to tell what happens.
            give_up: Called when the child must not be started again.
        """
        self.child = child
        self.finished = Event()
        """Set when the child has ended for good."""
        self._spawn = spawn
        self._spawning = spawning
        self._report = report
        self._give_up = give_up
        self._scope = CancelScope(shield=True)
        self._process: Process | None = None
        self._patience = CancelScope()
        self._started_at = 0.0
        self._ready_at: float | None = None
        self._grace = child.grace
        self._retired = Event()

    @property
    def pid(self) -> int | None:
        """The pid of the child that runs now."""
        return self._process.pid if self._process else None

    @property
    def is_ready(self) -> bool:
        """Whether the child that runs now has reported that it is ready."""
        return self._process is not None and self._ready_at is not None

    def mark_ready(self) -> None:
        """Note that the running child reported readiness."""
        if self._ready_at is None:
            self._ready_at = current_time()
            self._patience.deadline = math.inf
            seconds = self._ready_at - self._started_at
            self._report("child.ready", name=self.child.name, pid=self.pid, seconds=seconds)

    def retire(self) -> None:
        """Start the child no more; the one that runs stays until `stop`."""
        self._retired.set()
        if self._process is None:
            self._scope.cancel()

    async def stop(self) -> None:
        """End the child with its grace, and wait until it has ended."""
        self._scope.cancel()
        await self.finished.wait()

    def kill(self) -> None:
        """End the child and its descendants without grace."""
        self._grace = 0
        if self._process is not None:
            kill_group(self._process)
        self._scope.cancel()

    async def run(self) -> None:
        """Keep the child running; return when it is stopped or given up."""
        try:
            with self._scope:
                await self._keep_running()
        finally:
            self.finished.set()

    async def _keep_running(self) -> None:
        policy = self.child.policy
        history: tuple[Exit, ...] = ()
        while not self._retired.is_set():
            history = (*history, await self._run_once())
            if self._retired.is_set():
                return
            now = current_time()
            match decide(history, policy=policy, now=now, jitter=_dice.random()):
                case Restart(delay=delay):
                    self._report("child.restarting", name=self.child.name, delay=delay)
                    await sleep(delay)
                case GiveUp(reason=reason):
                    self._give_up(self.child, reason)
                    return
                case other:
                    assert_never(other)
            history = remembered(history, policy=policy, now=now)

    async def _run_once(self) -> Exit:
        self._ready_at = None
        self._patience = CancelScope()
        self._started_at = current_time()
        try:
            # Between the fork and the note of its pid a cancellation would leak the process.
            with CancelScope(shield=True):
                async with self._spawning:
                    process = self._process = await self._spawn(self.child)
        except Exception as error:  # noqa: BLE001 - whatever it is must not reach the siblings
            self._report("child.not_started", name=self.child.name, error=str(error))
            return Exit(at=current_time(), code=os.EX_OSERR, ready_for=None)
        self._report("child.started", name=self.child.name, pid=process.pid)
        try:
            await self._watch(process)
        finally:
            await stop(process, grace=self._grace)
            self._process = None
            # Never None once stopped; anyio's type cannot say so.
            ended = self._ended(process.pid, process.returncode or 0)
        return ended

    async def _watch(self, process: Process) -> None:
        self._patience.deadline = self._started_at + self.child.ready_within
        with self._patience:
            await process.wait()
        if self._patience.cancelled_caught:
            within = self.child.ready_within
            self._report("child.not_ready", name=self.child.name, pid=process.pid, within=within)
            kill_group(process)

    def _ended(self, pid: int, code: int) -> Exit:
        now = current_time()
        how: dict[str, object] = {"code": code} if code >= 0 else {"signal": _signal_name(-code)}
        uptime = now - self._started_at
        self._report("child.exited", name=self.child.name, pid=pid, **how, uptime=uptime)
        ready_for = None if self._ready_at is None else now - self._ready_at
        return Exit(at=now, code=code, ready_for=ready_for)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # a real-time signal; only the first and the last have names
        return f"signal {number}"
