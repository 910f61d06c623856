"""Promises of `tgauth db`: each step says what it did, and nothing is lost by a mistake."""

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.builders import ALICE
from tests.cli.installation import Installation
from tests.store.whole import names_in

from tgauth.store.migrations import shipped
from tgauth.store.presence import present

NEWEST = shipped()[-1].number


def test_the_status_is_told(tgauth: Installation) -> None:
    """For people and for machines."""
    tgauth.add("a", ALICE)
    shown = tgauth("db", "status").stdout
    assert f"schema                version {NEWEST}, the one that this tgauth works with" in shown
    assert "  persons           1\n" in shown
    found = json.loads(tgauth("db", "status", "--json").stdout)
    assert str(tgauth.database) == found["path"]
    assert 1 == found["rows"]["persons"]
    assert (NEWEST, True) == (found["schema"], found["is_known"])
    assert None is found["oldest_waiting"]


def test_a_whole_store_is_said_to_be_whole(tgauth: Installation) -> None:
    """A line for each look, and 0."""
    looks = ["integrity", "references", "schema", "master key", "signing keys", "rows"]
    lines = tgauth("db", "check").stdout.splitlines()
    assert [f"ok     {one}" for one in looks] == [line[:20].rstrip() for line in lines]
    found = json.loads(tgauth("db", "check", "--json").stdout)
    assert found["is_good"]
    assert looks == [one["name"] for one in found["looks"]]


def test_what_is_wrong_with_a_store_is_told_with_1(tgauth: Installation) -> None:
    """In its line, and the key is not shown."""
    tgauth.key.write_text("d" * 64)
    shown = tgauth("db", "check", code=1).stdout
    assert "wrong  master key    tgauth.db.key belongs to another store" in shown
    assert not json.loads(tgauth("db", "check", "--json", code=1).stdout)["is_good"]
    tgauth.database.write_bytes(b"rubbish " * 999)
    assert "wrong  store" in tgauth("db", "check", code=1).stdout
    assert "not a database" in tgauth("db", "status", code=74).stderr


def make_first_version(database: Path) -> None:
    """Make a store as the first version made it."""
    database.unlink()
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(shipped()[0].sql)
        connection.execute("PRAGMA user_version = 1")


def test_a_migration_names_the_copy(tgauth: Installation) -> None:
    """It is made; other commands ask for the migration until then."""
    make_first_version(tgauth.database)
    assert "tgauth db migrate" in tgauth("user", "list", code=74).stderr
    assert f"to be migrated to {NEWEST}" in tgauth("db", "status").stdout
    told = tgauth("db", "migrate").stdout
    assert f"Migrating tgauth.db from version 1 to {NEWEST}" in told
    assert "tgauth.db.v1" in told
    assert (tgauth.folder / "tgauth.db.v1").is_file()
    assert "Nothing to do" in tgauth("db", "migrate").stdout
    tgauth("db", "check")


def test_a_store_of_a_newer_version_is_told_with_78(tgauth: Installation) -> None:
    """By each command that would have to know it; the status is told all the same."""
    with closing(sqlite3.connect(tgauth.database)) as connection:
        connection.execute("PRAGMA user_version = 99")
    for command in (("user", "list"), ("db", "migrate")):
        assert "version 99" in tgauth(*command, code=78).stderr
    assert "newer than this tgauth knows" in tgauth("db", "status").stdout
    tgauth("db", "check", code=1)
    tgauth("db", "backup", "backup.db")


def test_a_backup_says_what_it_is_worth_without_the_key(tgauth: Installation) -> None:
    """The key's path is named, the key itself is neither shown nor copied."""
    tgauth.add("a", ALICE, username="alice")
    done = tgauth("db", "backup", "backup.db")
    assert "Backed up tgauth.db to backup.db" in done.stdout
    assert f"useless without the master key, {tgauth.key}," in done.stdout
    assert "" == done.stderr
    assert {"alice"} == names_in(tgauth.folder / "backup.db")
    assert tgauth.key.read_bytes().strip() not in (tgauth.folder / "backup.db").read_bytes()


