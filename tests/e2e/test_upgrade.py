"""An upgrade, from outside: a store of an earlier version under this version's `serve`."""

import signal
import sqlite3
import time
from pathlib import Path

import pytest
from tests.harness import NEVER_PRINTED, answers, eventually, telegram, tgauth

from tgauth.store.migrations import shipped

#: Enough for a migration of a second or so.
PEOPLE = 100_000


def test_serve_migrates_an_old_store_before_it_starts_anything(tmp_path: Path) -> None:
    """For as long as it takes: no child is waited for meanwhile; then a login goes through."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as installation:
        first = shipped()[0]
        raw = sqlite3.connect(installation.database)
        raw.executescript(first.sql)
        raw.execute(f"PRAGMA user_version = {first.number}")
        raw.commit()
        raw.close()
        served = installation.start("serve")
        output = installation.output
        assert output.index("store.migrating") < output.index("Migrating ")
        assert output.index("Done: the schema is version") < output.index("child.started")
        assert installation.database.with_name("tgauth.db.v1").exists()
        sandbox.send(42, "/login")
        assert installation.exchange(sandbox.code(42)).is_success
        assert 0 == served.stop()


@pytest.mark.parametrize("name", ["api", "bot"])
def test_a_process_whose_store_was_migrated_under_it_ends_with_78(
    tmp_path: Path, name: str
) -> None:
    """It writes no row that the newer version may understand otherwise, and says what to do."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as installation:
        alone = installation.start("run", name, wait=name == "api")
        eventually(lambda: name == "api" or "bot.polling" in installation.output)
        raw = sqlite3.connect(installation.database)
        raw.execute("PRAGMA user_version = 9999")
        raw.close()
        assert 78 == alone.popen.wait(15)
        assert "the store's schema is version 9999" in installation.output
        assert "install the newer tgauth again" in installation.output
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_stop_amid_a_migration_leaves_the_old_store(
    tmp_path: Path, number: signal.Signals
) -> None:
    """The migration ends with `serve`, in whatever way that is told to; the next start does it."""
    with tgauth(tmp_path, "http://127.0.0.1:9") as installation:
        write_large_store(installation.database)
        served = installation.start("serve", wait=False)
        # The copy comes first, then the tables are made anew, in one transaction in the log.
        log = installation.database.with_name("tgauth.db-wal")
        eventually(lambda: log.exists() and log.stat().st_size > 1_000_000, every=0.001)
        [migration] = children_of("db\0migrate", served.popen.pid)
        began = time.monotonic()
        assert (-9 if number == signal.SIGKILL else 0) == served.stop(number)
        assert time.monotonic() - began < 10
        eventually(lambda: not Path(f"/proc/{migration}").exists())
        assert ("store.migration_stopped" in installation.output) == (number != signal.SIGKILL)
        assert "Done" not in installation.output
        assert (1, PEOPLE) == version_and_people(installation.database)
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]
        again = installation.start("serve", wait=False)
        eventually(lambda: answers(f"{installation.url}/readyz"), within=60)
        assert 0 == again.stop()
        assert (shipped()[-1].number, PEOPLE) == version_and_people(installation.database)


def write_large_store(database: Path) -> None:
    """Write a store of the first version whose migration takes a while."""
    raw = sqlite3.connect(database)
    raw.execute("PRAGMA journal_mode = WAL")
    raw.executescript(shipped()[0].sql)
    raw.execute("PRAGMA user_version = 1")
    raw.executemany(
        "INSERT INTO persons VALUES (?, ?, 'A', NULL, NULL, NULL, 0, 0)",
        ((f"s{one}", one) for one in range(PEOPLE)),
    )
    raw.executemany(
        "INSERT INTO sessions VALUES (?, ?, 'shop', ?, 0, 1, NULL)",
        ((f"session {one} " + "x" * 200, f"s{one}", f"hash {one}") for one in range(PEOPLE)),
    )
    raw.commit()
    raw.close()
    database.chmod(0o600)


def version_and_people(database: Path) -> tuple[int, int]:
    """Return a store's version, and how many people it knows; it is undamaged."""
    raw = sqlite3.connect(database)
    [version] = raw.execute("PRAGMA user_version").fetchone()
    [people] = raw.execute("SELECT count(*) FROM persons").fetchone()
    assert [("ok",)] == raw.execute("PRAGMA integrity_check").fetchall()
    raw.close()
    return version, people


def children_of(words: str, parent: int) -> list[int]:
    """Return the pids of the children of a process whose command line has these words."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "stat").read_text().rpartition(")")[2].split()
            line = (folder / "cmdline").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(status[1]) == parent and words in line:
            found.append(int(folder.name))
    return found
