"""Promises of the premises: an old store is seen without loading what reads it."""

import sqlite3
from pathlib import Path

import pytest

from tgauth.migration_files import newest
from tgauth.premises import needs_migration


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
