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
from tgauth.premises import (
    control_path,
    control_places,
    is_root_at_large,
    needs_migration,
    only_supervisor,
)

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


@pytest.mark.parametrize(
    ("user", "environment", "mark", "expected"),
    [
        (0, {}, "", True),
        (1000, {}, "", False),
        (0, {"container": "podman"}, "", False),
        (0, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, "", False),
        (0, {"container": ""}, "", True),
        (0, {}, ".dockerenv", False),
        (0, {}, "run/.containerenv", False),
        (0, {}, "run/systemd/container", False),
    ],
)
def test_root_is_noticed_outside_a_container(
    tmp_path: Path, user: int, environment: dict[str, str], mark: str, *, expected: bool
) -> None:
    """Inside one it is root of little."""
    if mark:
        (tmp_path / mark).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / mark).touch()
    assert expected == is_root_at_large(environment, user=user, root=tmp_path)


def test_the_control_socket_has_its_place(tmp_path: Path) -> None:
    """Beside the store, or where systemd made a folder; one store has one place."""
    store = tmp_path / "tgauth.db"
    alias = tmp_path / "alias.db"
    store.touch()
    alias.symlink_to(store)
    assert tmp_path / "tgauth.db.control" == control_path(alias, {})
    runtime = {"RUNTIME_DIRECTORY": "/run/tgauth:/run/other"}
    assert Path("/run/tgauth/tgauth.db.control") == control_path(alias, runtime)


def test_whoever_looks_for_it_begins_where_it_was_noted(tmp_path: Path) -> None:
    """A shell knows nothing of the service's folders."""
    store = tmp_path / "tgauth.db"
    beside = tmp_path / "tgauth.db.control"
    assert (beside,) == control_places(store, {})
    with only_supervisor(store, Path("/run/tgauth/tgauth.db.control")):
        places = control_places(store, {"RUNTIME_DIRECTORY": "/run/x"})
    noted, runtime = Path("/run/tgauth/tgauth.db.control"), Path("/run/x/tgauth.db.control")
    assert (noted, runtime, beside) == places
