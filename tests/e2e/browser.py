"""Debian's chromium, driven by Playwright."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, sync_playwright
from tests.e2e.browser_first import HANDLE

CHROMIUM: Final = shutil.which("chromium")

needs_browser = pytest.mark.skipif(
    CHROMIUM is None, reason="needs a browser: apt-get install chromium"
)

#: What keeps a headless browser from looking for its maker's servers.
QUIET: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

DESKTOP: Final[dict[str, Any]] = {"viewport": {"width": 1280, "height": 800}}
PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 2,
    "is_mobile": True,
    "has_touch": True,
}


@contextmanager
def browser() -> Iterator[Browser]:
    """Run a headless browser."""
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=list(QUIET))
        try:
            yield running
        finally:
            running.close()


def heading(page: Page) -> Locator:
    """Return what a page says above all."""
    return page.get_by_role("heading", level=1)


def number_on(page: Page) -> str:
    """Return the number that a login's page shows."""
    return page.locator(".number").inner_text().strip()


def handle_on(page: Page) -> str:
    """Return what the link on a login's page holds."""
    link = page.get_by_role("link", name="Open Telegram").get_attribute("href")
    found = HANDLE.search(link or "")
    assert found is not None
    return found[1]
