"""Takes the pictures in docs/screenshots: `python -m tests.e2e.screenshots`.

The chat and the sample application come from a running demo, the pages from the gallery. Needs
Debian's chromium and ImageMagick.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

from playwright.sync_api import Browser, BrowserContext, Page
from tests.e2e.browser import DESKTOP, PHONE, browser
from tests.e2e.shown import Gallery
from tests.harness import Process, eventually

from tgauth.api.options import Branding

FOLDER: Final = Path(__file__).parents[2] / "docs" / "screenshots"
SCREENS: Final[dict[str, dict[str, Any]]] = {
    "desktop-light": {**DESKTOP, "color_scheme": "light"},
    "desktop-dark": {**DESKTOP, "color_scheme": "dark"},
    "phone-light": {**PHONE, "color_scheme": "light"},
    "phone-dark": {**PHONE, "color_scheme": "dark"},
}
#: Pages of the gallery that are shown, and how they are called in the folder.
SHOWN: Final = {
    "continue": "continue",
    "continue-switch": "switch",
    "continue-android": "in-app",
    "account": "account",
    "delete": "delete",
    "welcome-new": "welcome",
    "welcome-logged-out": "logged-out",
    "code-already-spent": "used-link",
    "code-expired": "expired-link",
    "person-not-allowed": "not-allowed",
    "404": "no-such-page",
}
BRANDED: Final = Branding(
    name="The Shop",
    privacy_url="https://example.org/privacy",
    imprint_url="https://example.org/imprint",
)
ADDRESSES: Final = re.compile(
    r"Open (?P<chat>http\S+) and send .*open (?P<application>http\S+) and press", re.DOTALL
)
#: Colours of a picture: the pages have few.
_COLOURS: Final = "64"


def main() -> None:
    """Take every picture on each screen."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    with browser() as chromium:
        for name, screen in SCREENS.items():
            show_pages(chromium, name, screen)
        walk_through_demo(chromium)


def show_pages(chromium: Browser, name: str, screen: dict[str, Any]) -> None:
    """Take the pages of the gallery."""
    gallery = Gallery(branding=BRANDED)
    with chromium.new_context(**screen) as context:
        gallery.serve(context)
        page = context.new_page()
        for source, target in SHOWN.items():
            gallery.show(page, source)
            take(page, target, name)


def walk_through_demo(chromium: Browser) -> None:
    """Run the demo and log in by both doors on each screen."""
    with tempfile.TemporaryDirectory() as folder:
        demo = Process.start(
            [sys.executable, "-m", "tgauth", "demo", "--port", "0"],
            log=Path(folder) / "demo.log",
            environment={},
        )
        try:
            found = eventually(lambda: ADDRESSES.search(demo.output))
            assert found is not None
            for name, screen in SCREENS.items():
                with chromium.new_context(**screen) as context:
                    walk_from_chat(context, found["chat"], name)
                with chromium.new_context(**screen) as context:
                    walk_from_application(context, found["application"], name)
        finally:
            demo.stop()


def walk_from_chat(context: BrowserContext, address: str, screen: str) -> None:
    """Begin in the chat, with a picture of it and of the sample application."""
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
    page.get_by_role("button").click()
    page.get_by_text("telegram_id").wait_for()
    take(page, "sample-application", screen)


def walk_from_application(context: BrowserContext, address: str, screen: str) -> None:
    """Begin in the application: its login page, the chat's question, and the notice afterwards."""
    page = context.new_page()
    page.goto(address)
    page.get_by_role("link", name="Log in").click()
    number = page.locator(".number").inner_text()
    take(page, "login", screen)
    with context.expect_page() as opened:
        page.get_by_role("link", name="Open Telegram").click()
    chat = opened.value
    chat.get_by_role("button", name="START", exact=True).click()
    pick = chat.get_by_role("button", name=number, exact=True).last
    pick.wait_for()
    chat.wait_for_timeout(800)
    take(chat, "question", screen)
    pick.click()
    page.get_by_text("telegram_id").wait_for()
    chat.get_by_role("button", name="That wasn't me").last.wait_for()
    chat.wait_for_timeout(800)
    take(chat, "notice", screen)


def take(page: Page, what: str, screen: str) -> None:
    """Keep a picture of a page, as small as it gets."""
    page.wait_for_load_state()  # with its logo, and its script
    path = FOLDER / f"{what}-{screen}.png"
    page.screenshot(path=path, full_page=what == "account")
    squeeze = ("-strip", "-dither", "None", "-colors", _COLOURS)
    png = ("-define", "png:compression-level=9", "-define", "png:exclude-chunk=all")
    converter = shutil.which("convert") or "convert"
    half = ("-resize", "50%") if screen.startswith("phone") else ()
    subprocess.run((converter, path, *half, *squeeze, *png, f"PNG8:{path}"), check=True)


if __name__ == "__main__":
    main()
