"""Promises that `supervise` makes to the code that awaits it."""

import os
import signal
from typing import Any

import pytest
from anyio import Event, Lock, create_task_group, fail_after, wait_all_tasks_blocked
from anyio.abc import TaskGroup
from tests.supervisor.harness import a_child, is_alive

from tgauth.supervisor import Child, GiveUpReason, Report, RestartPolicy, Supervisor, supervise
from tgauth.supervisor.describing import described
from tgauth.supervisor.process import Spawned, environment_of, start
from tgauth.supervisor.runner import Runner

pytestmark = pytest.mark.anyio


class Reports:
    """A report that remembers."""

    def __init__(self) -> None:
        """Start with nothing."""
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, event: str, /, **fields: object) -> None:
        """Remember."""
        self.events.append((event, fields))

    def pids(self) -> list[int]:
        """Return the pids of all children that were started."""
        return [fields["pid"] for event, fields in self.events if event == "child.started"]


async def test_a_cancelled_supervisor_stops_its_children_in_order() -> None:
    """Cancellation from outside is a stop like any other: in reverse, with grace."""
    reports, ready = Reports(), Event()
    children = [a_child("api"), a_child("bot", "--deaf", grace=0.3)]
    with fail_after(15):
        async with create_task_group() as tasks:

            async def run() -> None:
                await supervise(children, report=reports, deadline=10, on_ready=ready.set)

            tasks.start_soon(run)
            await ready.wait()
            tasks.cancel_scope.cancel()
    ended = [(f["name"], f.get("code")) for event, f in reports.events if event == "child.exited"]
    assert ended == [("bot", None), ("api", 0)]


async def test_a_supervisor_cancelled_at_its_start_leaves_nothing() -> None:
    """A cancellation in the middle of the first start leaks no process."""
    reports = Reports()
    with fail_after(15):
        async with create_task_group() as tasks:

            def cancel(event: str, /, **fields: object) -> None:
                reports(event, **fields)
                tasks.cancel_scope.cancel()

            async def run() -> None:
                await supervise([a_child("a"), a_child("b")], report=cancel, deadline=10)

            tasks.start_soon(run)
    assert not any(map(is_alive, reports.pids()))
    events = [event for event, _ in reports.events]
    assert events.count("child.started") == events.count("child.exited") > 0


async def test_an_error_in_on_ready_stops_the_children_and_is_raised() -> None:
    """A defect of the consumer is not hidden, and orphans nobody."""
    reports = Reports()

    def fail() -> None:
        raise RuntimeError("defect")

    with fail_after(15), pytest.raises(ExceptionGroup) as caught:
        await supervise([a_child()], report=reports, deadline=10, on_ready=fail)
    assert caught.group_contains(RuntimeError, match="defect")
    assert not any(map(is_alive, reports.pids()))
    assert "child.exited" in [event for event, _ in reports.events]


async def test_a_report_that_fails_harms_nobody() -> None:
    """A full disk under the log ends no child."""

    def fail(event: str, /, **_fields: object) -> None:
        if event == "supervisor.ready":
            os.kill(os.getpid(), signal.SIGTERM)
        raise OSError("disk full")

    with fail_after(15):
        assert await supervise([a_child()], report=fail, deadline=10) == 0


@pytest.mark.parametrize("names", [(), ("api", "api")])
async def test_children_need_names_of_their_own(names: tuple[str, ...]) -> None:
    """Nothing to supervise, or two that cannot be told apart, is a defect of the caller."""
    with pytest.raises(ValueError, match="each with a name of its own"):
        await supervise([a_child(name) for name in names], report=Reports(), deadline=1)


async def test_the_first_reason_to_end_decides_the_code() -> None:
    """Two children that give up in the same moment end with the code of the first."""
    reports = Reports()
    ending = Supervisor([a_child()], report=reports, deadline=1)
    ending._give_up(a_child("bot"), GiveUpReason.MISCONFIGURED)
    ending._give_up(a_child("api"), GiveUpReason.CRASHING)
    assert ending._exit_code == 78
    assert [event for event, _ in reports.events] == [
        "supervisor.giving_up",
        "supervisor.stopping",
    ]


