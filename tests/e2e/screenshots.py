"""Takes the pictures in docs/screenshots: `python -m tests.e2e.screenshots`."""

import re
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import BrowserContext, Page
from tests.e2e.browser import DESKTOP, PHONE, browser
from tests.harness import Process, eventually

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
SCREENS: Final[dict[str, dict[str, Any]]] = {
    "desktop-light": {**DESKTOP, "color_scheme": "light"},
    "desktop-dark": {**DESKTOP, "color_scheme": "dark"},
    "phone-light": {**PHONE, "color_scheme": "light"},
    "phone-dark": {**PHONE, "color_scheme": "dark"},
}


def main() -> None:
    """Run the demo and walk through it on each screen."""
    FOLDER.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        demo = Process.start(
            [sys.executable, "-m", "tgauth", "demo", "--port", "0"],
            log=Path(folder) / "demo.log",
            environment={},
        )
        try:
            found = eventually(lambda: re.search(r"Open (http\S+) and", demo.output))
            assert found is not None
            with browser() as chromium:
                for name, screen in SCREENS.items():
                    with chromium.new_context(**screen) as context:
                        walk(context, found[1], name)
        finally:
            demo.stop()


def walk(context: BrowserContext, address: str, screen: str) -> None:
    """Log in once, with a picture of each page on the way."""
    chat = context.new_page()
    chat.goto(address)
    chat.get_by_role("textbox").fill("/login")
    chat.keyboard.press("Enter")
    links = chat.locator("a[href*='/auth/callback?code=']")
    links.last.wait_for()
    chat.wait_for_timeout(800)
    take(chat, "chat", screen)
    with context.expect_page() as opened:
        links.last.click()
    page = opened.value
    page.get_by_role("button").wait_for()
    take(page, "continue", screen)
    issuer = page.url.partition("/auth/")[0]
    page.get_by_role("button").click()
    page.get_by_text("telegram_id").wait_for()
    take(page, "sample-application", screen)
    page.goto(f"{issuer}/account")
    take(page, "account", screen)
    context.clear_cookies()  # as in another browser
    page.goto(str(links.last.get_attribute("href")))
    take(page, "used-link", screen)


def take(page: Page, what: str, screen: str) -> None:
    """Keep a picture of a page."""
    page.screenshot(path=FOLDER / f"{what}-{screen}.png")


if __name__ == "__main__":
    main()
