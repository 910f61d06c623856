"""`tgauth demo`, as a newcomer meets it: one printed address, in a real browser."""

import re
import stat
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from tests.e2e.browser import DESKTOP, PHONE, needs_browser
from tests.harness import NEVER_PRINTED, Process, eventually

pytestmark = [pytest.mark.browser, needs_browser]

LINKS = "a[href*='/auth/callback?code=']"

ADDRESS = re.compile(r"Open (http://127\.0\.0\.1:\d+) and send /login")


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Process]:
    """A running demo, one for each test: nobody gets many links within a minute."""
    log = tmp_path / "demo.log"
    argv = [sys.executable, "-m", "tgauth", "demo", "--port", "0"]
    process = Process.start(argv, log=log, environment={})
    try:
        eventually(lambda: ADDRESS.search(process.output))
        yield process
        assert process.stop() == 0
        assert [phrase for phrase in NEVER_PRINTED if phrase in process.output] == []
    finally:
        process.end()


def address(demo: Process) -> str:
    """Return the one address that the demo prints."""
    found = ADDRESS.search(demo.output)
    assert found is not None
    return found[1]


def other_address(demo: Process) -> str:
    """Return the address of the sample application."""
    found = re.search(r"open (http://127\.0\.0\.1:\d+) and press Log in", demo.output)
    assert found is not None
    return found[1]


def printed_address(process: Process) -> bool:
    """Say whether a demo has printed its address."""
    return ADDRESS.search(process.output) is not None


def ask_for_a_link(context: BrowserContext, demo: Process) -> tuple[Page, Page]:
    """Send /login in the chat and open the newest link; return the chat and what opened."""
    chat = context.new_page()
    chat.goto(address(demo))
    chat.get_by_role("textbox").fill("/login")
    chat.keyboard.press("Enter")
    with context.expect_page() as opened:
        chat.locator(LINKS).click()
    return chat, opened.value


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_newcomer_logs_in(screen: dict[str, object], demo: Process, chromium: Browser) -> None:
    """From /login in the chat to the verified claims in the sample application."""
    with chromium.new_context(**screen) as context:  # type: ignore[arg-type]  # Playwright's options
        _, page = ask_for_a_link(context, demo)
        expect(page.get_by_role("heading")).to_contain_text("Continue as @")
        assert "code=" not in page.url

        page.get_by_role("button", name=re.compile("Continue as @")).click()

        expect(page.get_by_text("telegram_id")).to_be_visible()
        expect(page.get_by_text("sample-application").first).to_be_visible()
        assert "code=" not in page.url
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_double_click_logs_in(demo: Process, chromium: Browser) -> None:
    """An impatient person gets where one click would have led."""
    with chromium.new_context() as context:
        _, page = ask_for_a_link(context, demo)
        page.get_by_role("button").dblclick()

        expect(page.get_by_text("telegram_id")).to_be_visible()


def test_a_used_link_says_what_to_do(demo: Process, chromium: Browser) -> None:
    """In another browser a used link explains, and logs nobody in."""
    with chromium.new_context() as context, chromium.new_context() as elsewhere:
        chat, page = ask_for_a_link(context, demo)
        link = str(chat.locator(LINKS).get_attribute("href"))
        page.get_by_role("button").click()
        expect(page.get_by_text("telegram_id")).to_be_visible()

        again = elsewhere.new_page()
        again.goto(link)

        expect(again.get_by_role("heading")).to_have_text("This link has been used already")
        expect(again.get_by_text("Send /login to the bot again")).to_be_visible()


@pytest.mark.parametrize("screen", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_newcomer_logs_in_by_the_other_door(
    screen: dict[str, object], demo: Process, chromium: Browser
) -> None:
    """From Log in at the application, by the chat, and back with the state that it sent along."""
    with chromium.new_context(**screen) as context:  # type: ignore[arg-type]  # Playwright's options
        start = context.new_page()
        start.goto(address(demo))
        with context.expect_page() as opened:
            start.get_by_role("link", name="sample application").locator(
                "visible=true"
            ).last.click()
        page = opened.value
        assert page.url.rstrip("/") == other_address(demo)
        page.get_by_role("link", name="Log in").click()
        number = page.locator(".number").inner_text()
        with context.expect_page() as opened:
            page.get_by_role("link", name="Open Telegram").click()
        chat = opened.value
        chat.get_by_role("button", name="START", exact=True).click()
        chat.get_by_role("button", name=number, exact=True).click()

        expect(page.get_by_text("telegram_id")).to_be_visible()
        expect(page.get_by_text("the state that this browser kept came back")).to_be_visible()
        assert "state=" not in page.url
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_link_opened_twice_works_in_both_tabs(demo: Process, chromium: Browser) -> None:
    """Tapping a link twice is human: whichever tab is used first, both lead to the application."""
    with chromium.new_context() as context:
        chat, first = ask_for_a_link(context, demo)
        with context.expect_page() as opened:
            chat.locator(LINKS).click()
        for page in (first, opened.value):
            page.get_by_role("button").click()
            expect(page.get_by_text("telegram_id")).to_be_visible()


def test_the_pages_break_no_policy_of_their_own(demo: Process, chromium: Browser) -> None:
    """Nothing on the way is blocked by the Content-Security-Policy, and no script fails."""
    complaints: list[str] = []
    with chromium.new_context() as context:
        context.on("console", lambda message: complaints.append(f"{message.type}: {message.text}"))
        context.on("weberror", lambda error: complaints.append(str(error.error)))
        _, page = ask_for_a_link(context, demo)
        page.get_by_role("button").click()
        expect(page.get_by_text("telegram_id")).to_be_visible()

    assert [one for one in complaints if one.startswith(("error", "warning"))] == []


def test_the_page_works_by_keyboard(demo: Process, chromium: Browser) -> None:
    """Tab reaches the button and Enter presses it."""
    with chromium.new_context() as context:
        _, page = ask_for_a_link(context, demo)
        expect(page.get_by_role("button")).to_be_visible()
        page.keyboard.press("Tab")
        expect(page.get_by_role("button")).to_be_focused()
        page.keyboard.press("Enter")

        expect(page.get_by_text("telegram_id")).to_be_visible()


def test_a_demo_keeps_its_store_where_it_is_told(tmp_path: Path) -> None:
    """The folder is made, for this account alone; a second demo there knows the same people."""
    folder = tmp_path / "made" / "demo"
    argv = [sys.executable, "-m", "tgauth", "demo", "--port", "0", "--directory", str(folder)]
    for _ in range(2):
        log = tmp_path / "demo.log"
        log.unlink(missing_ok=True)
        process = Process.start(argv, log=log, environment={})
        try:
            eventually(partial(printed_address, process))
            assert process.stop() == 0
        finally:
            process.end()
        assert 0o700 == stat.S_IMODE(folder.stat().st_mode)
        assert (folder / "tgauth.db").exists()


def test_the_demo_keeps_to_this_machine(demo: Process) -> None:
    """All of its sockets listen on 127.0.0.1, and its store is thrown away at the end."""
    pids = {demo.popen.pid, *demo.children().values()}
    listening = Path("/proc/net/tcp").read_text().splitlines()[1:]
    inodes = {
        link.readlink().name[8:-1]
        for pid in pids
        for link in Path(f"/proc/{pid}/fd").iterdir()
        if str(link.readlink()).startswith("socket:")
    }
    ours = {line.split()[1] for line in listening if line.split()[9] in inodes}
    assert len(ours) >= 3
    assert {"0100007F"} == {local.partition(":")[0] for local in ours}
