"""A SIGKILL or a full disk amid a backup or a restore leaves the old or the new, never half."""

import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from tests.disks import fill, small_disk
from tests.harness import TOKEN
from tests.store.test_backup import backed_up
from tests.store.whole import add, make, names_in

from tgauth.store import Store

#: Backs up or restores, in a process of its own for each line that it reads, which is killed before
#: its N-th look at or change of a file; says how it ended. What it needs is imported once for all.
KILLED = """
import asyncio, json, os, signal, sys
from pathlib import Path
from tgauth.store.backup import back_up
from tgauth.store.restoring import prepared

def attempt(what, folder, at):
    database, backup = Path(folder, "tgauth.db"), Path(folder, "backups", "backup.db")
    key = Path(folder, "tgauth.db.key")
    seen = 0

    def count(event, arguments):
        nonlocal seen
        is_ours = event in {"os.rename", "os.link", "os.remove", "os.truncate", "os.chmod"} or (
            event in {"open", "sqlite3.connect"} and folder in str(arguments[0])
        )
        seen += is_ours
        if is_ours and seen == at:
            os.kill(os.getpid(), signal.SIGKILL)

    async def main():
        if what == "backup":
            await back_up(database, backup, master_key=key, may_replace=True)
        else:
            async with prepared(database, backup, master_key=key) as restore:
                await restore.carry_out()

    sys.addaudithook(count)
    asyncio.run(main())

for line in sys.stdin:
    child = os.fork()
    if child == 0:
        attempt(*json.loads(line))
        break
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status), flush=True)
"""


async def a_store_and_a_backup(database: Path) -> None:
    """Make a backup with Ann in it, and a store with Ann and Bob, with Cy in its WAL only."""
    await make(database, "ann")
    (database.parent / "backups").mkdir()
    await backed_up(database, database.parent / "backups" / "backup.db")
    async with Store.open(database) as store:
        await add(store, "bob")
    async with Store.open(database) as store:
        await add(store, "cy")
        for suffix in ("", "-wal"):
            shutil.copy(f"{database}{suffix}", f"{database}{suffix}.kept")
    for suffix in ("", "-wal"):
        shutil.move(f"{database}{suffix}.kept", f"{database}{suffix}")


@pytest.fixture
def attempts() -> Iterator["subprocess.Popen[str]"]:
    """Run what makes attempts."""
    with subprocess.Popen(
        (sys.executable, "-c", KILLED), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        yield running
        _, _ = running.communicate(timeout=60)
    assert 0 == running.returncode


def is_killed(attempts: "subprocess.Popen[str]", what: str, folder: Path, at: int) -> bool:
    """Attempt it, and say whether it was killed on its way."""
    assert attempts.stdin is not None
    assert attempts.stdout is not None
    attempts.stdin.write(json.dumps([what, str(folder), at]) + "\n")
    attempts.stdin.flush()
    code = int(attempts.stdout.readline())
    assert code in {0, -signal.SIGKILL}
    return code != 0


def what_tgauth_sees(database: Path) -> set[str]:
    """Return whose accounts there are after the next start."""

    async def start() -> None:
        async with Store.open(database):
            pass

    anyio.run(start)
    return names_in(database)


@pytest.mark.parametrize("what", ["backup", "restore"])
def test_killed_before_any_step_it_leaves_the_old_or_the_new(
    tmp_path: Path, attempts: "subprocess.Popen[str]", what: str
) -> None:
    """And the next attempt goes through, whatever the killed one left."""
    template = tmp_path / "template"
    template.mkdir()
    anyio.run(partial(a_store_and_a_backup, template / "tgauth.db"))
    outcomes = []
    for at in range(1, 100):
        folder = tmp_path / f"at-{at}"
        shutil.copytree(template, folder)
        was_killed = is_killed(attempts, what, folder, at)
        database, backup = folder / "tgauth.db", folder / "backups" / "backup.db"
        outcomes.append(frozenset(what_tgauth_sees(database)))
        if what == "backup":
            assert {"ann", "bob", "cy"} == outcomes[-1]
            outcomes[-1] = frozenset(names_in(backup))
        assert outcomes[-1] in ({"ann"}, {"ann", "bob", "cy"})
        if not was_killed:
            break
        assert not is_killed(attempts, what, folder, 10_000)
        expected = {"ann"} if what == "restore" else outcomes[-1] | {"ann", "bob", "cy"}
        assert expected == names_in(database if what == "restore" else backup)
    # It began with one state, ended with the other, and changed once.
    assert len(outcomes) > 5
    assert 2 == len(set(outcomes))
    assert 1 == sum(one != other for one, other in pairwise(outcomes))


def settings_for(database: Path) -> dict[str, str]:
    """Return the environment of a command on a store."""
    kept = {name: text for name, text in os.environ.items() if not name.startswith("TGAUTH_")}
    return kept | {
        "TGAUTH_CONFIG_FILE": os.devnull,
        "TGAUTH_ISSUER": "https://login.example.org",
        "TGAUTH_TELEGRAM__TOKEN": TOKEN,
        "TGAUTH_LOGIN__ALLOW": "everyone",
        "TGAUTH_DATABASE__PATH": str(database),
    }


def enlarge(database: Path, *, people: int) -> None:
    """Put many people into a store."""
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?) "
            "INSERT INTO persons SELECT hex(randomblob(16)), 900000 + i, 'Name', NULL, "
            "'user' || i, 'en', 1, 1 FROM n",
            (people,),
        )


