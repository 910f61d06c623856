"""A login on a phone: its tab is in the background while one answers, and finishes afterwards."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import BrowserContext, expect
from tests.e2e.browser import handle_on, heading, needs_browser, number_on
from tests.e2e.browser_first import answer, kept, kill, question, said, serve
from tests.e2e.phone import Line, Tab, line, phone
from tests.harness import Telegram, Tgauth, eventually, free_port, telegram, tgauth

pytestmark = [pytest.mark.browser, needs_browser]

ADA = 1001
"""Whom the chat page shows first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A phone, and all that it talks to; `line` is between its browser and the installation."""

    browser: BrowserContext
    sandbox: Telegram
    installation: Tgauth
    line: Line


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A phone, a Telegram, an installation, and a line to it that can go dead."""
    folder, port = tmp_path_factory.mktemp("phone"), free_port()
    with telegram(folder) as sandbox, line(port) as between:
        address = f"http://127.0.0.1:{between.port}"
        settings = {
            "TGAUTH_ISSUER": address,
            "TGAUTH_API__PORT": str(port),
            "TGAUTH_TELEGRAM__LINK_URL": sandbox.url,
        }
        with tgauth(folder, sandbox.url, **settings) as prepared:
            prepared.url = address
            serve(prepared)
            with phone(folder) as browser:
                yield World(browser=browser, sandbox=sandbox, installation=prepared, line=between)


@pytest.fixture
def tab(world: World) -> Iterator[Tab]:
    """A tab that nobody has logged in in."""
    world.browser.clear_cookies()
    page = world.browser.new_page()
    yield Tab(page)
    for one in world.browser.pages[1:]:
        one.close()


def standing(world: World, address: str) -> str:
    """Return the state of the login whose page this is."""
    return kept(world.installation, urlsplit(address).path).state


def asked(world: World, tab: Tab) -> str:
    """Let a tab begin a login, and Ada open its link; return the number to pick."""
    tab.page.goto(f"{world.installation.url}/login")
    world.sandbox.open_link(ADA, handle_on(tab.page))
    question(world.sandbox, ADA)
    expect(tab.page.get_by_text("Opened in Telegram.")).to_be_visible()
    return number_on(tab.page)


def test_a_tab_in_the_background_has_finished_when_one_comes_back(world: World, tab: Tab) -> None:
    """Tap, START, number, all in the chat's tab; back at the login's own, one is logged in."""
    tab.page.goto(f"{world.installation.url}/login")
    assert [True, 390] == tab.page.evaluate("[matchMedia('(pointer: coarse)').matches, innerWidth]")
    number = number_on(tab.page)
    with world.browser.expect_page() as opened:
        tab.tap(tab.page.get_by_role("link", name="Open Telegram"))
    chat = Tab(opened.value)
    chat.tap(chat.page.get_by_role("button", name="START", exact=True))
    message = chat.page.locator(".message").last
    expect(message).to_contain_text("Decline unless you started this yourself just now")
    assert tab.is_hidden
    chat.tap(message.get_by_role("button", name=number, exact=True))
    expect(chat.page.locator(".message").last).to_contain_text("logged in to")
    expect(heading(tab.page)).to_have_text("You are logged in as @ada")
    assert tab.is_hidden
    tab.come_back()
    expect(heading(tab.page)).to_be_in_viewport()


#: What becomes of a tab while it is frozen and somebody answers.
MEANWHILE: dict[str, Callable[[World], None]] = {
    "nothing": lambda _: None,
    "its line was cut": lambda world: world.line.break_off(),
    "its line went dead": lambda world: world.line.go_dead(),
    "another process serves": lambda world: kill(world.installation, "api"),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_a_frozen_tab_finishes_when_one_comes_back(world: World, tab: Tab, meanwhile: str) -> None:
    """Its stream may be gone, or look as if it were there still: once shown, it looks again."""
    number, address = asked(world, tab), tab.page.url
    world.browser.new_page().bring_to_front()
    eventually(lambda: tab.is_hidden)
    tab.freeze()
    MEANWHILE[meanwhile](world)
    answer(world.sandbox, ADA, number)
    eventually(lambda: "approved" == standing(world, address))
    time.sleep(0.5)
    assert "approved" == standing(world, address)  # frozen, indeed: else it had finished by now
    tab.come_back()
    expect(heading(tab.page)).to_have_text("You are logged in as @ada", timeout=10_000)


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_a_frozen_tab_tells_of_a_denial_when_one_comes_back(
    world: World, tab: Tab, meanwhile: str
) -> None:
    """It shows no number any more that nobody can pick."""
    asked(world, tab)
    world.browser.new_page().bring_to_front()
    eventually(lambda: tab.is_hidden)
    tab.freeze()
    MEANWHILE[meanwhile](world)
    answer(world.sandbox, ADA, "Decline")
    said(world.sandbox, ADA, "You declined")
    tab.come_back()
    expect(heading(tab.page)).to_have_text("The login was declined", timeout=10_000)


def test_a_tab_that_the_system_threw_away_finishes_when_it_is_loaded_again(
    world: World, tab: Tab
) -> None:
    """It comes back as its address and its cookies, nothing else."""
    number, address = asked(world, tab), tab.page.url
    tab.page.close()
    answer(world.sandbox, ADA, number)
    eventually(lambda: "approved" == standing(world, address))
    again = Tab(world.browser.new_page())
    again.page.goto(address)
    expect(heading(again.page)).to_have_text("You are logged in as @ada")


def test_a_tab_that_was_left_finishes_when_one_goes_back(world: World, tab: Tab) -> None:
    """By the browser's own button."""
    number, address = asked(world, tab), tab.page.url
    tab.page.goto(f"{world.installation.url}/healthz")
    answer(world.sandbox, ADA, number)
    eventually(lambda: "approved" == standing(world, address))
    tab.page.go_back(wait_until="commit")
    expect(heading(tab.page)).to_have_text("You are logged in as @ada")


def test_a_page_that_was_put_aside_as_it_was_looks_again(world: World, tab: Tab) -> None:
    """Safari's back/forward cache does that; chromium's keeps no page that says `no-store`."""
    number, address = asked(world, tab), tab.page.url
    tab.page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    answer(world.sandbox, ADA, number)
    eventually(lambda: "approved" == standing(world, address))
    time.sleep(0.5)
    assert "approved" == standing(world, address)  # it listens no more, indeed
    tab.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
    expect(heading(tab.page)).to_have_text("You are logged in as @ada")
