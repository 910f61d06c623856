"""Promises of a reload: new before old, one at a time, and nothing is lost where it fails."""

import json
import os
import signal
import socket
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from tests.supervisor.harness import QUICK, Supervised, a_child, is_alive, until

from tgauth.supervisor import Child


def brings(path: Path, *children: Child, notes: Sequence[str] = ()) -> Path:
    """Say what the next reload brings."""
    order = {"children": [asdict(child) for child in children], "notes": notes}
    path.write_text(json.dumps(order))
    return path


def place_of(house: Supervised, event: str, **fields: Any) -> int:
    """Return which event this one was, counted from the first."""
    [place] = [
        number
        for number, told in enumerate(house.history)
        if told["event"] == event and fields.items() <= told.items()
    ]
    return place


def test_each_child_is_replaced_by_one_that_is_ready_already() -> None:
    """The new one first, then the old one is told, by the signal that it asked for."""
    children = [
        a_child("api", replace_signal=signal.SIGHUP, policy=replace(QUICK, intensity=0)),
        a_child("bot", policy=replace(QUICK, intensity=0)),
    ]
    with Supervised(*children) as house:
        house.wait_for("supervisor.ready")
        old = {name: house.wait_for("child.ready", name=name)["pid"] for name in ("api", "bot")}
        for _ in range(3):
            house.send(signal.SIGHUP)
            assert house.wait_for("supervisor.reloaded")["replaced"] == "bot, api"
        assert house.finish(signal.SIGTERM) == 0
    for name in ("api", "bot"):
        starts = [e["pid"] for e in house.told("child.started") if e["name"] == name]
        assert len(set(starts)) == 4
        assert old[name] == starts[0]
        assert place_of(house, "child.ready", pid=starts[1]) < place_of(
            house, "child.exited", pid=old[name]
        )
    ends = [e.get("signal") for e in house.told("child.exited") if e["name"] == "api"]
    assert ends == ["SIGHUP", "SIGHUP", "SIGHUP", None]
    assert [] == house.told("child.restarting")


def test_the_children_are_replaced_one_at_a_time() -> None:
    """No second one is started before the first is done."""
    with Supervised(a_child("api-1"), a_child("api-2")) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        house.wait_for("supervisor.reloaded")
        begun = place_of(house, "supervisor.reloading")
        events = [(e["event"], e["name"]) for e in house.history[begun:] if "name" in e]
        assert house.finish(signal.SIGTERM) == 0
    interesting = [e for e in events if e[0] in {"child.started", "child.exited"}]
    assert interesting == [
        ("child.started", "api-2"),
        ("child.exited", "api-2"),
        ("child.started", "api-1"),
        ("child.exited", "api-1"),
    ]


