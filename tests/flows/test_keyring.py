"""Promises of the keyring: one first key for all, and a rotation that nobody notices."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import Clock, a_begun_login, a_browser, a_deployment, chat_code_of

from tgauth.domain.errors import RotationUnderWay, TokenRefused
from tgauth.domain.instants import DAY, HOUR, MINUTE, SECOND
from tgauth.domain.session import Visitor
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.identify import identify_by_token
from tgauth.flows.keyring import (
    OVERLAP,
    PUBLISHED_FOR,
    Keyring,
    Keys,
    KeyUse,
    list_keys,
    rotate_keys,
    uses_of,
)
from tgauth.flows.sweep import sweep
from tgauth.oidc.keys import SigningKeyUnreadable
from tgauth.store import Store, signing_keys
from tgauth.store.signing_keys import SealedKey

pytestmark = pytest.mark.anyio

#: Written by hand: what others may rely on.
CACHED = 5 * MINUTE
PUBLISHED_BEFORE = 10 * MINUTE
VERIFIES_FOR = 1 * DAY


@pytest.fixture
def keys(deployment: Deployment) -> Keys:
    """Return the keys as this process knows them."""
    return Keys(deployment)


@pytest.fixture
async def another(deployment: Deployment, database: Path) -> AsyncIterator[Deployment]:
    """Return the same installation as another process sees it."""
    async with Store.open(database) as second:
        yield a_deployment(second, now=deployment.now)


def kids(ring: Keyring) -> tuple[str, list[str]]:
    """Return which key signs, and which are published."""
    return ring.signer.kid, [key.kid for key in ring.keys]


async def fresh(deployment: Deployment) -> tuple[str, list[str]]:
    """Return what a process that starts now makes of the keys."""
    return kids(await Keys(deployment).current())


async def test_processes_that_start_at_once_agree_on_one_key(
    deployment: Deployment, another: Deployment
) -> None:
    """Whoever comes first makes it, and everybody signs with the same."""
    rings = await asyncio.gather(*(Keys(one).current() for one in [deployment, another] * 4))
    assert len({ring.signer.kid for ring in rings}) == 1
    assert len({ring.signer.key.as_pem(private=True) for ring in rings}) == 1
    assert 1 == len(await list_keys(deployment))


async def test_many_requests_at_once_read_the_keys_once(
    keys: Keys, deployment: Deployment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes while they are being read waits for that."""
    asked = 0
    reading = deployment.store.reading

    def counted() -> object:
        nonlocal asked
        asked += 1
        return reading()

    monkeypatch.setattr(deployment.store, "reading", counted)
    rings = await asyncio.gather(*(keys.current() for _ in range(20)))
    assert 1 == asked
    assert all(ring == rings[0] for ring in rings)


async def test_where_there_is_a_key_nothing_is_written(deployment: Deployment, keys: Keys) -> None:
    """Whoever looks at the keys again waits for no writer, and stands in nobody's way."""
    ring = await keys.current()
    async with deployment.store.writing():
        assert kids(ring) == await fresh(deployment)


async def test_another_master_key_opens_nothing(deployment: Deployment, keys: Keys) -> None:
    """The database alone signs nothing."""
    await keys.current()
    with pytest.raises(SigningKeyUnreadable):
        await Keys(replace(deployment, master_key=bytes(32))).current()


async def test_the_row_publishes_no_private_part(deployment: Deployment, keys: Keys) -> None:
    """What is kept in plain is what the whole world may see."""
    ring = await keys.current()
    [row] = await list_keys(deployment)
    assert ring.signer.public_jwk() == json.loads(row.public_jwk)
    assert "d" not in json.loads(row.public_jwk)
    now = deployment.now()
    assert (ring.signer.kid, "ES256", now, now, None) == (
        row.kid,
        row.algorithm,
        row.created_at,
        row.signs_from,
        row.expires_at,
    )


def test_a_new_key_is_published_longer_than_anybody_keeps_the_old_set() -> None:
    """Or somebody would meet a token whose key they have not seen."""
    assert (CACHED, PUBLISHED_BEFORE) == (PUBLISHED_FOR, OVERLAP)
    assert OVERLAP > PUBLISHED_FOR + 30 * SECOND


async def test_a_rotation_overlaps(deployment: Deployment, keys: Keys, clock: Clock) -> None:
    """First published, then signing, and the old one verifies until its last token has expired."""
    old, _ = kids(await keys.current())
    began = clock()
    new = await rotate_keys(deployment, at_once=False)
    assert (began, began + PUBLISHED_BEFORE, None) == (
        new.created_at,
        new.signs_from,
        new.expires_at,
    )
    end = began + PUBLISHED_BEFORE + VERIFIES_FOR
    for now, signer, published in (
        (began, old, {old, new.kid}),
        (began + PUBLISHED_BEFORE - 1, old, {old, new.kid}),
        (began + PUBLISHED_BEFORE, new.kid, {old, new.kid}),
        (end - 1, new.kid, {old, new.kid}),
        (end, new.kid, {new.kid}),
        (end + DAY, new.kid, {new.kid}),
    ):
        clock.now = now
        found, all_of_them = await fresh(deployment)
        assert (now - began, signer, published) == (now - began, found, set(all_of_them))


