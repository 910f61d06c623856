"""Promises of the page of a login that begins in a browser, in a real one."""

import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio.from_thread
import pytest
from playwright.sync_api import Browser, Page, expect
from tests.api.approving import BOT, answer, introduce, open_in_chat
from tests.api.serving import Served, new_id, served
from tests.builders import BOB, a_client, a_deployment, an_issuer
from tests.e2e.browser import DESKTOP, PHONE, needs_browser
from tests.harness import Telegram, Tgauth, eventually, tgauth

from tgauth.domain.approval import derive_numbers
from tgauth.domain.instants import SECOND
from tgauth.store import Store
from tgauth.store.master_key import load_master_key

pytestmark = [pytest.mark.browser, needs_browser]


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Served]:
    """Serve an installation whose bot has been in touch with Telegram."""
    with served(tmp_path, client=a_client(callback_url=None)) as running:
        running.call(introduce, running.deployment)
        yield running


def begin(page: Page, api: Served) -> str:
    """Open the login page; return the login's id."""
    page.goto(f"{api.url}/login")
    return page.url.rpartition("/")[2]


@contextmanager
def visited(chromium: Browser, tmp_path: Path, *, lifetime: int) -> Iterator[tuple[Page, Served]]:
    """Serve logins of so many milliseconds to a tab that is still empty."""
    with served(tmp_path, approval_lifetime=lifetime) as api:
        api.call(introduce, api.deployment)
        with chromium.new_context() as context:
            yield context.new_page(), api


