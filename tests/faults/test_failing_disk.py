"""A disk that fails under the running processes, and a store that cannot be had."""

import os
import re
import shutil
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import httpx
import pytest
from tests.disks import small_disk
from tests.faults.storm.killing import descendants
from tests.harness import NEVER_PRINTED, Process, Telegram, Tgauth, eventually, tgauth
from tests.strace import failing

#: A busy machine takes its time.
pytestmark = pytest.mark.timeout(300)

PEOPLE = range(601, 607)


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation that does not run yet."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600") as prepared:
        yield prepared


Fault = Callable[[Tgauth, Process], AbstractContextManager[None]]


def a_failing(call: str, error: str) -> Fault:
    """Return a disk on which a system call fails for the API and the bot."""

    @contextmanager
    def fail(installation: Tgauth, served: Process) -> Iterator[None]:
        pids = [pid for _, pid in descendants(served.popen.pid)]
        with failing(pids, call, error, installation.folder):
            yield

    return fail


@contextmanager
def locked(installation: Tgauth, _: Process) -> Iterator[None]:
    """Hold SQLite's own lock, as a program does that knows nothing of ours."""
    with closing(sqlite3.connect(installation.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        yield
        other.execute("ROLLBACK")


#: What fails → how it is made to, and what the log says of it.
FAULTS: dict[str, tuple[Fault, str]] = {
    "writes fail": (a_failing("pwrite64", "EIO"), "disk I/O error"),
    "syncs fail": (a_failing("fdatasync,fsync", "EIO"), "disk I/O error"),
    "it became read-only": (a_failing("pwrite64,ftruncate,unlink", "EROFS"), "disk I/O error"),
    "another program holds the store": (locked, "database is locked"),
}


@pytest.mark.parametrize(("fault", "told"), FAULTS.values(), ids=FAULTS.keys())
def test_a_store_that_cannot_be_written_loses_and_doubles_nothing(
    sandbox: Telegram, installation: Tgauth, fault: Fault, told: str
) -> None:
    """Not ready meanwhile, no false success, and it recovers by itself when the cause ends."""
    served = installation.start("serve")
    sandbox.send(600, "/login")
    before = sandbox.code(600)

    with fault(installation, served):
        for person in PEOPLE:
            sandbox.send(person, "/login")
        refused = eventually(lambda: not_ready(installation.url))
        assert refused is not None
        assert refused.json() == {"status": "not ready", "store": "store_unavailable"}
        tried = installation.exchange(before)
        assert (503, "temporarily_unavailable") == (tried.status_code, tried.json()["error"])
        assert [] == [person for person in PEOPLE if sandbox.codes(person)]

    links = {person: sandbox.code(person, within=40) for person in PEOPLE}
    for person, code in links.items():
        assert 200 == installation.exchange(code).status_code
        assert 400 == installation.exchange(code).status_code
        assert [code] == sandbox.sent_codes()[person]
    token = installation.exchange(before).json()["access_token"]
    assert told in installation.output
    kill_and_start(installation, served)
    # What was answered with a success was written, whatever failed before it.
    assert 200 == installation.me(token).status_code
    assert 400 == installation.exchange(before).status_code
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def not_ready(url: str) -> httpx.Response | None:
    """Return the answer that says so, once there is one."""
    answer = httpx.get(f"{url}/readyz", timeout=20)
    return answer if answer.status_code == 503 else None


def kill_and_start(installation: Tgauth, served: Process) -> Process:
    """Kill everything at once, and start again."""
    served.popen.send_signal(signal.SIGKILL)
    served.popen.wait(10)
    return installation.start("serve")


def read_only(disk: Path, *, on: bool) -> None:
    """Make a mounted disk read-only, or writable again."""
    option = "ro" if on else "rw"
    subprocess.run(("mount", "-o", f"remount,{option}", str(disk)), check=True)  # noqa: S607 - Debian's mount


def test_a_start_on_a_read_only_disk_says_so(tmp_path: Path, sandbox: Telegram) -> None:
    """By a line and an exit code, and a start works as soon as the disk can be written."""
    with (
        small_disk(tmp_path / "disk") as disk,
        tgauth(
            tmp_path, sandbox.url, TGAUTH_DATABASE__PATH=str(disk / "tgauth.db")
        ) as installation,
    ):
        assert 0 == installation.start("serve").stop()
        read_only(disk, on=True)
        for process in (("run", "api"), ("run", "bot"), ("serve",)):
            assert os.EX_IOERR == installation.start(*process, wait=False).popen.wait(30)
        lines = [one for one in installation.output.splitlines() if one.startswith("tgauth: ")]
        assert 3 == len(lines)
        assert all(re.search(r"tgauth\.db.*: Read-only file system", one) for one in lines), lines
        read_only(disk, on=False)
        served = installation.start("serve")
        sandbox.send(600, "/login")
        assert installation.exchange(sandbox.code(600)).is_success
        assert 0 == served.stop()
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def garbage(database: Path) -> None:
    """Put something else in the store's place."""
    database.write_bytes(b"no database at all, " * 1000)


def truncated(database: Path) -> None:
    """Take the second half of the store away."""
    os.truncate(database, database.stat().st_size // 2 // 4096 * 4096)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (garbage, "not a database"),
        (truncated, "database disk image is malformed"),
    ],
)
def test_a_damaged_file_is_not_served(
    sandbox: Telegram, installation: Tgauth, damage: Callable[[Path], None], told: str
) -> None:
    """It is told by a line and an exit code; with the file back, everything is there."""
    database = installation.database
    served = installation.start("serve")
    sandbox.send(600, "/login")
    code = sandbox.code(600)
    assert 0 == served.stop()
    kept = database.with_name("kept")
    shutil.copy(database, kept)
    damage(database)

    for process in ("api", "bot"):
        failed = installation.start("run", process, wait=False).popen.wait(30)
        assert os.EX_IOERR == failed
    lines = [one for one in installation.output.splitlines() if one.startswith("tgauth: ")]
    assert 2 == len(lines)
    assert all("the store is unavailable" in one and told in one for one in lines)

    shutil.move(kept, database)
    served = installation.start("serve")
    assert installation.exchange(code).is_success
    assert 0 == served.stop()
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def test_a_file_that_is_cut_off_under_a_running_process_is_found(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """By `tgauth db check` at once, and by the next start, which serves nothing out of it."""
    served = installation.start("serve")
    sandbox.send(600, "/login")
    sandbox.code(600)
    with closing(sqlite3.connect(installation.database)) as other:
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    truncated(installation.database)

    checked = installation.start("db", "check", wait=False)
    assert checked.popen.wait(30) != 0
    assert "restore a backup: docs/backup.md" in installation.output
    assert "database disk image is malformed" in installation.output
    assert 0 == served.stop()
    assert os.EX_IOERR == installation.start("run", "api", wait=False).popen.wait(30)
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def test_a_log_that_a_crash_left_is_read(tmp_path: Path, sandbox: Telegram) -> None:
    """Also where only store and log were saved from a dead machine, and the log's end is torn."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600") as installation:
        served = installation.start("serve")
        sandbox.send(600, "/login")
        redeemed = sandbox.code(600)
        token = installation.exchange(redeemed).json()["access_token"]
        sandbox.send(601, "/login")
        pending = sandbox.code(601)
        served.popen.send_signal(signal.SIGKILL)
        served.popen.wait(10)
        # Its children hear of it by a signal of their own.
        time.sleep(0.2)
        log = installation.database.with_name("tgauth.db-wal")
        assert log.stat().st_size > 0
        with log.open("ab") as torn:
            torn.write(b"\xa5" * 1000)
        installation.database.with_name("tgauth.db-shm").unlink()

        served = installation.start("serve")
        assert 200 == installation.me(token).status_code
        assert 400 == installation.exchange(redeemed).status_code
        assert 200 == installation.exchange(pending).status_code
        assert 0 == served.stop()
