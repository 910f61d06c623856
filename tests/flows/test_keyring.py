"""Promises of the keyring: made once, opened by every process, only with the master key."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import a_deployment
from tgauth.flows.open_keyring import open_keyring

from tgauth.flows.deployment import Deployment
from tgauth.oidc.keys import SigningKeyUnreadable
from tgauth.store import Store, signing_keys

pytestmark = pytest.mark.anyio


async def test_processes_that_start_at_once_agree_on_one_key(
    deployment: Deployment, database: Path
) -> None:
    """Whoever comes first makes it, and everybody signs with the same."""
    async with Store.open(database) as second:
        rings = await asyncio.gather(
            *(open_keyring(one) for one in [deployment, a_deployment(second)] * 4)
        )
    assert len({ring.newest.kid for ring in rings}) == 1
    assert len({ring.newest.key.as_pem(private=True) for ring in rings}) == 1


async def test_another_master_key_opens_nothing(deployment: Deployment) -> None:
    """The database alone signs nothing."""
    await open_keyring(deployment)
    with pytest.raises(SigningKeyUnreadable):
        await open_keyring(replace(deployment, master_key=bytes(32)))


async def test_the_row_publishes_no_private_part(deployment: Deployment, store: Store) -> None:
    """What is kept in plain is what the whole world may see."""
    ring = await open_keyring(deployment)
    async with store.reading() as connection:
        [row] = await signing_keys.all_of(connection)
    assert ring.newest.public_jwk() == json.loads(row.public_jwk)
    assert "d" not in json.loads(row.public_jwk)
    assert (ring.newest.kid, "ES256", deployment.now()) == (row.kid, row.algorithm, row.created_at)


async def test_the_newest_key_signs(deployment: Deployment) -> None:
    """The keyring's last key."""
    ring = await open_keyring(deployment)
    assert ring.keys[-1] is ring.newest


async def test_a_deployment_prints_no_key(deployment: Deployment) -> None:
    """Whoever logs it by mistake logs an address."""
    assert f"Deployment({deployment.issuer.url})" == repr(deployment)
