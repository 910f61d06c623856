"""The signing keys: the first one, rotation, and what a process holds of them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, Protocol, TypeVar

import anyio

from tgauth.domain.audit import BY_OPERATOR, BY_SYSTEM, AuditEvent
from tgauth.domain.errors import RotationUnderWay
from tgauth.domain.instants import DAY, MINUTE, SECOND, Instant
from tgauth.flows.auditing import Trail
from tgauth.flows.deployment import Deployment
from tgauth.oidc.keys import ALGORITHM, SigningKey
from tgauth.store import signing_keys
from tgauth.store.signing_keys import SealedKey

#: How long others may keep the published keys (`Cache-Control` of the JWKS).
PUBLISHED_FOR: Final = 5 * MINUTE
#: How old a process's own view of the keys may be.
_BELIEVED_FOR: Final = 30 * SECOND
#: A new key is published for this long before it signs: longer than anybody's cache.
OVERLAP: Final = 2 * PUBLISHED_FOR
#: The longest lifetime of a token that can be set: so long is an old key needed to verify.
_LONGEST_TOKEN: Final = 1 * DAY


class KeyUse(StrEnum):
    """What a signing key is for at one moment."""

    SIGNS = "signs"
    WILL_SIGN = "will_sign"
    VERIFIES = "verifies"
    OVER = "over"


class _Timed(Protocol):
    """A key with its times."""

    @property
    def signs_from(self) -> Instant: ...

    @property
    def expires_at(self) -> Instant | None: ...


_Key = TypeVar("_Key", bound=_Timed)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenedKey:
    """A signing key, opened, and when it is used.

    Attributes:
        key: The key.
        signs_from: From when on it signs.
        expires_at: From when on nothing that it signed is believed.
    """

    key: SigningKey
    signs_from: Instant
    expires_at: Instant | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Keyring:
    """The signing keys of one moment.

    Attributes:
        signer: The key that signs.
        keys: All that verify, and are published.
    """

    signer: SigningKey
    keys: tuple[SigningKey, ...]


class Keys:
    """The keys as one process knows them: read again before a rotation could have mattered."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
        self._opened: dict[str, SigningKey] = {}
        self._known: tuple[OpenedKey, ...] = ()
        self._read_at: Instant | None = None
        self._reading = anyio.Lock()

    async def current(self) -> Keyring:
        """Return the keyring of this moment; the first key is made where there is none.

        Raises:
            SigningKeyUnreadable: A key does not open with this master key.
            StoreUnavailable: The store cannot be read, or a first key cannot be written.
        """
        now = self._deployment.now()
        if not self._is_fresh(now):
            async with self._reading:
                if not self._is_fresh(now):
                    await self._read(now)
        return _at(self._known, now)

    def _is_fresh(self, now: Instant) -> bool:
        # A clock that was set back makes the view no fresher.
        return self._read_at is not None and 0 <= now - self._read_at < _BELIEVED_FOR

    async def _read(self, now: Instant) -> None:
        async with self._deployment.store.reading() as connection:
            sealed = await signing_keys.all_of(connection)
        if not any(key.expires_at is None for key in sealed):
            sealed = await _with_first_key(self._deployment)
        for key in sealed:
            if key.kid not in self._opened:
                self._opened[key.kid] = SigningKey.unseal(
                    self._deployment.master_key, key.kid, key.private_jwe
                )
        self._known = tuple(
            OpenedKey(
                key=self._opened[key.kid], signs_from=key.signs_from, expires_at=key.expires_at
            )
            for key in sealed
        )
        self._read_at = now


async def rotate_keys(deployment: Deployment, *, at_once: bool) -> SealedKey:
    """Make a new signing key, and return it.

    It is published first and signs after `OVERLAP`, when everybody who caches the published keys
    has seen it; the old ones verify until the last token that they signed has expired.

    Args:
        deployment: The installation.
        at_once: For a key that leaked: the new one signs now, and nothing that an old one signed is
            believed any more.

    Raises:
        RotationUnderWay: The newest key does not sign yet. (`at_once` goes on all the same.)
    """
    now = deployment.now()
    signs_from = now if at_once else now + OVERLAP
    # At the beginning of time: a clock that is set back must not make a leaked key good again.
    old_expire_at = 0 if at_once else signs_from + _LONGEST_TOKEN
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            existing = await signing_keys.all_of(connection)
            for key in existing:
                if key.signs_from > now and not at_once:
                    raise RotationUnderWay(key.kid, key.signs_from)
                if key.expires_at is None or key.expires_at > old_expire_at:
                    await signing_keys.save(connection, replace(key, expires_at=old_expire_at))
            new = new_key(deployment.master_key, now=now, signs_from=signs_from)
            await signing_keys.save(connection, new)
            reason = "at_once" if at_once else "overlapping"
            await trail.note(connection, AuditEvent.KEYS_ROTATED, BY_OPERATOR, reason=reason)
            return new


async def list_keys(deployment: Deployment) -> list[SealedKey]:
    """Return every signing key that is still kept, oldest first."""
    async with deployment.store.reading() as connection:
        return await signing_keys.all_of(connection)


def uses_of(keys: Sequence[SealedKey], *, now: Instant) -> list[KeyUse]:
    """Say of each key, oldest first, what it is for at this moment."""
    believed = _believed(keys, now)
    signer = _signer(believed, now) if believed else None
    return [_use(key, signer, now) for key in keys]


def _use(key: SealedKey, signer: SealedKey | None, now: Instant) -> KeyUse:
    if key is signer:
        return KeyUse.SIGNS
    if key.expires_at is not None and key.expires_at <= now:
        return KeyUse.OVER
    return KeyUse.WILL_SIGN if key.signs_from > now else KeyUse.VERIFIES


async def _with_first_key(deployment: Deployment) -> list[SealedKey]:
    """Make the first key; several processes that start at once agree on one."""
    with Trail(deployment) as trail:
        async with deployment.store.writing() as connection:
            sealed = await signing_keys.all_of(connection)
            if not any(key.expires_at is None for key in sealed):
                now = deployment.now()
                first = new_key(deployment.master_key, now=now, signs_from=now)
                await signing_keys.save(connection, first)
                await trail.note(connection, AuditEvent.KEY_CREATED, BY_SYSTEM)
                sealed = await signing_keys.all_of(connection)
            return sealed


def new_key(master_key: bytes, *, now: Instant, signs_from: Instant) -> SealedKey:
    """Make a signing key, encrypted under a master key.

    Args:
        master_key: The master key.
        now: The current instant.
        signs_from: From when on it signs.
    """
    key = SigningKey.generate()
    return SealedKey(
        kid=key.kid,
        algorithm=ALGORITHM,
        public_jwk=json.dumps(key.public_jwk()),
        private_jwe=key.seal(master_key),
        created_at=now,
        signs_from=signs_from,
        expires_at=None,
    )


def _at(opened: tuple[OpenedKey, ...], now: Instant) -> Keyring:
    believed = _believed(opened, now)
    return Keyring(signer=_signer(believed, now).key, keys=tuple(one.key for one in believed))


def _believed(keys: Sequence[_Key], now: Instant) -> list[_Key]:
    return [one for one in keys if one.expires_at is None or now < one.expires_at]


def _signer(believed: Sequence[_Key], now: Instant) -> _Key:
    # Where none signs yet (the clock was set back) the oldest has to.
    signing = [one for one in believed if one.signs_from <= now] or believed[:1]
    return max(signing, key=lambda one: one.signs_from)
