"""What tests of flows are given beside the deployment."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.builders import a_client

from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keyring
from tgauth.oidc.keys import SigningKey
from tgauth.store import Store


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """Return a signing key."""
    key = SigningKey.generate()
    return Keyring(signer=key, keys=(key,))


@pytest.fixture
def without_callback(deployment: Deployment) -> Deployment:
    """Return an installation whose browsers end on the account page."""
    return replace(deployment, client=a_client(callback_url=None))


@pytest.fixture
def count(store: Store) -> Callable[[str], Awaitable[int]]:
    """Return what counts the rows of a table."""

    async def rows_of(table: str) -> int:
        async with store.reading() as connection:
            [row] = await connection.run(f"SELECT count(*) AS number FROM {table}")
        return int(row["number"])

    return rows_of
