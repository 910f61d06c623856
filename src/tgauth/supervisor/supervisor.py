"""Run children together: one task each, started in order, replaced, stopped in reverse."""

import os
import signal
import socket
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import suppress
from itertools import groupby
from typing import TYPE_CHECKING, Any

from anyio import (
    CancelScope,
    Event,
    Lock,
    create_task_group,
    current_time,
    open_signal_receiver,
    sleep,
)

from tgauth.supervisor.control import Commands, answer_all
from tgauth.supervisor.declarations import Child, Reloaded, Renew, Report
from tgauth.supervisor.describing import described
from tgauth.supervisor.notifications import Notification, NotificationSocket, open_notifications
from tgauth.supervisor.policy import GiveUpReason
from tgauth.supervisor.process import Running, environment_of, start
from tgauth.supervisor.reaping import inherit_orphans, inherits_orphans, reap_orphans
from tgauth.supervisor.reloading import Reloading
from tgauth.supervisor.runner import Runner
from tgauth.supervisor.summary import summary
from tgauth.supervisor.upwards import Upwards

if TYPE_CHECKING:
    from anyio.abc import TaskGroup

_REAP_EVERY = 1.0
_LOOK_AGAIN = 0.1


async def supervise(
    children: Sequence[Child],
    *,
    report: Report,
    deadline: float,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Keep `children` running until there is no point in going on. See `Supervisor`."""
    supervisor = Supervisor(children, report=report, deadline=deadline, on_ready=on_ready)
    return await supervisor.run()


class Supervisor:
    """Keeps children running until SIGTERM, SIGINT, `stop`, or there is no point in going on.

    Runs on asyncio in the main thread: signals arrive only there, and the kernel sends a child's
    death signal when the *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG).
    """

    def __init__(  # noqa: PLR0913 - what to run, and whom to tell what and when
        self,
        children: Sequence[Child],
        *,
        report: Report,
        deadline: float,
        on_ready: Callable[[], None] | None = None,
        renew: Renew | None = None,
        control: socket.socket | None = None,
    ) -> None:
        """Prepare to run.

        Args:
            children: In the order of their start; they are stopped in reverse.
            report: Called for each event. What it raises is dropped: a full disk under the log
                must not end the children.
            deadline: Seconds that a stop may take in all; then every process left is killed at
                once.
            on_ready: Called once, when all children are ready at the same time.
            renew: Says what a reload brings. Without it, the same children run anew.
            control: Where it listens for questions and commands, see `control_socket`.
        """
        if not children or len({child.name for child in children}) < len(children):
            raise ValueError("a supervisor needs children, each with a name of its own")
        self.settled = Event()
        """Set when all were ready for the first time, or the stop has begun."""
        self.ending = Event()
        """Set when the stop has begun."""
        self.upwards = Upwards()
        self.remark = ""
        """What is to be said about all of them beside how they are."""
        self._notify_socket = ""
        self._report = report
        self._deadline = deadline
        self._on_ready = on_ready
        self._control = control
        self._started_at = current_time()
        self._exit_code = os.EX_OK
        self._signalled = False
        self._patience = CancelScope(shield=True)
        self._spawning = Lock()
        self._tasks: TaskGroup | None = None
        self._reloading = Reloading(self, renew)
        self.runners = [self.runner_of(child) for child in children]
        """One for each child, in the order of their start."""

    async def run(self) -> int:
        """Run everything to its end.

        Returns:
            The exit code for the process: 0 after a signal or `stop`; 78 (EX_CONFIG) when a child
            ended with it that never was ready; 75 (EX_TEMPFAIL) when a child failed too often.
        """
        # Before the first spawn: a signal that came earlier would end us and orphan the child.
        signals_of_ours = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        with open_signal_receiver(*signals_of_ours) as signals:
            return await self._run(signals)

    async def _run(self, signals: AsyncIterator[signal.Signals]) -> int:
        async with open_notifications() as notifications:
            self._notify_socket = notifications.address
            async with create_task_group() as self._tasks:
                self._tasks.start_soon(self._heed, signals)
                self._tasks.start_soon(self._listen, notifications)
                if any(runner.child.spare for runner in self.runners):
                    inherit_orphans()
                if inherits_orphans():
                    self._tasks.start_soon(self._reap)
                if self.upwards.ping_every is not None:
                    self._tasks.start_soon(self._ping, self.upwards.ping_every)
                if self._control is not None:
                    self._tasks.start_soon(answer_all, self._control, self._commands)
                for runner in self.runners:
                    self._tasks.start_soon(runner.run)
                try:
                    await self.ending.wait()
                finally:
                    # Also when the task of our caller is cancelled: children are never dropped.
                    await self._stop_all()
                    self._tasks.cancel_scope.cancel()
        self.tell("supervisor.stopped", code=self._exit_code)
        return self._exit_code

    async def reload(self) -> Reloaded:
        """Replace every child by one that has read its settings anew, new before old.

        One reload at a time: a second one waits for the first. Never ends anything but what it has
        replaced.
        """
        return await self._reloading.reload()

    def stop(self, why: str) -> None:
        """Begin the stop that a signal would begin; `run` returns when it is done."""
        if not self.ending.is_set():
            self._end(os.EX_OK, f"stopping: {why}", by=why)

    async def status(self) -> dict[str, Any]:
        """Tell how everything is, as plain data."""
        return {
            "pid": os.getpid(),
            "uptime": current_time() - self._started_at,
            "status": summary(self.runners, self.remark),
            "is_ready": all(runner.is_ready for runner in self.runners),
            "is_stopping": self.ending.is_set(),
            "restarts": sum(runner.restarts for runner in self.runners),
            "last_reload": self._reloading.last,
            "children": await described(self.runners),
        }

    def runner_of(self, child: Child) -> Runner:
        """Return what keeps `child` running, once it is run itself."""
        return Runner(
            child,
            spawn=self._spawn,
            spawning=self._spawning,
            begin=self.begin,
            report=self.tell,
            give_up=self._give_up,
        )

    def begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Have something done beside everything else, for as long as this runs."""
        if self._tasks is None:
            raise RuntimeError("the supervisor does not run")
        self._tasks.start_soon(work)

    def tell(self, event: str, /, **fields: object) -> None:
        """Report an event, and tell upwards how it changed the whole."""
        with suppress(Exception):
            self._report(event, **fields)
        if not self.ending.is_set():
            self.upwards.status(summary(self.runners, self.remark))

    @property
    def _commands(self) -> Commands:
        return {
            "status": self.status,
            "reload": self._reloading.command,
            "stop": self._asked_to_stop,
        }

    async def _asked_to_stop(self) -> dict[str, Any]:
        self.stop("the control socket")
        return {"pid": os.getpid(), "within": self._deadline}

    async def _spawn(self, child: Child) -> Running:
        environment = environment_of(
            child,
            outer=os.environ,
            supervisor=os.getpid(),
            notify_socket=self._notify_socket,
        )
        return await start(child, environment)

    async def _heed(self, signals: AsyncIterator[signal.Signals]) -> None:
        # Ignoring SIGHUP instead of receiving it (SIG_IGN) would be inherited.
        async for number in signals:
            if number == signal.SIGHUP:
                self._reloading.ask()
                continue
            if not self.ending.is_set():
                self._end(os.EX_OK, f"stopping after {number.name}", signal=number.name)
            elif self._signalled:
                self.tell("supervisor.hurrying", signal=number.name)
                self._patience.cancel()
            self._signalled = True

    async def _listen(self, notifications: NotificationSocket) -> None:
        while True:
            await notifications.wait()
            async with self._spawning:
                for notification in notifications.received():
                    self._take(notification)

    async def _reap(self) -> None:
        while True:
            await sleep(_REAP_EVERY)
            async with self._spawning:
                reap_orphans({one.pid for runner in self.runners for one in runner.instances})

    async def _ping(self, every: float) -> None:
        while True:
            if all(runner.is_in_hand for runner in self.runners):
                self.upwards.ping()
                await sleep(every)
            else:
                # Made up for as soon as it can be: after two missed ones we would be killed.
                await sleep(min(every, _LOOK_AGAIN))

    def _take(self, notification: Notification) -> None:
        for runner in self.runners:
            for instance in runner.instances:
                if instance.pid == notification.pid:
                    instance.take(notification.fields)
        self._consider_ready()

    def _consider_ready(self) -> None:
        if not self.settled.is_set() and all(runner.is_ready for runner in self.runners):
            self.settled.set()
            self.tell("supervisor.ready", seconds=current_time() - self._started_at)
            self.upwards.ready()
            if self._on_ready is not None:
                self._on_ready()

    def _give_up(self, child: Child, reason: GiveUpReason) -> None:
        if not self.ending.is_set():
            code = reason.exit_code
            self.tell("supervisor.giving_up", name=child.name, reason=reason.value, code=code)
            self._end(code, f"gave up on {child.name}: {reason.value}", reason=reason.value)

    def _end(self, code: int, status: str, **why: object) -> None:
        self._exit_code = code
        self.tell("supervisor.stopping", **why)
        self.upwards.stopping(status)
        self.ending.set()
        self.settled.set()

    async def _stop_all(self) -> None:
        for runner in self.runners:
            runner.retire()
        self._patience.deadline = current_time() + self._deadline
        with self._patience:
            for _, group in groupby(reversed(self.runners), _group_of):
                async with create_task_group() as stops:
                    for runner in group:
                        stops.start_soon(runner.stop)
        if self._patience.cancelled_caught:
            left = [runner.child.name for runner in self.runners if not runner.finished.is_set()]
            self.tell("supervisor.killing", names=left)
            for runner in self.runners:
                runner.kill()
            with CancelScope(shield=True):
                for runner in self.runners:
                    await runner.finished.wait()


def _group_of(runner: Runner) -> str:
    return runner.child.group or runner.child.name
