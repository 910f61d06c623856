"""Promises of the duty of PID 1."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.supervisor.harness import Supervised, a_child, eventually, exists

from tgauth.supervisor.reaping import reap_orphans


def test_reaping_leaves_our_own_children_alone() -> None:
    """The exit status of a child is collected by whoever waits for it."""
    ours = subprocess.Popen((sys.executable, "-c", "raise SystemExit(7)"))
    os.waitid(os.P_PID, ours.pid, os.WEXITED | os.WNOWAIT)
    reap_orphans({ours.pid})
    assert ours.wait() == 7
    reap_orphans(set())


def test_a_subreaper_collects_the_orphans_that_come_to_it() -> None:
    """Orphans of children leave no zombie, and the children's own exits are not stolen."""
    with Supervised(a_child("api", "--orphan"), subreaper=True) as house:
        orphan = house.wait_for("said", what="orphan")["pid"]
        eventually(lambda: not exists(orphan), "the orphan is collected")
        assert house.finish(signal.SIGTERM) == 0
    assert [e["code"] for e in house.told("child.exited")] == [0]


def _can_unshare() -> bool:
    return (
        subprocess.run(
            ("unshare", "--pid", "--fork", "true"),  # noqa: S607 - wherever it is installed
            check=False,
            capture_output=True,
        ).returncode
        == 0
    )


@pytest.mark.skipif(not _can_unshare(), reason="needs the right to make a PID namespace")
def test_works_as_pid_1() -> None:
    """As the first process of a container it stops on SIGTERM and collects orphans."""
    prefix = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")
    with Supervised(a_child("api", "--orphan", "--environment"), prefix=prefix) as house:
        environment = house.wait_for("said", what="environment")["environment"]
        assert environment["SUPERVISED_BY"] == "1"
        house.wait_for("child.ready")
        outer = Path(f"/proc/{house.pid}/task/{house.pid}/children")
        first = int(outer.read_text().split()[0])
        below = Path(f"/proc/{first}/task/{first}/children")
        eventually(lambda: len(below.read_text().split()) == 1, "only the child is left")
        house.pid = first
        assert house.finish(signal.SIGTERM) == 0
    assert [e["code"] for e in house.told("child.exited")] == [0]
