"""Promises of the inspection's look at the store: it sees what is there, and makes nothing."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import gettempdir

import anyio
import pytest

from tgauth.inspection.findings import Finding, Verdict
from tgauth.inspection.store import key_finding, library_finding, store_findings
from tgauth.settings import Settings, load_settings
from tgauth.store import Store
from tgauth.store.inspection import StoreFacts, has_wal_reset_bug
from tgauth.store.master_key import load_master_key

NEWEST = len(list((Path(__file__).parents[2] / "migrations").glob("*.sql")))


def settings(path: Path, **changed: str) -> Settings:
    """Return settings with a store at `path`."""
    return load_settings(
        {
            "TGAUTH_CONFIG_FILE": "/dev/null",
            "TGAUTH_ISSUER": "http://127.0.0.1:8000",
            "TGAUTH_TELEGRAM__TOKEN": "123:abcdef",
            "TGAUTH_LOGIN__ALLOW": "everyone",
            "TGAUTH_DATABASE__PATH": str(path),
            **changed,
        }
    )


def look(path: Path) -> tuple[dict[str, Finding], StoreFacts | None]:
    """Return what is found of a store, by name, and its facts."""
    findings, facts = anyio.run(partial(store_findings, settings(path)))
    return {finding.name: finding for finding in findings}, facts


def make(path: Path) -> None:
    """Make a store and its key, as a first start does."""

    async def start() -> None:
        async with Store.open(path) as store:
            key = path.with_name(f"{path.name}.key")
            await load_master_key(store, key, may_create=True)

    anyio.run(start)


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a file with SQLite alone."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def test_a_store_that_is_not_there_will_be_made(tmp_path: Path) -> None:
    """And is not made by looking."""
    findings, facts = look(tmp_path / "tgauth.db")
    assert Verdict.OK == findings["store"].verdict
    assert "will be made at the first start" in findings["store"].text
    assert facts is None
    assert [] == list(tmp_path.iterdir())


def test_a_store_is_seen_and_nothing_appears_beside_it(tmp_path: Path) -> None:
    """Neither a lock nor a write-ahead log, which would belong to whoever looked."""
    path = tmp_path / "tgauth.db"
    make(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir()}
    findings, facts = look(path)
    assert {"store", "schema"} == set(findings)
    assert f"version {NEWEST}, the newest" == findings["schema"].text
    assert facts is not None
    assert facts.fingerprint
    assert before == {file.name: file.read_bytes() for file in tmp_path.iterdir()}


def test_a_store_in_use_is_seen_with_what_is_only_in_its_log(tmp_path: Path) -> None:
    """What was committed a moment ago counts."""
    path = tmp_path / "tgauth.db"
    make(path)
    with opened(path) as other:
        other.execute("UPDATE master_key SET fingerprint = 'newer'")
        _, facts = look(path)
    assert facts is not None
    assert "newer" == facts.fingerprint


def test_an_older_schema_is_migrated_at_the_next_start_and_not_now(tmp_path: Path) -> None:
    """The inspection says so and leaves it."""
    path = tmp_path / "tgauth.db"
    with opened(path):
        pass
    path.write_bytes(b"")
    findings, _ = look(path)
    assert f"version 0, will become {NEWEST} at the next start" == findings["schema"].text
    assert b"" == path.read_bytes()


def test_a_newer_schema_is_wrong(tmp_path: Path) -> None:
    """`serve` would end with 78."""
    path = tmp_path / "tgauth.db"
    make(path)
    with opened(path) as other:
        other.execute(f"PRAGMA user_version = {NEWEST + 1}")
    found = look(path)[0]["schema"]
    assert (Verdict.WRONG, True) == (found.verdict, found.is_configuration)


@pytest.mark.parametrize("version", [0, 7])
def test_another_programs_database_is_wrong(tmp_path: Path, version: int) -> None:
    """Nobody wants tables added to it."""
    path = tmp_path / "other.db"
    with opened(path) as other:
        other.execute("CREATE TABLE songs (title TEXT)")
        other.execute(f"PRAGMA user_version = {version}")
    found = look(path)[0]["store"]
    assert (Verdict.WRONG, True) == (found.verdict, found.is_configuration)
    assert "another program's" in found.text


def test_a_file_that_is_no_database_is_wrong(tmp_path: Path) -> None:
    """It may be damaged, so the advice names the backup."""
    path = tmp_path / "tgauth.db"
    path.write_bytes(b"x" * 5000)
    found = look(path)[0]["store"]
    assert Verdict.WRONG == found.verdict
    assert "file is not a database" in found.text


def test_a_place_that_cannot_be_is_wrong(tmp_path: Path) -> None:
    """A folder in place of the file, or a folder that is not there."""
    assert "is a folder" in look(tmp_path)[0]["store"].text
    found = look(tmp_path / "missing" / "tgauth.db")[0]["store"]
    assert (Verdict.WRONG, True) == (found.verdict, found.is_configuration)
    assert f"mkdir -p {tmp_path / 'missing'}" == found.advice


@pytest.mark.parametrize("what", ["folder", "file"])
def test_what_this_account_cannot_write_is_wrong(tmp_path: Path, what: str) -> None:
    """Somebody else's folder or file."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    path = folder / "tgauth.db"
    make(path)
    path.chmod(0o444)
    folder.chmod(0o555 if what == "folder" else 0o777)
    before = os.geteuid()
    if before == 0:  # to whom modes mean nothing
        ours = [one for one in (tmp_path, *tmp_path.parents) if Path(gettempdir()) in one.parents]
        for one in ours:  # pytest closes what it makes
            one.chmod(one.stat().st_mode | 0o055)
        os.seteuid(65534)
    try:
        found = look(path)[0]["store"]
    finally:
        os.seteuid(before)
        folder.chmod(0o755)
    assert Verdict.WRONG == found.verdict
    assert "cannot be written by this account" in found.text


