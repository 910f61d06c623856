"""Promises about children that hang, over real processes whose event loops really block."""

import os
import signal
import socket
import tempfile
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import anyio
import pytest
from tests.supervisor.harness import QUICK, Supervised, a_child, until

from tgauth.supervisor import Child
from tgauth.supervisor.instance import Instance

PERIOD = 0.5


def a_looping_child(name: str = "api", **fields: Any) -> Child:
    """Build a child that gives signs of life, as often as it must."""
    return a_child(name, "--loop", **({"watchdog": PERIOD} | fields))


def test_a_child_whose_event_loop_blocks_is_replaced() -> None:
    """It is found, says where it hung, and its sibling keeps its process."""
    policy = replace(QUICK, healthy_after=0.2)
    children = [a_looping_child(name, policy=policy) for name in ("api", "bot")]
    with (
        tempfile.TemporaryFile() as errors,
        Supervised(*children, stderr=errors.fileno()) as house,
    ):
        pids = {name: house.wait_for("child.ready", name=name)["pid"] for name in ("api", "bot")}
        time.sleep(2 * PERIOD)  # it lives on while it gives signs of life
        os.kill(pids["api"], signal.SIGUSR2)
        hung = house.wait_for("child.hung")
        assert ("api", pids["api"]) == (hung["name"], hung["pid"])
        assert hung["silent"] >= PERIOD
        assert house.wait_for("child.exited")["signal"] == "SIGABRT"
        assert house.wait_for("child.restarting")["delay"] == 0.0  # it was well before
        assert house.wait_for("child.ready", name="api")["pid"] != pids["api"]
        assert house.finish(signal.SIGTERM) == 0
        errors.seek(0)
        assert "in block" in errors.read().decode()
    assert [pids["bot"]] == [e["pid"] for e in house.told("child.started") if e["name"] == "bot"]
    assert len(house.told("child.hung")) == 1


def test_a_stopped_child_is_replaced() -> None:
    """SIGSTOP: SIGABRT does not reach it, so SIGKILL ends it."""
    with Supervised(a_looping_child()) as house:
        pid = house.wait_for("child.ready")["pid"]
        os.kill(pid, signal.SIGSTOP)
        house.wait_for("child.hung", pid=pid)
        assert house.wait_for("child.exited")["signal"] == "SIGKILL"
        assert house.wait_for("child.ready")["pid"] != pid
        assert house.finish(signal.SIGTERM) == 0


def test_a_child_that_always_hangs_is_given_up() -> None:
    """One that never gives a sign of life after it was ready is a failure each time."""
    policy = replace(QUICK, intensity=1)
    with Supervised(a_child("api", watchdog=0.2, policy=policy)) as house:
        assert house.finish() == 75
    assert len(house.told("child.hung")) == 2


def test_a_child_is_not_held_to_signs_of_life_before_it_is_ready() -> None:
    """Until then `ready_within` is what counts."""
    with Supervised(a_child("api", "--unready", watchdog=0.1, ready_within=0.5)) as house:
        house.wait_for("child.not_ready")
        assert house.told("child.hung") == []


def test_nobody_is_blamed_for_the_sleep_of_the_machine() -> None:
    """When supervisor and child stood still together, the child gets its whole time again."""
    with Supervised(a_looping_child()) as house:
        pid = house.wait_for("child.ready")["pid"]
        house.wait_for("on_ready")
        time.sleep(0.1)
        os.kill(pid, signal.SIGSTOP)
        house.send(signal.SIGSTOP)
        time.sleep(PERIOD + 1.5)
        house.send(signal.SIGCONT)
        assert house.wait_for("supervisor.overslept")["seconds"] > 1
        os.kill(pid, signal.SIGCONT)
        time.sleep(2 * PERIOD)
        os.kill(pid, signal.SIGUSR1)
        house.wait_for("child.status", status="mark")
        assert house.finish(signal.SIGTERM) == 0
    assert [] == house.told("child.hung")


def test_a_busy_supervisor_reads_before_it_judges() -> None:
    """Signs of life that came in time count, however late they are read."""
    with Supervised(a_looping_child()) as house:
        house.wait_for("child.ready")
        for _ in range(5):
            house.send(signal.SIGSTOP)
            time.sleep(PERIOD * 1.2)
            house.send(signal.SIGCONT)
            time.sleep(0.05)
        assert house.finish(signal.SIGTERM) == 0
    assert [] == house.told("child.hung")


