"""Another master key, after the old one was lost or stolen: accounts stay, little else does."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from anyio import to_thread

from tgauth.domain.audit import Actor, AuditEntry, AuditEvent
from tgauth.domain.instants import Instant
from tgauth.flows.keyring import new_key
from tgauth.store import (
    Connection,
    Store,
    approvals,
    audit,
    logins,
    outbox,
    sessions,
    signing_keys,
)
from tgauth.store.key_renewal import KeyChange, Misfortune, planned_change, remember
from tgauth.store.master_key import known_fingerprint
from tgauth.store.presence import alone
from tgauth.store.signing_keys import SealedKey

#: Why what hung on the old key ended, as the audit log names it.
_RENEWED: Final = "master_key_renewed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewed:
    """What a renewal did.

    Attributes:
        key: The signing key that signs from now on.
        sessions: How many sessions ended.
        logins: How many logins that waited were withdrawn.
    """

    key: SealedKey
    sessions: int
    logins: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """A renewal that can be done: everything was looked at, and nothing changed yet.

    Attributes:
        store: The store, which nobody else has open.
        change: What becomes of the key file.
        misfortune: What happened to the old key.
    """

    store: Store
    change: KeyChange
    misfortune: Misfortune

    async def carry_out(self, *, now: Instant) -> Renewed:
        """Make the new key and let the store belong to it.

        The file comes first: killed before the store is written, the store refuses that key, and
        the renewal is begun again.

        Raises:
            MasterKeyUnusable: The key file cannot be made or read.
            StoreUnavailable: The store cannot be written.
        """
        master_key = await to_thread.run_sync(self.change.carry_out)
        signing_key = new_key(master_key, now=now, signs_from=now)
        async with self.store.writing() as connection:
            await remember(connection, master_key)
            await signing_keys.remove_all(connection)
            await signing_keys.save(connection, signing_key)
            renewed = Renewed(
                key=signing_key,
                logins=await _withdraw_logins(connection, now),
                sessions=await sessions.end_everybodys(connection, now=now),
            )
            await self._write_down(connection, renewed, now=now)
            return renewed

    async def _write_down(self, connection: Connection, done: Renewed, *, now: Instant) -> None:
        """Write into the audit log what was done; of what ended by it, how many."""
        for event, reason, number in (
            (AuditEvent.MASTER_KEY_RENEWED, self.misfortune.value, 1),
            (AuditEvent.LOGIN_WITHDRAWN, _RENEWED, done.logins),
            (AuditEvent.SESSION_ENDED, _RENEWED, done.sessions),
        ):
            if number:
                entry = AuditEntry(
                    at=now, event=event, actor=Actor.OPERATOR, reason=reason, number=number
                )
                await audit.add(connection, entry)


@asynccontextmanager
async def master_key_renewal(
    database: Path, key_path: Path, misfortune: Misfortune, *, may_make: bool
) -> AsyncIterator[Renewal]:
    """Look whether the master key can be renewed, and keep everybody out of the store meanwhile.

    Args:
        database: The store.
        key_path: The key file.
        misfortune: What happened to the key.
        may_make: Whether the key file is ours to make.

    Raises:
        TgauthError: It cannot be done, with the reason; nothing was changed.
    """
    async with Store.open(database, as_it_is=True, by=alone) as store:
        async with store.reading() as connection:
            known = await known_fingerprint(connection)
        plan = partial(planned_change, known=known, may_make=may_make)
        change = await to_thread.run_sync(plan, database, key_path, misfortune)
        yield Renewal(store=store, change=change, misfortune=misfortune)


async def _withdraw_logins(connection: Connection, now: Instant) -> int:
    # First the questions: which logins still wait is what both are chosen by. Their links, numbers
    # and pages derive from the old key, and nobody could answer them any more.
    await approvals.withdraw_all(connection, now=now)
    withdrawn = await logins.withdraw_all(connection, now=now)
    for login_id in withdrawn:
        await outbox.hasten(connection, login_id, now=now)
    return len(withdrawn)
