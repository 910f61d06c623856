"""An upgrade under bad luck: two starts at once, and a kill in the middle, of a frozen store."""

import os
import random
import shutil
import signal
import sqlite3
import stat
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.data.test_frozen_stores import FROZEN, written_down
from tests.harness import NEVER_PRINTED, Process, Tgauth, answers, eventually, tgauth

from tgauth.store.migrations import shipped

#: A busy machine takes its time.
pytestmark = pytest.mark.timeout(300)

NEWEST = shipped()[-1].number
#: Made here, so that there is always something to migrate from.
FIRST = "the first version"


def first_version(database: Path) -> None:
    """Write a store as the first version left it."""
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.executescript(shipped()[0].sql)
        raw.execute("PRAGMA user_version = 1")
        raw.executemany(
            "INSERT INTO persons VALUES (?, ?, 'A', NULL, NULL, NULL, 0, 0)",
            ((f"s{one}", one) for one in range(1, 2001)),
        )
        raw.commit()
    database.chmod(stat.S_IRUSR | stat.S_IWUSR)


def put(frozen: Path | str, database: Path) -> dict[str, int]:
    """Put a store of an earlier version there; return how many rows each table has to have."""
    if not isinstance(frozen, Path):
        first_version(database)
        return {"persons": 2000}
    for name in ("tgauth.db", "tgauth.db.key"):
        shutil.copy(frozen / name, database.with_name(name))
        database.with_name(name).chmod(stat.S_IRUSR | stat.S_IWUSR)
    # What is over is swept away by and by; accounts and who was banned are not.
    return {table: len(written_down(frozen)[table]) for table in ("persons", "bans")}


def rows_in(database: Path, tables: dict[str, int]) -> dict[str, int]:
    """Count the rows of these tables in an undamaged store of this version."""
    with closing(sqlite3.connect(database)) as raw:
        assert [("ok",)] == raw.execute("PRAGMA integrity_check").fetchall()
        assert [(NEWEST,)] == raw.execute("PRAGMA user_version").fetchall()
        return {
            table: raw.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables
        }


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Tgauth]:
    """An installation whose Telegram is nowhere, and which does not run yet."""
    with tgauth(tmp_path, "http://127.0.0.1:9") as prepared:
        yield prepared


@pytest.mark.parametrize("frozen", [FIRST, *FROZEN], ids=lambda one: getattr(one, "name", one))
def test_two_starts_at_once_migrate_once(installation: Tgauth, frozen: Path | str) -> None:
    """The processes of two service managers, on one old store: all serve, and nothing is lost."""
    tables = put(frozen, installation.database)
    started = [
        installation.start("run", name, wait=False, environment=port)
        for name, port in (
            ("api", {}),
            ("bot", {}),
            ("api", {"TGAUTH_API__PORT": "0"}),
            ("bot", {}),
        )
    ]
    eventually(lambda: answers(f"{installation.url}/readyz"), within=60)
    eventually(lambda: installation.output.count("api.listening") == 2, within=60)
    time.sleep(0.5)
    assert [None] * 4 == [one.popen.poll() for one in started]
    assert tables == rows_in(installation.database, tables)
    assert [0] * 4 == [one.stop() for one in started]
    is_old = frozen == FIRST or not str(frozen).endswith(f"-v{NEWEST}")
    assert int(is_old) == installation.output.count("store.migrated")
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def test_two_serves_at_once_are_one(installation: Tgauth) -> None:
    """One serves what it migrated, and the other says who does, with 75."""
    tables = put(FIRST, installation.database)
    two = [installation.start("serve", wait=False) for _ in range(2)]
    eventually(lambda: answers(f"{installation.url}/readyz"), within=60)
    eventually(lambda: any(one.popen.poll() is not None for one in two))
    [beaten] = [one for one in two if one.popen.poll() is not None]
    [serving] = [one for one in two if one is not beaten]
    assert os.EX_TEMPFAIL == beaten.popen.returncode
    assert f"process {serving.popen.pid}" in installation.output
    assert tables == rows_in(installation.database, tables)
    assert 0 == serving.stop()


def test_a_kill_at_any_moment_of_an_upgrade_leaves_the_old_or_the_new(
    installation: Tgauth,
) -> None:
    """And the next start finishes it."""
    tables = put(FIRST, installation.database)
    chance = random.Random(20261124)  # noqa: S311 - the same moments each time
    for _ in range(6):
        process = installation.start("db", "migrate", wait=False)
        end_after(process, chance.uniform(0.1, 1.2))
    served = installation.start("serve", wait=False)
    eventually(lambda: answers(f"{installation.url}/readyz"), within=60)
    assert tables == rows_in(installation.database, tables)
    assert 0 == served.stop()


def end_after(process: Process, seconds: float) -> None:
    """Kill a process after a while, if it still runs."""
    time.sleep(seconds)
    process.stop(signal.SIGKILL)