@pytest.mark.parametrize("kind", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_the_page_moves_on_by_itself(chromium: Browser, api: Served, kind: Any) -> None:
    """It shows the number, hears that it was opened, and is the account once it is approved."""
    with chromium.new_context(**kind) as context:
        page = context.new_page()
        faults: list[str] = []
        page.on("console", lambda message: faults.append(message.text))
        page.on("pageerror", lambda error: faults.append(str(error)))
        login_id = begin(page, api)
        right = derive_numbers(api.deployment.master_key, login_id).right
        expect(page.locator(".number")).to_have_text(str(right))
        api.call(open_in_chat, api.deployment, login_id)
        expect(page.locator("[data-said]")).to_have_text(
            "Opened in Telegram. Now pick the number there."
        )
        api.call(answer, api.deployment, login_id)
        expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in as @alice")
        assert [] == faults


def test_on_a_phone_the_link_comes_first(chromium: Browser, api: Served) -> None:
    """Beside a keyboard the code does."""
    for kind, link_first in ((PHONE, True), (DESKTOP, False)):
        with chromium.new_context(**kind) as context:
            page = context.new_page()
            begin(page, api)
            link = page.get_by_role("link", name="Open Telegram").bounding_box()
            code = page.get_by_role("img", name="QR code").bounding_box()
            assert link is not None
            assert code is not None
            assert link_first == (link["y"] + link["height"] < code["y"])
            assert link_first or code["x"] + code["width"] < link["x"]


@pytest.mark.parametrize(
    ("number", "title"), [(0, "The login was declined"), (1, "That was not the number")]
)
def test_the_page_says_that_it_was_denied(
    chromium: Browser, api: Served, number: int, title: str
) -> None:
    """Without a press; and one can start over."""
    with chromium.new_context() as context:
        page = context.new_page()
        login_id = begin(page, api)

        async def deny() -> None:
            await answer(api.deployment, login_id, number=number)

        api.call(deny)
        expect(page.get_by_role("heading", level=1)).to_have_text(title)
        page.get_by_role("link", name="Start over").click()
        expect(page.get_by_role("link", name="Open Telegram")).to_be_visible()
        assert login_id not in page.url


def test_the_page_counts_down_and_says_that_it_is_over(chromium: Browser, tmp_path: Path) -> None:
    """By its own clock, whatever this machine's shows."""
    with visited(chromium, tmp_path, lifetime=5 * SECOND) as (page, api):
        begin(page, api)
        # Playwright looks once in a second at least, so that it may miss any one of them.
        expect(page.get_by_role("timer")).to_have_text(re.compile(r"^0:0[0-2]$"))
        expect(page.get_by_role("heading", level=1)).to_have_text("The login has expired")


def test_a_page_that_hears_nothing_says_that_it_is_over(chromium: Browser, tmp_path: Path) -> None:
    """Where something on the way holds its events back."""
    with visited(chromium, tmp_path, lifetime=3 * SECOND) as (page, api):
        page.route("**/login/events/*", lambda _: None)
        begin(page, api)
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("The login has expired", timeout=20_000)


def test_a_page_whose_stream_is_refused_looks_for_itself(chromium: Browser, api: Served) -> None:
    """As where too many of one network wait; it is slower than hearing of it."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.route("**/login/events/*", lambda route: route.fulfill(status=429))
        login_id = begin(page, api)
        api.call(answer, api.deployment, login_id)
        heading = page.get_by_role("heading", level=1)
        expect(heading).to_have_text("You are logged in as @alice", timeout=40_000)


def test_an_error_on_the_way_does_not_take_the_pages_place(chromium: Browser, api: Served) -> None:
    """A proxy's own page has no script: nothing would ever move on from there."""
    with chromium.new_context() as context:
        page = context.new_page()
        page.route("**/login/events/*", lambda route: route.fulfill(status=502))
        address = f"**/login/{begin(page, api)}"
        page.route(address, lambda route: route.fulfill(status=502, body="Bad Gateway"))
        with page.expect_response(address, timeout=40_000):
            pass
        page.wait_for_timeout(1000)
        expect(page.locator(".number")).to_be_visible()


def test_who_cannot_see_the_time_hears_when_it_nearly_ends(
    chromium: Browser, tmp_path: Path
) -> None:
    """A minute before, once; a timer says nothing by itself (WAI-ARIA 1.2, `timer`)."""
    with visited(chromium, tmp_path, lifetime=63 * SECOND) as (page, api):
        begin(page, api)
        nearly = page.locator("[role=status][data-nearly]")
        expect(nearly).to_be_empty()
        nearly.evaluate(
            "(element) => {"
            " window.said = [];"
            " new MutationObserver(() => window.said.push(element.textContent))"
            "  .observe(element, {childList: true, characterData: true, subtree: true}) }"
        )
        timer = page.get_by_role("timer")
        expect(timer).to_have_text(re.compile(r"^0:5[0-7]$"), timeout=20_000)
        assert ["One minute left."] == page.evaluate("window.said")


def test_who_comes_within_the_last_minute_reads_that_at_once(
    chromium: Browser, tmp_path: Path
) -> None:
    """So nothing is said of it besides: each refresh would say it again."""
    with visited(chromium, tmp_path, lifetime=55 * SECOND) as (page, api):
        begin(page, api)
        timer = page.get_by_role("timer")
        expect(timer).to_have_text(re.compile(r"^0:(5[0-4]|4\d)$"), timeout=20_000)
        expect(page.locator("[role=status][data-nearly]")).to_be_empty()


def test_another_account_is_asked_before_it_is_left(chromium: Browser, api: Served) -> None:
    """The page never switches by itself."""
    with chromium.new_context() as context:
        page = context.new_page()

        async def approve_as_bob(login_id: str) -> None:
            await answer(api.deployment, login_id, telegram_id=BOB, name="bob")

        api.call(approve_as_bob, begin(page, api))
        expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in as @bob")
        begin(page, api)
        page.get_by_role("link", name="Use another account").click()
        api.call(answer, api.deployment, page.url.rpartition("/")[2].partition("?")[0])
        page.get_by_role("button", name="Switch to @alice").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in as @alice")
        begin(page, api)
        page.get_by_role("button", name="Continue as @alice").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in as @alice")


def test_without_a_script_a_refresh_does_it(chromium: Browser, api: Served) -> None:
    """The page says so, and then shows a button."""
    with chromium.new_context(java_script_enabled=False) as context:
        page = context.new_page()
        login_id = begin(page, api)
        expect(page.get_by_text("If it does not, refresh it.")).to_be_visible()
        expect(page.get_by_label(f"Send this to @{BOT}")).to_be_visible()
        api.call(answer, api.deployment, login_id)
        page.reload()
        page.get_by_role("button", name="Continue as @alice").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in as @alice")


def test_a_tab_that_was_thrown_away_finishes_when_it_comes_back(
    chromium: Browser, api: Served
) -> None:
    """As phones do it while one is in Telegram."""
    with chromium.new_context(**PHONE) as context:
        page = context.new_page()
        login_id = begin(page, api)
        address = page.url
        page.goto("about:blank")
        api.call(answer, api.deployment, login_id)
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in as @alice")


@pytest.mark.parametrize("event", ["kill", "reload"])
def test_a_page_that_is_open_outlives_its_process(
    chromium: Browser, sandbox: Telegram, tmp_path: Path, event: str
) -> None:
    """Killed or replaced: the browser opens its stream again, and hears of what came since."""

    async def approve(installation: Tgauth, url: str, login_id: str) -> None:
        async with Store.open(installation.database) as store:
            key = installation.database.with_name(f"{installation.database.name}.key")
            deployment = a_deployment(
                store,
                now=lambda: time.time_ns() // 1_000_000,
                new_id=new_id,
                issuer=an_issuer(url),
                master_key=await load_master_key(store, key, may_create=False),
            )
            await answer(deployment, login_id)

    with tgauth(tmp_path, sandbox.url) as installation:
        serving = installation.start("serve")
        with chromium.new_context() as context:
            page = context.new_page()
            page.goto(f"{installation.url}/login")
            login_id = page.url.rpartition("/")[2]
            before = eventually(lambda: serving.children().get("api", 0))
            if event == "kill":
                os.kill(before, signal.SIGKILL)
            else:
                serving.popen.send_signal(signal.SIGHUP)
            eventually(lambda: serving.children().get("api", before) != before)
            with anyio.from_thread.start_blocking_portal("asyncio") as portal:
                portal.call(approve, installation, installation.url, login_id)
            expect(page.get_by_role("heading", level=1)).to_have_text("You are logged in as @alice")