def key(path: Path, facts: StoreFacts | None = None, **changed: str) -> Finding:
    """Look at the key of a store at `path`."""
    return key_finding(settings(path, **changed), facts)


def test_a_key_that_is_not_there_yet_will_be_made(tmp_path: Path) -> None:
    """Unless the operator said where one is, or the store was made with one."""
    path = tmp_path / "tgauth.db"
    assert Verdict.OK == key(path).verdict
    named = key(path, TGAUTH_SECRET_FILE=str(tmp_path / "master.key"))
    assert (Verdict.WRONG, True) == (named.verdict, named.is_configuration)
    assert f"head -c 48 /dev/urandom | base64 > {tmp_path / 'master.key'}" == named.advice
    lost = key(path, StoreFacts(schema=1, newest_schema=1, is_ours=True, fingerprint="x"))
    assert (Verdict.WRONG, True) == (lost.verdict, lost.is_configuration)
    assert "restore it" in lost.advice


def test_a_key_is_compared_with_what_the_store_remembers(tmp_path: Path) -> None:
    """Another store's key opens nothing here."""
    path = tmp_path / "tgauth.db"
    make(path)
    facts = look(path)[1]
    assert "mode 0600, belongs to the store" in key(path, facts).text
    path.with_name("tgauth.db.key").write_text("another" * 8)
    found = key(path, facts)
    assert (Verdict.WRONG, True) == (found.verdict, found.is_configuration)
    assert "belongs to another store" in found.text


def test_a_key_for_everybody_is_warned_of_and_a_short_one_is_wrong(tmp_path: Path) -> None:
    """Each with what to do."""
    path = tmp_path / "tgauth.db"
    file = path.with_name("tgauth.db.key")
    file.write_text("x" * 32)
    file.chmod(0o640)
    found = key(path)
    assert (Verdict.WARNING, f"chmod 600 {file}") == (found.verdict, found.advice)
    file.write_text("x" * 31)
    assert Verdict.WRONG == key(path).verdict


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("3.6.23", False),
        ("3.7.0", True),
        ("3.40.1", True),
        ("3.44.5", True),
        ("3.44.6", False),
        ("3.45.0", True),
        ("3.50.6", True),
        ("3.50.7", False),
        ("3.51.2", True),
        ("3.51.3", False),
        ("3.52.0", False),
    ],
)
def test_the_versions_with_the_wal_reset_bug_are_known(version: str, *, expected: bool) -> None:
    """sqlite.org/wal.html#walresetbug."""
    assert expected == has_wal_reset_bug(version)


def test_the_library_is_information() -> None:
    """The lock file keeps clear of its bug, so it is never a trouble."""
    finding = library_finding()
    assert Verdict.OK == finding.verdict
    assert sqlite3.sqlite_version in finding.text
