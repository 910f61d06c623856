"""A store that cannot be opened, from outside: said once, at once, and with the right code."""

import fcntl
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from tests.harness import NEVER_PRINTED, Tgauth, answers, eventually, tgauth


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Tgauth]:
    """An installation whose Telegram is nowhere, and which does not run yet."""
    with tgauth(tmp_path, "http://127.0.0.1:9") as prepared:
        yield prepared


def _garbage(database: Path) -> None:
    database.write_bytes(os.urandom(64 * 1024))


def _text(database: Path) -> None:
    database.write_text("This is a diary.\n")


def _damage(database: Path) -> None:
    """Leave the first 100 bytes as they are: only SQLite sees that the rest is none of a store."""
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("CREATE TABLE t (x)")
        raw.commit()
    with database.open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(3000))


@pytest.mark.parametrize("spoil", [_garbage, _text, _damage])
@pytest.mark.parametrize("command", [("serve",), ("run", "api"), ("run", "bot")], ids=" ".join)
def test_what_is_no_store_ends_everything_with_74(
    installation: Tgauth, command: tuple[str, ...], spoil: Callable[[Path], None]
) -> None:
    """At once, since no restart makes a store of it; and what is there is left alone."""
    spoil(installation.database)
    before = installation.database.read_bytes()
    began = time.monotonic()
    process = installation.start(*command, wait=False)
    assert 74 == process.popen.wait(20), installation.output
    assert time.monotonic() - began < 10
    lines = [line for line in installation.output.splitlines() if line.startswith("tgauth: ")]
    assert lines
    for line in lines:
        assert line.startswith("tgauth: TGAUTH_DATABASE__PATH: the store is unavailable: ")
    if spoil is not _damage:
        # Seen before anything is started, so nobody says it twice.
        assert 1 == len(lines)
        assert "not a database" in lines[0]
    assert "restarting" not in installation.output
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]
    assert before == installation.database.read_bytes()


def test_a_folder_in_its_place_ends_everything_with_78(installation: Tgauth) -> None:
    """The path is a mistake in the settings, and whoever runs alone says the same."""
    installation.database.mkdir()
    for command in (("serve",), ("run", "api"), ("run", "bot")):
        assert 78 == installation.start(*command, wait=False).popen.wait(20)
    assert 3 == installation.output.count("tgauth.db is a folder")


def test_a_store_that_is_only_busy_is_waited_for(installation: Tgauth) -> None:
    """Somebody has the turn for longer than a start waits: it is tried again, and then serves."""
    lock = installation.database.with_name("tgauth.db.lock")
    with lock.open("w") as held:
        lock.chmod(0o600)
        fcntl.flock(held, fcntl.LOCK_EX)
        served = installation.start("serve", wait=False)
        eventually(lambda: "child.restarting" in installation.output)
        assert "was taken for 5 s" in installation.output
        assert served.popen.poll() is None
    eventually(lambda: answers(f"{installation.url}/readyz"))
    assert 0 == served.stop()
