"""Look through the whole store: is it undamaged, does the key fit, can all of it have happened?"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.instants import Instant
from tgauth.oidc.keys import SigningKey, SigningKeyUnreadable
from tgauth.store import Connection, signing_keys
from tgauth.store.impossible import broken_rules
from tgauth.store.master_key import MasterKeyUnusable, fingerprint_of, read_master_key
from tgauth.store.migrations import shipped
from tgauth.store.plain import (
    Identity,
    NoStore,
    damages,
    dangling,
    identity_of,
    opened,
    schema_of,
)
from tgauth.store.schema import difference_of

_NOTHING_ELSE: Final = "nothing else was looked at"


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What one look found.

    Attributes:
        name: What was looked at.
        is_good: Whether it is all right.
        text: What was seen, and what to do where it is not.
    """

    name: str
    is_good: bool
    text: str


async def check_consistency(
    path: Path, master_key: Path, *, now: Instant
) -> AsyncIterator[Checked]:
    """Look at one thing after the other, while the store may be in use. Nothing is changed.

    Args:
        path: The store.
        master_key: The key file.
        now: The current instant.

    Raises:
        StoreMissing: There is no store.
    """
    try:
        async with opened(path) as connection:
            newest = shipped()[-1].number
            schema = await _schema(connection, await schema_of(connection, path), newest)
            if not schema.is_good:  # every other look would run what stands in it
                yield schema
                return
            identity = await identity_of(connection, path)
            yield await _integrity(connection)
            yield await _references(connection)
            yield schema
            key = _key(identity, master_key)
            yield key[0]
            if identity.schema == newest:
                if key[1] is not None:
                    yield await _signing_keys(connection, key[1])
                async for one in _rows(connection, now):
                    yield one
    except (StoreUnavailable, NoStore) as error:
        yield Checked(
            name="store", is_good=False, text=f"{error}; restore a backup: docs/backup.md"
        )


async def _integrity(connection: Connection) -> Checked:
    found = await damages(connection)
    if not found:
        return Checked(name="integrity", is_good=True, text="SQLite finds nothing damaged")
    text = f"{found[0]} ({len(found)} in all); restore a backup: docs/backup.md"
    return Checked(name="integrity", is_good=False, text=text)


async def _references(connection: Connection) -> Checked:
    found = await dangling(connection)
    if not found:
        return Checked(
            name="references", is_good=True, text="every row refers to one that is there"
        )
    text = f"rows of {', '.join(found)} refer to none; restore a backup: docs/backup.md"
    return Checked(name="references", is_good=False, text=text)


async def _schema(connection: Connection, version: int, newest: int) -> Checked:
    name, text = "schema", f"version {version}"
    if version > newest:
        text += f", and this tgauth knows only up to {newest}: install the newer one again"
        return Checked(name=name, is_good=False, text=f"{text}; {_NOTHING_ELSE}")
    difference = await difference_of(connection, version)
    if difference is not None:
        text += f", but {difference}; {_NOTHING_ELSE}; restore a backup: docs/backup.md"
        return Checked(name=name, is_good=False, text=text)
    if version < newest:
        text += f", to be migrated to {newest} first: rows and signing keys were not looked at"
    return Checked(name=name, is_good=True, text=text)


def _key(identity: Identity, path: Path) -> tuple[Checked, bytes | None]:
    name = "master key"
    try:
        key = read_master_key(path)
    except MasterKeyUnusable as error:
        return Checked(
            name=name,
            is_good=False,
            text=f"{error}; put it there from its copy, or `tgauth keys renew`",
        ), None
    if identity.fingerprint not in {None, fingerprint_of(key)}:
        text = f"{path} belongs to another store: put the one there that belongs to this store"
        return Checked(name=name, is_good=False, text=text), None
    return Checked(name=name, is_good=True, text=f"{path} belongs to this store"), key


async def _signing_keys(connection: Connection, master_key: bytes) -> Checked:
    keys = await signing_keys.all_of(connection)
    unreadable = []
    for one in keys:
        try:
            if SigningKey.unseal(master_key, one.kid, one.private_jwe).kid != one.kid:
                unreadable.append(one.kid)
        except SigningKeyUnreadable:
            unreadable.append(one.kid)
    if unreadable:
        text = f"{', '.join(unreadable)} cannot be opened; restore a backup: docs/backup.md"
        return Checked(name="signing keys", is_good=False, text=text)
    return Checked(name="signing keys", is_good=True, text=f"{len(keys)}, and each opens")


async def _rows(connection: Connection, now: Instant) -> AsyncIterator[Checked]:
    broken = await broken_rules(connection, now=now)
    for one in broken:
        text = f"{one.number} {one.text}, like {one.example}: something else than tgauth wrote them"
        yield Checked(name="rows", is_good=False, text=text)
    if not broken:
        yield Checked(name="rows", is_good=True, text="none that tgauth cannot have written")
