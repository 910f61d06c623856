"""What tests of flows are given beside the deployment."""

from dataclasses import replace

import pytest
from tests.builders import a_client

from tgauth.flows.deployment import Deployment, Keyring
from tgauth.oidc.keys import SigningKey


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    """Return a signing key."""
    return Keyring(keys=(SigningKey.generate(),))


@pytest.fixture
def without_callback(deployment: Deployment) -> Deployment:
    """Return an installation whose browsers end on the account page."""
    return replace(deployment, client=a_client(callback_url=None))
