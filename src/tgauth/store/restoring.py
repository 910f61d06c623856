"""Putting a backup in the store's place: checked before, and what was there is kept."""

import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from itertools import count
from pathlib import Path
from typing import Final

import aiosqlite
from anyio import to_thread

from tgauth.domain.errors import StoreUnavailable, TgauthError
from tgauth.store.cancellation import uninterrupted
from tgauth.store.connection import Connection
from tgauth.store.copying import being_written, copy_into, settle
from tgauth.store.lock_files import copy_itself, give_to_owner
from tgauth.store.master_key import MasterKeyUnusable, fingerprint_of, read_master_key
from tgauth.store.migrations import SchemaTooNew, shipped
from tgauth.store.plain import Identity, NoStore, address, opened_to_read, schema_of
from tgauth.store.presence import StoreInUse, alone
from tgauth.store.schema import difference_of

#: How SQLite says that somebody else has a file open.
_BUSY: Final = "SQLITE_BUSY"


class BackupMissing(TgauthError):
    """There is no backup where one should be."""

    code = "backup_missing"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} {why}")


class OtherMasterKey(TgauthError):
    """A backup belongs to another master key than the one here: nothing in it would open."""

    code = "other_master_key"

    def __init__(self, backup: Path, master_key: Path) -> None:
        super().__init__(
            f"{backup} was made with another master key than {master_key}: put the key there "
            "that belongs to this backup, and restore again"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """A restore that was done.

    Attributes:
        identity: What the restored store says of itself.
        set_aside: Where the store is now that was there before, if one was.
    """

    identity: Identity
    set_aside: Path | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Restore:
    """A restore that can be done: everything was checked, and nothing changed yet.

    Attributes:
        path: The store.
        part: The checked copy of the backup, beside the store.
        identity: What the backup says of itself.
    """

    path: Path
    part: Path
    identity: Identity

    async def carry_out(self) -> Restored:
        """Put the backup in the store's place.

        Raises:
            StoreInUse: Another program has the store open.
            StoreUnavailable: Something else than a file is beside the store.
            OSError: It cannot be done.
        """
        kept = await to_thread.run_sync(_keep_wal, self.path)
        try:
            is_whole = await _write_back(self.path)
            wal = None if is_whole else kept
            set_aside = await to_thread.run_sync(partial(_replace, self.path, self.part, wal))
        finally:
            kept.unlink(missing_ok=True)
        return Restored(identity=self.identity, set_aside=set_aside)


@asynccontextmanager
async def prepared(path: Path, source: Path, *, master_key: Path) -> AsyncIterator[Restore]:
    """Check a backup, and keep everybody out of the store until it is restored or left alone.

    Args:
        path: The store, which need not be there.
        source: The backup.
        master_key: The key file; has to be there already.

    Raises:
        BackupMissing: There is no such file, or it is the store.
        StoreInUse: A tgauth has the store open.
        NoStore: The backup is none, is damaged, or has another schema than tgauth made.
        SchemaTooNew: The backup is of a newer version.
        MasterKeyUnusable: The key is missing or cannot be read.
        OtherMasterKey: The key is another one than the backup's.
        CopyFailed: There is no room for it.
    """
    path = _looked_at(path, source)
    with alone(path), being_written(path) as part:
        try:
            async with opened_to_read(source) as connection:
                identity = await copy_into(connection, source, part, look=_require_ours)
        except StoreUnavailable as error:
            raise NoStore(source, str(error)) from error
        _require_key(identity, source, master_key)
        yield Restore(path=path, part=part, identity=identity)


async def _require_ours(connection: Connection, source: Path) -> None:
    schema, newest = await schema_of(connection, source), shipped()[-1].number
    if schema > newest:
        raise SchemaTooNew(found=schema, known=newest)
    difference = await difference_of(connection, schema)
    if difference is not None:
        raise NoStore(source, difference)


def _require_key(identity: Identity, source: Path, master_key: Path) -> None:
    if not master_key.exists():
        raise MasterKeyUnusable(master_key, "is missing: put the backup's own key there first")
    if identity.fingerprint is None:
        raise NoStore(source, "it does not say which master key it belongs to")
    if identity.fingerprint != fingerprint_of(read_master_key(master_key)):
        raise OtherMasterKey(source, master_key)


def _looked_at(path: Path, source: Path) -> Path:
    """Return where the store really is, once it is clear that there is another file to restore."""
    if not source.is_file():
        raise BackupMissing(source, "does not exist")
    whole = path.resolve()
    if source.resolve() == whole:
        raise BackupMissing(source, "is the store itself, and no backup of it")
    return whole


def _keep_wal(path: Path) -> Path:
    """Copy the old store's WAL: SQLite drops it when the file that it belongs to is damaged."""
    kept = path.with_name(f"{path.name}.part-wal")
    kept.unlink(missing_ok=True)
    wal = path.with_name(f"{path.name}-wal")
    if wal.exists():
        copy_itself(wal, kept, of=path)
    return kept


async def _write_back(path: Path) -> bool:
    """Bring what is in the WAL of the old store into its file, so that the file alone is it.

    Returns:
        Whether that could be done: a damaged file is what one restores for.

    Raises:
        StoreInUse: Another program than tgauth has it open.
    """
    if not path.exists():  # noqa: ASYNC240 - one look, and nobody waits
        return True
    raw = await aiosqlite.connect(address(path, "mode=rw"), uri=True, isolation_level=None)
    try:
        await raw.execute_fetchall("PRAGMA locking_mode = EXCLUSIVE")
        await raw.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorname", "").startswith(_BUSY):
            raise StoreInUse(path, by="another program") from error
        return False
    finally:
        await uninterrupted(raw.close())
    return True


def _replace(path: Path, part: Path, wal: Path | None) -> Path | None:
    """Set the old store aside, and a WAL that could not be written back with it.

    Killed between any two steps, the old store is there, whole, or the new one is.
    """
    if os.geteuid() == 0:
        give_to_owner(part, of=path)
    set_aside = _set_aside(path) if path.exists() else None
    if set_aside is not None and wal is not None and wal.exists():
        wal.rename(set_aside.with_name(f"{set_aside.name}-wal"))
    # SQLite would play what is left of the old store into the new one.
    for suffix in ("-wal", "-shm", "-journal"):
        path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
    settle(part, path, may_replace=True)
    return set_aside


def _set_aside(path: Path) -> Path:
    """Give the old store a second name, never one that is taken."""
    for number in count(1):
        suffix = "before-restore" if number == 1 else f"before-restore-{number}"
        name = path.with_name(f"{path.name}.{suffix}")
        try:
            os.link(path, name)
        except FileExistsError:
            continue
        except OSError:  # a file system without hard links
            try:
                copy_itself(path, name, of=path)
            except FileExistsError:
                continue
        return name
    raise AssertionError  # the numbers never end
