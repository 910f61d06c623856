"""Promises of the file that one process at a time holds."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tgauth.supervisor import AlreadyHeld, hold

HOLDER = """
import pathlib, subprocess, sys
from tgauth.supervisor import hold
with hold(pathlib.Path(sys.argv[1])):
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], close_fds=False)
    print(child.pid, flush=True)
    sys.stdin.read()
"""


def test_a_second_holder_is_told_who_holds(tmp_path: Path) -> None:
    """By its pid; afterwards the file is free again."""
    path = tmp_path / "x.serve"
    with hold(path):
        with pytest.raises(AlreadyHeld) as caught, hold(path):
            pass
        assert (path, os.getpid()) == (caught.value.path, caught.value.holder)
        assert f"{path} is held by process {os.getpid()}" == str(caught.value)
    with hold(path):
        pass
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_a_killed_holder_leaves_nothing_behind(tmp_path: Path) -> None:
    """Not even while a child of it lives, for children do not inherit it."""
    path = tmp_path / "x.serve"
    with subprocess.Popen(
        (sys.executable, "-c", HOLDER, str(path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        try:
            with pytest.raises(AlreadyHeld) as caught, hold(path):
                pass
            assert holder.pid == caught.value.holder
            holder.kill()
            holder.wait(10)
            os.kill(child, 0)
            with hold(path):
                assert f"{os.getpid()}\n" == path.read_text()
        finally:
            os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize("note", ["", "nonsense", "12 34"])
def test_a_holder_that_cannot_be_learnt_is_another_process(tmp_path: Path, note: str) -> None:
    """The note is for people only."""
    path = tmp_path / "x.serve"
    with hold(path):
        path.write_text(note)
        with pytest.raises(AlreadyHeld, match="held by another process"), hold(path):
            pass


def test_a_file_that_cannot_be_made_is_an_error_of_the_system(tmp_path: Path) -> None:
    """Which whoever holds it explains in its own words."""
    with pytest.raises(FileNotFoundError), hold(tmp_path / "missing" / "x"):
        pass


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    """A supervisor that runs as root would write over whatever it leads to."""
    path, victim = tmp_path / "x.serve", tmp_path / "victim"
    victim.write_text("precious")
    path.symlink_to(victim)
    with pytest.raises(OSError, match="is a symbolic link, which is not followed"), hold(path):
        pass
    assert "precious" == victim.read_text()


def test_a_file_with_a_second_name_is_held_and_not_written(tmp_path: Path) -> None:
    """It is somebody's who linked it here."""
    path, victim = tmp_path / "x.serve", tmp_path / "victim"
    victim.write_text("precious")
    os.link(victim, path)
    with hold(path), pytest.raises(AlreadyHeld), hold(path):
        pass
    assert "precious" == victim.read_text()