def test_a_backup_whose_key_is_not_here_is_made_with_a_warning(tgauth: Installation) -> None:
    """Better than none; that something is wrong is said."""
    tgauth.key.write_text("e" * 64)
    assert "is not the key of this store" in tgauth("db", "backup", "1.db").stderr
    tgauth.key.unlink()
    assert "tgauth: warning: the master key file" in tgauth("db", "backup", "2.db").stderr


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ("taken.db", "exists already: --force replaces it"),
        ("tgauth.db", "belongs to the store itself"),
        ("tgauth.db.key", "belongs to the store itself"),
        (".", "is a folder: name a file"),
        ("nowhere/x.db", "the folder nowhere does not exist"),
        ("/proc/x.db", "cannot be written"),
    ],
)
def test_a_backup_that_cannot_be_made_is_told_with_73(
    tgauth: Installation, target: str, text: str
) -> None:
    """Nothing is written over."""
    taken = tgauth.folder / "taken.db"
    taken.write_text("precious")
    assert text in tgauth("db", "backup", target, code=73).stderr
    assert "precious" == taken.read_text()
    tgauth("user", "list")


def test_a_restore_asks_and_does(tgauth: Installation) -> None:
    """It says what is lost by it, and keeps what was there."""
    tgauth.add("a", ALICE, username="alice")
    tgauth("db", "backup", "backup.db")
    tgauth("user", "remove", "a", "--yes")
    done = tgauth("db", "restore", "backup.db", given="n\n", code=1)
    assert "What happened since it was made is forgotten" in done.stdout
    assert "nothing was done" in done.stderr
    assert set() == names_in(tgauth.database)
    done = tgauth("db", "restore", "backup.db", given="y\n")
    assert f"What was there before is {tgauth.database}.before-restore now." in done.stdout
    assert {"alice"} == names_in(tgauth.database)
    tgauth("db", "check")
    assert "@alice" in tgauth("user", "list").stdout


def test_nothing_is_replaced_while_a_tgauth_runs(tgauth: Installation) -> None:
    """It is told with 75; what only looks or copies goes on."""
    tgauth("db", "backup", "backup.db")
    with present(tgauth.database):
        told = tgauth("db", "restore", "backup.db", "--yes", code=75).stderr
        assert "is in use by a running tgauth: stop that first" in told
        for command in ("status", "check"):
            tgauth("db", command)
        tgauth("db", "backup", "backup.db", "--force")
        tgauth("user", "list")


@pytest.mark.parametrize(
    ("content", "code", "text"),
    [
        (None, 1, "backup.db does not exist"),
        (b"", 74, "it is empty or another program's"),
        (b"rubbish " * 999, 74, "it is no SQLite file"),
    ],
)
def test_what_is_no_backup_is_not_restored(
    tgauth: Installation, content: bytes | None, code: int, text: str
) -> None:
    """The store stays as it is."""
    tgauth.add("a", ALICE, username="alice")
    if content is not None:
        (tgauth.folder / "backup.db").write_bytes(content)
    assert text in tgauth("db", "restore", "backup.db", "--yes", code=code).stderr
    assert {"alice"} == names_in(tgauth.database)


def test_another_keys_backup_is_not_restored(tgauth: Installation) -> None:
    """The right key is asked for, and with it all is well."""
    tgauth("db", "backup", "backup.db")
    right = tgauth.key.read_bytes()
    tgauth.key.write_text("f" * 64)
    tgauth.key.chmod(0o600)
    told = tgauth("db", "restore", "backup.db", "--yes", code=1).stderr
    assert "put the key there that belongs to this backup" in told
    tgauth.key.unlink()
    assert "is missing" in tgauth("db", "restore", "backup.db", "--yes", code=78).stderr
    tgauth.key.write_bytes(right)
    tgauth("db", "restore", "backup.db", "--yes")
