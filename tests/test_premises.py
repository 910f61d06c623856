"""Promises of the premises: an old store is seen without loading what reads it."""

import sqlite3
from pathlib import Path

import pytest

from tgauth.migration_files import newest
from tgauth.premises import alone, control_path, control_places, is_root_at_large, needs_migration


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
    with alone(store, Path("/run/tgauth/tgauth.db.control")):
        places = control_places(store, {"RUNTIME_DIRECTORY": "/run/x"})
    noted, runtime = Path("/run/tgauth/tgauth.db.control"), Path("/run/x/tgauth.db.control")
    assert (noted, runtime, beside) == places
