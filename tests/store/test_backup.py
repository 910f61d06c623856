"""Promises of backups: whole, of one moment, private, and never half or in the wrong place."""

# ruff: noqa: ASYNC240 - a few bytes, in a test

import fcntl
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import anyio
import pytest
from tests.store.whole import add, beside, make, names_in

from tgauth.domain.errors import StoreUnavailable
from tgauth.store import Store, copying
from tgauth.store.access import StoreMissing
from tgauth.store.backup import Backup, NoPlaceForACopy, back_up
from tgauth.store.connection import Connection
from tgauth.store.copying import CopyExists, CopyFailed
from tgauth.store.plain import NoStore

pytestmark = pytest.mark.anyio


@pytest.fixture
def target(tmp_path: Path) -> Path:
    """Return where the backup goes: to a folder of its own, with a name that needs quoting."""
    folder = tmp_path / "back ups"
    folder.mkdir()
    return folder / "a%20b?c=d#e.db"


async def backed_up(database: Path, target: Path, *, may_replace: bool = False) -> Backup:
    """Back up a store whose key is beside it."""
    key = database.with_name(f"{database.name}.key")
    return await back_up(database, target, master_key=key, may_replace=may_replace)


async def test_a_backup_holds_everything_that_was_committed(database: Path, target: Path) -> None:
    """Also what stands in the WAL only, while the store is open; nothing is left beside it."""
    await make(database, "ann")
    async with Store.open(database) as store:
        await add(store, "bob")
        made = await backed_up(database, target)
        await add(store, "cy")
    assert {"ann", "bob"} == names_in(target)
    assert {target.name} == beside(target)
    assert target.stat().st_size == made.size
    assert 0o600 == stat.S_IMODE(target.stat().st_mode)
    assert {"ann", "bob", "cy"} == names_in(database)


