"""Promises of what a person sees of a page without scrolling, and without having to puzzle."""

from typing import Any, Final

import pytest
from playwright.sync_api import Browser, Locator, Page, expect
from tests.e2e.browser import DESKTOP, PHONE, needs_browser
from tests.e2e.shown import Gallery

from tgauth.api.options import Branding
from tgauth.texts import languages

pytestmark = [pytest.mark.browser, needs_browser]

KINDS: Final = {"desktop": DESKTOP, "phone": PHONE}
BRANDED: Final = Branding(name="The Shop", privacy_url="https://example.org/privacy")
#: What is left of a phone's 844 pixels between the bars of its browser.
BETWEEN_BARS: Final = 664


def bottom(part: Locator) -> float:
    """Return where a part of a page ends."""
    box = part.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["waiting", "waiting-opened"])
def test_nobody_scrolls_to_log_in(chromium: Browser, name: str, kind: str, language: str) -> None:
    """Button, number, news and time are above the fold; the first two on a small phone, too."""
    gallery = Gallery(language, BRANDED)
    with chromium.new_context(**KINDS[kind]) as context:
        gallery.serve(context)
        page = context.new_page()
        gallery.show(page, name)
        for part in (page.locator(".steps .button"), page.locator(".number")):
            assert bottom(part) <= BETWEEN_BARS
        for part in (page.locator("[data-said]"), page.get_by_role("timer")):
            assert bottom(part) <= KINDS[kind]["viewport"]["height"]


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("kind", KINDS)
def test_no_button_breaks_its_words(chromium: Browser, kind: str, language: str) -> None:
    """Buttons stand beside each other only where there is room for it."""
    gallery = Gallery(language, BRANDED)
    broken: list[str] = []
    with chromium.new_context(**KINDS[kind]) as context:
        gallery.serve(context)
        page = context.new_page()
        for name in ("current", "account", "delete", "login-redeemed-here", "welcome-new"):
            gallery.show(page, name)
            broken += [f"{name}: {one}" for one in with_several_lines(page)]
    assert [] == broken


def with_several_lines(page: Page) -> list[str]:
    """Return the texts of buttons that take more than a line."""
    buttons = page.locator("button:visible, .button:visible").all()
    one_line = 48  # pixels: the least height of a button, which one line does not fill
    return [
        one.inner_text()
        for one in buttons
        if one.evaluate("e => e.getBoundingClientRect().height") > one_line
    ]


def test_the_line_to_send_stays_open_without_a_script(chromium: Browser) -> None:
    """The page refreshes itself then, amid somebody's copying; with a script it is folded."""
    gallery = Gallery()
    for has_script in (True, False):
        with chromium.new_context(java_script_enabled=has_script) as context:
            gallery.serve(context)
            page = context.new_page()
            gallery.show(page, "waiting")
            line: Any = expect(page.get_by_label("Send this to @shop_login_bot"))
            line.to_be_visible(visible=not has_script)