async def test_a_rotation_at_once_believes_no_old_key(
    deployment: Deployment, keys: Keys, clock: Clock
) -> None:
    """For a key that leaked: from this very instant on."""
    await keys.current()
    clock.advance(HOUR)
    new = await rotate_keys(deployment, at_once=True)
    assert (clock(), None) == (new.signs_from, new.expires_at)
    assert (new.kid, [new.kid]) == await fresh(deployment)


@pytest.mark.parametrize("back", [1, SECOND, HOUR, 400 * DAY])
async def test_a_leaked_key_stays_dead_when_the_clock_is_set_back(
    deployment: Deployment, keys: Keys, clock: Clock, back: int
) -> None:
    """The clock revives nothing: the new key signs, although its time has not come."""
    await keys.current()
    clock.advance(HOUR)
    new = await rotate_keys(deployment, at_once=True)
    clock.step(-back)
    assert (new.kid, [new.kid]) == await fresh(deployment)


async def test_a_second_rotation_waits_for_the_first(
    deployment: Deployment, keys: Keys, clock: Clock
) -> None:
    """There is nothing to rotate while the newest key does not sign; it says until when."""
    await keys.current()
    clock.advance(MINUTE)
    first = await rotate_keys(deployment, at_once=False)
    before = await list_keys(deployment)
    clock.advance(PUBLISHED_BEFORE - 1)
    with pytest.raises(RotationUnderWay) as refused:
        await rotate_keys(deployment, at_once=False)
    assert first.kid in str(refused.value)
    assert "from 2027-01-15T08:11:00Z on" in str(refused.value)
    assert before == await list_keys(deployment)
    clock.advance(1)
    second = await rotate_keys(deployment, at_once=False)
    assert second.kid != first.kid


async def test_a_rotation_at_once_waits_for_nobody(deployment: Deployment, keys: Keys) -> None:
    """Neither the old key nor the one that was to sign soon is believed any more."""
    await keys.current()
    await rotate_keys(deployment, at_once=False)
    new = await rotate_keys(deployment, at_once=True)
    assert (new.kid, [new.kid]) == await fresh(deployment)
    assert 3 == len(await list_keys(deployment))


async def test_a_later_rotation_prolongs_no_earlier_key(
    deployment: Deployment, keys: Keys, clock: Clock
) -> None:
    """A key's end, once set, only ever comes nearer."""
    await keys.current()
    clock.advance(MINUTE)
    await rotate_keys(deployment, at_once=False)
    [first, _] = await list_keys(deployment)
    clock.advance(PUBLISHED_BEFORE)
    await rotate_keys(deployment, at_once=False)
    [again, second, third] = await list_keys(deployment)
    assert first == again
    assert clock() + PUBLISHED_BEFORE + VERIFIES_FOR == second.expires_at
    assert third.expires_at is None


async def test_a_rotation_without_any_key_makes_the_first(deployment: Deployment) -> None:
    """It is published and signs, as there is no other."""
    new = await rotate_keys(deployment, at_once=False)
    assert (new.kid, [new.kid]) == await fresh(deployment)


@pytest.mark.parametrize("back", [1, HOUR, 400 * DAY])
async def test_somebody_signs_after_the_clock_was_set_back(
    deployment: Deployment, keys: Keys, clock: Clock, back: int
) -> None:
    """Where no key's time has come the oldest signs, and nobody is turned away."""
    old, _ = kids(await keys.current())
    clock.advance(1)
    await rotate_keys(deployment, at_once=False)
    clock.step(-1 - back)
    signer, published = await fresh(deployment)
    assert (old, 2) == (signer, len(published))


async def test_the_keys_are_read_again_after_half_a_minute(
    keys: Keys, another: Deployment, clock: Clock
) -> None:
    """So each process sees another's rotation, well before it matters."""
    first = await keys.current()
    new = await rotate_keys(another, at_once=True)
    clock.advance(30 * SECOND - 1)
    assert first == await keys.current()
    clock.advance(1)
    assert (new.kid, [new.kid]) == kids(await keys.current())


async def test_a_clock_that_was_set_back_makes_no_view_fresher(
    keys: Keys, another: Deployment, clock: Clock
) -> None:
    """Otherwise a process would not look again until the clock has caught up."""
    await keys.current()
    new = await rotate_keys(another, at_once=True)
    clock.advance(-HOUR)
    assert (new.kid, [new.kid]) == kids(await keys.current())


