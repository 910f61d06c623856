"""Promises of a login that begins in a browser: its page, its cookie, and who can finish it."""

import logging
import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import httpx
import pytest
from litestar import Litestar
from tests.api.approving import BOT, answer, begin, introduce, login_of, open_in_chat
from tests.api.conftest import a_browser, an_app
from tests.api.pages import fields_of, log_in, press, words_of
from tests.builders import (
    ALICE,
    BOB,
    Clock,
    Ids,
    a_begun_login,
    a_client,
    a_deployment,
    a_profile,
    an_issuer,
    chat_code_of,
)

from tgauth.domain.approval import (
    LONGEST_STATE,
    NETWORK_BLOCK_LIFETIME,
    derive_handle,
    derive_numbers,
    derive_stream,
)
from tgauth.domain.failures import counted_as
from tgauth.domain.instants import MINUTE, SECOND
from tgauth.domain.person import AllowList
from tgauth.flows.ban_person import ban_person
from tgauth.flows.deployment import Deployment
from tgauth.store import Connection, Store, blocked_networks

pytestmark = pytest.mark.anyio

COUNT = "SELECT count(*) AS number FROM logins"


async def logins_begun(deployment: Deployment) -> int:
    """Return how many logins there are."""

    async def count(connection: Connection) -> int:
        row = await connection.one(COUNT)
        return row["number"] if row else 0

    return await deployment.store.read(count)


async def everything_kept(deployment: Deployment) -> list[object]:
    """Return every row of every table."""
    async with deployment.store.reading() as connection:
        tables = await connection.run("SELECT name FROM sqlite_master WHERE type = 'table'")
        return [
            (name, [tuple(row) for row in await connection.run(f"SELECT * FROM {name}")])
            for (name,) in map(tuple, tables)
        ]


async def finish(browser: httpx.AsyncClient, page: httpx.Response) -> httpx.Response:
    """Do what the page's script does, or its button."""
    path = f"/login/{login_of(page)}"
    return await press(browser, page, path=path)


async def log_in_as(
    deployment: Deployment, browser: httpx.AsyncClient, telegram_id: int, name: str
) -> None:
    """Log somebody in through the chat's own door."""
    profile = a_profile(telegram_id, username=name)
    login = await a_begun_login(deployment, update_id=telegram_id, profile=profile)
    assert 303 == (await log_in(browser, chat_code_of(deployment, login))).status_code


async def test_from_the_page_to_the_token(
    deployment: Deployment, browser: httpx.AsyncClient, api: httpx.AsyncClient
) -> None:
    """Page, chat, number, redirect with code and state, exchange, and who it was."""
    await introduce(deployment)
    page = await begin(browser, state="af0 ifj&slö")
    assert 200 == page.status_code
    login_id = login_of(page)
    number = derive_numbers(deployment.master_key, login_id).right
    for part in ("The Shop", "app.example.org", f"@{BOT}", f"Pick this number: {number}"):
        assert part in words_of(page)
    await answer(deployment, login_id)
    finished = await finish(browser, page)
    assert 303 == finished.status_code
    target = httpx.URL(finished.headers["location"])
    assert "https://app.example.org/callback" == str(target.copy_with(query=None))
    assert ["code", "state"] == list(target.params)
    assert "af0 ifj&slö" == target.params["state"]
    exchanged = await api.post("/api/auth/callback", json={"code": target.params["code"]})
    assert "alice" == exchanged.json()["user"]["username"]
    assert "You are logged in as @alice" in words_of(await browser.get("/account"))