def test_killed_at_any_moment_a_backup_is_the_old_or_the_new(tmp_path: Path) -> None:
    """Also while SQLite writes it: the real command on a store of some size."""
    database, target = tmp_path / "tgauth.db", tmp_path / "backup.db"
    anyio.run(partial(make, database, "ann"))
    command = (sys.executable, "-m", "tgauth", "db", "backup", str(target), "--force")
    environment = settings_for(database)
    subprocess.run(command, env=environment, check=True, capture_output=True)
    enlarge(database, people=100_000)
    began = time.monotonic()
    copy = tmp_path / "whole.db"
    whole = (*command[:5], str(copy))
    subprocess.run(whole, env=environment, check=True, capture_output=True)
    usual = time.monotonic() - began
    chance = random.Random(42)  # noqa: S311 - the same moments each time
    killed = 0
    for _ in range(8):
        with subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            time.sleep(chance.uniform(0.3, 0.95) * usual)
            process.kill()
        killed += process.returncode != 0
        assert len(names_in(target)) in {1, 100_001}
    assert killed > 0
    subprocess.run(command, env=environment, check=True, capture_output=True)
    assert 100_001 == len(names_in(target))
    assert not target.with_name("backup.db.part").exists()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """Lend a small disk."""
    with small_disk(tmp_path / "small") as mounted:
        yield mounted


def test_a_full_disk_is_told_and_leaves_no_half_backup(tmp_path: Path, disk: Path) -> None:
    """With 73; an earlier backup stays, and once there is room it works."""
    database, target = tmp_path / "tgauth.db", disk / "backup.db"
    anyio.run(partial(make, database, "ann"))
    command = (sys.executable, "-m", "tgauth", "db", "backup", str(target), "--force")
    run = partial(
        subprocess.run, command, env=settings_for(database), capture_output=True, text=True
    )
    assert 0 == run().returncode
    enlarge(database, people=5_000)
    filler = fill(disk)
    done = run()
    assert (73, "") == (done.returncode, done.stdout)
    assert "backup.db cannot be written: database or disk is full" in done.stderr
    assert 1 == len(done.stderr.splitlines())
    assert {"ann"} == names_in(target)
    assert {"backup.db", "filler"} == {one.name for one in disk.iterdir()}
    filler.unlink()
    assert 0 == run().returncode
    assert 5_001 == len(names_in(target))


def test_a_disk_that_is_full_for_a_restore_changes_nothing(tmp_path: Path, disk: Path) -> None:
    """It is told before anything was replaced."""
    database, backup = disk / "tgauth.db", tmp_path / "backup.db"
    anyio.run(partial(make, database, "ann"))
    environment = settings_for(database)
    run = partial(subprocess.run, env=environment, capture_output=True, text=True, check=False)
    assert 0 == run((sys.executable, "-m", "tgauth", "db", "backup", str(backup))).returncode
    fill(disk)
    done = run((sys.executable, "-m", "tgauth", "db", "restore", str(backup), "--yes"))
    assert 73 == done.returncode
    assert "tgauth.db cannot be written: database or disk is full" in done.stderr
    assert {"ann"} == names_in(database)
    assert not (disk / "tgauth.db.before-restore").exists()


def test_ctrl_c_breaks_a_backup_off(tmp_path: Path) -> None:
    """In a line, with 130, and nothing is left of it."""
    database, target = tmp_path / "tgauth.db", tmp_path / "backup.db"
    anyio.run(partial(make, database, "ann"))
    enlarge(database, people=400_000)
    part = tmp_path / "backup.db.part"
    with subprocess.Popen(
        (sys.executable, "-m", "tgauth", "db", "backup", str(target)),
        env=settings_for(database),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        while not part.exists() or not part.stat().st_size:
            assert process.poll() is None
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=30)
    assert (130, "tgauth: broken off\n") == (process.returncode, told)
    assert not part.exists()
    assert not target.exists()
