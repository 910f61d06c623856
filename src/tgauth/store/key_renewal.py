"""Another master key in the place of one that was lost or stolen: the file's part of it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import count
from pathlib import Path
from typing import Final

from tgauth.domain.errors import TgauthError
from tgauth.store.connection import Connection
from tgauth.store.lock_files import give_to_owner
from tgauth.store.master_key import (
    RECIPE,
    MasterKeyUnusable,
    create_master_key,
    fingerprint_of,
    read_master_key,
)

UPSERT_FINGERPRINT: Final = """
    INSERT INTO master_key (only_row, fingerprint) VALUES (1, :fingerprint)
    ON CONFLICT (only_row) DO UPDATE SET fingerprint = excluded.fingerprint
"""


class Misfortune(StrEnum):
    """What happened to a master key."""

    LOST = "lost"
    STOLEN = "stolen"


class MasterKeyInPlace(TgauthError):
    """The key file is this store's, so there is nothing that could take its place."""

    code = "master_key_in_place"

    def __init__(self, path: Path, advice: str) -> None:
        super().__init__(f"the master key file {path} is here and is this store's: {advice}")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyChange:
    """What becomes of the key file.

    Attributes:
        path: The key file.
        database: The store that it belongs to.
        set_aside: The name that what is there now gets, if anything is there and has to go.
        is_made: Whether a new one is made; otherwise the one that is there is taken.
    """

    path: Path
    database: Path
    set_aside: Path | None
    is_made: bool

    def carry_out(self) -> bytes:
        """Put the new key in its place, and return it.

        Killed between any two steps, the renewal can be begun again.

        Raises:
            MasterKeyUnusable: It cannot be made or read.
        """
        try:
            if self.set_aside is not None:
                self.path.rename(self.set_aside)
        except OSError as error:
            why = f"cannot be renamed to {self.set_aside}: {error.strerror}"
            raise MasterKeyUnusable(self.path, why) from error
        if self.is_made:
            create_master_key(self.path)
            if os.geteuid() == 0:
                give_to_owner(self.path, of=self.database)
        return read_master_key(self.path)


def planned_change(
    database: Path, path: Path, misfortune: Misfortune, *, known: str | None, may_make: bool
) -> KeyChange:
    """Say what has to become of the key file; nothing is changed.

    Args:
        database: The store.
        path: The key file.
        misfortune: What happened to the key.
        known: What the store remembers its key by.
        may_make: Whether the file is ours to make; otherwise the operator makes it.

    Raises:
        MasterKeyInPlace: It is not lost, or the operator has to make another one first.
        MasterKeyUnusable: The operator has to make one first.
    """
    fits = _fits(path, known)
    if fits and misfortune is Misfortune.LOST:
        raise MasterKeyInPlace(path, "nothing is lost (if others may have it: --master-key-stolen)")
    if may_make:
        aside = next(_free_names(path)) if os.path.lexists(path) else None
        return KeyChange(path=path, database=database, set_aside=aside, is_made=True)
    if fits:
        raise MasterKeyInPlace(
            path,
            "TGAUTH_SECRET_FILE names it, so move it away (older backups need it), and "
            f"{RECIPE} there",
        )
    if not path.exists():
        raise MasterKeyUnusable(path, f"does not exist, and TGAUTH_SECRET_FILE names it: {RECIPE}")
    read_master_key(path)
    return KeyChange(path=path, database=database, set_aside=None, is_made=False)


async def remember(connection: Connection, master_key: bytes) -> None:
    """Let the store belong to another master key from now on."""
    await connection.run(UPSERT_FINGERPRINT, {"fingerprint": fingerprint_of(master_key)})


def _fits(path: Path, known: str | None) -> bool:
    try:
        return fingerprint_of(read_master_key(path)) == known
    except MasterKeyUnusable:
        return False


def _free_names(path: Path) -> Iterator[Path]:
    for number in count(1):
        name = path.with_name(f"{path.name}.{'old' if number == 1 else f'old-{number}'}")
        if not os.path.lexists(name):
            yield name
