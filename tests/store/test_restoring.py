"""Promises of restoring: checked before, what was there is kept, and never a mixture."""

# ruff: noqa: ASYNC240 - a few bytes, in a test

import os
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.store.test_backup import backed_up, damage
from tests.store.whole import (
    FOREIGN,
    add,
    beside,
    make,
    make_first_version,
    make_foreign,
    names_in,
)

from tgauth.domain.errors import StoreUnavailable
from tgauth.store import Store, copying
from tgauth.store.connection import Connection
from tgauth.store.copying import CopyFailed
from tgauth.store.master_key import MasterKeyUnusable, fingerprint_of, read_master_key
from tgauth.store.migrations import SchemaTooNew
from tgauth.store.plain import NoStore
from tgauth.store.presence import StoreInUse
from tgauth.store.restoring import BackupMissing, OtherMasterKey, Restored, prepared

pytestmark = pytest.mark.anyio


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """Return where the backup is."""
    (tmp_path / "backups").mkdir()
    return tmp_path / "backups" / "backup.db"


async def restored(database: Path, backup: Path) -> Restored:
    """Restore a store whose key is beside it."""
    key = database.with_name(f"{database.name}.key")
    async with prepared(database, backup, master_key=key) as restore:
        return await restore.carry_out()


async def a_store_and_a_backup(database: Path, backup: Path) -> None:
    """Make a backup with Ann in it, and a store with Ann and Bob."""
    await make(database, "ann")
    await backed_up(database, backup)
    async with Store.open(database) as store:
        await add(store, "bob")


async def test_a_restored_store_is_as_it_was_and_the_other_is_kept(
    database: Path, backup: Path
) -> None:
    """Under a name of its own, each time another one."""
    await a_store_and_a_backup(database, backup)
    done = await restored(database, backup)
    aside = database.with_name("tgauth.db.before-restore")
    assert aside == done.set_aside
    assert {"ann"} == names_in(database)
    assert {"ann", "bob"} == names_in(aside)
    async with Store.open(database) as store:
        await add(store, "cy")
    assert {"ann", "cy"} == names_in(database)
    again = await restored(database, aside)
    assert database.with_name("tgauth.db.before-restore-2") == again.set_aside
    assert {"ann", "bob"} == names_in(database)
    assert {"ann", "bob"} == names_in(aside)
    assert {"ann", "cy"} == names_in(database.with_name("tgauth.db.before-restore-2"))
    assert {"ann"} == names_in(backup)


async def test_what_a_killed_tgauth_left_in_its_wal_is_kept_with_the_old_store(
    database: Path, backup: Path
) -> None:
    """And is not played into the new one."""
    await a_store_and_a_backup(database, backup)
    async with Store.open(database) as store:
        await add(store, "cy")
        for suffix in ("", "-wal"):  # as a SIGKILL leaves them
            shutil.copy(f"{database}{suffix}", f"{database}{suffix}.kept")
    for suffix in ("", "-wal"):
        Path(f"{database}{suffix}.kept").replace(f"{database}{suffix}")
    assert {"ann", "bob"} == names_in(database)
    done = await restored(database, backup)
    assert done.set_aside is not None
    assert {"ann", "bob", "cy"} == names_in(done.set_aside)
    assert {"ann"} == names_in(database)
    async with Store.open(database):
        pass
    assert {"ann"} == names_in(database)
    assert {"tgauth.db", "tgauth.db.before-restore", "backups"} == beside(database)


async def test_a_damaged_store_is_replaced_and_kept_with_its_wal(
    database: Path, backup: Path
) -> None:
    """That is what one restores for."""
    await a_store_and_a_backup(database, backup)
    database.write_bytes(b"rubbish " * 1000)
    wal = database.with_name("tgauth.db-wal")
    wal.write_bytes(b"more rubbish")
    done = await restored(database, backup)
    assert {"ann"} == names_in(database)
    assert done.set_aside is not None
    assert b"rubbish " * 1000 == done.set_aside.read_bytes()
    assert not wal.exists()
    assert b"more rubbish" == Path(f"{done.set_aside}-wal").read_bytes()