@pytest.mark.parametrize(
    ("flags", "why"),
    [
        (("--exit", "78"), "the new api ended with exit code 78 before it was ready"),
        (("--exit", "1"), "the new api ended with exit code 1 before it was ready"),
        (("--signal", "9"), "the new api ended with SIGKILL before it was ready"),
        (("--unready",), "the new api was not ready within 1 s"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_where_the_new_one_fails_the_old_one_stays(
    tmp_path: Path, flags: tuple[str, ...], why: str
) -> None:
    """Nothing is stopped, nothing counts as a crash, and the reason is told."""
    renewal = brings(tmp_path / "renewal", a_child("api", *flags, ready_within=1.0))
    policy = replace(QUICK, intensity=0)
    with Supervised(a_child("api", policy=policy), renewal=renewal) as house:
        pid = house.wait_for("child.ready")["pid"]
        house.send(signal.SIGHUP)
        assert why == house.wait_for("supervisor.reload_failed")["reason"]
        assert is_alive(pid)
        brings(renewal, a_child("api"))
        house.send(signal.SIGHUP)
        house.wait_for("supervisor.reloaded")
        assert house.finish(signal.SIGTERM) == 0
    assert [] == house.told("child.restarting")


def test_a_refused_reload_starts_nothing(tmp_path: Path) -> None:
    """What the consumer refuses is told in its words."""
    renewal = tmp_path / "renewal"
    renewal.write_text(json.dumps({"refused": "issuer: no address"}))
    with Supervised(a_child("api"), renewal=renewal) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        assert house.wait_for("supervisor.reload_failed")["reason"] == "issuer: no address"
        assert house.finish(signal.SIGTERM) == 0
    assert len(house.told("child.started")) == 1


def test_a_reload_that_fails_unforeseen_ends_nothing(tmp_path: Path) -> None:
    """What ran goes on, and the next reload works."""
    renewal = tmp_path / "renewal.json"
    renewal.write_text("no JSON")
    with Supervised(a_child("api"), renewal=renewal) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        assert "JSONDecodeError" in house.wait_for("supervisor.reload_failed")["reason"]
        brings(renewal, a_child("api"))
        house.send(signal.SIGHUP)
        assert house.wait_for("supervisor.reloaded")["replaced"] == "api"
        assert house.finish(signal.SIGTERM) == 0


def test_a_reload_can_bring_more_and_fewer_children(tmp_path: Path) -> None:
    """Whoever is new is started, whoever is gone is stopped, and what cannot be changed is told."""
    one, two = a_child("api-1"), a_child("api-2")
    renewal = brings(tmp_path / "renewal", one, two, a_child("bot"), notes=["the port"])
    with Supervised(a_child("api"), a_child("bot"), renewal=renewal) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        assert house.wait_for("supervisor.reloaded")["replaced"] == "bot, api-2, api-1"
        assert house.wait_for("supervisor.not_reloaded")["what"] == "the port"
        house.wait_for("child.exited", name="api")
        brings(renewal, two)
        house.send(signal.SIGHUP)
        house.wait_for("supervisor.reloaded")
        assert {e["name"] for e in house.told("child.exited")} == {"api", "api-1", "api-2", "bot"}
        # What came by a reload is kept running like everything else.
        last = [e["pid"] for e in house.told("child.ready") if e["name"] == "api-2"][-1]
        os.kill(last, signal.SIGKILL)
        house.wait_for("child.exited", pid=last)
        house.wait_for("child.restarting", name="api-2")
        assert house.finish(signal.SIGTERM) == 0


def test_an_additional_child_that_fails_leaves_no_trace(tmp_path: Path) -> None:
    """It is not tried again, and ends nothing."""
    renewal = brings(tmp_path / "renewal", a_child("api"), a_child("api-2", "--exit", "78"))
    with Supervised(a_child("api"), renewal=renewal) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        assert "the new api-2" in house.wait_for("supervisor.reload_failed")["reason"]
        time.sleep(0.3)
        assert house.finish(signal.SIGTERM) == 0
    assert len([e for e in house.told("child.started") if e["name"] == "api-2"]) == 1


def test_two_reloads_at_once_are_one_after_the_other() -> None:
    """And many are two: what was asked for before a reload began is done by it."""
    with Supervised(a_child("api", "--slow", "0.5")) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        house.wait_for("supervisor.reloading")
        for _ in range(5):
            house.send(signal.SIGHUP)
            time.sleep(0.02)
        house.wait_for("supervisor.reloaded")
        house.wait_for("supervisor.reloaded")
        time.sleep(0.3)
        assert house.finish(signal.SIGTERM) == 0
    told = [e["event"] for e in house.history if e["event"].startswith("supervisor.reload")]
    assert told == ["supervisor.reloading", "supervisor.reloaded"] * 2


def test_a_reload_that_is_asked_for_too_early_waits() -> None:
    """First everything gets ready, then it is replaced."""
    with Supervised(a_child("api", "--slow", "0.5")) as house:
        house.wait_for("child.started")
        house.send(signal.SIGHUP)
        house.wait_for("supervisor.reloaded")
        assert house.finish(signal.SIGTERM) == 0
    assert place_of(house, "supervisor.ready") < place_of(house, "supervisor.reloading")


def test_a_stop_amid_a_reload_ends_everything() -> None:
    """The old, the new, and the reload; nothing is started any more."""
    with Supervised(a_child("api", "--slow", "0.5")) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        house.wait_for("child.started")
        new = house.wait_for("child.started")
        assert house.finish(signal.SIGTERM) == 0
        assert not is_alive(new["pid"])
    assert len(house.told("child.started")) == len(house.told("child.exited")) == 2
    assert [] == house.told("supervisor.killing")


def test_a_stop_while_the_old_one_still_leaves_gives_it_the_grace_of_a_stop() -> None:
    """However long it might have taken when nobody waited for it."""
    slow = a_child("api", "--deaf", grace=0.2, replace_grace=60)
    with Supervised(slow) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        house.wait_for("child.replaced")
        began = time.monotonic()
        assert house.finish(signal.SIGTERM) == 0
        assert time.monotonic() - began < 5
    assert [] == house.told("supervisor.killing")


def test_the_old_one_may_die_while_the_new_one_starts() -> None:
    """Then the new one is what is started again, and only one runs."""
    with Supervised(a_child("api", "--slow", "0.7")) as house:
        first = house.wait_for("child.ready")["pid"]
        house.wait_for("supervisor.ready")
        house.send(signal.SIGHUP)
        house.wait_for("child.started", pid=first)
        house.wait_for("child.started")
        os.kill(first, signal.SIGKILL)
        house.wait_for("supervisor.reloaded")
        time.sleep(0.3)
        assert house.finish(signal.SIGTERM) == 0
    assert len(house.told("child.started")) == 2


def test_the_service_manager_hears_of_a_reload() -> None:
    """sd_notify(3): RELOADING=1 with its moment, and READY=1 at its end."""
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above,
    ):
        above.bind(f"{folder}/notify")
        above.settimeout(15)
        with Supervised(a_child("api"), environment={"NOTIFY_SOCKET": f"{folder}/notify"}) as house:
            until(above, b"READY=1\nSTATUS=ready: api")
            before = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            house.send(signal.SIGHUP)
            reloading = above.recv(4096).decode().splitlines()
            assert reloading[0] == "RELOADING=1"
            name, _, moment = reloading[1].partition("=")
            assert name == "MONOTONIC_USEC"
            assert before <= int(moment) <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
            between = until(above, b"READY=1\nSTATUS=ready: api")
            assert b"STATUS=ready: api; reloading" in between
            assert house.finish(signal.SIGTERM) == 0


def test_a_failed_reload_stays_in_the_status(tmp_path: Path) -> None:
    """Until one succeeds."""
    renewal = tmp_path / "renewal"
    renewal.write_text(json.dumps({"refused": "issuer: no address"}))
    with (
        tempfile.TemporaryDirectory() as folder,
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as above,
    ):
        above.bind(f"{folder}/notify")
        above.settimeout(15)
        outer = {"NOTIFY_SOCKET": f"{folder}/notify"}
        with Supervised(a_child("api"), renewal=renewal, environment=outer) as house:
            until(above, b"READY=1\nSTATUS=ready: api")
            house.send(signal.SIGHUP)
            failed = b"READY=1\nSTATUS=ready: api; the last reload failed: issuer: no address"
            until(above, failed)
            brings(renewal, a_child("api"))
            house.send(signal.SIGHUP)
            until(above, b"READY=1\nSTATUS=ready: api")
            assert house.finish(signal.SIGTERM) == 0


def test_settings_that_went_bad_take_down_no_sibling(tmp_path: Path) -> None:
    """A child that was ready before and now ends with 78 is tried until the settings are mended."""
    bad = tmp_path / "bad"
    policy = replace(QUICK, intensity=1)
    children = (a_child("api", "--misled-by", str(bad), policy=policy), a_child("bot"))
    with Supervised(*children) as house:
        first = house.wait_for("child.ready", name="api")["pid"]
        house.wait_for("supervisor.ready")
        bad.touch()
        os.kill(first, signal.SIGKILL)
        for _ in range(5):
            house.wait_for("child.exited", name="api", code=78)
        bad.unlink()
        house.wait_for("child.ready", name="api")
        assert house.finish(signal.SIGTERM) == 0
    assert [e["name"] for e in house.told("child.exited") if e["name"] == "bot"] == ["bot"]
