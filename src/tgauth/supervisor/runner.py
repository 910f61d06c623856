"""The task of one child: start it, watch it, start it again, until told to stop.

A runner shields itself from every cancellation but its own, so that neither a sibling's failure
nor the end of the supervisor's task can take a child down out of order or without its grace.
"""

import os
from collections import deque
from collections.abc import Awaitable, Callable
from random import SystemRandom
from typing import assert_never

from anyio import CancelScope, Event, Lock, create_task_group, current_time, sleep
from anyio.abc import TaskGroup

from tgauth.supervisor.declarations import Child, Report
from tgauth.supervisor.instance import Ended, Instance
from tgauth.supervisor.policy import Exit, GiveUp, GiveUpReason, Restart, decide, remembered
from tgauth.supervisor.process import Running

_dice = SystemRandom()
_ENDS_KEPT = 10


class Runner:
    """Keeps one child running."""

    def __init__(
        self,
        child: Child,
        *,
        spawn: Callable[[Child], Awaitable[Running]],
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
        self.restarts = 0
        self.ends: deque[Ended] = deque(maxlen=_ENDS_KEPT)
        """How its last runs ended that nobody had asked to end."""
        self.instances: list[Instance] = []
        """What runs of it now."""
        self._current: Instance | None = None
        self._spawn = spawn
        self._spawning = spawning
        self._report = report
        self._give_up = give_up
        self._scope = CancelScope()
        self._tasks: TaskGroup | None = None
        self._retired = Event()
        self._stopping = False
        self._grace: float | None = None

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
            self._stopping = True
            self._scope.cancel()

    async def stop(self) -> None:
        """End the child with its grace, and wait until it has ended."""
        self._begin_stop(None)
        await self.finished.wait()

    def kill(self) -> None:
        """End the child and its descendants without grace."""
        self._begin_stop(0)

    async def run(self) -> None:
        """Keep the child running; return when it is stopped or given up."""
        try:
            with CancelScope(shield=True):
                async with create_task_group() as self._tasks:
                    with self._scope:
                        await self._keep_running(self._tasks)
            if self._current is not None:
                await self._current.dismiss_spare()
        finally:
            self.finished.set()

    def _begin_stop(self, grace: float | None) -> None:
        self._retired.set()
        self._stopping = True
        self._grace = grace
        for instance in self.instances:
            if grace == 0:
                instance.kill()
            else:
                instance.begin_stop()
        self._scope.cancel()

    async def _keep_running(self, tasks: TaskGroup) -> None:
        policy = self.child.policy
        history: tuple[Exit, ...] = ()
        while not self._retired.is_set():
            history = (*history, await self._run_once(tasks))
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

    async def _run_once(self, tasks: TaskGroup) -> Exit:
        instance = self._current = await self._begin(self.child, tasks)
        if instance is None:
            return Exit(at=current_time(), code=os.EX_OSERR, ready_for=None)
        self._report("child.started", name=self.child.name, pid=instance.pid)
        await instance.over.wait()
        return instance.exit

    async def _begin(self, child: Child, tasks: TaskGroup) -> Instance | None:
        """Start a run of `child`; None when that fails."""
        started_at = current_time()
        # Between the fork and the note of its pid a cancellation would leak the process.
        with CancelScope(shield=True):
            try:
                async with self._spawning:
                    process = self._called() or await self._spawn(child)
                    instance = Instance(child, process, started_at=started_at, report=self._report)
                    self.instances.append(instance)
            except Exception as error:  # noqa: BLE001 - whatever it is must not reach the siblings
                self._report("child.not_started", name=child.name, error=str(error))
                return None
        if self._stopping:
            instance.begin_stop(grace=self._grace)
        tasks.start_soon(self._live, instance)
        return instance

    def _called(self) -> Running | None:
        """Let the spare of the run that has ended take over, where there is one."""
        return None if self._current is None else self._current.call_spare()

    async def _live(self, instance: Instance) -> None:
        await instance.run()
        self.instances.remove(instance)
        if instance is self._current and instance.ended.why != "stopped":
            self.ends.append(instance.ended)