async def test_an_empty_place_is_restored_to(database: Path, backup: Path, tmp_path: Path) -> None:
    """As on another machine: the key has to be there already."""
    await a_store_and_a_backup(database, backup)
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "store.db"
    with pytest.raises(MasterKeyUnusable, match="put the backup's own key there first"):
        await restored(other, backup)
    assert not other.exists()
    shutil.copy(database.with_name("tgauth.db.key"), other.with_name("store.db.key"))
    assert None is (await restored(other, backup)).set_aside
    assert {"ann"} == names_in(other)
    assert 0o600 == other.stat().st_mode & 0o777


async def test_what_is_left_of_a_store_that_is_gone_is_not_played_into_the_new_one(
    database: Path, backup: Path
) -> None:
    """Somebody deleted the file and not what was beside it."""
    await a_store_and_a_backup(database, backup)
    async with Store.open(database) as store:
        await add(store, "cy")
        shutil.copy(f"{database}-wal", f"{database}.kept")
    database.unlink()
    shutil.move(f"{database}.kept", f"{database}-wal")
    assert None is (await restored(database, backup)).set_aside
    assert {"tgauth.db", "backups"} == beside(database)
    async with Store.open(database):
        pass
    assert {"ann"} == names_in(database)


async def test_nothing_is_restored_while_a_tgauth_runs(database: Path, backup: Path) -> None:
    """It is told at once, before anything is checked."""
    await a_store_and_a_backup(database, backup)
    async with Store.open(database):
        with pytest.raises(StoreInUse, match="in use by a running tgauth"):
            await restored(database, backup)
    assert {"tgauth.db", "backups"} == beside(database)


async def test_nothing_is_restored_while_another_program_has_the_store_open(
    database: Path, backup: Path
) -> None:
    """A shell that was left open would go on writing to a file that nobody reads."""
    await a_store_and_a_backup(database, backup)
    with closing(sqlite3.connect(database)) as shell:
        shell.execute("SELECT * FROM persons")
        with pytest.raises(StoreInUse, match="in use by another program"):
            await restored(database, backup)
    assert {"ann", "bob"} == names_in(database)
    assert {"tgauth.db", "backups"} == beside(database)
    await restored(database, backup)


async def test_a_backup_of_another_key_is_refused(
    database: Path, backup: Path, tmp_path: Path
) -> None:
    """Nothing in it would open."""
    await a_store_and_a_backup(database, backup)
    (tmp_path / "elsewhere").mkdir()
    other = tmp_path / "elsewhere" / "tgauth.db"
    await make(other, "dee")
    with pytest.raises(OtherMasterKey, match="another master key"):
        await restored(other, backup)
    assert {"dee"} == names_in(other)
    assert {"tgauth.db"} == beside(other)


async def test_a_backup_of_a_newer_version_is_refused(database: Path, backup: Path) -> None:
    """By its number."""
    await a_store_and_a_backup(database, backup)
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(SchemaTooNew, match="version 99"):
        await restored(database, backup)
    assert {"ann", "bob"} == names_in(database)


async def test_what_is_no_whole_backup_is_refused(database: Path, backup: Path) -> None:
    """Damaged, cut off, empty, no database, the store itself, or nothing at all."""
    await make(database, *(f"name-{number}" for number in range(500)))
    await backed_up(database, backup)
    whole = backup.read_bytes()
    damage(backup)
    with pytest.raises(NoStore, match="is no whole store of tgauth: it is damaged"):
        await restored(database, backup)
    backup.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NoStore, match="is no whole store of tgauth: it is damaged"):
        await restored(database, backup)
    backup.write_bytes(b"")
    with pytest.raises(NoStore, match="it is empty or another program's"):
        await restored(database, backup)
    backup.write_bytes(b"rubbish " * 1000)
    with pytest.raises(NoStore, match="it is no SQLite file"):
        await restored(database, backup)
    backup.unlink()
    with pytest.raises(BackupMissing, match="does not exist"):
        await restored(database, backup)
    with pytest.raises(BackupMissing, match="is the store itself"):
        await restored(database, database)
    assert 500 == len(names_in(database))
    assert {"tgauth.db", "backups"} == beside(database)


