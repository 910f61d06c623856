"""Promises of warm spares, kept by real processes: they take over, and never outlive their use."""

import os
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from tests.supervisor.harness import (
    QUICK,
    SCRIPTS,
    Supervised,
    a_child,
    eventually,
    is_alive,
    state_of,
)

from tgauth.supervisor import Child, stand_by
from tgauth.supervisor.succession import Succession


def a_warm_child(*flags: str, name: str = "api", intensity: int = 10) -> Child:
    """Build a child that keeps a spare."""
    policy = replace(QUICK, intensity=intensity)
    return a_child(name, "--spare", *flags, spare=True, policy=policy)


def children_of(pid: int) -> list[int]:
    """Return the living children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in listed if is_alive(int(child))]


def spare_of(pid: int) -> int:
    """Return the spare of a process, once it waits."""
    eventually(lambda: waits(pid), f"a spare of {pid} waits")
    return children_of(pid)[0]


def waits(pid: int) -> bool:
    """Say whether a process has a spare that leads a session of its own, and sleeps."""
    return any(os.getsid(child) == child and state_of(child) == "S" for child in children_of(pid))


def said(house: Supervised, what: str) -> list[int]:
    """Return who said something, in their order."""
    return [told["by"] for told in house.told("said") if told["what"] == what]


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_the_spare_of_a_dead_process_works_at_once(number: signal.Signals) -> None:
    """However it died; nothing is loaded again, and the next spare is there."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        child = replace(a_warm_child("--serve"), file_descriptors=(listener.fileno(),))
        with Supervised(child) as house:
            pid = house.wait_for("child.ready")["pid"]
            for _ in range(6):
                spare = spare_of(pid)
                os.kill(pid, number)
                house.wait_for("child.exited", pid=pid)
                with socket.create_connection(listener.getsockname(), timeout=10) as connection:
                    assert spare == int(connection.recv(64))
                pid = house.wait_for("child.ready", pid=spare)["pid"]
            last = spare_of(pid)
            assert house.finish(signal.SIGTERM) == 0
    assert 1 == len(said(house, "loaded"))
    assert 7 == len(house.told("child.exited"))
    assert not is_alive(last)


def test_without_its_spare_a_process_is_started_anew() -> None:
    """And that start leaves a spare again."""
    with Supervised(a_warm_child()) as house:
        first = house.wait_for("child.ready")["pid"]
        spare = spare_of(first)
        os.kill(spare, signal.SIGKILL)
        eventually(lambda: not is_alive(spare), "the spare is gone")
        os.kill(first, signal.SIGKILL)
        second = house.wait_for("child.ready")["pid"]
        assert said(house, "loaded") == [first, second]
        next_spare = spare_of(second)
        os.kill(second, signal.SIGKILL)
        assert next_spare == house.wait_for("child.ready")["pid"]
        assert house.finish(signal.SIGTERM) == 0


def test_both_killed_at_once_is_a_new_start() -> None:
    """As the kernel does when memory is short."""
    with Supervised(a_warm_child()) as house:
        first = house.wait_for("child.ready")["pid"]
        for pid in (spare_of(first), first):
            os.kill(pid, signal.SIGKILL)
        second = house.wait_for("child.ready")["pid"]
        assert said(house, "loaded") == [first, second]
        assert house.finish(signal.SIGTERM) == 0


@pytest.mark.parametrize("takeovers", [0, 1])
def test_nobody_outlives_a_killed_supervisor(takeovers: int) -> None:
    """Neither the one that works nor the one that waits, be they started by it or not."""
    with Supervised(a_warm_child()) as house:
        pid = house.wait_for("child.ready")["pid"]
        for _ in range(takeovers):
            spare = spare_of(pid)
            os.kill(pid, signal.SIGKILL)
            pid = house.wait_for("child.ready", pid=spare)["pid"]
        spare = spare_of(pid)
        assert house.finish(signal.SIGKILL) == -signal.SIGKILL
        eventually(lambda: not is_alive(pid) and not is_alive(spare), "both are gone")


