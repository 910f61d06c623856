"""Promises of restarts and of giving up, kept by a real supervisor over real processes."""

import os
import signal
from dataclasses import replace

import pytest
from tests.supervisor.harness import (
    QUICK,
    Supervised,
    a_child,
    eventually,
    is_alive,
)


def test_restarts_a_killed_child_alone() -> None:
    """A child that is killed is started again; its sibling keeps its pid."""
    with Supervised(a_child("api"), a_child("bot")) as house:
        pids = {name: house.wait_for("child.ready", name=name)["pid"] for name in ("api", "bot")}
        os.kill(pids["api"], signal.SIGKILL)
        ended = house.wait_for("child.exited", name="api")
        again = house.wait_for("child.ready", name="api")
        assert ("SIGKILL", pids["api"]) == (ended["signal"], ended["pid"])
        assert again["pid"] != pids["api"]
        assert is_alive(pids["bot"])
        assert house.finish(signal.SIGTERM) == 0
    assert [pids["bot"]] == [e["pid"] for e in house.told("child.started") if e["name"] == "bot"]


def test_a_healthy_child_that_ends_by_itself_is_started_again_at_once() -> None:
    """Exit 0 is no reason to stay down, and after a healthy run there is no wait."""
    policy = replace(QUICK, healthy_after=0.0)
    with Supervised(a_child(policy=policy)) as house:
        first = house.wait_for("child.ready")["pid"]
        os.kill(first, signal.SIGTERM)
        assert house.wait_for("child.exited")["code"] == 0
        assert house.wait_for("child.restarting")["delay"] == 0.0
        assert house.wait_for("child.ready")["pid"] != first
        assert house.finish(signal.SIGTERM) == 0


@pytest.mark.parametrize(("code", "reason"), [(78, "misconfigured"), (74, "unreadable")])
def test_a_child_that_no_restart_can_cure_ends_everything(code: int, reason: str) -> None:
    """Neither bad settings nor unreadable data heal, so all stop and the code is passed on."""
    with Supervised(a_child("api"), a_child("bot", "--exit", str(code))) as house:
        assert house.finish() == code
    gave_up = house.told("supervisor.giving_up")
    assert [(e["name"], e["reason"]) for e in gave_up] == [("bot", reason)]
    assert {"api", "bot"} == {e["name"] for e in house.told("child.exited")}
    assert house.told("child.restarting") == []


def test_a_crash_loop_ends_everything_with_75() -> None:
    """A child that fails more often than its policy forgives stops all."""
    policy = replace(QUICK, intensity=2)
    with Supervised(a_child("bot"), a_child("api", "--exit", "1", policy=policy)) as house:
        assert house.finish() == 75
    exits = house.told("child.exited")
    assert [e["code"] for e in exits if e["name"] == "api"] == [1, 1, 1]
    assert [e["code"] for e in house.told("supervisor.stopped")] == [75]


def test_a_command_that_cannot_start_is_a_crash() -> None:
    """A missing program is told, tried again, and ends with 75; siblings live until then."""
    policy = replace(QUICK, intensity=1)
    missing = a_child("api", argv=("/does/not/exist",), policy=policy)
    with Supervised(a_child("bot"), missing) as house:
        assert house.finish() == 75
    errors = [e["error"] for e in house.told("child.not_started")]
    assert len(errors) == 2
    assert "/does/not/exist" in errors[0]
    assert [(e["name"], e.get("code", 0)) for e in house.told("child.exited")] == [("bot", 0)]


def test_descendants_do_not_outlive_a_child_that_died() -> None:
    """What a dead child had started is swept away before the new one starts."""
    with Supervised(a_child("api", "--grandchild")) as house:
        grandchild = house.wait_for("said", what="grandchild")["pid"]
        os.kill(house.wait_for("child.ready")["pid"], signal.SIGKILL)
        house.wait_for("child.ready")
        eventually(lambda: not is_alive(grandchild), "the grandchild ends")
        assert house.finish(signal.SIGTERM) == 0


def test_only_the_first_reason_to_give_up_counts() -> None:
    """A second child with a bad configuration changes nothing in a stop that has begun."""
    children = [a_child(name, "--exit", "78") for name in ("api", "bot")]
    with Supervised(*children) as house:
        assert house.finish() == 78
    assert len(house.told("supervisor.giving_up")) == 1


def test_a_nameless_signal_is_told_by_number() -> None:
    """A real-time signal without a name of its own is still reported."""
    number = signal.SIGRTMIN + 1
    policy = replace(QUICK, intensity=0)
    with Supervised(a_child("api", "--signal", str(number), policy=policy)) as house:
        assert house.finish() == 75
    assert [f"signal {number}"] == [e["signal"] for e in house.told("child.exited")]
