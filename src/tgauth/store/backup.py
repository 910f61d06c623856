"""Backups: the whole store as it is at one moment, while it is in use."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from anyio import to_thread

from tgauth.domain.errors import TgauthError
from tgauth.store.access import require_store
from tgauth.store.copying import CopyExists, being_written, copy_into, settle
from tgauth.store.plain import Identity, opened

#: What a store is made of, beside its own name.
_COMPANIONS: Final = ("-wal", "-shm", "-journal", ".lock", ".open", ".serve", ".key")


class NoPlaceForACopy(TgauthError):
    """A backup was to be written where it would destroy something, or where no file can be."""

    code = "no_place_for_a_copy"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"{path} {why}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """A backup that was made.

    Attributes:
        path: Where it is.
        size: Its length in bytes.
        identity: What it says of itself.
    """

    path: Path
    size: int
    identity: Identity


async def back_up(path: Path, target: Path, *, master_key: Path, may_replace: bool) -> Backup:
    """Write a copy of the store at `path` to `target`: whole and durable, or not at all.

    Nobody who writes has to wait for it.

    Args:
        path: The store.
        target: The file to write.
        master_key: The key file, which is never written over.
        may_replace: Whether a file of that name may be replaced.

    Raises:
        StoreMissing: There is no store.
        StoreUnavailable: The store cannot be read.
        NoStore: What is there is no whole store.
        NoPlaceForACopy: The target is a folder, in none, or a part of the installation.
        CopyExists: The target exists and may not be replaced.
        CopyFailed: The target cannot be written.
    """
    require_store(path)
    _require_place(path, target, master_key)
    if target.exists() and not may_replace:  # noqa: ASYNC240 - one look, and nobody waits
        raise CopyExists(target)
    with being_written(target) as part:
        async with opened(path) as connection:
            identity = await copy_into(connection, path, part)
        size = part.stat().st_size
        await to_thread.run_sync(partial(settle, part, target, may_replace=may_replace))
    return Backup(path=target, size=size, identity=identity)


def _require_place(path: Path, target: Path, master_key: Path) -> None:
    if target.is_dir():
        raise NoPlaceForACopy(target, f"is a folder: name a file, like {target / path.name}")
    if not target.parent.is_dir():
        raise NoPlaceForACopy(target, f"cannot be made: the folder {target.parent} does not exist")
    whole = path.resolve()
    own = {whole, master_key.resolve()}
    own |= {whole.with_name(f"{whole.name}{suffix}") for suffix in _COMPANIONS}
    if target.resolve() in own:
        raise NoPlaceForACopy(target, "belongs to the store itself: choose another name")
    if target.exists() and not target.is_file():
        raise NoPlaceForACopy(target, "is no regular file")
