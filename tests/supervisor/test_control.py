"""Promises of the control socket: who may ask, what is answered, and what a rude client costs."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import create_task_group, to_thread
from tests.accounts import open_the_way
from tests.supervisor.harness import Supervised, a_child, eventually

from tgauth.supervisor import (
    NobodySupervises,
    NotAnswered,
    ask,
    control_socket,
    hold,
    noted,
    wait_for_end,
)
from tgauth.supervisor.addresses import short
from tgauth.supervisor.control import answer_all
from tgauth.supervisor.describing import memory_of


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Return where the socket is, deeper than an address of the kernel reaches."""
    folder = tmp_path / ("deep" * 20) / ("deeper" * 20)
    folder.mkdir(parents=True)
    return folder / "control"


def status(place: Path) -> dict[str, Any]:
    """Ask how everything is."""
    return ask([place], "status", within=10)


def connected(place: Path) -> socket.socket:
    """Connect without asking for anything."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(10)
    with short(place) as address:
        connection.connect(address)
    return connection


def test_tells_how_every_child_is(place: Path) -> None:
    """Its process, state, time, memory, restarts, how it ended, and what it told."""
    with Supervised(a_child("api"), a_child("bot", "--unready"), control=place) as house:
        first = house.wait_for("child.ready", name="api")["pid"]
        os.kill(first, signal.SIGKILL)
        second = house.wait_for("child.ready", name="api")["pid"]
        os.kill(second, signal.SIGUSR1)
        house.wait_for("child.status", status="mark")
        told = status(place)
        assert house.finish(signal.SIGTERM) == 0
    assert (told["pid"], told["is_ready"], told["is_stopping"]) == (house.pid, False, False)
    assert told["status"] == "not ready: bot; ready: api; mark; 1 restart"
    assert told["last_reload"] is None
    api, bot = told["children"]
    assert (api["name"], api["pid"], api["state"], api["restarts"]) == ("api", second, "ready", 1)
    assert (bot["name"], bot["state"], bot["restarts"]) == ("bot", "starting", 0)
    assert 0 <= api["uptime"] <= told["uptime"] < 60
    assert 1_000_000 < api["memory"] < 200_000_000
    assert api["status"] == "mark"
    [end] = api["ends"]
    assert end == api["last_end"]
    assert (end["pid"], end["how"], end["why"]) == (first, "SIGKILL", "exited")
    assert abs(time.time() - end["at"]) < 60
    assert bot["last_end"] is None


def test_a_reload_tells_what_came_of_it(place: Path, tmp_path: Path) -> None:
    """Good or bad, once it is over."""
    renewal = tmp_path / "renewal"
    renewal.write_text(json.dumps({"refused": "issuer: no address"}))
    with Supervised(a_child("api"), control=place, renewal=renewal) as house:
        house.wait_for("supervisor.ready")
        done = ask([place], "reload", within=20)
        assert done == {"replaced": [], "failure": "issuer: no address", "notes": []}
        last = status(place)["last_reload"]
        assert done.items() <= last.items()
        assert abs(time.time() - last["at"]) < 60
        assert house.finish(signal.SIGTERM) == 0
    with Supervised(a_child("api"), control=place) as house:
        house.wait_for("supervisor.ready")
        assert ask([place], "reload", within=20)["replaced"] == ["api"]
        assert house.finish(signal.SIGTERM) == 0


def test_a_stop_is_the_one_of_sigterm(place: Path) -> None:
    """In order, with code 0; whoever asked can wait for it."""
    with Supervised(a_child("api"), control=place, deadline=7) as house:
        house.wait_for("supervisor.ready")
        assert ask([place], "stop", within=10) == {"pid": house.pid, "within": 7}
        assert wait_for_end(house.pid, within=10)
        assert house.finish() == 0
    assert [e["by"] for e in house.told("supervisor.stopping")] == ["the control socket"]
    assert not place.exists()
    with pytest.raises(NobodySupervises):
        status(place)


def test_only_the_owner_may_use_it(place: Path) -> None:
    """The file is for its account alone, whatever the umask."""
    before = os.umask(0)
    try:
        with control_socket(place):
            assert stat.S_IMODE(place.stat().st_mode) == 0o600
    finally:
        os.umask(before)


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become another user")
def test_another_account_is_refused_even_where_the_file_would_let_it(place: Path) -> None:
    """The kernel says who asks (SO_PEERCRED)."""
    with Supervised(a_child("api"), control=place) as house:
        house.wait_for("supervisor.ready")
        place.chmod(0o666)
        open_the_way(place.parent)
        code = (
            "import os, sys\nfrom pathlib import Path\nfrom tgauth.supervisor import ask\n"
            "os.setresuid(65534, 65534, 65534)\n"
            "try: print(ask([Path(sys.argv[1])], 'stop', within=10))\n"
            "except Exception as error: print(type(error).__name__, error.is_forbidden, error)\n"
        )
        done = subprocess.run(
            (sys.executable, "-c", code, str(place)), capture_output=True, text=True, check=False
        )
        assert done.stdout.startswith("NotAnswered True"), done
        assert status(place)["is_ready"]
        assert house.finish(signal.SIGTERM) == 0


@pytest.mark.parametrize(
    "request_line",
    [
        b"\n",
        b"stop\n",
        b'["stop"]\n',
        b'{"command": ["stop"]}\n',
        b'{"command": "fall over"}\n',
        b"\xff\xfe\n",
        b"x" * 100_000,
        b"[" * 4000 + b"\n",
    ],
    ids=["empty", "no JSON", "no object", "no text", "unknown", "no UTF-8", "endless", "too deep"],
)
def test_what_is_no_command_is_told_so(place: Path, request_line: bytes) -> None:
    """And changes nothing."""
    with Supervised(a_child("api"), control=place) as house:
        house.wait_for("supervisor.ready")
        with connected(place) as rude:
            rude.sendall(request_line)
            assert b"commands are reload, status, stop" in rude.recv(4096)
        assert status(place)["is_ready"]
        assert house.finish(signal.SIGTERM) == 0


def test_silent_clients_keep_nobody_else_waiting(place: Path) -> None:
    """Nor for ever: each has a few seconds, and there are only so many at once."""
    with Supervised(a_child("api"), control=place) as house:
        house.wait_for("supervisor.ready")
        few = [connected(place) for _ in range(20)]
        assert status(place)["is_ready"]
        many = [connected(place) for _ in range(30)]
        began = time.monotonic()
        for one in few:
            assert b"commands are" in one.recv(4096)
        assert time.monotonic() - began < 8
        eventually(lambda: _is_answered(place), "others are answered again")
        for one in (*few, *many):
            one.close()
        assert house.finish(signal.SIGTERM) == 0


def _is_answered(place: Path) -> bool:
    try:
        return bool(status(place)["is_ready"])
    except NotAnswered:
        return False


def test_what_a_killed_supervisor_left_is_taken_over(place: Path) -> None:
    """Its socket answers nobody, and does not keep the next from its place."""
    with Supervised(a_child("api"), control=place) as house:
        house.wait_for("supervisor.ready")
        assert house.finish(signal.SIGKILL) == -signal.SIGKILL  # its last thread, too
        assert place.exists()
        with pytest.raises(NobodySupervises):
            status(place)
    with Supervised(a_child("api"), control=place) as house:
        house.wait_for("supervisor.ready")
        assert status(place)["pid"] == house.pid
        assert house.finish(signal.SIGTERM) == 0


def test_somebody_elses_file_is_not_taken_away(place: Path) -> None:
    """What is no socket was not left by a supervisor."""
    place.write_text("precious")
    with pytest.raises(FileExistsError), control_socket(place):
        pass
    assert place.read_text() == "precious"


def test_a_supervisor_that_stands_still_is_told_so(place: Path) -> None:
    """The question is not waited for without end."""
    with Supervised(a_child("api"), control=place) as house:
        house.wait_for("supervisor.ready")
        house.send(signal.SIGSTOP)
        with pytest.raises(NotAnswered, match="no answer") as caught:
            ask([place], "status", within=0.3)
        house.send(signal.SIGCONT)
        assert not caught.value.is_forbidden
        assert house.finish(signal.SIGTERM) == 0


def test_the_first_place_that_answers_counts(place: Path, tmp_path: Path) -> None:
    """Whoever asks may know of several."""
    with Supervised(a_child("api"), control=place) as house:
        house.wait_for("supervisor.ready")
        places = [tmp_path / "nobody", tmp_path / "no folder" / "nobody", place]
        assert ask(places, "status", within=10)["pid"] == house.pid
        assert house.finish(signal.SIGTERM) == 0


def test_the_end_of_a_process_is_waited_for_so_long() -> None:
    """Also of one that is no child."""
    assert wait_for_end(os.getpid(), within=0.05) is False
    gone = subprocess.Popen(("true",))  # noqa: S607 - wherever it is
    gone.wait()
    assert wait_for_end(gone.pid, within=0.05) is True


def test_a_command_that_fails_ends_nothing(place: Path) -> None:
    """The supervisor's own mistake is told to whoever asked, and the next command is answered."""

    async def fail() -> dict[str, Any]:
        raise ZeroDivisionError("a mistake")

    async def succeed() -> dict[str, Any]:
        return {"well": True}

    async def ask_twice() -> None:
        with control_socket(place) as listener:
            async with create_task_group() as tasks:
                tasks.start_soon(answer_all, listener, {"reload": fail, "status": succeed})
                with pytest.raises(NotAnswered, match="an unforeseen error: ZeroDivisionError"):
                    await to_thread.run_sync(lambda: ask([place], "reload", within=10))
                told = await to_thread.run_sync(lambda: ask([place], "status", within=10))
                assert told == {"well": True}
                tasks.cancel_scope.cancel()

    anyio.run(ask_twice)


def test_the_memory_of_what_is_gone_is_nothing() -> None:
    """It may end while it is looked at."""
    gone = subprocess.Popen(("true",))  # noqa: S607 - wherever it is
    gone.wait()
    assert memory_of(gone.pid) is None


def test_a_holder_can_leave_a_note(tmp_path: Path) -> None:
    """For whoever looks for it; there may be none."""
    path = tmp_path / "held"
    assert noted(path) == ""
    with hold(path, note="/run/tgauth/control"):
        assert noted(path) == "/run/tgauth/control"
    with hold(path):
        assert noted(path) == ""
