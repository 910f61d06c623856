"""The task of one child: start it, watch it, start it again, replace it, until told to stop.

A runner shields itself from every cancellation but its own, so that neither a sibling's failure
nor the end of the supervisor's task can take a child down out of order or without its grace.
"""

import os
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from random import SystemRandom
from typing import Any, assert_never

from anyio import CancelScope, Event, Lock, current_time, sleep

from tgauth.supervisor.child import SUPERVISED_INSTEAD
from tgauth.supervisor.declarations import Child, Report
from tgauth.supervisor.instance import Ended, Instance
from tgauth.supervisor.policy import Exit, GiveUp, GiveUpReason, Restart, decide, remembered
from tgauth.supervisor.process import Running

_dice = SystemRandom()
_ENDS_KEPT = 10


class Runner:
    """Keeps one child running."""

    def __init__(  # noqa: PLR0913 - what a child needs of the supervisor, each by its name
        self,
        child: Child,
        *,
        spawn: Callable[[Child], Awaitable[Running]],
        spawning: Lock,
        begin: Callable[[Callable[[], Coroutine[Any, Any, None]]], object],
        report: Report,
        give_up: Callable[[Child, GiveUpReason], None],
    ) -> None:
        """Prepare to keep `child` running.

        Args:
            child: What to run.
            spawn: Starts it.
            spawning: Held from before the fork until the pid is known here. Whoever asks what a
                pid means takes it first, and so never meets a child that is not yet known.
            begin: Has something done beside this.
            report: Where to tell what happens.
            give_up: Called when the child must not be started again.
        """
        self.child = child
        self.finished = Event()
        """Set when the child has ended for good."""
        self.restarts = 0
        self.ends: deque[Ended] = deque(maxlen=_ENDS_KEPT)
        """How its last runs ended that nobody had asked to end."""
        self.instances: list[Instance] = []
        """What runs of it: one, a second while it is replaced, none between two runs."""
        self._current: Instance | None = None
        self._successor: Instance | None = None
        self._spawn = spawn
        self._spawning = spawning
        self._begin_beside = begin
        self._report = report
        self._give_up = give_up
        self._scope = CancelScope()
        self._retired = Event()
        self._runs = False
        self._proven = False
        self._grace: float | None = None
        """Of what is still being started while all is stopped."""

    @property
    def current(self) -> Instance | None:
        """The run that does the work now."""
        return self._current if self._current in self.instances else None

    @property
    def is_ready(self) -> bool:
        """Whether the child that runs now has reported that it is ready."""
        return self.current is not None and self.current.is_ready

    @property
    def is_in_hand(self) -> bool:
        """Whether nothing of it runs that should give signs of life and does not."""
        return not any(instance.is_silent for instance in self.instances)

    def retire(self) -> None:
        """Start the child no more; the one that runs stays until `stop`."""
        self._retired.set()
        if not self.instances:
            self._scope.cancel()

    async def stop(self) -> None:
        """End the child with its grace, and wait until it has ended."""
        await self._stop(None, None)

    async def leave(self) -> None:
        """End the child as one whose work others do, and wait until it has ended."""
        await self._stop(self.child.replace_signal, self.child.replace_grace)

    def kill(self) -> None:
        """End the child and its descendants without grace."""
        self._grace = 0
        self._retired.set()
        for instance in self.instances:
            instance.kill()
        self._scope.cancel()

    async def replace(self, child: Child) -> str | None:
        """Put a new run, of `child`, in the place of the one there is, once it is ready.

        Returns:
            Why not, in words; then all is as it was before.
        """
        environment = {**child.environment, SUPERVISED_INSTEAD: "1"}
        new = await self._begin(replace(child, environment=environment))
        if new is None:
            return f"{child.name} could not be started"
        self._successor = new
        await new.settled.wait()
        self._successor = None
        if not new.is_ready:
            return f"the new {child.name} {_how(new.ended)}"
        old, self.child = self.current, child
        self._current = new
        instead_of = old.pid if old is not None else None
        self._report("child.replaced", name=child.name, pid=new.pid, instead_of=instead_of)
        if old is not None and old is not new:
            old.begin_stop(number=child.replace_signal, grace=child.replace_grace)
            await old.dismiss_spare()
            await old.over.wait()
        return None

    async def run(self) -> None:
        """Keep the child running; return when it is stopped or given up."""
        self._runs = True
        try:
            with CancelScope(shield=True):
                with self._scope:
                    await self._keep_running()
                await self._last_end()
                await self._dismiss()
        finally:
            self.finished.set()

    async def _stop(self, number: int | None, grace: float | None) -> None:
        self._retired.set()
        self._scope.cancel()
        for instance in self.instances:
            if number is None:
                instance.begin_stop()
            else:
                instance.begin_stop(number=number, grace=grace)
        if self._runs:
            await self.finished.wait()
        else:
            await self._last_end()
            await self._dismiss()
            self.finished.set()

    async def _last_end(self) -> None:
        for instance in tuple(self.instances):
            await instance.over.wait()

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
                    self.restarts += 1
                case GiveUp(reason=reason):
                    self._give_up(self.child, reason)
                    return
                case other:
                    assert_never(other)
            history = remembered(history, policy=policy, now=now)

    async def _run_once(self) -> Exit:
        """Run until the end of a run that nobody has taken the place of."""
        successor = self._successor
        if successor is not None:
            await successor.settled.wait()
            if successor.is_ready:
                self._current = successor
        instance = self.current
        if instance is None:
            instance = self._current = await self._begin(self.child, self._current)
        while instance is not None:
            await instance.over.wait()
            if self.current is None:
                return instance.exit
            instance = self.current
        return Exit(at=current_time(), code=os.EX_OSERR, ready_for=None)

    async def _begin(self, child: Child, after: Instance | None = None) -> Instance | None:
        """Start a run of `child`; None when that fails.

        Args:
            child: What to run.
            after: The run that has ended, whose spare may take over.
        """
        started_at = current_time()
        # Between the fork and the note of its pid a cancellation would leak the process.
        with CancelScope(shield=True):
            try:
                async with self._spawning:
                    process = self._called(after) or await self._spawn(child)
                    instance = Instance(
                        child,
                        process,
                        started_at=started_at,
                        report=self._report,
                        proven=self._proven,
                    )
                    self.instances.append(instance)
            except Exception as error:  # noqa: BLE001 - whatever it is must not reach the siblings
                self._report("child.not_started", name=child.name, error=str(error))
                return None
        if self._retired.is_set():
            instance.begin_stop(grace=self._grace)
        self._begin_beside(lambda: self._live(instance))
        return instance

    @staticmethod
    def _called(after: Instance | None) -> Running | None:
        """Let the spare of the run that has ended take over, where there is one."""
        return None if after is None else after.call_spare()

    async def _dismiss(self) -> None:
        if self._current is not None:
            await self._current.dismiss_spare()

    async def _live(self, instance: Instance) -> None:
        self._report("child.started", name=instance.child.name, pid=instance.pid)
        try:
            await instance.run()
        finally:
            self._proven |= instance.exit.ready_for is not None
            if instance is self._current and instance.ended.why != "stopped":
                self.ends.append(instance.ended)
            self.instances.remove(instance)
            if instance is not self._current:
                await instance.dismiss_spare()


def _how(ended: Ended) -> str:
    if ended.why == "not_ready":
        return f"was not ready within {ended.uptime:.0f} s"
    return f"ended with {ended.how} before it was ready"