async def test_writers_go_on_while_a_backup_is_made(
    database: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They commit before it is done, and it is of the moment at which it began."""
    await make(database, "ann")
    async with Store.open(database) as store:
        plain_run = Connection.run

        async def while_somebody_writes(
            connection: Connection, sql: str, parameters: object = None
        ) -> object:
            if sql is not copying.VACUUM_INTO:
                return await plain_run(connection, sql, parameters)  # type: ignore[arg-type]
            # A snapshot is taken at the first read: so this one is of before `bob`.
            await connection._raw.execute_fetchall("BEGIN")
            await connection._raw.execute_fetchall("SELECT * FROM persons")
            with anyio.fail_after(4):
                await add(store, "bob")
            await connection._raw.execute_fetchall("COMMIT")
            return await plain_run(connection, sql, parameters)  # type: ignore[arg-type]

        monkeypatch.setattr(Connection, "run", while_somebody_writes)
        await backed_up(database, target)
    assert {"ann", "bob"} == names_in(target)


async def test_what_was_deleted_is_not_in_a_backup(database: Path, target: Path) -> None:
    """Not in unused pages either."""
    await make(database, "somebody-who-left")
    async with Store.open(database) as store:
        # Some builds of SQLite write zeros over what is deleted.
        await store._writer.execute_fetchall("PRAGMA secure_delete = OFF")
        async with store.writing() as connection:
            await connection.run("DELETE FROM persons")
    await backed_up(database, target)
    assert b"somebody-who-left" in database.read_bytes()
    assert b"somebody-who-left" not in target.read_bytes()


async def test_a_file_that_is_there_is_left_alone(database: Path, target: Path) -> None:
    """Unless it may be replaced."""
    await make(database, "ann")
    target.write_text("precious")
    with pytest.raises(CopyExists, match="--force replaces it"):
        await backed_up(database, target)
    assert "precious" == target.read_text()
    await backed_up(database, target, may_replace=True)
    assert {"ann"} == names_in(target)
    assert {target.name} == beside(target)


async def test_a_file_that_appears_meanwhile_is_left_alone_too(
    database: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not enough to look before."""
    await make(database, "ann")

    async def slowly(_: Connection) -> list[str]:
        target.write_text("precious")
        return []

    monkeypatch.setattr(copying, "damages", slowly)
    with pytest.raises(CopyExists):
        await backed_up(database, target)
    assert "precious" == target.read_text()
    assert {target.name} == beside(target)


@pytest.mark.parametrize(
    "suffix", ["", "-wal", "-shm", "-journal", ".lock", ".open", ".serve", ".key"]
)
async def test_nothing_of_the_store_is_ever_written_over(database: Path, suffix: str) -> None:
    """Not even by another name, and whatever is allowed."""
    await make(database, "ann")
    own = database.with_name(f"{database.name}{suffix}")
    before = own.read_bytes() if own.exists() else None
    link = database.with_name("link")
    link.symlink_to(own)
    for target in (own, link, database.parent / "." / own.name):
        with pytest.raises(NoPlaceForACopy, match="belongs to the store itself"):
            await backed_up(database, target, may_replace=True)
    assert before == (own.read_bytes() if own.exists() else None)


async def test_a_key_that_is_elsewhere_is_never_written_over(database: Path, target: Path) -> None:
    """The one that the settings name."""
    await make(database, "ann", key=target)
    with pytest.raises(NoPlaceForACopy, match="belongs to the store itself"):
        await back_up(database, target, master_key=target, may_replace=True)


async def test_a_place_where_no_file_can_be_is_told(database: Path, target: Path) -> None:
    """A folder, a missing folder, a device."""
    await make(database)
    with pytest.raises(NoPlaceForACopy, match="is a folder: name a file, like"):
        await backed_up(database, target.parent)
    with pytest.raises(NoPlaceForACopy, match="does not exist"):
        await backed_up(database, target.parent / "nowhere" / "x.db")
    with pytest.raises(NoPlaceForACopy, match="no regular file"):
        await backed_up(database, Path("/dev/null"), may_replace=True)


async def test_what_is_no_store_cannot_be_backed_up(database: Path, target: Path) -> None:
    """Missing, empty, another program's, no database: each is told, and nothing is left."""
    with pytest.raises(StoreMissing):
        await backed_up(database, target)
    database.touch()
    with pytest.raises(NoStore, match="empty or another program's"):
        await backed_up(database, target)
    with closing(sqlite3.connect(database)) as other:
        other.execute("CREATE TABLE poems (text TEXT)")
        other.execute("PRAGMA user_version = 1")
    with pytest.raises(NoStore, match="empty or another program's"):
        await backed_up(database, target)
    database.write_bytes(b"a poem " * 1000)
    with pytest.raises(StoreUnavailable, match="not a database"):
        await backed_up(database, target)
    assert set() == beside(target)


async def test_a_damaged_store_makes_no_backup(database: Path, target: Path) -> None:
    """An earlier backup is not replaced by a bad one."""
    await make(database, *(f"name-{number}" for number in range(500)))
    await backed_up(database, target)
    damage(database)
    with pytest.raises((NoStore, StoreUnavailable)):
        await backed_up(database, target, may_replace=True)
    assert 500 == len(names_in(target))
    assert {target.name} == beside(target)


async def test_a_copy_that_is_not_whole_is_no_backup(database: Path, target: Path) -> None:
    """SQLite copies a row that breaks its own rules; only a look at the copy finds it."""
    await make(database, "ann")
    with closing(sqlite3.connect(database)) as other, other:
        other.execute("PRAGMA ignore_check_constraints = ON")
        other.execute("INSERT INTO probes VALUES (2, 1)")
    with pytest.raises(NoStore, match="CHECK constraint failed in probes"):
        await backed_up(database, target)
    assert set() == beside(target)


def damage(path: Path) -> None:
    """Write zeros over a page of accounts."""
    content = path.read_bytes()
    position = content.index(b"name-250") // 4096 * 4096
    path.write_bytes(content[:position] + bytes(4096) + content[position + 4096 :])


async def test_what_a_killed_attempt_left_is_written_over(database: Path, target: Path) -> None:
    """However long it was, and whatever its mode."""
    await make(database, "ann")
    part = target.with_name(f"{target.name}.part")
    part.write_bytes(b"x" * 1_000_000)
    part.chmod(0o644)
    await backed_up(database, target)
    assert {"ann"} == names_in(target)
    assert {target.name} == beside(target)
    assert 0o600 == stat.S_IMODE(target.stat().st_mode)


async def test_two_backups_to_one_file_do_not_mix(database: Path, target: Path) -> None:
    """The second one is told, and takes nothing from the first."""
    await make(database, "ann")
    part = target.with_name(f"{target.name}.part")
    with part.open("w") as first:
        fcntl.flock(first, fcntl.LOCK_EX)
        with pytest.raises(CopyFailed, match="somebody else is writing it"):
            await backed_up(database, target)
        assert part.exists()
    await backed_up(database, target)


async def test_a_folder_where_nothing_can_be_made_is_told(database: Path) -> None:
    """By its name."""
    await make(database)
    with pytest.raises(CopyFailed, match=r"/proc/x[.]db[.]part cannot be written"):
        await backed_up(database, Path("/proc/x.db"))


async def test_a_backup_that_is_cancelled_leaves_nothing(
    database: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What runs in SQLite is broken off, and the store can be had alone at once."""
    await make(database, "ann")
    endless = """
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n
        WHERE :target IS NOT NULL
    """
    monkeypatch.setattr(copying, "VACUUM_INTO", endless)
    with anyio.fail_after(5):
        with anyio.move_on_after(0.2) as scope:
            await backed_up(database, target)
        assert scope.cancelled_caught
    assert set() == beside(target)
    async with Store.open(database):
        pass