async def test_a_key_begins_to_sign_without_being_read_again(
    keys: Keys, another: Deployment, clock: Clock
) -> None:
    """What is known says from when on: both processes change over at the same millisecond."""
    await keys.current()
    new = await rotate_keys(another, at_once=False)
    clock.advance(PUBLISHED_BEFORE - SECOND)
    before = await keys.current()
    clock.advance(SECOND - 1)
    assert before.signer == (await keys.current()).signer
    clock.advance(1)
    assert new.kid == (await keys.current()).signer.kid


async def test_a_token_of_before_the_rotation_is_believed_until_it_expires(
    deployment: Deployment, keys: Keys, clock: Clock
) -> None:
    """Nobody is logged out by a rotation; by one at once everybody is."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    outcome = await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
    ring = await keys.current()
    grant = await exchange_code(deployment, ring, outcome.callback_code or "", visitor=Visitor())
    await rotate_keys(deployment, at_once=False)
    clock.advance(PUBLISHED_BEFORE + SECOND)
    rotated = await keys.current()
    assert rotated.signer != ring.signer
    await identify_by_token(deployment, rotated, grant.access_token)
    await rotate_keys(deployment, at_once=True)
    clock.advance(30 * SECOND)
    with pytest.raises(TokenRefused):
        await identify_by_token(deployment, await keys.current(), grant.access_token)


async def test_expired_keys_are_swept(deployment: Deployment, keys: Keys, clock: Clock) -> None:
    """Only from the instant on at which nothing can be verified with them any more."""
    await keys.current()
    await rotate_keys(deployment, at_once=False)
    clock.advance(PUBLISHED_BEFORE + VERIFIES_FOR - 1)
    await sweep(deployment)
    assert 2 == len(await list_keys(deployment))
    clock.advance(1)
    before = await fresh(deployment)
    await sweep(deployment)
    [left] = await list_keys(deployment)
    assert (left.kid, [left.kid]) == before == await fresh(deployment)


async def test_where_every_key_is_over_a_new_one_is_made(
    deployment: Deployment, keys: Keys
) -> None:
    """Whatever an operator did to the rows, somebody can log in."""
    await keys.current()
    [only] = await list_keys(deployment)
    async with deployment.store.writing() as connection:
        await signing_keys.save(connection, replace(only, expires_at=deployment.now()))
    signer, published = await fresh(deployment)
    assert only.kid != signer
    assert [signer] == published


async def test_a_deployment_prints_no_key(deployment: Deployment) -> None:
    """Whoever logs it by mistake logs an address."""
    assert f"Deployment({deployment.issuer.url})" == repr(deployment)


async def test_a_keyring_prints_no_private_part(keys: Keys) -> None:
    """Neither by itself nor inside of something."""
    ring = await keys.current()
    private = str(ring.signer.key.as_dict(private=True)["d"])
    assert private not in f"{ring!r} {ring} {keys!r}"


def a_key(kid: str, signs_from: int, expires_at: int | None) -> SealedKey:
    """Build a key as it rests."""
    return SealedKey(
        kid=kid,
        algorithm="ES256",
        public_jwk="{}",
        private_jwe="",
        created_at=0,
        signs_from=signs_from,
        expires_at=expires_at,
    )


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (9, [KeyUse.SIGNS, KeyUse.WILL_SIGN]),  # before the first: then the oldest has to
        (10, [KeyUse.SIGNS, KeyUse.WILL_SIGN]),
        (29, [KeyUse.SIGNS, KeyUse.WILL_SIGN]),
        (30, [KeyUse.VERIFIES, KeyUse.SIGNS]),
        (49, [KeyUse.VERIFIES, KeyUse.SIGNS]),
        (50, [KeyUse.OVER, KeyUse.SIGNS]),
    ],
)
def test_what_a_key_is_for_changes_with_its_times(now: int, expected: list[KeyUse]) -> None:
    """At the very instant."""
    keys = [a_key("old", 10, 50), a_key("new", 30, None)]
    assert expected == uses_of(keys, now=now)
    assert [] == uses_of([], now=now)


async def test_the_key_that_is_said_to_sign_signs(deployment: Deployment, clock: Clock) -> None:
    """Through a whole rotation."""
    await Keys(deployment).current()
    await rotate_keys(deployment, at_once=False)
    for _ in range(4):
        found = await list_keys(deployment)
        uses = uses_of(found, now=clock())
        [said] = [key.kid for key, use in zip(found, uses, strict=True) if use is KeyUse.SIGNS]
        assert (await Keys(deployment).current()).signer.kid == said
        clock.advance(OVERLAP // 2)