def no_give_up(child: Child, reason: GiveUpReason) -> None:
    """Fail: these children are not given up."""
    raise AssertionError(f"gave up {child.name}: {reason}")


def a_runner(child: Child, tasks: TaskGroup, *, spawn: Any, report: Report) -> Runner:
    """Make a runner whose runs are tasks of `tasks`."""
    return Runner(
        child,
        spawn=spawn,
        spawning=Lock(),
        begin=tasks.start_soon,
        report=report,
        give_up=no_give_up,
    )


async def spawned(child: Child) -> Spawned:
    """Start a real child that nobody listens to."""
    environment = environment_of(
        child, outer=os.environ, supervisor=os.getpid(), notify_socket="@nobody"
    )
    return await start(child, environment)


async def test_a_runner_retired_before_it_ran_starts_nothing() -> None:
    """A stop that comes before the first start finds nothing to stop."""

    async def spawn(_child: Child) -> Spawned:
        raise AssertionError("started after all")

    reports = Reports()
    with fail_after(15):
        async with create_task_group() as tasks:
            runner = a_runner(a_child(), tasks, spawn=spawn, report=reports)
            runner.retire()
            await runner.run()
            await runner.stop()
    assert reports.events == []


async def test_a_child_killed_in_the_middle_of_its_start_is_gone() -> None:
    """Between the fork and the note of the pid nothing is lost, and no grace is given later."""
    reports, forked, known = Reports(), Event(), Event()

    async def spawn(child: Child) -> Spawned:
        process = await spawned(child)
        forked.set()
        await known.wait()
        return process

    deaf = a_child("api", "--deaf", grace=60)
    with fail_after(15):
        async with create_task_group() as tasks:
            runner = a_runner(deaf, tasks, spawn=spawn, report=reports)
            tasks.start_soon(runner.run)
            await forked.wait()
            runner.kill()
            await wait_all_tasks_blocked()
            known.set()
            await runner.finished.wait()
    assert [f["signal"] for event, f in reports.events if event == "child.exited"] == ["SIGKILL"]
    assert not any(map(is_alive, reports.pids()))


async def test_a_child_that_waits_for_its_restart_is_not_ready() -> None:
    """Readiness ends with the process that had it."""
    waiting = Event()
    readiness: list[bool] = []

    def report(event: str, /, **_fields: object) -> None:
        match event:
            case "child.started":
                runner.instances[0].mark_ready()
                readiness.append(runner.is_ready)
            case "child.restarting":
                readiness.append(runner.is_ready)
                waiting.set()

    child = a_child("api", "--exit", "1", policy=RestartPolicy(base=60, cap=60))
    with fail_after(15):
        async with create_task_group() as tasks:
            runner = a_runner(child, tasks, spawn=spawned, report=report)
            tasks.start_soon(runner.run)
            await waiting.wait()
            await runner.stop()
    assert readiness == [True, False]


async def test_what_is_told_of_a_child_follows_its_life() -> None:
    """Starting, ready, hung, and waiting for its next start."""
    started, waiting = Event(), Event()

    def report(event: str, /, **_fields: object) -> None:
        {"child.started": started, "child.restarting": waiting}.get(event, Event()).set()

    async def state() -> object:
        [told] = await described([runner])
        return told["state"]

    child = a_child("api", "--unready", policy=RestartPolicy(base=60, cap=60))
    with fail_after(15):
        async with create_task_group() as tasks:
            runner = a_runner(child, tasks, spawn=spawned, report=report)
            tasks.start_soon(runner.run)
            await started.wait()
            [instance] = runner.instances
            states = [await state()]
            instance.mark_ready()
            states.append(await state())
            instance.is_silent = True
            states.append(await state())
            os.kill(instance.pid, signal.SIGKILL)
            await waiting.wait()
            states.append(await state())
            await runner.stop()
    assert states == ["starting", "ready", "hung", "waiting to start again"]
