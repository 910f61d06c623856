"""What tests with a real browser share."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser
from tests.e2e.browser import browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A browser, for all tests of a file."""
    with browser() as running:
        yield running
