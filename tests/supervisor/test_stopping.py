"""Promises of a stop: in order, with grace, in time, and complete."""

import os
import signal
import tempfile
import time
from dataclasses import replace

import pytest
from tests.supervisor.harness import (
    QUICK,
    Supervised,
    a_child,
    eventually,
    is_alive,
)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_in_reverse_order(number: signal.Signals) -> None:
    """SIGTERM and SIGINT stop the children one by one, the last started first; the code is 0."""
    with Supervised(a_child("one"), a_child("two"), a_child("three")) as house:
        house.wait_for("supervisor.ready")
        assert house.finish(number) == 0
    assert [e["name"] for e in house.told("child.exited")] == ["three", "two", "one"]
    assert [number.name] == [e["signal"] for e in house.told("supervisor.stopping")]
    assert len([e for e in house.told("said") if e["what"] == "stopped"]) == 3
    assert len(house.told("child.stopping")) == 3


def test_a_group_is_stopped_together() -> None:
    """Neighbours of one group share one grace; whoever is in none has its own turn."""
    group = [
        a_child(name, "--deaf", grace=1.0, group="api") for name in ("api-1", "api-2", "api-3")
    ]
    with Supervised(*group, a_child("bot")) as house:
        house.wait_for("supervisor.ready")
        began = time.monotonic()
        assert house.finish(signal.SIGTERM) == 0
        assert 1 <= time.monotonic() - began < 3
    assert next(e["name"] for e in house.told("child.exited")) == "bot"
    assert {e.get("signal") for e in house.told("child.exited")} == {"SIGKILL", None}


def test_a_hung_up_child_keeps_the_default_of_sighup() -> None:
    """The supervisor's handling of SIGHUP is not inherited by its children."""
    with Supervised(a_child()) as house:
        os.kill(house.wait_for("child.ready")["pid"], signal.SIGHUP)
        assert house.wait_for("child.exited")["signal"] == "SIGHUP"
        assert house.finish(signal.SIGTERM) == 0


def test_a_deaf_child_is_killed_after_its_grace_with_its_descendants() -> None:
    """SIGTERM ignored for `grace` seconds is followed by SIGKILL to the whole group."""
    with Supervised(a_child("api", "--deaf", "--grandchild", grace=0.1)) as house:
        grandchild = house.wait_for("said", what="grandchild")["pid"]
        house.wait_for("child.ready")
        assert is_alive(grandchild)
        assert house.finish(signal.SIGTERM) == 0
    assert [e["signal"] for e in house.told("child.exited")] == ["SIGKILL"]
    eventually(lambda: not is_alive(grandchild), "the grandchild ends")
    assert house.told("supervisor.killing") == []


def test_a_second_signal_kills_at_once() -> None:
    """Whoever asks twice does not wait for anybody's grace."""
    children = [a_child(name, "--deaf", grace=60) for name in ("api", "bot")]
    with Supervised(*children, deadline=60) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGTERM)
        house.wait_for("supervisor.stopping")
        assert house.finish(signal.SIGINT) == 0
    assert [e["signal"] for e in house.told("supervisor.hurrying")] == ["SIGINT"]
    assert [e["names"] for e in house.told("supervisor.killing")] == [["api", "bot"]]
    assert [e["signal"] for e in house.told("child.exited")] == ["SIGKILL", "SIGKILL"]


def test_a_stop_ends_within_its_deadline() -> None:
    """Past the overall deadline all that is left is killed together, whatever its grace."""
    children = [a_child(name, "--deaf", grace=60) for name in ("api", "bot")]
    with Supervised(a_child("good"), *children, deadline=0.2) as house:
        house.wait_for("supervisor.ready")
        assert house.finish(signal.SIGTERM) == 0
    assert [e["names"] for e in house.told("supervisor.killing")] == [["good", "api", "bot"]]
    assert len(house.told("child.exited")) == 3


def test_a_child_that_dies_during_the_stop_is_not_started_again() -> None:
    """Once the stop has begun nothing new is started."""
    with Supervised(a_child("api"), a_child("bot", "--deaf", grace=60), deadline=60) as house:
        api = house.wait_for("child.ready", name="api")["pid"]
        house.wait_for("supervisor.ready")
        house.send(signal.SIGTERM)
        house.wait_for("supervisor.stopping")
        os.kill(api, signal.SIGKILL)
        house.wait_for("child.exited", name="api")
        assert house.finish(signal.SIGTERM) == 0
    assert house.told("child.restarting") == []


def test_a_child_that_waits_for_its_restart_is_stopped_too() -> None:
    """A stop during the wait between two runs does not wait for its end."""
    policy = replace(QUICK, base=60, cap=60)
    with Supervised(a_child("api", "--exit", "1", policy=policy)) as house:
        house.wait_for("child.restarting")
        assert house.finish(signal.SIGTERM) == 0
    assert len(house.told("child.started")) == 1


def test_a_signal_while_giving_up_is_the_first_one() -> None:
    """SIGTERM during a stop that nobody asked for does not cut its graces short."""
    deaf = a_child("api", "--deaf", grace=0.5)
    with Supervised(deaf, a_child("bot", "--slow", "1", "--exit", "78")) as house:
        house.wait_for("child.ready", name="api")
        house.wait_for("supervisor.stopping")
        assert house.finish(signal.SIGTERM) == 78
    assert house.told("supervisor.hurrying") == []


def test_a_killed_supervisor_leaves_no_orphan() -> None:
    """SIGKILL of the supervisor takes all its children with it, deaf ones too."""
    with Supervised(a_child("api"), a_child("bot", "--deaf")) as house:
        pids = [house.wait_for("child.ready", name=name)["pid"] for name in ("api", "bot")]
        assert all(map(is_alive, pids))
        house.send(signal.SIGKILL)
        eventually(lambda: not any(map(is_alive, pids)), "the children die with their parent")


def test_nothing_is_said_on_stderr_in_development_mode() -> None:
    """Restarts, kills and stops leave no warning and no traceback under `python -X dev`."""
    with tempfile.TemporaryFile() as errors:
        children = (a_child("api"), a_child("bot", "--deaf", grace=0.1))
        with Supervised(*children, stderr=errors.fileno()) as house:
            for name in ("api", "bot"):
                os.kill(house.wait_for("child.ready", name=name)["pid"], signal.SIGKILL)
                house.wait_for("child.ready", name=name)
            assert house.finish(signal.SIGTERM) == 0
        errors.seek(0)
        lines = errors.read().decode().splitlines()
    # asyncio's debug mode tells when a machine under load kept a task waiting for 0.1 s.
    assert [line for line in lines if "Executing <" not in line] == []
