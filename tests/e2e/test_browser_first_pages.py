"""Logins that begin in a real browser, with the chat beside it."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from tests.e2e.browser import (
    DESKTOP,
    PHONE,
    handle_on,
    heading,
    needs_browser,
    number_on,
)
from tests.e2e.browser_first import answer, buttons, kill, question, serve
from tests.harness import Telegram, Tgauth, eventually, telegram, tgauth

pytestmark = [pytest.mark.browser, needs_browser]

ADA = 1001
"""Whom the chat page shows first."""


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Telegram, Tgauth]]:
    """A Telegram, and an installation whose login page leads to its chat."""
    folder = tmp_path_factory.mktemp("browser-first")
    with (
        telegram(folder) as running,
        tgauth(folder, running.url, TGAUTH_TELEGRAM__LINK_URL=running.url) as prepared,
    ):
        serve(prepared)
        yield running, prepared


@pytest.fixture
def sandbox(shared: tuple[Telegram, Tgauth]) -> Telegram:
    """The module's Telegram."""
    return shared[0]


@pytest.fixture
def installation(shared: tuple[Telegram, Tgauth]) -> Tgauth:
    """The module's installation."""
    return shared[1]


def log_in(page: Page, sandbox: Telegram, installation: Tgauth, who: int) -> None:
    """Log somebody in by this door, with the chat's part done without a page."""
    page.goto(f"{installation.url}/login")
    sandbox.open_link(who, handle_on(page))
    answer(sandbox, who, number_on(page))
    expect(heading(page)).to_contain_text("You are logged in as")


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_goes_on_by_itself(
    installation: Tgauth, chromium: Browser, screen: dict[str, Any]
) -> None:
    """Its link opens the chat in another tab; START, the number, and both say what became of it."""
    complaints: list[str] = []
    with chromium.new_context(**screen) as context:
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        page = context.new_page()
        page.goto(f"{installation.url}/login")
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        number = number_on(page)
        with context.expect_page() as opened:
            page.get_by_role("link", name="Open Telegram").click()
        chat = opened.value
        chat.get_by_role("button", name="START", exact=True).click()
        asked = chat.locator(".message").last
        expect(asked).to_contain_text("Decline unless you started this yourself just now")
        expect(asked.get_by_role("button").first).to_have_text("Decline")
        expect(page.get_by_text("Opened in Telegram. Now pick the number there.")).to_be_visible()

        asked.get_by_role("button", name=number, exact=True).click()

        expect(heading(page)).to_have_text("You are logged in as @ada")
        assert number not in urlsplit(page.url)._replace(netloc="").geturl()  # not the port
        expect(chat.locator(".message").last).to_contain_text("logged in to")
        expect(chat.get_by_role("button", name="That wasn't me").last).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert [] == complaints


def test_of_two_tabs_one_finishes(
    sandbox: Telegram, installation: Tgauth, chromium: Browser
) -> None:
    """The other one would bring the application the same code, which is good once."""
    with chromium.new_context() as context:
        tabs = [context.new_page(), context.new_page()]
        held: list[Route] = []
        context.route("**/login/*", lambda one: held_back(one, held))
        for tab in tabs:
            tab.clock.install()
            tab.goto(tabs[0].url if tab is tabs[1] else f"{installation.url}/login")
        sandbox.open_link(ADA, handle_on(tabs[0]))
        number = number_on(tabs[0])
        with context.expect_event("request", lambda one: one.method == "POST") as begun:
            answer(sandbox, ADA, number)
        winner = begun.value.frame.page
        [other] = [tab for tab in tabs if tab is not winner]
        expect(other.get_by_text("Approved. You are being logged in.")).to_be_visible()
        [one] = held

        one.continue_()

        expect(heading(winner)).to_contain_text("You are logged in as")
        other.clock.run_for(1500)
        expect(heading(other)).to_have_text("You have logged in with this already")


