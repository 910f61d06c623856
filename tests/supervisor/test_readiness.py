"""Promises about readiness and about what children inherit, over real processes."""

import os
import signal
import socket
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from tests.supervisor.harness import (
    QUICK,
    Supervised,
    a_child,
    eventually,
    until,
)

from tgauth.supervisor import listen


def test_a_child_that_never_gets_ready_is_replaced() -> None:
    """A start that hangs is killed after `ready_within` and counts as a failure."""
    policy = replace(QUICK, intensity=1)
    stuck = a_child("api", "--unready", "--deaf", ready_within=0.3, policy=policy)
    with Supervised(stuck) as house:
        assert house.finish() == 75
    assert [e["signal"] for e in house.told("child.exited")] == ["SIGKILL", "SIGKILL"]
    assert [e["within"] for e in house.told("child.not_ready")] == [0.3, 0.3]


def test_ready_children_are_not_held_to_the_time_for_getting_ready() -> None:
    """After readiness `ready_within` is over."""
    with Supervised(a_child(ready_within=4.0), a_child("slow", "--unready", ready_within=5.0)) as h:
        h.wait_for("child.not_ready", name="slow")
        assert h.finish(signal.SIGTERM) == 0
    assert [e["name"] for e in h.told("child.not_ready")] == ["slow"]


def test_readiness_counts_once() -> None:
    """A second READY=1, and fields that mean nothing here, change nothing."""
    with Supervised(a_child("api", "--twice")) as house:
        house.wait_for("child.status", status="mark")
        assert len(house.told("child.ready")) == len(house.told("on_ready")) == 1
        assert house.told("child.stopping") == []
        assert house.finish(signal.SIGTERM) == 0


def test_notifications_of_strangers_are_ignored() -> None:
    """READY=1 from a process that is no child makes nobody ready."""
    with Supervised(a_child("api", "--unready", "--environment")) as house:
        said = house.wait_for("said", what="environment")
        address = said["environment"]["NOTIFY_SOCKET"]
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"READY=1", address)
        eventually(lambda: _handles(said["by"], signal.SIGUSR1), "the child handles SIGUSR1")
        os.kill(said["by"], signal.SIGUSR1)
        house.wait_for("child.status", status="mark")  # came later, through the same queue
        assert house.told("child.ready") == []
        assert house.finish(signal.SIGTERM) == 0


@pytest.mark.skipif(os.getuid() != 0, reason="only root can speak as another user")
def test_notifications_of_other_users_are_ignored() -> None:
    """A child's pid is not enough: the kernel must vouch for the same user."""
    with Supervised(a_child("api", "--as-nobody")) as house:
        house.wait_for("child.status", status="mark")
        assert house.told("child.ready") == []
        assert house.finish(signal.SIGTERM) == 0


def test_readiness_of_all_goes_upwards_once() -> None:
    """All ready: on_ready and READY=1 to our own NOTIFY_SOCKET, once; STOPPING=1 at the stop."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above,
    ):
        above.bind(f"{folder}/notify")
        above.settimeout(15)
        outer = {"NOTIFY_SOCKET": f"{folder}/notify"}
        with Supervised(a_child("api"), a_child("bot"), environment=outer) as house:
            until(above, b"READY=1\nSTATUS=ready: api, bot")
            os.kill(house.wait_for("child.ready", name="api")["pid"], signal.SIGKILL)
            house.wait_for("child.ready", name="api")
            assert house.finish(signal.SIGTERM) == 0
            until(above, b"STOPPING=1\nSTATUS=stopping after SIGTERM")
    assert len(house.told("on_ready")) == len(house.told("supervisor.ready")) == 1


def test_connections_wait_while_a_child_is_replaced() -> None:
    """A connection made between two runs is answered by the second, not refused."""
    policy = replace(QUICK, base=0.5, cap=0.5, jitter=0)
    with listen("127.0.0.1", 0) as listener:
        api = a_child("api", "--serve", file_descriptors=(listener.fileno(),), policy=policy)
        with Supervised(api) as house:
            first = house.wait_for("child.ready")["pid"]
            assert _answer(listener) == first
            os.kill(first, signal.SIGKILL)
            house.wait_for("child.restarting")
            answered_by = _answer(listener)
            assert house.wait_for("child.ready")["pid"] == answered_by != first
            assert house.finish(signal.SIGTERM) == 0


def test_children_get_a_clean_environment() -> None:
    """What the world told the supervisor about itself does not reach its children."""
    outer = {
        "NOTIFY_SOCKET": "@outer",
        "WATCHDOG_USEC": "1",
        "WATCHDOG_PID": "1",
        "LISTEN_FDS": "1",
        "LISTEN_FDNAMES": "x",
        "SUPERVISED_FDS": "9",
        "KEPT": "outer",
        "CHANGED": "outer",
    }
    child = a_child("api", "--environment", environment={"CHANGED": "child", "ADDED": "child"})
    with Supervised(child, environment=outer) as house:
        seen = house.wait_for("said", what="environment")["environment"]
        assert house.finish(signal.SIGTERM) == 0
    assert {"KEPT": "outer", "CHANGED": "child", "ADDED": "child"}.items() <= seen.items()
    assert str(house.pid) == seen["SUPERVISED_BY"]
    assert seen["NOTIFY_SOCKET"] != "@outer"
    assert seen.keys().isdisjoint(outer.keys() - {"NOTIFY_SOCKET", "KEPT", "CHANGED"})


def _answer(listener: socket.socket) -> int:
    with socket.create_connection(listener.getsockname(), timeout=15) as connection:
        return int(connection.recv(99))


def _handles(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    caught = next(line for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught.split()[1], 16) >> (number - 1) & 1)
