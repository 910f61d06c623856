"""Run a supervisor in a process of its own, and follow what it tells, with bounded waits."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tgauth.supervisor import Child, RestartPolicy

PATIENCE = 15.0
SCRIPTS = Path(__file__).parent / "children"
QUICK = RestartPolicy(base=0.02, cap=0.05)


def a_child(name: str = "api", *flags: str, **fields: Any) -> Child:
    """Build a child that behaves as `flags` of children/child.py say."""
    argv = (sys.executable, str(SCRIPTS / "child.py"), *flags)
    chosen: dict[str, Any] = {"name": name, "argv": argv, "policy": QUICK} | fields
    return Child(**chosen)


def eventually(condition: Callable[[], bool], what: str) -> None:
    """Wait until `condition` holds, and fail when it does not hold in time."""
    until = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > until:
            raise AssertionError(f"not in time: {what}")
        time.sleep(0.01)


def is_alive(pid: int) -> bool:
    """Tell whether `pid` runs; a zombie does not."""
    return exists(pid) and state_of(pid) not in {"Z", "X", ""}


def exists(pid: int) -> bool:
    """Tell whether `pid` is in the process table, be it as a zombie."""
    return Path(f"/proc/{pid}").exists()


def state_of(pid: int) -> str:
    """Return the letter of proc_pid_stat(5) for what a process does; empty when it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def until(above: socket.socket, datagram: bytes) -> list[bytes]:
    """Read what a service manager is told up to one datagram; return what came before it."""
    before: list[bytes] = []
    while (read := above.recv(4096)) != datagram:
        before.append(read)
    return before


class Supervised:
    """A supervisor process and the events that it has told so far."""

    def __init__(  # noqa: PLR0913 - each is what one test varies
        self,
        *children: Child,
        deadline: float = 10.0,
        environment: Mapping[str, str] | None = None,
        prefix: tuple[str, ...] = (),
        subreaper: bool = False,
        stderr: int | None = None,
        renewal: Path | None = None,
        control: Path | None = None,
    ) -> None:
        """Start a supervisor of `children`; `prefix` goes before the command."""
        order = {
            "children": [asdict(child) for child in children],
            "renewal": str(renewal) if renewal else None,
            "control": str(control) if control else None,
            "deadline": deadline,
            "subreaper": subreaper,
        }
        script = str(SCRIPTS / "supervise.py")
        self.history: list[dict[str, Any]] = []
        self._unread: list[dict[str, Any]] = []
        self._rest = b""
        self._process = subprocess.Popen(
            (*prefix, sys.executable, "-X", "dev", script, json.dumps(order)),
            stdout=subprocess.PIPE,
            stderr=stderr,
            env=os.environ | (environment or {}),
            pass_fds=[fd for child in children for fd in child.file_descriptors],
        )
        self.pid = self._process.pid

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        os.kill(self.pid, number)

    def wait_for(self, event: str, **fields: object) -> dict[str, Any]:
        """Return the next event like this that was not returned before."""
        until = time.monotonic() + PATIENCE
        while True:
            for told in self._unread:
                if told["event"] == event and fields.items() <= told.items():
                    self._unread.remove(told)
                    return told
            if not self._read(until):
                raise AssertionError(f"no {event} {fields} among {self.history}")

    def told(self, event: str) -> list[dict[str, Any]]:
        """Return all events of this kind so far."""
        return [told for told in self.history if told["event"] == event]

    def finish(self, *numbers: signal.Signals) -> int:
        """Send signals, read to the end (which comes when no child is left), return the code."""
        for number in numbers:
            self.send(number)
        until = time.monotonic() + PATIENCE
        while self._read(until):
            pass
        return self._process.wait(PATIENCE)

    def _read(self, until: float) -> bool:
        """Take in what was told; False at the end."""
        assert self._process.stdout is not None
        output = self._process.stdout.fileno()
        readable, _, _ = select.select([output], [], [], max(0, until - time.monotonic()))
        if not readable:
            raise AssertionError(f"nothing more told in time after {self.history}")
        chunk = os.read(output, 65536)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        events = [json.loads(line) for line in lines]
        self.history += events
        self._unread += events
        return bool(chunk)
