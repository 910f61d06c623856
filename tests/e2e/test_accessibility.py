"""Promises to everybody: axe finds nothing, nothing overflows, and the keyboard reaches all."""

import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page
from tests.e2e.browser import needs_browser
from tests.e2e.shown import Gallery
from tests.gallery import refusals

from tgauth.api.options import Branding
from tgauth.texts import languages

pytestmark = [pytest.mark.browser, needs_browser]

AXE = Path(__file__).with_name("axe")
SMALL: Any = {"width": 360, "height": 640}
LARGE: Any = {"width": 1280, "height": 800}
ALIKE = set(refusals()) - {"person-banned", "stale-form", "404"}
#: Everything that the WCAG up to 2.2 AA ask for and axe can tell, and its own best practices.
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
BRANDINGS = {
    "plain": Branding(),
    "yellow": Branding(
        name="A very long name of an association of friends of very long names",
        accent="#ffe600",
        privacy_url="https://example.org/privacy",
        imprint_url="https://example.org/imprint",
    ),
    "black": Branding(accent="#000000"),
}


@cache
def axe() -> str:
    """Return axe-core, which npm fetches once at the version of the lock file."""
    script = AXE / "node_modules" / "axe-core" / "axe.min.js"
    if not script.exists():
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("needs npm: apt-get install npm")
        command = (npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
        subprocess.run(command, cwd=AXE, check=True, timeout=100)
    return script.read_text("utf-8")


def complaints(page: Page) -> list[str]:
    """Return what axe has to say, of whatever impact."""
    page.evaluate(axe())
    found = page.evaluate(
        "async rules => (await axe.run({runOnly: rules, resultTypes: ['violations']})).violations",
        RULES,
    )
    return [
        f"{page.url} {one['impact']} {one['id']}: {node['html']} {node['failureSummary']}"
        for one in found
        for node in one["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(
    ("language", "branding", "screen"),
    [("en", "plain", SMALL), ("ru", "yellow", LARGE), ("en", "black", SMALL)],
)
def test_axe_finds_nothing(
    chromium: Browser, language: str, branding: str, screen: Any, scheme: Any
) -> None:
    """On no page, on light and on dark ground, whatever the accent."""
    shown = Gallery(language, BRANDINGS[branding])
    # All refusals are one template: with every brand a few of them do.
    names = [name for name in shown.pages if branding == "plain" or name not in ALIKE]
    troubles: list[str] = []
    with chromium.new_context(viewport=screen, color_scheme=scheme) as context:
        shown.serve(context)
        page = context.new_page()
        for name in names:
            shown.show(page, name)
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            troubles += complaints(page)
    assert troubles == []


@pytest.mark.parametrize("language", languages())
def test_nothing_overflows(chromium: Browser, language: str) -> None:
    """However long a name is and however narrow the screen."""
    shown = Gallery(language, BRANDINGS["yellow"])
    troubles: list[str] = []
    with chromium.new_context(viewport=LARGE) as context:
        shown.serve(context)
        page = context.new_page()
        for name in shown.pages:
            shown.show(page, name)
            page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
            for width in (320, 360, 768, 1280):
                page.set_viewport_size({"width": width, "height": 800})
                if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    troubles.append(f"{name} at {width}")
    assert troubles == []


@pytest.mark.parametrize("language", languages())
def test_what_is_looked_for_stays_whole_when_text_is_twice_as_large(
    chromium: Browser, language: str
) -> None:
    """On a narrow phone, too: the number, and each word of the button that opens Telegram."""
    shown = Gallery(language)
    with chromium.new_context(viewport=SMALL) as context:
        shown.serve(context)
        page = context.new_page()
        shown.show(page, "waiting")
        page.evaluate("document.documentElement.style.fontSize = '200%'")
        broken = page.evaluate(
            """() => ['.number', '.steps .button'].flatMap(where => {
                const text = document.querySelector(where).firstChild
                return [...text.data.matchAll(/\\S+/g)].filter(word => {
                    const letters = document.createRange()
                    letters.setStart(text, word.index)
                    letters.setEnd(text, word.index + word[0].length)
                    return letters.getClientRects().length > 1
                }).map(String)
            })"""
        )
        assert [] == broken
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_axe_would_find_something(chromium: Browser) -> None:
    """A page with a mistake is told from one without."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.set_content("<main><h1>x</h1><img src='data:,'><input></main>")
        assert {"image-alt", "label"} <= {one.split()[2].rstrip(":") for one in complaints(page)}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_keyboard_reaches_everything_and_shows_where_it_is(
    chromium: Browser, scheme: Any
) -> None:
    """Tab goes through every control in the order of the page, each with a visible outline."""
    shown = Gallery(branding=BRANDINGS["yellow"])
    with chromium.new_context(color_scheme=scheme, viewport=SMALL) as context:
        shown.serve(context)
        page = context.new_page()
        for name in ("continue-android", "account", "delete", "stale-form", "person-banned"):
            shown.show(page, name)
            controls = page.locator("a, button:visible, input:visible, summary")
            for number in range(controls.count()):
                page.keyboard.press("Tab")
                control = controls.nth(number)
                assert control.evaluate("e => e === document.activeElement")
                assert "3px" == control.evaluate("e => getComputedStyle(e).outlineWidth")
                assert control.evaluate("e => getComputedStyle(e).outlineStyle") == "solid"


def test_every_target_is_large_enough_for_a_thumb(chromium: Browser) -> None:
    """44 pixels high where it is a button (WCAG 2.2 asks for 24)."""
    shown = Gallery()
    with chromium.new_context(viewport=SMALL) as context:
        shown.serve(context)
        page = context.new_page()
        for name in shown.pages:
            shown.show(page, name)
            boxes = [one.bounding_box() for one in page.locator("button:visible, .button").all()]
            assert [] == [box for box in boxes if box is None or box["height"] < 44]


def test_reduced_motion_moves_nothing(chromium: Browser) -> None:
    """For who asks their system for it."""
    shown = Gallery()
    for motion, expected in (("reduce", "0s"), ("no-preference", "0.12s, 0.12s")):
        with chromium.new_context(reduced_motion=motion) as context:  # type: ignore[arg-type]  # a literal
            shown.serve(context)
            page = context.new_page()
            shown.show(page, "continue")
            button = page.get_by_role("button").first
            found = button.evaluate("e => getComputedStyle(e).transitionDuration")
            assert expected == found


def test_every_page_works_without_a_script(chromium: Browser) -> None:
    """The copy button is not there then; the link is, to be selected by hand."""
    shown = Gallery()
    with chromium.new_context(java_script_enabled=False) as context:
        shown.serve(context)
        page = context.new_page()
        shown.show(page, "continue-android")
        assert page.get_by_role("button").all_text_contents() == ["Continue as @alice"]
        assert page.get_by_label("Your login link").is_visible()


def test_copying_copies(chromium: Browser) -> None:
    """And says so, to a screen reader too."""
    shown = Gallery()
    with chromium.new_context(permissions=["clipboard-read", "clipboard-write"]) as context:
        shown.serve(context)
        page = context.new_page()
        shown.show(page, "continue-android")
        page.get_by_role("button", name="Copy link").click()
        page.get_by_role("status").get_by_text("Copied.").wait_for()
        copied = page.evaluate("navigator.clipboard.readText()")
        assert page.get_by_label("Your login link").input_value() == copied


def test_where_copying_fails_the_link_is_selected(chromium: Browser) -> None:
    """So that one's own hand can do it."""
    shown = Gallery()
    with chromium.new_context() as context:
        shown.serve(context)
        page = context.new_page()
        page.add_init_script(
            "navigator.clipboard.writeText = async () => { throw new Error('no') };"
            "document.execCommand = () => false;"
        )
        shown.show(page, "continue-android")
        page.get_by_role("button", name="Copy link").click()
        page.get_by_role("status").get_by_text("Copy the selected link by hand.").wait_for()
        field = page.get_by_label("Your login link")
        selected = field.evaluate("e => e.value.slice(e.selectionStart, e.selectionEnd)")
        assert field.input_value() == selected


def test_no_page_breaks_its_own_policy(chromium: Browser) -> None:
    """The browser complains of nothing but the status of a page that refuses."""
    shown = Gallery(branding=BRANDINGS["yellow"])
    said: list[str] = []
    with chromium.new_context() as context:
        shown.serve(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        for name in shown.pages:
            shown.show(page, name)
    assert [] == [one for one in said if "the server responded with a status of" not in one]
