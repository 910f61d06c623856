"""Promises of `status`, `reload` and `stop` to whom nobody answers, or not as wished."""

import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Run

SETTINGS = {"TGAUTH_DATABASE__PATH": "tgauth.db"}


@contextmanager
def answering(place: Path, answer: bytes | None) -> Iterator[list[Any]]:
    """Be a supervisor that gives one answer; None keeps the question waiting."""
    asked: list[Any] = []
    done = threading.Event()
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(place))
        listener.listen()

        def answer_one() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(json.loads(connection.recv(4096)))
                if answer is None:
                    done.wait(10)
                else:
                    connection.sendall(answer)

        thread = threading.Thread(target=answer_one)
        thread.start()
        try:
            yield asked
        finally:
            done.set()
            thread.join(10)


@pytest.mark.parametrize("command", ["status", "reload", "stop"])
def test_another_account_is_told_to_be_the_right_one(folder: Path, run: Run, command: str) -> None:
    """77, and what to do; the account that it runs as is answered."""
    refusal = json.dumps({"refused": "only root and the account that runs it may ask"})
    with answering(folder / "tgauth.db.control", refusal.encode() + b"\n") as asked:
        done = run(command, **SETTINGS)
    assert 77 == done.exit_code
    assert "run this as the account that `tgauth serve` runs as" in done.stderr
    assert [{"command": command}] == asked


@pytest.mark.parametrize("answer", [b"", b"[]\n", b"no JSON\n"])
def test_an_answer_that_is_none_is_told_so(folder: Path, run: Run, answer: bytes) -> None:
    """75: it may be better the next time."""
    with answering(folder / "tgauth.db.control", answer):
        done = run("stop", **SETTINGS)
    assert (75, "") == (done.exit_code, done.stdout)
    assert "it was closed without an answer" in done.stderr


def test_a_stop_that_does_not_come_is_told_so(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """75, and which process still runs."""
    monkeypatch.setattr("tgauth.cli.controlling._TO_SPARE", 0.1)
    answer = json.dumps({"pid": os.getpid(), "within": 0}).encode() + b"\n"
    with answering(folder / "tgauth.db.control", answer):
        done = run("stop", **SETTINGS)
    assert 75 == done.exit_code
    assert f"process {os.getpid()} has been told to stop, and still runs" in done.stderr


def test_what_a_supervisor_says_cannot_steer_a_terminal(folder: Path, run: Run) -> None:
    """Names and statuses are shown without control characters."""
    child = {
        "name": "api",
        "pid": 7,
        "state": "ready",
        "uptime": 90061.0,
        "memory": 61_234_567,
        "restarts": 2,
        "last_end": {"how": "SIGABRT", "why": "hung", "at": 0, "pid": 6, "uptime": 1.0},
        "leaving": [5],
        "status": "polling\x1b[2J as @name",
        "told": {"X_TGAUTH_CONTACT": "soon"},
    }
    told = {
        "pid": 1,
        "uptime": 59.9,
        "status": "ready: api",
        "is_stopping": False,
        "last_reload": {"at": 0, "failure": "issuer:\x1b no address", "replaced": [], "notes": []},
        "children": [child],
    }
    with answering(folder / "tgauth.db.control", json.dumps(told).encode() + b"\n"):
        done = run("status", **SETTINGS)
    assert 0 == done.exit_code
    assert "\x1b" not in done.stdout
    assert "tgauth serve, process 1, for 59 s: ready: api" in done.stdout
    assert "last reload, 1970-01-01 00:00:00 UTC: issuer: no address" in done.stdout
    row = "ready, 1 older one leaving  1 d 1 h  61.2 MB  2         SIGABRT (hung), 1970-01-01"
    assert row in done.stdout
    assert "api: polling[2J as @name\n" in done.stdout
