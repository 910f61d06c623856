"""Promises of the real command as process 1, as in a container that has nothing else."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.harness import Process, Tgauth, answers, eventually, tgauth


def _can_unshare() -> bool:
    done = subprocess.run(
        ("unshare", "--pid", "--fork", "true"),  # noqa: S607 - wherever it is installed
        check=False,
        capture_output=True,
    )
    return done.returncode == 0


pytestmark = pytest.mark.skipif(
    not _can_unshare(), reason="needs the right to make a PID namespace"
)
UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Tgauth]:
    """An installation that does not run yet, without a Telegram."""
    with tgauth(tmp_path, "http://127.0.0.1:9") as prepared:
        yield prepared


def first_of(process: Process) -> int:
    """Return the pid, as we see it, of what is process 1 inside."""
    [first] = below(process.popen.pid)
    return first


def below(pid: int) -> list[int]:
    """Return the children of a process."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def served_as_first(installation: Tgauth) -> tuple[Process, int]:
    """Run `tgauth serve` as process 1 until it answers."""
    process = Process.start(
        [*UNSHARE, sys.executable, "-m", "tgauth", "serve"],
        log=installation.folder / "tgauth.log",
        environment=installation.environment,
    )
    installation.running.append(process)
    eventually(lambda: answers(f"{installation.url}/readyz"))
    return process, first_of(process)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_in_order(installation: Tgauth, number: signal.Signals) -> None:
    """The kernel ignores what process 1 does not handle; these it does, and it ends with 0."""
    process, first = served_as_first(installation)
    os.kill(first, number)
    assert process.popen.wait(20) == 0
    output = installation.output
    assert output.index("child.exited name=bot") < output.index("child.exited name=api")
    assert "supervisor.killing" not in output


def test_orphans_are_reaped_and_children_are_replaced(installation: Tgauth) -> None:
    """What ends up here leaves no zombie, and the ends of our own children are not lost."""
    process, first = served_as_first(installation)
    eventually(lambda: len(below(first)) == 2)
    inside = ("nsenter", "--target", str(first), "--pid", "--mount")
    leave = "sleep 0.3 & sleep 0.2 & exec true"
    subprocess.run((*inside, "sh", "-c", leave), check=True)
    time.sleep(0.1)
    eventually(lambda: len(below(first)) == 2)
    api = eventually(lambda: named(first, "api"))
    os.kill(api, signal.SIGKILL)
    eventually(lambda: named(first, "api") not in {0, api})
    eventually(lambda: "child.exited name=api" in installation.output)
    assert "signal=SIGKILL" in installation.output
    os.kill(first, signal.SIGTERM)
    assert process.popen.wait(20) == 0


def named(first: int, name: str) -> int:
    """Return the pid of the child that runs as `name`; 0 where there is none now."""
    for pid in below(first):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        except FileNotFoundError:
            continue
        if name.encode() in words:
            return pid
    return 0


def test_a_reload_works(installation: Tgauth) -> None:
    """SIGHUP reaches it, and both children are new afterwards."""
    process, first = served_as_first(installation)
    before = set(eventually(lambda: below(first) if len(below(first)) == 2 else []))
    os.kill(first, signal.SIGHUP)
    eventually(lambda: "supervisor.reloaded" in installation.output, within=60)
    assert not before & set(below(first))
    os.kill(first, signal.SIGTERM)
    assert process.popen.wait(20) == 0
