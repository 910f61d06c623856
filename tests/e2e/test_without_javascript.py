"""A login's page in a real browser without JavaScript: it moves on by refreshing itself."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.browser import handle_on, heading, needs_browser, number_on
from tests.e2e.browser_first import answer, question, serve
from tests.harness import Telegram, Tgauth, tgauth

pytestmark = [pytest.mark.browser, needs_browser]

#: The shortest time that a login may wait for its answer, in seconds.
SHORT = 30
#: Milliseconds until whoever refreshes each ten seconds has surely done so.
REFRESHED = 20_000


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation whose logins do not wait for long."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__APPROVAL_TTL=str(SHORT)) as prepared:
        serve(prepared)
        yield prepared


def test_a_page_moves_on_by_its_own_refresh_through_every_state(
    sandbox: Telegram, installation: Tgauth, chromium: Browser
) -> None:
    """Nobody reloads it: waiting, asked, and approved, declined or expired; a button finishes."""
    with ExitStack() as opened:

        def begun() -> Page:
            context = opened.enter_context(chromium.new_context(java_script_enabled=False))
            page = context.new_page()
            page.goto(f"{installation.url}/login")
            expect(heading(page)).to_have_text("Approve the login in Telegram")
            expect(page.get_by_text("This page goes on by itself")).to_be_visible()
            return page

        approved, declined, ignored = begun(), begun(), begun()
        asked = {1: approved, 2: declined, 3: ignored}
        for who, page in asked.items():
            sandbox.open_link(who, handle_on(page))
            question(sandbox, who)
        for page in asked.values():
            words = page.get_by_text("Opened in Telegram. Now pick the number there.")
            expect(words).to_be_visible(timeout=REFRESHED)

        answer(sandbox, 1, number_on(approved))
        answer(sandbox, 2, "Decline")
        expect(heading(approved)).to_contain_text("Approved by", timeout=REFRESHED)
        expect(heading(declined)).to_have_text("The login was declined", timeout=REFRESHED)
        expect(heading(ignored)).to_have_text(
            "The login has expired", timeout=SHORT * 1000 + REFRESHED
        )

        approved.get_by_role("button", name="Continue as").click()
        expect(heading(approved)).to_contain_text("You are logged in as")
        for page in (declined, ignored):
            page.get_by_role("link", name="Start over").click()
            expect(heading(page)).to_have_text("Approve the login in Telegram")