async def test_the_page_offers_every_way_into_the_chat(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """A link for everywhere, one for the app, a QR code of the first, and a command to copy."""
    await introduce(deployment)
    page = await begin(browser)
    handle = derive_handle(deployment.master_key, login_of(page))
    text = unescape(page.text)
    assert f'href="https://t.me/{BOT}?start={handle}"' in text
    assert f'href="tg://resolve?domain={BOT}&start={handle}"' in text
    assert f'value="/start {handle}"' in text
    assert '<svg class="qr" viewBox="0 0 ' in text


async def test_links_lead_where_the_settings_say(deployment: Deployment) -> None:
    """To a sandbox, say; Telegram's own scheme cannot, so it is left out."""
    await introduce(deployment)
    app = an_app(deployment, link_url="http://127.0.0.1:9000/t")
    async with a_browser(app, deployment) as browser:
        page = await begin(browser)
    assert f'href="http://127.0.0.1:9000/t/{BOT}?start=' in page.text
    assert "tg://" not in page.text


async def test_before_the_bot_has_reached_telegram_the_page_says_so(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """There is no name to link to; when there is, the same page has it."""
    page = await begin(browser)
    assert "The bot has not reached Telegram yet" in words_of(page)
    assert "t.me" not in page.text
    await introduce(deployment)
    assert f"@{BOT}" in words_of(await browser.get(page.url))


async def test_the_page_may_ask_only_us_how_things_stand(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """`connect-src` is on this page and on no other."""
    await introduce(deployment)
    page = await begin(browser)
    policy = page.headers["content-security-policy"]
    assert "; connect-src 'self'; form-action 'self' https://app.example.org;" in policy
    assert "connect-src" not in (await browser.get("/")).headers["content-security-policy"]
    assert "no-store" == page.headers["cache-control"]


async def test_the_three_names_stand_apart(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """The address holds the id alone; the cookie is on no page, and the stream in one place."""
    await introduce(deployment)
    address = (await browser.get("/login")).headers["location"]
    assert re.fullmatch("/login/[0-9a-f]{32}", address)
    page = await browser.get(address)
    login_id, key = login_of(page), deployment.master_key
    assert browser.cookies["__Host-tgauth-browser"] not in page.text
    stream = derive_stream(key, login_id)
    assert f'data-events="/login/events/{stream}"' in page.text
    assert 1 == page.text.count(stream)
    assert f"?start={derive_handle(key, login_id)}" in page.text


async def test_the_browsers_cookie_is_in_no_file_in_plain(
    deployment: Deployment, browser: httpx.AsyncClient, database: Path
) -> None:
    """Whoever steals the database finishes no login that waits in a browser."""
    page = await begin(browser)
    await answer(deployment, login_of(page))
    content = b"".join(path.read_bytes() for path in database.parent.iterdir())
    assert login_of(page).encode() in content
    assert browser.cookies["__Host-tgauth-browser"].encode() not in content


async def test_no_log_holds_what_a_login_hangs_on(
    deployment: Deployment, browser: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Neither cookies nor names, number or code: only ids that permit nothing."""
    caplog.set_level(logging.DEBUG, "tgauth")
    page = await begin(browser)
    login_id, key = login_of(page), deployment.master_key
    await answer(deployment, login_id)
    finished = await finish(browser, page)
    logged = str([(one.getMessage(), vars(one)["fields"]) for one in caplog.records])
    assert logged.count(login_id) >= 2
    for secret in (
        *browser.cookies.values(),
        derive_handle(key, login_id),
        derive_stream(key, login_id),
        httpx.URL(finished.headers["location"]).params["code"],
    ):
        assert secret not in logged
    number = derive_numbers(key, login_id).right
    assert not re.search(rf"\b{number}\b", logged)


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [
        ("https://login.example.org", "__Host-tgauth-browser", True),
        ("http://127.0.0.1:8000", "tgauth-browser", False),
    ],
)
async def test_the_browsers_cookie_is_as_strict_as_the_issuer_allows(  # noqa: PLR0913 - fixtures
    store: Store, clock: Clock, ids: Ids, url: str, name: str, *, secure: bool
) -> None:
    """HttpOnly, SameSite=Lax, Path=/, no Domain; with https also Secure and the host's prefix."""
    deployment = a_deployment(store, now=clock, new_id=ids, issuer=an_issuer(url))
    async with a_browser(an_app(deployment), deployment) as browser:
        begun = await browser.get("/login")
    value, *rest = begun.headers["set-cookie"].split("; ")
    lifetime = deployment.approval_lifetime // SECOND + 86400
    expected = [f"Max-Age={lifetime}", "HttpOnly", "Path=/", "SameSite=lax"]
    assert (name, 43) == (value.partition("=")[0], len(value.partition("=")[2]))
    assert sorted([*expected, *(["Secure"] if secure else [])]) == sorted(rest)


async def test_several_tabs_of_one_browser_work(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """A browser keeps its name, so a second login does not spoil the first."""
    first, second = await begin(browser, state="one"), await begin(browser, state="two")
    assert login_of(first) != login_of(second)
    for page in (first, second):
        await answer(deployment, login_of(page))
    for page, state in ((first, "one"), (second, "two")):
        finished = await finish(browser, page)
        assert state == httpx.URL(finished.headers["location"]).params["state"]


@pytest.mark.parametrize("cookie", ["", "x", "A" * 42, "A" * 44, "é" * 43])
async def test_a_misshapen_cookie_is_replaced(browser: httpx.AsyncClient, cookie: str) -> None:
    """Whoever planted it does not know the new one."""
    headers = {"Cookie": f"__Host-tgauth-browser={cookie}".encode()}
    begun = await browser.get("/login", headers=headers)  # type: ignore[arg-type]
    assert 303 == begun.status_code
    assert f"__Host-tgauth-browser={cookie};" not in begun.headers["set-cookie"]


async def test_another_browser_neither_sees_nor_finishes_it(
    deployment: Deployment, app: Litestar, browser: httpx.AsyncClient
) -> None:
    """Not with the address, not with the form of the page, and not with a name of its own."""
    await introduce(deployment)
    page = await begin(browser)
    await answer(deployment, login_of(page))
    async with a_browser(app, deployment) as other:
        for _ in range(2):
            shown = await other.get(page.url)
            assert 403 == shown.status_code
            assert "This login was begun in another browser" in words_of(shown)
            assert derive_handle(deployment.master_key, login_of(page)) not in shown.text
            refused = await finish(other, page)
            assert (403, False) == (refused.status_code, "set-cookie" in refused.headers)
            # Already the form's token is no other browser's.
            assert "This page is out of date" in words_of(refused)
            own = await begin(other)
            stolen = fields_of(own, f"/login/{login_of(own)}")["token"]
            refused = await press(other, page, path=page.url.path, token=stolen)
            assert (403, False) == (refused.status_code, "set-cookie" in refused.headers)
    assert 303 == (await finish(browser, page)).status_code


@pytest.mark.parametrize(
    ("origin", "changed"),
    [
        (None, {}),
        ("null", {}),
        ("https://evil.example", {}),
        ("https://login.example.org.evil.example", {}),
        ("", {"token": "A" * 43}),
        ("", {"token": ""}),
        ("", {"token": "é"}),
    ],
)
@pytest.mark.parametrize("step", ["", "/continue"])
async def test_a_form_that_is_not_ours_finishes_nothing(
    deployment: Deployment,
    browser: httpx.AsyncClient,
    origin: str | None,
    changed: dict[str, str],
    step: str,
) -> None:
    """Without our Origin and our token, neither form does anything."""
    page = await begin(browser)
    if step:
        await log_in_as(deployment, browser, ALICE, "alice")
        page = await browser.get(page.url)
    else:
        await answer(deployment, login_of(page))
    path = f"{page.url.path}{step}"
    refused = await press(browser, page, path=path, origin=origin, **changed)
    assert 403 == refused.status_code
    assert "This page is out of date" in words_of(refused)
    assert 'href="/login">Start over' in refused.text
    assert "set-cookie" not in refused.headers
    assert 303 == (await press(browser, page, path=path)).status_code


async def test_a_token_is_for_one_login_and_one_form(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """Not for another login of the same browser, and not for approving it oneself."""
    one, two = await begin(browser), await begin(browser)
    token = fields_of(one, one.url.path)["token"]
    await answer(deployment, login_of(two))
    assert 403 == (await press(browser, two, path=two.url.path, token=token)).status_code
    await log_in_as(deployment, browser, ALICE, "alice")
    path = f"{one.url.path}/continue"
    assert 403 == (await press(browser, one, path=path, token=token)).status_code


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Purpose": "prefetch"},
        {"Sec-Purpose": "prefetch;prerender"},
        {"Sec-Purpose": "prerender"},
        {"Purpose": "prefetch"},
        {"X-Moz": "prefetch"},
        {"Sec-Fetch-Dest": "image", "Sec-Fetch-Mode": "no-cors"},
        {"Sec-Fetch-Dest": "iframe", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Dest": "empty", "Sec-Fetch-Mode": "cors"},
    ],
)
async def test_what_nobody_looks_at_begins_nothing(
    deployment: Deployment, browser: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    """No prefetch, image, frame or script of another page; a visit does."""
    refused = await browser.get("/login", headers=headers)
    assert (403, False) == (refused.status_code, "set-cookie" in refused.headers)
    assert 0 == await logins_begun(deployment)
    visit = {"Sec-Fetch-Dest": "document", "Sec-Fetch-Mode": "navigate"}
    assert 303 == (await browser.get("/login", headers=visit)).status_code
    assert 1 == await logins_begun(deployment)


async def test_head_begins_nothing(deployment: Deployment, browser: httpx.AsyncClient) -> None:
    """Whatever only looks whether the page is there."""
    answered = await browser.head("/login")
    assert (204, False) == (answered.status_code, "set-cookie" in answered.headers)
    assert 0 == await logins_begun(deployment)


@pytest.mark.parametrize("is_logged_in", [False, True])
async def test_looking_changes_nothing(
    deployment: Deployment, browser: httpx.AsyncClient, *, is_logged_in: bool
) -> None:
    """However often, in whichever state, and whoever is logged in there: no row is another."""
    if is_logged_in:
        await log_in_as(deployment, browser, ALICE, "alice")
    page = await begin(browser)
    for happens in (None, open_in_chat, answer):
        if happens is not None:
            await happens(deployment, login_of(page))
        before = await everything_kept(deployment)
        for _ in range(3):
            assert 200 == (await browser.get(page.url)).status_code
            await browser.head(page.url)
        assert before == await everything_kept(deployment)
    assert 303 == (await finish(browser, await browser.get(page.url))).status_code


@pytest.mark.parametrize(
    "query",
    [
        {"state": "x" * 513},
        {"state": "a\x00b"},
        {"state": "a\nb"},
        {"state": "a\x7f"},
        {"state": ["one", "two"]},
    ],
)
async def test_a_state_that_cannot_be_kept_is_refused_politely(
    deployment: Deployment, browser: httpx.AsyncClient, query: dict[str, str | list[str]]
) -> None:
    """The application's fault, and the page says so."""
    refused = await browser.get("/login", params=query)
    assert 400 == refused.status_code
    assert "Tell the operator of the application" in words_of(refused)
    assert 0 == await logins_begun(deployment)


@pytest.mark.parametrize("state", ["%FF", "a%ED%A0%80", "%F0%9F%98"])
async def test_a_state_that_is_no_utf8_is_refused_at_once(
    deployment: Deployment, browser: httpx.AsyncClient, state: str
) -> None:
    """It would come back as another one, and the login would fail at its very end."""
    assert 400 == (await browser.get(f"/login?state={state}")).status_code
    assert 0 == await logins_begun(deployment)


async def test_the_longest_state_comes_back(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """And an empty one is none."""
    for state, expected in (("ы" * LONGEST_STATE, "ы" * LONGEST_STATE), ("", None)):
        page = await begin(browser, state=state, as_another=True)
        await answer(deployment, login_of(page))
        finished = await finish(browser, page)
        assert expected == httpx.URL(finished.headers["location"]).params.get("state")


async def test_the_page_says_what_became_of_it(
    deployment: Deployment, browser: httpx.AsyncClient, clock: Clock
) -> None:
    """Opened, approved, declined, wrong, expired, used; and starting over keeps the state."""
    await introduce(deployment)

    async def said(page: httpx.Response) -> tuple[int, str]:
        shown = await browser.get(page.url)
        again = "Start over" not in words_of(shown) or 'href="/login?state=s-1"' in shown.text
        assert again
        return shown.status_code, words_of(shown)

    page = await begin(browser, state="s-1")
    await open_in_chat(deployment, login_of(page))
    assert "Opened in Telegram. Now pick the number there." in (await said(page))[1]
    await answer(deployment, login_of(page))
    status, text = await said(page)
    assert (200, True) == (status, "Continue as @alice" in text)
    await finish(browser, page)
    status, text = await said(page)
    assert (410, True) == (status, "You have logged in with this already" in text)
    for number, expected in ((0, "The login was declined"), (1, "That was not the number")):
        page = await begin(browser, state="s-1", as_another=True)
        await answer(deployment, login_of(page), number=number)
        status, text = await said(page)
        assert (410, True) == (status, expected in text)
    for is_approved in (False, True):
        page = await begin(browser, state="s-1", as_another=True)
        if is_approved:
            await answer(deployment, login_of(page))
        clock.advance(deployment.approval_lifetime)
        status, text = await said(page)
        assert (410, True) == (status, "The login has expired" in text)
        assert "It was not approved and finished in time, and nobody was logged in." in text


async def test_a_press_too_late_leads_back_to_the_page(
    deployment: Deployment, browser: httpx.AsyncClient, clock: Clock
) -> None:
    """Which says why; also where nobody has approved yet."""
    page = await begin(browser)
    for milliseconds in (0, deployment.approval_lifetime + MINUTE):
        clock.advance(milliseconds)
        pressed = await finish(browser, page)
        assert (303, page.url.path) == (pressed.status_code, pressed.headers["location"])
        assert "set-cookie" not in pressed.headers


async def test_a_double_press_is_answered_twice_the_same(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """A double click, or an answer that got lost."""
    page = await begin(browser)
    await answer(deployment, login_of(page))
    first, second = await finish(browser, page), await finish(browser, page)
    assert (303, first.headers["location"]) == (second.status_code, second.headers["location"])


@pytest.mark.parametrize("login_id", ["x", "0" * 32, "A" * 32, "%00", "<script>"])
async def test_an_unknown_login_gets_a_page(browser: httpx.AsyncClient, login_id: str) -> None:
    """It repeats nothing of what was asked for."""
    await browser.get("/login")
    shown = await browser.get(f"/login/{login_id}")
    assert 404 == shown.status_code
    assert "<script>" not in shown.text


async def test_who_is_logged_in_here_may_continue(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """One press, no chat; the application gets code and state."""
    await log_in_as(deployment, browser, ALICE, "alice")
    page = await begin(browser, state="s-1")
    assert "Continue as @alice?" in words_of(page)
    assert "Use another account" in words_of(page)
    pressed = await press(browser, page, path=f"{page.url.path}/continue")
    assert 303 == pressed.status_code
    assert "s-1" == httpx.URL(pressed.headers["location"]).params["state"]
    assert "as @alice" in words_of(await browser.get("/account"))


async def test_who_has_logged_out_meanwhile_is_shown_the_code(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """Nobody can continue then; the login goes on through the chat."""
    await introduce(deployment)
    await log_in_as(deployment, browser, ALICE, "alice")
    page = await begin(browser)
    browser.cookies.delete("__Host-tgauth")
    pressed = await press(browser, page, path=f"{page.url.path}/continue")
    assert (303, page.url.path) == (pressed.status_code, pressed.headers["location"])
    assert "Approve the login in Telegram" in words_of(await browser.get(page.url.path))


async def test_another_account_needs_an_explicit_switch(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """The script's own press changes nothing; the page then names both."""
    await introduce(deployment)
    await log_in_as(deployment, browser, BOB, "bob")
    page = await begin(browser, as_another=True)
    assert "Continue as @bob instead" in words_of(page)
    await answer(deployment, login_of(page))
    pressed = await finish(browser, page)
    assert (303, page.url.path) == (pressed.status_code, pressed.headers["location"])
    assert "as @bob" in words_of(await browser.get("/account"))
    asked = await browser.get(page.url.path)
    assert "@bob is logged in in this browser" in words_of(asked)
    assert "data-finish" not in asked.text
    assert 303 == (await finish(browser, asked)).status_code
    assert "as @alice" in words_of(await browser.get("/account"))


async def test_an_approved_page_goes_on_by_itself(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """Where nobody else is logged in: a phone may have thrown the waiting page away."""
    page = await begin(browser)
    await answer(deployment, login_of(page))
    assert "data-finish" in (await browser.get(page.url)).text


async def test_without_an_application_the_account_page_comes_next(
    store: Store, clock: Clock, ids: Ids
) -> None:
    """And the page names our own address."""
    deployment = a_deployment(store, now=clock, new_id=ids, client=a_client(callback_url=None))
    async with a_browser(an_app(deployment), deployment) as browser:
        page = await begin(browser)
        assert "(login.example.org)" in words_of(page)
        await answer(deployment, login_of(page))
        finished = await finish(browser, page)
    assert (303, "/account") == (finished.status_code, finished.headers["location"])


async def test_too_many_logins_of_one_network_are_told_to_wait(
    deployment: Deployment, browser: httpx.AsyncClient, clock: Clock
) -> None:
    """With Retry-After, and after a minute it goes on."""
    for _ in range(deployment.browser_logins_per_minute):
        assert 303 == (await browser.get("/login")).status_code
    refused = await browser.get("/login")
    assert (429, "60") == (refused.status_code, refused.headers["retry-after"])
    assert "Too many logins were begun" in words_of(refused)
    clock.advance(MINUTE)
    assert 303 == (await browser.get("/login")).status_code


async def test_starting_over_after_a_refusal_keeps_the_state(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """The application would refuse a login without what it sent along."""
    again = 'href="/login?state=a%26b+%C3%A9"'
    ahead = await browser.get(
        "/login", params={"state": "a&b é"}, headers={"Sec-Purpose": "prefetch"}
    )
    assert (403, True) == (ahead.status_code, again in ahead.text)
    for _ in range(deployment.browser_logins_per_minute):
        await browser.get("/login")
    refused = await browser.get("/login", params={"state": "a&b é"})
    assert (429, True) == (refused.status_code, again in refused.text)
    assert 'href="/login"' in (await browser.get("/login", params={"state": ""})).text


async def test_a_blocked_network_is_told_so(
    deployment: Deployment, browser: httpx.AsyncClient, clock: Clock
) -> None:
    """Neither a new login nor one under way, for an hour."""
    page = await begin(browser)
    await answer(deployment, login_of(page))
    await deployment.store.write(
        blocked_networks.block, counted_as("127.0.0.1"), until=clock() + NETWORK_BLOCK_LIFETIME
    )
    for refused in (await browser.get("/login"), await finish(browser, page)):
        assert (429, "3600") == (refused.status_code, refused.headers["retry-after"])
        assert "No login can be begun here for a while" in words_of(refused)
    clock.advance(NETWORK_BLOCK_LIFETIME)
    assert 303 == (await browser.get("/login")).status_code


async def test_who_may_not_log_in_after_all_gets_their_id(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """Taken off the list between approval and press; a ban withdraws the login itself."""
    page = await begin(browser)
    await answer(deployment, login_of(page))
    strict = replace(deployment, allow=AllowList(everyone=False))
    async with a_browser(an_app(strict), strict) as same:
        same.cookies = browser.cookies
        refused = await finish(same, page)
    assert (400, True) == (refused.status_code, f'value="{ALICE}"' in refused.text)
    await ban_person(deployment, ALICE)
    assert page.url.path == (await finish(browser, page)).headers["location"]
    assert "The login was withdrawn" in words_of(await browser.get(page.url))


async def test_the_front_page_leads_here(browser: httpx.AsyncClient) -> None:
    """Beside how to log in from the chat."""
    assert '<a class="button" href="/login">Log in</a>' in (await browser.get("/")).text


async def test_the_front_page_names_the_bot(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """Whoever may begin no login in a browser for a while is sent there, to find its chat."""
    assert "Open the chat with the bot in Telegram." in words_of(await browser.get("/"))
    await introduce(deployment)
    page = await browser.get("/")
    assert f"Open the chat with @{BOT} in Telegram." in words_of(page)
    assert f'<a href="https://t.me/{BOT}">' in page.text
