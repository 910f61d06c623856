"""The top-level supervisord.conf, under the real supervisord."""

import os
import re
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.harness import Process, Tgauth, eventually, telegram, tgauth
from tests.house.sources import ROOT

#: Where `tgauth` and `supervisord` are, as an activated environment has them.
SCRIPTS = Path(sys.executable).parent


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Tgauth]:
    """An installation that does not run yet, and has no Telegram unless a test brings one."""
    with tgauth(tmp_path, "http://127.0.0.1:9") as prepared:
        yield prepared
        # Not with SIGKILL: a serve that lost its supervisord goes on alone.
        assert [0] == [process.stop() for process in prepared.running]


def supervise(installation: Tgauth, *, wait: bool = True, **settings: str) -> Process:
    """Run supervisord as its first lines say: the file as it is, in the store's folder."""
    supervisord = shutil.which("supervisord", path=str(SCRIPTS))
    assert supervisord is not None, "supervisord is in the tests' dependency group"
    process = Process.start(
        ["env", "-C", str(installation.folder), supervisord, "-c", str(ROOT / "supervisord.conf")],
        log=installation.folder / "tgauth.log",
        environment={
            **installation.environment,
            "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
            **settings,
        },
    )
    installation.running.append(process)
    if wait:
        eventually(lambda: "api.listening" in process.output)
    return process


def served_by(supervisord: Process, *, other_than: int = 0) -> int:
    """Return the pid of the `tgauth serve` that runs now."""
    pids = [int(pid) for pid in re.findall(r"spawned: 'tgauth' with pid (\d+)", supervisord.output)]
    return pids[-1] if pids and pids[-1] != other_than else 0


def below(pid: int) -> set[int]:
    """Return the children of a process."""
    children = Path(f"/proc/{pid}/task/{pid}/children")
    return {int(word) for word in children.read_text().split()}


def alive(pids: set[int]) -> set[int]:
    """Return which of these processes there still are."""
    return {pid for pid in pids if Path(f"/proc/{pid}").exists()}


def test_a_killed_serve_is_started_again(tmp_path: Path, installation: Tgauth) -> None:
    """SIGKILL: a new serve takes over, nothing of the old is left, and a pending login is kept."""
    with telegram(tmp_path) as sandbox:
        supervisord = supervise(installation, TGAUTH_TELEGRAM__API_URL=sandbox.url)
        sandbox.send(42, "/login")
        code = sandbox.code(42)
        first = served_by(supervisord)
        children = eventually(lambda: below(first))

        os.kill(first, signal.SIGKILL)

        eventually(lambda: served_by(supervisord, other_than=first))
        eventually(lambda: supervisord.output.count("api.listening") == 2)
        assert installation.exchange(code).status_code == 200
        assert set() == alive(children)
    # What tgauth logs comes out of supervisord.
    assert "login.redeemed" in supervisord.output


def test_a_stop_leaves_no_orphan(installation: Tgauth) -> None:
    """SIGTERM of supervisord ends serve in order, and waits for it."""
    supervisord = supervise(installation)
    first = served_by(supervisord)
    children = eventually(lambda: pids if len(pids := below(first)) == 2 else set())

    assert supervisord.stop() == 0

    assert set() == alive({first, *children})
    assert "stopped: tgauth (exit status 0)" in supervisord.output
    assert "killing" not in supervisord.output


def test_a_mistake_in_the_settings_is_final(installation: Tgauth) -> None:
    """Exit code 78: the line that explains it is printed once, and nothing is tried again."""
    supervisord = supervise(installation, wait=False, TGAUTH_ISSUER="no address")
    eventually(lambda: "exited: tgauth (exit status 78; expected)" in supervisord.output)

    # It looks after its programs once a second: by now it would have started another.
    time.sleep(2.5)

    assert supervisord.output.count("spawned: 'tgauth'") == 1
    assert supervisord.output.count("TGAUTH_ISSUER: ") == 1


def test_a_reload_is_none_of_its_business(installation: Tgauth) -> None:
    """`supervisorctl signal HUP tgauth`: everything below is new, and supervisord sees nothing."""
    supervisord = supervise(installation)
    first = served_by(supervisord)
    children = eventually(lambda: pids if len(pids := below(first)) == 2 else set())
    eventually(lambda: "supervisor.ready" in supervisord.output)

    os.kill(first, signal.SIGHUP)

    eventually(lambda: "supervisor.reloaded" in supervisord.output, within=60)
    assert not children & below(first)
    assert served_by(supervisord) == first
    assert "exited: tgauth" not in supervisord.output


def test_a_stop_that_was_asked_for_is_final(installation: Tgauth) -> None:
    """`tgauth stop` ends with 0, which is expected, so it is not started again."""
    supervisord = supervise(installation)
    first = served_by(supervisord)
    eventually(lambda: "supervisor.ready" in supervisord.output)
    stop = Process.start(
        [str(SCRIPTS / "tgauth"), "stop"],
        log=installation.folder / "stop.log",
        environment=installation.environment,
    )
    assert stop.popen.wait(20) == 0
    eventually(lambda: "exited: tgauth (exit status 0; expected)" in supervisord.output)
    time.sleep(2.5)
    assert served_by(supervisord, other_than=first) == 0
