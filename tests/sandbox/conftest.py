"""A real local Telegram for each module of tests, in its own process."""

import itertools
from collections.abc import Iterator

import pytest
from tests.sandbox.helpers import Sandbox, started

_ids = itertools.count(5_000)


@pytest.fixture(scope="module")
def server() -> Iterator[Sandbox]:
    """A Telegram without flood limits, on an ephemeral port."""
    with started("telegram", "--token", Sandbox.token, "--no-limits", "--plain-webhooks") as url:
        sandbox = Sandbox(url)
        try:
            yield sandbox
        finally:
            sandbox.close()


@pytest.fixture
def sandbox(server: Sandbox) -> Sandbox:
    """The module's Telegram with nothing pending and no faults, and a person nobody knows."""
    server.clear()
    server.user_id = next(_ids)
    return server
