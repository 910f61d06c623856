"""The account in a real browser against the real command: sessions, data, and the end of it."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect
from tests.e2e.browser import needs_browser
from tests.harness import Telegram, Tgauth, eventually, tgauth

pytestmark = [pytest.mark.browser, needs_browser]

ANN = 42


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation without an application, which runs."""
    with tgauth(tmp_path, sandbox.url) as prepared:
        prepared.start("serve")
        yield prepared


def log_in(page: Page, sandbox: Telegram, installation: Tgauth) -> None:
    """Get a link in the chat, open it in this browser, and press its button."""
    known = set(sandbox.codes(ANN))
    sandbox.send(ANN, "/login", first_name="Ann", username="ann")
    [code] = eventually(lambda: set(sandbox.codes(ANN)) - known)
    page.goto(f"{installation.url}/auth/callback?code={code}")
    page.get_by_role("button", name="Continue as @ann").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in as @ann")


def test_ending_a_session_from_another_browser(
    chromium: Browser, sandbox: Telegram, installation: Tgauth
) -> None:
    """The list shows both; the button ends the other, which is then told that it is logged out."""
    with chromium.new_context() as here, chromium.new_context() as there:
        other, page = there.new_page(), here.new_page()
        log_in(other, sandbox, installation)
        log_in(page, sandbox, installation)
        listed = page.get_by_role("region", name="Where you are logged in").get_by_role("listitem")
        expect(listed).to_have_count(2)
        expect(listed.filter(has_text="This browser")).to_have_count(1)

        page.get_by_role("button", name="Log out there").click()

        expect(page.get_by_role("status")).to_have_text("That login has been ended.")
        expect(listed).to_have_count(1)
        other.reload()
        expect(other.get_by_role("heading", level=1)).to_have_text("You are not logged in")


def test_taking_ones_data_along_and_leaving(
    chromium: Browser, sandbox: Telegram, installation: Tgauth
) -> None:
    """The download holds the account; after the deletion nobody is logged in any more."""
    with chromium.new_context() as context:
        page = context.new_page()
        log_in(page, sandbox, installation)
        with page.expect_download() as download:
            page.get_by_role("link", name="Download my data").click()
        data = json.loads(download.value.path().read_text("utf-8"))
        assert "my-login-data.json" == download.value.suggested_filename
        assert (ANN, 1) == (data["account"]["telegram_id"], len(data["sessions"]))

        page.get_by_role("link", name="Delete my account").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Delete the account of @ann?")
        page.get_by_role("button", name="Delete my account").click()

        expect(page.get_by_role("heading", level=1)).to_have_text("Your account has been deleted")
        assert [] == context.cookies()
        page.goto(f"{installation.url}/account")
        expect(page.get_by_role("heading", level=1)).to_have_text("You are not logged in")


def test_logging_out_here_and_everywhere(
    chromium: Browser, sandbox: Telegram, installation: Tgauth
) -> None:
    """Here leaves the other browser alone, everywhere does not."""
    with chromium.new_context() as here, chromium.new_context() as there:
        other, page = there.new_page(), here.new_page()
        log_in(other, sandbox, installation)
        log_in(page, sandbox, installation)
        page.get_by_role("button", name="Log out in this browser").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are logged out")
        other.reload()
        expect(other.get_by_role("heading", level=1)).to_have_text("You are logged in as @ann")
        log_in(page, sandbox, installation)
        page.get_by_role("button", name="Log out everywhere").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are logged out everywhere")
        other.reload()
        expect(other.get_by_role("heading", level=1)).to_have_text("You are not logged in")


def test_a_russian_browser_reads_russian(
    chromium: Browser, sandbox: Telegram, installation: Tgauth
) -> None:
    """The pages follow the browser, whatever language the chat is in."""
    with chromium.new_context(locale="ru-RU") as context:
        page = context.new_page()
        sandbox.send(ANN, "/login", first_name="Ann", username="ann")
        page.goto(f"{installation.url}/auth/callback?code={sandbox.code(ANN)}")
        page.get_by_role("button", name=re.compile("Продолжить как @ann")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Вы вошли как @ann")
        assert "ru" == page.locator("html").get_attribute("lang")
