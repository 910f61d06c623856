"""Run children together: one task each, started in order, stopped in reverse."""

import os
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress

from anyio import (
    CancelScope,
    Event,
    Lock,
    create_task_group,
    current_time,
    open_signal_receiver,
    sleep,
)

from tgauth.supervisor.declarations import Child, Report
from tgauth.supervisor.notifications import Notification, NotificationSocket
from tgauth.supervisor.policy import GiveUpReason
from tgauth.supervisor.process import Running, environment_of, start
from tgauth.supervisor.reaping import inherit_orphans, inherits_orphans, reap_orphans
from tgauth.supervisor.runner import Runner
from tgauth.supervisor.summary import summary
from tgauth.supervisor.upwards import Upwards

_REAP_EVERY = 1.0


async def supervise(
    children: Sequence[Child],
    *,
    report: Report,
    deadline: float,
    on_ready: Callable[[], None] | None = None,
) -> int:
    """Keep `children` running until SIGTERM, SIGINT, or there is no point in going on.

    Runs on asyncio in the main thread: signals arrive only there, and the kernel sends a child's
    death signal when the *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG).

    Args:
        children: In the order of their start; they are stopped in reverse.
        report: Called for each event. What it raises is dropped: a full disk under the log
            must not end the children.
        deadline: Seconds that a stop may take in all; then every process left is killed at once.
        on_ready: Called once, when all children are ready at the same time.

    Returns:
        The exit code for the process: 0 after a signal; 78 (EX_CONFIG) when a child ended with
        it; 75 (EX_TEMPFAIL) when a child failed too often.
    """
    if not children or len({child.name for child in children}) < len(children):
        raise ValueError("a supervisor needs children, each with a name of its own")
    with NotificationSocket() as notifications:
        supervisor = _Supervisor(children, notifications, report, deadline, on_ready)
        return await supervisor.run()


class _Supervisor:
    def __init__(
        self,
        children: Sequence[Child],
        notifications: NotificationSocket,
        report: Report,
        deadline: float,
        on_ready: Callable[[], None] | None,
    ) -> None:
        self._notifications = notifications
        self._report = report
        self._deadline = deadline
        self._on_ready = on_ready
        self._upwards = Upwards()
        self._started_at = current_time()
        self._was_ready = False
        self._ending = Event()
        self._exit_code = os.EX_OK
        self._signalled = False
        self._patience = CancelScope(shield=True)
        self._spawning = Lock()
        self._runners = [
            Runner(
                child,
                spawn=self._spawn,
                spawning=self._spawning,
                report=self._tell,
                give_up=self._give_up,
            )
            for child in children
        ]

    async def run(self) -> int:
        # Before the first spawn: a signal that came earlier would end us and orphan the child.
        # SIGHUP is received and dropped. Ignoring it instead (SIG_IGN) would be inherited.
        with open_signal_receiver(signal.SIGTERM, signal.SIGINT, signal.SIGHUP) as signals:
            async with create_task_group() as tasks:
                tasks.start_soon(self._heed, signals)
                tasks.start_soon(self._listen)
                if any(runner.child.spare for runner in self._runners):
                    inherit_orphans()
                if inherits_orphans():
                    tasks.start_soon(self._reap)
                if self._upwards.ping_every is not None:
                    tasks.start_soon(self._ping, self._upwards.ping_every)
                for runner in self._runners:
                    tasks.start_soon(runner.run)
                try:
                    await self._ending.wait()
                finally:
                    # Also when the task of our caller is cancelled: children are never dropped.
                    await self._stop_all()
                    tasks.cancel_scope.cancel()
        self._tell("supervisor.stopped", code=self._exit_code)
        return self._exit_code

    async def _spawn(self, child: Child) -> Running:
        environment = environment_of(
            child,
            outer=os.environ,
            supervisor=os.getpid(),
            notify_socket=self._notifications.address,
        )
        return await start(child, environment)

    async def _heed(self, signals: AsyncIterator[signal.Signals]) -> None:
        async for number in signals:
            if number == signal.SIGHUP:
                continue
            if not self._ending.is_set():
                self._end(os.EX_OK, f"stopping after {number.name}", signal=number.name)
            elif self._signalled:
                self._tell("supervisor.hurrying", signal=number.name)
                self._patience.cancel()
            self._signalled = True

    async def _listen(self) -> None:
        while True:
            await self._notifications.wait()
            async with self._spawning:
                for notification in self._notifications.received():
                    self._take(notification)

    async def _reap(self) -> None:
        while True:
            await sleep(_REAP_EVERY)
            async with self._spawning:
                reap_orphans({one.pid for runner in self._runners for one in runner.instances})

    async def _ping(self, every: float) -> None:
        while True:
            if all(runner.is_in_hand for runner in self._runners):
                self._upwards.ping()
            await sleep(every)

    def _take(self, notification: Notification) -> None:
        for runner in self._runners:
            for instance in runner.instances:
                if instance.pid == notification.pid:
                    instance.take(notification.fields)
        self._consider_ready()

    def _consider_ready(self) -> None:
        if self._was_ready or self._ending.is_set():
            return
        if all(runner.is_ready for runner in self._runners):
            self._was_ready = True
            self._tell("supervisor.ready", seconds=current_time() - self._started_at)
            self._upwards.ready()
            if self._on_ready is not None:
                self._on_ready()

    def _give_up(self, child: Child, reason: GiveUpReason) -> None:
        if not self._ending.is_set():
            code = reason.exit_code
            self._tell("supervisor.giving_up", name=child.name, reason=reason.value, code=code)
            self._end(code, f"gave up on {child.name}: {reason.value}", reason=reason.value)

    def _end(self, code: int, status: str, **why: object) -> None:
        self._exit_code = code
        self._tell("supervisor.stopping", **why)
        self._upwards.stopping(status)
        self._ending.set()

    async def _stop_all(self) -> None:
        for runner in self._runners:
            runner.retire()
        self._patience.deadline = current_time() + self._deadline
        with self._patience:
            for runner in reversed(self._runners):
                await runner.stop()
        if self._patience.cancelled_caught:
            left = [runner.child.name for runner in self._runners if not runner.finished.is_set()]
            self._tell("supervisor.killing", names=left)
            for runner in self._runners:
                runner.kill()
            with CancelScope(shield=True):
                for runner in self._runners:
                    await runner.finished.wait()

    def _tell(self, event: str, /, **fields: object) -> None:
        with suppress(Exception):
            self._report(event, **fields)
        if not self._ending.is_set():
            self._upwards.status(summary(self._runners))