def test_a_crash_loop_of_spares_backs_off_and_ends_with_75() -> None:
    """A spare makes the next attempt faster, not more frequent."""
    child = a_warm_child("--exit", "1", intensity=3)
    with Supervised(child) as house:
        assert house.finish() == 75
    assert [1, 1, 1, 1] == [told["code"] for told in house.told("child.exited")]
    delays = [told["delay"] for told in house.told("child.restarting")]
    assert 3 == len(delays)
    assert all(delay >= QUICK.base * (1 - QUICK.jitter) for delay in delays)


def test_a_misconfigured_process_is_not_taken_over_from() -> None:
    """Its spare would read the same settings."""
    with Supervised(a_warm_child("--exit", "78")) as house:
        assert house.finish() == 78
    assert 1 == len(house.told("child.started"))


def test_a_spare_that_does_not_answer_holds_up_no_stop() -> None:
    """It is killed."""
    with Supervised(a_warm_child()) as house:
        spare = spare_of(house.wait_for("child.ready")["pid"])
        os.kill(spare, signal.SIGSTOP)
        assert house.finish(signal.SIGTERM) == 0
    assert not is_alive(spare)


def test_a_reload_leaves_no_old_spare() -> None:
    """It has loaded what is old; the one of the new process takes over from it."""
    with Supervised(a_warm_child()) as house:
        first = house.wait_for("child.ready")["pid"]
        old = spare_of(first)
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        house.wait_for("supervisor.reloaded")
        [second] = [pid for pid in said(house, "loaded") if pid != first]
        eventually(lambda: not is_alive(old), "the old spare is gone")
        spare = spare_of(second)
        os.kill(second, signal.SIGKILL)
        assert spare == house.wait_for("child.ready", pid=spare)["pid"]
        assert house.finish(signal.SIGTERM) == 0
    works = {told["by"]: told["instead"] for told in house.told("said") if told["what"] == "works"}
    assert {first: False, second: True, spare: False} == works


def test_a_process_that_wants_none_has_none() -> None:
    """It asks for a spare, and the supervisor was not told to have one."""
    with Supervised(replace(a_warm_child(), spare=False)) as house:
        pid = house.wait_for("child.ready")["pid"]
        assert [] == children_of(pid)
        assert house.finish(signal.SIGTERM) == 0


def test_alone_nobody_stands_by() -> None:
    """Without a supervisor the process simply goes on."""
    stand_by()
    alone = subprocess.run(
        (sys.executable, str(SCRIPTS / "child.py"), "--spare", "--exit", "3"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert 3 == alone.returncode
    assert ["loaded", "works"] == [
        word for word in ("loaded", "works") if f'"{word}"' in alone.stdout
    ]


@pytest.mark.anyio
async def test_only_our_own_family_can_be_called() -> None:
    """Whoever says that it waits and is not our child is left alone."""
    succession = Succession()
    theirs = socket.socket(fileno=os.dup(succession.descriptor))
    succession.handed_down()
    with theirs:
        theirs.send(b"here")  # by this very process, which is no child of its own
        assert succession.call() is None
        theirs.settimeout(0)
        with pytest.raises(BlockingIOError):
            theirs.recv(2)
    await succession.end()


@pytest.mark.anyio
async def test_a_kernel_without_pidfds_has_no_spares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then a process is started anew, as ever."""

    def missing(pid: int) -> int:
        raise OSError(38, f"pidfd_open({pid}) is not implemented")

    monkeypatch.setattr(os, "pidfd_open", missing)
    succession = Succession()
    theirs = socket.socket(fileno=os.dup(succession.descriptor))
    succession.handed_down()
    with theirs:
        theirs.send(b"here")
        assert succession.call() is None
    await succession.end()
