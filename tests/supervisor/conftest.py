"""What every test of the supervisor gets."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """Run on asyncio: asyncio's child processes are what production uses."""
    return "asyncio"