async def test_a_store_that_was_copied_with_its_wal_is_restored_whole(
    database: Path, backup: Path
) -> None:
    """What stands in the WAL counts."""
    await make(database, "ann")
    async with Store.open(database) as store:
        await add(store, "bob")
        for suffix in ("", "-wal"):
            shutil.copy(f"{database}{suffix}", f"{backup}{suffix}")
    assert {"ann"} == names_in(backup)
    await restored(database, backup)
    assert {"ann", "bob"} == names_in(database)


async def test_what_was_prepared_and_not_done_leaves_nothing(database: Path, backup: Path) -> None:
    """Whoever says no has lost nothing."""
    await a_store_and_a_backup(database, backup)
    key = database.with_name("tgauth.db.key")
    async with prepared(database, backup, master_key=key) as restore:
        assert restore.part.exists()
    assert {"ann", "bob"} == names_in(database)
    assert {"tgauth.db", "backups"} == beside(database)


async def test_another_name_of_the_store_is_restored_where_it_leads(
    database: Path, backup: Path
) -> None:
    """A symbolic link stays one."""
    await a_store_and_a_backup(database, backup)
    link = database.with_name("link.db")
    link.symlink_to(database)
    key = database.with_name("tgauth.db.key")
    async with prepared(link, backup, master_key=key) as restore:
        await restore.carry_out()
    assert link.is_symlink()
    assert {"ann"} == names_in(database)


