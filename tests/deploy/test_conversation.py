"""What a service manager hears from the real command, from its start to its stop.

The conversation is recorded from a real NOTIFY_SOCKET and read as systemd would read it.
"""

import os
import re
import signal
import socket
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from tests.harness import Tgauth, eventually, telegram, tgauth

from tgauth.store.migrations import shipped

PERIOD = 2.0
#: What may be said, and nothing else: a service manager ignores the rest, or stumbles over it.
KNOWN = {"READY", "STATUS", "WATCHDOG", "RELOADING", "MONOTONIC_USEC", "STOPPING"}


class Manager:
    """The other end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[dict[str, str]] = []
        self.moments: list[float] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))

    @property
    def environment(self) -> dict[str, str]:
        """What it gives to what it starts."""
        return {"NOTIFY_SOCKET": str(self.path), "WATCHDOG_USEC": str(int(PERIOD * 1_000_000))}

    def hear(self, wanted: Callable[[dict[str, str]], bool], *, within: float = 40.0) -> None:
        """Listen until something is said."""
        deadline = time.monotonic() + within
        while True:
            self._socket.settimeout(max(0.01, deadline - time.monotonic()))
            lines = self._socket.recv(4096).decode().splitlines()
            said = dict(line.split("=", 1) for line in lines)
            self.heard.append(said)
            self.moments.append(time.monotonic())
            if wanted(said):
                return

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def status(self) -> str:
        """Return what `systemctl status` would show now."""
        return [said["STATUS"] for said in self.heard if "STATUS" in said][-1]


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[Manager]:
    """A service manager that listens."""
    listening = Manager(tmp_path / "notify")
    yield listening
    listening.close()


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Tgauth]:
    """An installation that does not run yet."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as prepared:
        yield prepared


def test_the_conversation(manager: Manager, installation: Tgauth) -> None:
    """Start, ready, reload, a child that hangs, stop: each is told, and signs of life go on."""
    served = installation.start("serve", wait=False, environment=manager.environment)
    manager.hear(lambda said: said.get("READY") == "1")
    assert manager.heard[-1]["STATUS"].startswith("ready: api, bot")
    first = next(said["STATUS"] for said in manager.heard if "STATUS" in said)
    assert first == "not ready: api, bot"
    if "polling as @" not in manager.status():
        manager.hear(lambda said: "polling as @" in said.get("STATUS", ""))
    assert re.fullmatch(r"ready: api, bot; polling as @\w+", manager.status())

    served.popen.send_signal(signal.SIGHUP)
    manager.hear(lambda said: said.get("RELOADING") == "1")
    moment = int(manager.heard[-1]["MONOTONIC_USEC"])
    assert 0 <= time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000 - moment < 5_000_000
    manager.hear(lambda said: said.get("READY") == "1")
    assert "reloading" not in manager.status()

    children = eventually(lambda: c if {"api", "bot"} <= set(c := served.children()) else {})
    os.kill(children["api"], signal.SIGSTOP)
    manager.hear(lambda said: said.get("STATUS", "").startswith("not ready: api; ready: bot"))
    manager.hear(lambda said: said.get("STATUS", "").startswith("ready: api, bot"))
    assert manager.status().endswith("; 1 restart")

    served.popen.send_signal(signal.SIGTERM)
    manager.hear(lambda said: said.get("STOPPING") == "1")
    assert served.popen.wait(20) == 0
    assert manager.status() == "stopping after SIGTERM"
    assert {name for said in manager.heard for name in said} <= KNOWN
    assert ["1"] * 2 == [said["READY"] for said in manager.heard if "READY" in said]
    pings = [
        at
        for at, said in zip(manager.moments, manager.heard, strict=True)
        if said == {"WATCHDOG": "1"}
    ]
    gaps = [later - earlier for earlier, later in pairwise(pings)]
    assert max(gaps) < PERIOD


def test_a_migration_may_take_its_time(manager: Manager, installation: Tgauth) -> None:
    """Before anything else it asks for more of it: TimeoutStartSec= would cut a long one off."""
    first = shipped()[0]
    with closing(sqlite3.connect(installation.database)) as raw:
        raw.executescript(first.sql)
        raw.execute(f"PRAGMA user_version = {first.number}")
        raw.commit()
    served = installation.start("serve", wait=False, environment=manager.environment)
    manager.hear(lambda said: said.get("READY") == "1")
    asked = {"EXTEND_TIMEOUT_USEC": "30000000", "STATUS": "migrating the store"}
    assert manager.heard[0] == asked
    assert served.stop() == 0


def test_a_start_that_fails_says_why(manager: Manager, installation: Tgauth) -> None:
    """Never ready, and the last status is the reason."""
    environment = manager.environment | {"TGAUTH_TELEGRAM__TOKEN": "4242:another-token-entirely"}
    served = installation.start("serve", wait=False, environment=environment)
    manager.hear(lambda said: said.get("STOPPING") == "1")
    assert served.popen.wait(20) == 78
    assert manager.status() == "gave up on bot: misconfigured"
