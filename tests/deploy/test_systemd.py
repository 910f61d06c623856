"""Promises of deploy/tgauth.service, as far as they can be kept without systemd as process 1."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.harness import Process, answers, eventually, telegram, tgauth
from tests.house.sources import ROOT

from tgauth.processes import STOP_DEADLINE

UNIT = ROOT / "deploy" / "tgauth.service"
DROP_IN = ROOT / "deploy" / "tgauth-notify-reload.conf"
ANALYZE = shutil.which("systemd-analyze")

pytestmark = [
    pytest.mark.systemd,
    pytest.mark.skipif(ANALYZE is None, reason="needs systemd: apt-get install systemd"),
]

FIRST_WITH_NOTIFY_RELOAD = 253

#: What `systemd-analyze security` may say at most: from 0 (nothing exposed) to 10.
LARGEST_EXPOSURE = 1.1

#: Forbids memory that is or was writable to become code, then runs a command (prctl(2)).
DENY_WRITE_EXECUTE = """
import ctypes, os, sys
PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0):
    sys.exit(f"prctl: {os.strerror(ctypes.get_errno())}")
os.execv(sys.argv[1], sys.argv[1:])
"""


def analyze(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Ask systemd about the unit, with the tgauth of this environment in the place of /opt's."""
    command = Path(sys.executable).with_name("tgauth")
    unit = folder / UNIT.name
    text = UNIT.read_text("utf-8")
    assert "ExecStart=/opt/tgauth/bin/tgauth serve\n" in text
    unit.write_text(text.replace("/opt/tgauth/bin/tgauth serve", f"{command} serve"))
    return subprocess.run(
        (str(ANALYZE), *arguments, str(unit)), capture_output=True, text=True, check=False
    )


def test_systemd_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    """`systemd-analyze verify` prints nothing: no unknown directive, nothing contradictory."""
    done = analyze(tmp_path, "verify", "--man=no")

    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_tgauth_could_do_to_the_machine_is_little(tmp_path: Path) -> None:
    """What is left is the network and a folder of its own."""
    done = analyze(tmp_path, "security", "--offline=true", "--no-pager")

    found = re.search(r"Overall exposure level for \S+: (\d+\.\d)", done.stdout)
    assert found is not None, done.stdout + done.stderr
    assert float(found[1]) <= LARGEST_EXPOSURE


def test_the_unit_knows_our_contract() -> None:
    """Readiness, reload, signs of life; SIGTERM to the first process only; 78 and 0 are final."""
    unit = UNIT.read_text("utf-8").splitlines()
    [timeout] = [line.partition("=")[2] for line in unit if line.startswith("TimeoutStopSec=")]
    assert float(timeout) > STOP_DEADLINE
    assert {"KillMode=mixed", "Restart=on-failure", "RestartPreventExitStatus=78"} <= set(unit)
    assert {"Type=notify", "ExecReload=/bin/kill -HUP $MAINPID", "WatchdogSec=30"} <= set(unit)
    assert {"StateDirectory=tgauth", "RuntimeDirectory=tgauth", "UMask=0077"} <= set(unit)


def test_newer_systemds_can_wait_for_a_reload(tmp_path: Path) -> None:
    """The drop-in changes two lines; from 253 on, systemd knows what they mean."""
    lines = [line for line in DROP_IN.read_text("utf-8").splitlines() if line[:1] not in {"", "#"}]
    assert lines == ["[Service]", "Type=notify-reload", "ExecReload="]
    version = subprocess.run(
        (str(ANALYZE), "--version"), capture_output=True, text=True, check=True
    ).stdout
    knows = int(re.findall(r"systemd (\d+)", version)[0]) >= FIRST_WITH_NOTIFY_RELOAD
    folder = tmp_path / f"{UNIT.name}.d"
    folder.mkdir()
    (folder / DROP_IN.name).write_text(DROP_IN.read_text("utf-8"))
    done = analyze(tmp_path, "verify", "--man=no")
    assert knows is (done.stderr == "")
    assert knows or "Failed to parse service type, ignoring: notify-reload" in done.stderr


def test_a_login_works_where_no_memory_may_become_code(tmp_path: Path) -> None:
    """`MemoryDenyWriteExecute=` costs nothing: neither ctypes nor cryptography need such memory."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as installation:
        start = (sys.executable, "-c", DENY_WRITE_EXECUTE, sys.executable, "-m", "tgauth", "serve")
        process = Process.start(
            list(start), log=tmp_path / "tgauth.log", environment=installation.environment
        )
        installation.running.append(process)
        eventually(lambda: answers(f"{installation.url}/readyz"))
        sandbox.send(42, "/login")

        assert installation.exchange(sandbox.code(42)).status_code == 200
        assert process.stop() == 0