async def test_a_file_system_without_hard_links_will_do(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The old store is copied instead."""
    await a_store_and_a_backup(database, backup)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    done = await restored(database, backup)
    assert done.set_aside is not None
    assert {"ann", "bob"} == names_in(done.set_aside)
    assert {"ann"} == names_in(database)
    other = backup.with_name("other.db")
    await backed_up(database, other)
    assert {"ann"} == names_in(other)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
async def test_a_store_that_root_restores_is_its_owners(database: Path, backup: Path) -> None:
    """The service can open it."""
    await a_store_and_a_backup(database, backup)
    os.chown(database, 4242, 4243)
    await restored(database, backup)
    assert (4242, 4243) == (database.stat().st_uid, database.stat().st_gid)


async def test_a_part_that_somebody_else_writes_is_left_alone(database: Path, backup: Path) -> None:
    """A link in its place is not followed."""
    await a_store_and_a_backup(database, backup)
    victim = database.with_name("victim")
    victim.write_text("precious")
    database.with_name("tgauth.db.part").symlink_to(victim)
    with pytest.raises(CopyFailed):
        await restored(database, backup)
    assert "precious" == victim.read_text()


async def test_a_part_with_a_second_name_is_left_alone(database: Path, backup: Path) -> None:
    """What was written to it would be written there, and its mode would change."""
    await a_store_and_a_backup(database, backup)
    victim = database.with_name("victim")
    victim.write_text("precious")
    os.link(victim, database.with_name("tgauth.db.part"))
    with pytest.raises(CopyFailed, match="no file of its own"):
        await restored(database, backup)
    assert "precious" == victim.read_text()


async def test_a_wal_that_is_a_link_is_not_copied(database: Path, backup: Path) -> None:
    """What it leads to may be nobody's business."""
    await a_store_and_a_backup(database, backup)
    victim = database.with_name("victim")
    victim.write_text("secret")
    database.with_name("tgauth.db-wal").symlink_to(victim)
    with pytest.raises(StoreUnavailable, match=r"tgauth[.]db-wal is a symbolic link"):
        await restored(database, backup)
    assert not database.with_name("tgauth.db.part-wal").exists()
    assert not database.with_name("tgauth.db.before-restore").exists()


async def test_a_link_in_the_place_of_the_old_store_is_not_written_through(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there are no hard links, and the old store is copied: it gets another name."""
    await a_store_and_a_backup(database, backup)
    victim = database.with_name("victim")
    database.with_name("tgauth.db.before-restore").symlink_to(victim)

    def refuse(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    done = await restored(database, backup)
    assert not victim.exists()
    assert database.with_name("tgauth.db.before-restore-2") == done.set_aside


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
async def test_a_wal_that_root_sets_aside_is_the_stores_owners(
    database: Path, backup: Path
) -> None:
    """The service can open it, should it be needed."""
    await a_store_and_a_backup(database, backup)
    database.write_bytes(b"rubbish " * 1000)
    database.with_name("tgauth.db-wal").write_bytes(b"more rubbish")
    os.chown(database, 4242, 4243)
    done = await restored(database, backup)
    status = Path(f"{done.set_aside}-wal").stat()
    assert (4242, 0o600) == (status.st_uid, status.st_mode & 0o777)


@pytest.mark.parametrize("change", FOREIGN)
async def test_a_backup_with_a_schema_that_tgauth_did_not_make_is_refused(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    """Before anything of it could run, in a copy or in a look for damage."""
    await a_store_and_a_backup(database, backup)
    make_foreign(backup, change)
    monkeypatch.setattr(copying, "VACUUM_INTO", "nothing may be copied")
    with pytest.raises(NoStore, match=re.escape(FOREIGN[change].told)):
        await restored(database, backup)
    assert {"ann", "bob"} == names_in(database)
    assert {"tgauth.db", "backups"} == beside(database)


async def test_a_backup_that_changes_meanwhile_is_looked_at_again(
    database: Path, backup: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copy counts, and no CHECK of it is run before."""
    await a_store_and_a_backup(database, backup)
    other = backup.with_name("other.db")
    shutil.copy(backup, other)
    make_foreign(other, "a CHECK")
    monkeypatch.setattr(copying, "VACUUM_INTO", "VACUUM o INTO :target")
    plain_run = Connection.run

    async def with_another(connection: Connection, sql: str, parameters: object = None) -> object:
        if sql is copying.VACUUM_INTO:
            await connection._raw.execute_fetchall(f"ATTACH '{other}' AS o")
        return await plain_run(connection, sql, parameters)  # type: ignore[arg-type]

    monkeypatch.setattr(Connection, "run", with_another)
    with pytest.raises(NoStore, match="the table 'probes' in its schema is not as tgauth made it"):
        await restored(database, backup)


async def test_a_backup_that_names_no_master_key_is_refused(database: Path, backup: Path) -> None:
    """Any key would fit, so it may be anybody's."""
    await a_store_and_a_backup(database, backup)
    with closing(sqlite3.connect(backup)) as connection, connection:
        connection.execute("DELETE FROM master_key")
    with pytest.raises(NoStore, match="does not say which master key"):
        await restored(database, backup)
    assert {"ann", "bob"} == names_in(database)


async def test_a_backup_of_the_first_version_is_restored_and_migrated(
    database: Path, backup: Path
) -> None:
    """The next start does that; what an operator's ANALYZE left is no obstacle."""
    await make(database, "ann")
    key = read_master_key(database.with_name("tgauth.db.key"))
    make_first_version(backup, fingerprint=fingerprint_of(key))
    with closing(sqlite3.connect(backup)) as connection:
        connection.execute("ANALYZE")
    done = await restored(database, backup)
    assert 1 == done.identity.schema
    async with Store.open(database) as store:
        await add(store, "bob")
    assert {"bob"} == names_in(database)
    await backed_up(database, backup, may_replace=True)
    await restored(database, backup)