def held_back(route: Route, held: list[Route]) -> None:
    """Let pass what only looks, and keep what finishes."""
    if route.request.method == "POST":
        held.append(route)
    else:
        route.continue_()


def test_it_works_without_javascript(
    sandbox: Telegram, installation: Tgauth, chromium: Browser
) -> None:
    """A refresh looks again, and a button goes on."""
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        page.goto(f"{installation.url}/login")
        sandbox.open_link(ADA, handle_on(page))
        answer(sandbox, ADA, number_on(page))
        button = page.get_by_role("button", name="Continue as")
        eventually(lambda: page.reload() and button.is_visible(), every=0.1)
        button.click()
        expect(heading(page)).to_contain_text("You are logged in as")


@pytest.mark.parametrize("who", ["bot", "api", "serve"])
def test_a_page_outlives_whatever_is_killed(
    sandbox: Telegram, installation: Tgauth, chromium: Browser, who: str
) -> None:
    """Open before the kill, it goes on by itself after the answer, which comes later."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{installation.url}/login")
        number = number_on(page)
        sandbox.open_link(ADA, handle_on(page))
        question(sandbox, ADA)
        kill(installation, who)
        answer(sandbox, ADA, number)
        expect(heading(page)).to_contain_text("You are logged in as", timeout=30_000)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [(False, "The login was declined"), (True, "That was not the number")],
    ids=["declined", "wrong number"],
)
def test_a_page_says_by_itself_that_it_was_denied(
    sandbox: Telegram,
    installation: Tgauth,
    chromium: Browser,
    wrong: bool,  # noqa: FBT001 - a table
    words: str,
) -> None:
    """And lets one start over, with another number and another link."""
    who = 2000 + wrong
    with chromium.new_context() as context:
        page = context.new_page()
        page.goto(f"{installation.url}/login")
        number, handle = number_on(page), handle_on(page)
        sandbox.open_link(who, handle)
        offered = [text for text in buttons(question(sandbox, who)) if text.isdigit()]
        choice = next(text for text in offered if text != number) if wrong else "Decline"
        answer(sandbox, who, choice)
        expect(heading(page)).to_have_text(words)
        page.get_by_role("link", name="Start over").click()
        expect(heading(page)).to_have_text("Approve the login in Telegram")
        assert handle != handle_on(page)


def test_whoever_is_logged_in_continues_or_is_somebody_else(
    sandbox: Telegram, installation: Tgauth, chromium: Browser
) -> None:
    """One press without the chat; or the chat as another account, which takes this one's place."""
    with chromium.new_context() as context:
        page = context.new_page()
        log_in(page, sandbox, installation, ADA)
        page.goto(f"{installation.url}/login")
        expect(heading(page)).to_contain_text("Continue as")
        page.get_by_role("button", name="Continue as").click()
        expect(heading(page)).to_contain_text("You are logged in as")

        page.goto(f"{installation.url}/login")
        page.get_by_role("link", name="Use another account").click()
        sandbox.send(2100, "/help", first_name="Zoe", username="zoe")
        sandbox.open_link(2100, handle_on(page))
        answer(sandbox, 2100, number_on(page))
        page.get_by_role("button", name="Switch to @zoe").click()
        expect(heading(page)).to_have_text("You are logged in as @zoe")


def test_another_browser_is_shown_nothing(installation: Tgauth, chromium: Browser) -> None:
    """Whoever gets the page's address learns neither number nor link, and is told why."""
    with chromium.new_context() as here, chromium.new_context() as there:
        page, other = here.new_page(), there.new_page()
        page.goto(f"{installation.url}/login")
        other.goto(page.url)
        expect(heading(other)).to_have_text("This login was begun in another browser")
        expect(other.locator(".number")).to_have_count(0)
        other.get_by_role("link", name="Start over").click()
        expect(heading(other)).to_have_text("Approve the login in Telegram")
        assert handle_on(page) != handle_on(other)