def test_signs_of_life_go_upwards() -> None:
    """At half of the period that was asked for, and to nobody who asked for none."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above,
    ):
        above.bind(f"{folder}/notify")
        above.settimeout(15)
        outer = {"NOTIFY_SOCKET": f"{folder}/notify", "WATCHDOG_USEC": "400000"}
        with Supervised(a_looping_child(), environment=outer) as house:
            moments: list[float] = []
            while len(moments) < 6:
                if above.recv(4096) == b"WATCHDOG=1":
                    moments.append(time.monotonic())
            assert house.finish(signal.SIGTERM) == 0
    between = [later - earlier for earlier, later in pairwise(moments)]
    assert median(between) == pytest.approx(0.2, abs=0.1)


def test_signs_of_life_are_meant_for_one_process() -> None:
    """A WATCHDOG_PID that is not the supervisor's asks it for nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above:
            above.bind(str(path))
            above.settimeout(15)
            outer = {
                "NOTIFY_SOCKET": str(path),
                "WATCHDOG_USEC": "100000",
                "WATCHDOG_PID": str(os.getpid()),
            }
            with Supervised(a_looping_child(), environment=outer) as house:
                house.wait_for("supervisor.ready")
                time.sleep(0.3)
                assert house.finish(signal.SIGTERM) == 0
            assert b"WATCHDOG=1" not in until(above, b"STOPPING=1\nSTATUS=stopping after SIGTERM")


class Frozen:
    """A process that ends when the test says so."""

    def __init__(self) -> None:
        """Run."""
        self.pid = 4711
        self.code: int | None = None
        self.ending = anyio.Event()
        self.signals: list[int] = []

    @property
    def succession(self) -> None:
        """Nobody takes over."""
        return None

    async def wait(self) -> None:
        """Wait for the test."""
        await self.ending.wait()

    def signal(self, number: int) -> None:
        """Remember."""
        self.signals.append(number)

    def kill(self) -> None:
        """End at the second kill: what hangs in the kernel does not end at once."""
        self.signals.append(signal.SIGKILL)
        if self.signals.count(signal.SIGKILL) > 1:
            self.code = -signal.SIGKILL
            self.ending.set()


@pytest.mark.anyio
async def test_what_hangs_is_not_in_hand_until_it_is_gone() -> None:
    """So no sign of life goes upwards meanwhile."""
    process, events = Frozen(), []

    def report(event: str, /, **_fields: object) -> None:
        events.append((event, instance.is_silent))

    instance = Instance(
        a_child(watchdog=0.05), process, started_at=anyio.current_time(), report=report
    )
    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(instance.run)
            instance.take({"READY": "1"})
    assert [("child.ready", False), ("child.hung", True), ("child.exited", True)] == events
    assert [signal.SIGABRT, signal.SIGKILL, signal.SIGKILL] == process.signals
    assert (instance.exit.hung, instance.ended.why) == (True, "hung")
    assert instance.exit.ready_for == pytest.approx(0, abs=0.02)


@pytest.mark.anyio
async def test_what_a_child_tells_beside_is_kept_as_it_came() -> None:
    """Fields that begin with X_, the newest of each, and not without end."""
    instance = Instance(
        a_child(), Frozen(), started_at=anyio.current_time(), report=lambda *_, **__: None
    )
    instance.take({"X_TGAUTH_CONTACT": "1", "STATUS": "polling", "UNKNOWN": "1"})
    instance.take({"X_TGAUTH_CONTACT": "2"})
    assert {"X_TGAUTH_CONTACT": "2"} == instance.extras
    assert "polling" == instance.status
    instance.take({f"X_{number}": "1" for number in range(99)})
    instance.take({"X_TGAUTH_CONTACT": "3"})
    assert 32 == len(instance.extras)
    assert "3" == instance.extras["X_TGAUTH_CONTACT"]


def test_without_a_watchdog_silence_is_nothing() -> None:
    """A child that nobody asked for signs of life may be as silent as it likes."""
    with Supervised(a_child()) as house:
        pid = house.wait_for("child.ready")["pid"]
        time.sleep(0.5)
        os.kill(pid, signal.SIGUSR1)
        house.wait_for("child.status", status="mark")
        assert house.finish(signal.SIGTERM) == 0
    assert len(house.told("child.started")) == 1
