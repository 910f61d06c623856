"""Promises of the premises: an old store is seen without loading what reads it."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tgauth.domain.errors import StoreUnavailable
from tgauth.migration_files import newest
from tgauth.premises import needs_migration, only_supervisor

NOBODY = 4242


@pytest.mark.parametrize(
    ("version", "expected"), [(0, False), (1, True), (newest(), False), (newest() + 1, False)]
)
def test_an_older_schema_is_seen_in_the_header(
    tmp_path: Path, version: int, *, expected: bool
) -> None:
    """Not an empty file, not this version's, and not a newer one."""
    path = tmp_path / "tgauth.db"
    raw = sqlite3.connect(path)
    raw.execute("CREATE TABLE t (x)")
    raw.execute(f"PRAGMA user_version = {version}")
    raw.commit()
    raw.close()
    assert expected == needs_migration(path)


@pytest.mark.parametrize("content", [None, b"", b"x" * 4096, b"SQLite format 3"])
def test_what_is_no_store_needs_no_migration(tmp_path: Path, content: bytes | None) -> None:
    """Whoever opens it says what it is."""
    path = tmp_path / "tgauth.db"
    if content is not None:
        path.write_bytes(content)
    assert not needs_migration(path)


@pytest.mark.parametrize("content", [b"x", b"This is a diary." * 9, b"SQLite format 2\0" * 9])
def test_what_is_no_database_is_told_before_anything_is_started(
    tmp_path: Path, content: bytes
) -> None:
    """Waiting makes none of it."""
    path = tmp_path / "tgauth.db"
    path.write_bytes(content)
    with (
        pytest.raises(StoreUnavailable, match="is not a database") as told,
        only_supervisor(path, path.with_name("control")),
    ):
        pass
    assert not told.value.may_pass


def test_an_empty_file_becomes_a_store(tmp_path: Path) -> None:
    """As SQLite sees it; and so does a real one, of course."""
    path = tmp_path / "tgauth.db"
    path.touch()
    with only_supervisor(path, path.with_name("control")):
        pass
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE t (x)")
    with only_supervisor(path, path.with_name("control")):
        pass


@contextmanager
def as_nobody() -> Iterator[None]:
    """Be an account that owns nothing, for a while."""
    os.setresuid(NOBODY, NOBODY, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root, to become somebody else")
@pytest.mark.parametrize("suffix", ["", "-wal", ".lock", ".open"])
def test_another_accounts_store_is_told_before_anything_is_started(suffix: str) -> None:
    """Which file, whose it is, and who asks; also where it is only one beside the store."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    try:
        folder.chmod(0o777)
        file = folder / f"tgauth.db{suffix}"
        file.touch(0o600)
        what = f"{file} belongs to user 0 with mode 0600, and this process is user {NOBODY}"
        with (
            as_nobody(),
            pytest.raises(StoreUnavailable, match=what) as told,
            only_supervisor(folder / "tgauth.db", folder / "control"),
        ):
            pass
        assert not told.value.may_pass
    finally:
        shutil.rmtree(folder)
