"""The master key: a file of its own, so that the database file alone logs nobody in."""

import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import Final

from tgauth.domain.code import derive
from tgauth.domain.errors import TgauthError
from tgauth.logs import Log
from tgauth.store.connection import Connection
from tgauth.store.database import Store

_log = Log("store")
#: How an operator makes one.
RECIPE: Final = "make one with `head -c 48 /dev/urandom | base64`, mode 0600"

#: Shorter content than this is no key.
MINIMUM_LENGTH: Final = 32

SELECT_FINGERPRINT: Final = "SELECT fingerprint FROM master_key"
INSERT_FINGERPRINT: Final = """
    INSERT INTO master_key (only_row, fingerprint) VALUES (1, :fingerprint)
"""


class MasterKeyUnusable(TgauthError):
    """The master key is missing, unreadable, too short, or another store's."""

    code = "master_key_unusable"

    def __init__(self, path: Path, why: str) -> None:
        super().__init__(f"the master key file {path} {why}")


async def load_master_key(store: Store, path: Path, *, may_create: bool) -> bytes:
    """Return the 32 bytes that codes and encryption derive from.

    Args:
        store: The store that the key belongs to; remembers the key's fingerprint.
        path: The key file.
        may_create: Whether a first start may make the file.

    Raises:
        MasterKeyUnusable: See there; nothing was changed.
    """
    async with store.writing() as connection:
        known = await known_fingerprint(connection)
        if not path.exists():  # noqa: ASYNC240 - once, at the start, and a few bytes
            if known is not None:
                raise MasterKeyUnusable(
                    path,
                    "is missing, and this store was made with one: restore it from a backup, or "
                    "point TGAUTH_SECRET_FILE to where it is (lost for good? `tgauth keys renew "
                    "--master-key-lost`)",
                )
            if not may_create:
                raise MasterKeyUnusable(path, f"does not exist: {RECIPE}")
            create_master_key(path)
        key = _read(path)
        await _check_fingerprint(connection, key, known, path)
        return key


async def known_fingerprint(connection: Connection) -> str | None:
    """Return what the store remembers its key by; none before its first start has ended."""
    row = await connection.one(SELECT_FINGERPRINT)
    return row["fingerprint"] if row else None


async def _check_fingerprint(
    connection: Connection, key: bytes, known: str | None, path: Path
) -> None:
    fingerprint = fingerprint_of(key)
    if known is None:
        await connection.run(INSERT_FINGERPRINT, {"fingerprint": fingerprint})
    elif known != fingerprint:
        raise MasterKeyUnusable(path, "belongs to another store: nothing here opens with it")


def fingerprint_of(key: bytes) -> str:
    """Return what a store remembers its key by."""
    return derive(key, "fingerprint").hex()


def read_master_key(path: Path) -> bytes:
    """Return the 32 bytes that a key file stands for.

    Raises:
        MasterKeyUnusable: It is no file, cannot be read, or is too short.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise MasterKeyUnusable(path, "is no regular file")
        content = path.read_bytes().strip()
    except OSError as error:
        raise MasterKeyUnusable(path, f"cannot be read: {error.strerror}") from error
    if len(content) < MINIMUM_LENGTH:
        raise MasterKeyUnusable(path, f"holds less than {MINIMUM_LENGTH} bytes: {RECIPE}")
    return hashlib.sha256(content).digest()


def is_readable_by_others(path: Path) -> bool:
    """Say whether a key file's mode lets others in."""
    return bool(path.stat().st_mode & 0o077)


def _read(path: Path) -> bytes:
    key = read_master_key(path)
    if is_readable_by_others(path):
        _log.warning("master_key.readable_by_others", path=path, advice=f"chmod 600 {path}")
    return key


def create_master_key(path: Path) -> None:
    """Write a new key so that nobody ever sees half of it, and two first starts make one.

    Raises:
        MasterKeyUnusable: It cannot be written.
    """
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    try:
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(descriptor, secrets.token_urlsafe(48).encode() + b"\n")
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        try:
            os.link(temporary, path)
        finally:
            temporary.unlink()
        _sync_folder(path.parent)
    except FileExistsError:
        return
    except OSError as error:
        raise MasterKeyUnusable(path, f"cannot be made: {error.strerror}") from error


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
