"""Promises of the pages: a link opens a page, only its button spends, and only in this browser."""

import time
from dataclasses import replace

import httpx
import pytest
from litestar import Litestar
from tests.api.conftest import a_browser, an_app
from tests.api.pages import fields_of, log_in, open_link, press, words_of
from tests.builders import (
    ALICE,
    BOB,
    LIFETIME,
    Clock,
    Ids,
    a_begun_login,
    a_client,
    a_deployment,
    a_profile,
    an_issuer,
    chat_code_of,
)

from tgauth.domain.code import CALLBACK_CODE_LIFETIME, derive_form_token, hash_of
from tgauth.domain.instants import SECOND
from tgauth.domain.links import CALLBACK_PATH
from tgauth.domain.person import AllowList
from tgauth.flows.ban_person import ban_person
from tgauth.flows.deployment import Deployment
from tgauth.store import Store, codes

pytestmark = pytest.mark.anyio


async def is_spent(deployment: Deployment, code: str) -> bool:
    """Say whether a code was spent."""
    async with deployment.store.reading() as connection:
        row = await codes.get(connection, hash_of(code))
    assert row is not None
    return row.spent_at is not None


async def test_from_the_link_to_the_token(
    browser: httpx.AsyncClient, api: httpx.AsyncClient, code: str
) -> None:
    """Link, page, button, redirect to the application, exchange, and who it was."""
    page = await open_link(browser, code)
    assert 200 == page.status_code
    assert "Continue as @alice" in words_of(page)
    assert "Log in to The Shop" in words_of(page)
    pressed = await press(browser, page)
    assert 303 == pressed.status_code
    target = httpx.URL(pressed.headers["location"])
    assert "https://app.example.org/callback" == str(target.copy_with(query=None))
    assert ["code"] == list(target.params)
    assert code != target.params["code"]
    answer = await api.post("/api/auth/callback", json={"code": target.params["code"]})
    assert 200 == answer.status_code
    token = answer.json()["access_token"]
    me = await api.get("/api/auth/me", headers={"Authorization": f"Bearer {token}"})
    assert ("@alice"[1:], "shop") == (me.json()["user"]["username"], me.json()["client_id"])
    account = await browser.get("/account")
    assert "You are logged in as @alice" in words_of(account)


@pytest.mark.parametrize(
    ("url", "name", "secure"),
    [
        ("https://login.example.org", "__Host-tgauth", True),
        ("http://127.0.0.1:8000", "tgauth", False),
    ],
)
async def test_cookies_are_as_strict_as_the_issuer_allows(  # noqa: PLR0913 - fixtures
    store: Store, clock: Clock, ids: Ids, url: str, name: str, *, secure: bool
) -> None:
    """HttpOnly, SameSite=Lax, Path=/, no Domain; with https also Secure and the host's prefix."""
    deployment = a_deployment(store, now=clock, new_id=ids, issuer=an_issuer(url))
    code = chat_code_of(deployment, await a_begun_login(deployment))
    async with a_browser(an_app(deployment), deployment) as browser:
        bound = await browser.get(CALLBACK_PATH, params={"code": code})
        pressed = await press(browser, await browser.get(CALLBACK_PATH))
        assert 303 == pressed.status_code
    rest = ["HttpOnly", "Path=/", "SameSite=lax"] + (["Secure"] if secure else [])
    login, session = (one.headers["set-cookie"].split("; ") for one in (bound, pressed))
    assert f"{name}-login={code}." == login[0][: len(name) + 51]
    assert sorted(["Max-Age=86520", *rest]) == sorted(login[1:])
    assert session[0].startswith(f"{name}=")
    assert sorted(["Max-Age=2592000", *rest]) == sorted(session[1:])


async def test_the_code_stands_in_no_address_after_the_first(
    browser: httpx.AsyncClient, code: str
) -> None:
    """History, Referer and proxies see nothing; the page holds the link once, to be copied."""
    page = await open_link(browser, code)
    assert code not in str(page.url)
    assert 1 == page.text.count(code)
    assert f'value="https://login.example.org/auth/callback?code={code}"' in page.text
    assert "no-store" == page.headers["cache-control"]


async def test_looking_never_spends(
    deployment: Deployment, browser: httpx.AsyncClient, code: str
) -> None:
    """A hundred previews and prefetches of link and page, and the button still works."""
    page = await open_link(browser, code)
    for _ in range(50):
        await browser.get(CALLBACK_PATH, params={"code": code})
        await browser.head(CALLBACK_PATH, params={"code": code})
        await browser.get(CALLBACK_PATH)
        await browser.head(CALLBACK_PATH)
    assert not await is_spent(deployment, code)
    page = await browser.get(CALLBACK_PATH)
    assert 303 == (await press(browser, page)).status_code
    assert await is_spent(deployment, code)


@pytest.mark.parametrize(
    ("origin", "changed"),
    [
        (None, {}),
        ("null", {}),
        ("https://evil.example", {}),
        ("http://login.example.org", {}),
        ("https://login.example.org:8443", {}),
        ("https://login.example.org.evil.example", {}),
        ("", {"token": "A" * 43}),
        ("", {"token": ""}),
        ("", {"token": "\u00e9"}),
        ("", {"token": "\x00"}),
    ],
)
async def test_a_form_that_is_not_ours_spends_nothing(
    deployment: Deployment,
    browser: httpx.AsyncClient,
    code: str,
    origin: str | None,
    changed: dict[str, str],
) -> None:
    """Without our Origin and our token the press is refused with a page that says what to do."""
    page = await open_link(browser, code)
    refused = await press(browser, page, origin=origin, **changed)
    assert 403 == refused.status_code
    assert "This page is out of date" in words_of(refused)
    assert "set-cookie" not in refused.headers
    assert not await is_spent(deployment, code)
    assert 303 == (await press(browser, page)).status_code


async def test_a_press_without_the_cookie_spends_nothing(
    deployment: Deployment, browser: httpx.AsyncClient, code: str
) -> None:
    """Another browser cannot use this page's form, nor can one without cookies."""
    page = await open_link(browser, code)
    browser.cookies.clear()
    assert 403 == (await press(browser, page)).status_code
    assert not await is_spent(deployment, code)


async def test_another_browsers_token_is_refused(
    deployment: Deployment, app: Litestar, browser: httpx.AsyncClient, code: str
) -> None:
    """The token belongs to the cookie: login CSRF with the attacker's own token fails."""
    page = await open_link(browser, code)
    async with a_browser(app, deployment) as attacker:
        own = await open_link(attacker, code)
        assert fields_of(own)["token"] != fields_of(page)["token"]
        refused = await press(browser, page, token=fields_of(own)["token"])
    assert 403 == refused.status_code
    assert not await is_spent(deployment, code)


async def test_a_double_press_is_answered_twice_the_same(
    browser: httpx.AsyncClient, code: str
) -> None:
    """A double click, or a lost answer, leads to the same place."""
    page = await open_link(browser, code)
    first, second = await press(browser, page), await press(browser, page)
    assert (303, 303) == (first.status_code, second.status_code)
    assert first.headers["location"] == second.headers["location"]
    assert first.headers["set-cookie"] == second.headers["set-cookie"]


async def test_a_second_browser_comes_too_late(
    deployment: Deployment, app: Litestar, browser: httpx.AsyncClient, code: str
) -> None:
    """Once pressed, the link is used for everybody else."""
    async with a_browser(app, deployment) as second:
        page = await open_link(second, code)
        await log_in(browser, code)
        refused = await press(second, page)
        assert 400 == refused.status_code
        assert "This link has been used already" in words_of(refused)
        shown = await second.get(CALLBACK_PATH)
        assert 400 == shown.status_code


@pytest.mark.parametrize("code_text", ["", "x", "A" * 44, "%00", "<script>alert(1)</script>"])
async def test_a_link_without_a_real_code_gets_a_page(
    browser: httpx.AsyncClient, code_text: str
) -> None:
    """It says that the link is not valid, repeats nothing, and sets no cookie."""
    page = await browser.get(CALLBACK_PATH, params={"code": code_text})
    assert 400 == page.status_code
    assert "This link is not valid" in words_of(page)
    assert "alert" not in page.text
    assert "set-cookie" not in page.headers


async def test_an_unknown_code_gets_a_page(browser: httpx.AsyncClient) -> None:
    """The shape is right, and nothing is behind it."""
    page = await open_link(browser, "A" * 43)
    assert (400, True) == (page.status_code, "This link is not valid" in words_of(page))


async def test_an_expired_link_gets_a_page(
    browser: httpx.AsyncClient, code: str, clock: Clock
) -> None:
    """On opening and on pressing."""
    page = await open_link(browser, code)
    clock.advance(LIFETIME)
    for answer in (await browser.get(CALLBACK_PATH), await press(browser, page)):
        assert 400 == answer.status_code
        assert "This link has expired" in words_of(answer)
        assert "Send /login to the bot again" in words_of(answer)


async def test_a_page_that_was_left_open_says_expired(
    browser: httpx.AsyncClient, code: str, clock: Clock
) -> None:
    """For a day: the login cookie outlives its code, so the browser still sends it."""
    page = await open_link(browser, code)
    kept = next(one for one in browser.cookies.jar if one.name == "__Host-tgauth-login")
    assert kept.expires is not None
    assert kept.expires - time.time() > LIFETIME / SECOND + 23 * 3600
    clock.advance(LIFETIME)
    for answer in (await press(browser, page), await browser.get(CALLBACK_PATH)):
        assert (400, True) == (answer.status_code, "This link has expired" in words_of(answer))


async def test_a_page_without_a_login_under_way_says_so(browser: httpx.AsyncClient) -> None:
    """Opened without the link."""
    page = await browser.get(CALLBACK_PATH)
    assert (400, True) == (page.status_code, "There is no login under way" in words_of(page))


async def test_who_was_taken_off_the_list_gets_a_page(deployment: Deployment, code: str) -> None:
    """Politely, and nothing is spent."""
    banned = replace(deployment, allow=AllowList(everyone=False))
    async with a_browser(an_app(banned), banned) as browser:
        page = await open_link(browser, code)
    assert (400, True) == (page.status_code, "You may not log in here" in words_of(page))
    assert f'value="{ALICE}"' in page.text
    assert not await is_spent(deployment, code)


async def test_who_was_banned_gets_a_page(
    deployment: Deployment, browser: httpx.AsyncClient, code: str
) -> None:
    """With their own id to pass on, and nothing is spent."""
    page = await open_link(browser, code)
    await ban_person(deployment, ALICE)
    for answer in (await browser.get(CALLBACK_PATH), await press(browser, page)):
        assert 400 == answer.status_code
        assert "You may no longer log in here" in words_of(answer)
        assert f'value="{ALICE}"' in answer.text
    assert not await is_spent(deployment, code)


async def test_a_replaced_link_says_where_the_newer_one_is(
    deployment: Deployment, browser: httpx.AsyncClient, code: str
) -> None:
    """Only the newest link of a person works."""
    await a_begun_login(deployment, update_id=2)
    page = await open_link(browser, code)
    assert 400 == page.status_code
    assert "This link was replaced by a newer one" in words_of(page)
    assert "Open the last one in the chat" in words_of(page)


async def test_switching_accounts_is_an_explicit_step(
    deployment: Deployment, browser: httpx.AsyncClient, code: str
) -> None:
    """The page names both, a press without the switch is refused, and with it Bob is out."""
    login = await a_begun_login(deployment, update_id=2, profile=a_profile(BOB, username="bob"))
    await log_in(browser, chat_code_of(deployment, login))
    page = await open_link(browser, code)
    assert "@bob is logged in in this browser" in words_of(page)
    assert "Switch to @alice" in words_of(page)
    refused = await press(browser, page, switch="no")
    assert (409, True) == (refused.status_code, "Another account" in words_of(refused))
    assert "as @bob" in words_of(await browser.get("/account"))
    assert 303 == (await press(browser, page)).status_code
    assert "as @alice" in words_of(await browser.get("/account"))


async def test_without_an_application_the_account_page_comes_next(
    store: Store, clock: Clock, ids: Ids
) -> None:
    """There is nowhere else to go."""
    deployment = a_deployment(store, now=clock, new_id=ids, client=a_client(callback_url=None))
    code = chat_code_of(deployment, await a_begun_login(deployment))
    async with a_browser(an_app(deployment), deployment) as browser:
        pressed = await log_in(browser, code)
        assert (303, "/account") == (pressed.status_code, pressed.headers["location"])
        assert "as @alice" in words_of(await browser.get("/account"))


@pytest.mark.parametrize("cookie", ["", ".", "x.y", "A" * 43, "A" * 43 + ".", "é", "a" * 5000])
async def test_a_misshapen_cookie_is_no_cookie(browser: httpx.AsyncClient, cookie: str) -> None:
    """Whatever a stranger puts into it."""
    headers = {"Cookie": f"__Host-tgauth-login={cookie}; __Host-tgauth={cookie}".encode()}
    for path, status in ((CALLBACK_PATH, 400), ("/account", 200)):
        answer = await browser.get(path, headers=headers)  # type: ignore[arg-type]
        assert status == answer.status_code


async def test_the_form_token_derives_from_the_cookie(
    deployment: Deployment, browser: httpx.AsyncClient, code: str
) -> None:
    """Nothing is kept for it, and it is no use to anybody without the cookie."""
    page = await open_link(browser, code)
    cookie = browser.cookies["__Host-tgauth-login"]
    assert derive_form_token(deployment.master_key, cookie) == fields_of(page)["token"]


async def test_a_session_cookie_is_new_at_each_login(
    deployment: Deployment, browser: httpx.AsyncClient, code: str, clock: Clock
) -> None:
    """A planted cookie never becomes a session."""
    browser.cookies.set("__Host-tgauth", "planted", domain="login.example.org", path="/")
    await log_in(browser, code)
    first = browser.cookies["__Host-tgauth"]
    clock.advance(CALLBACK_CODE_LIFETIME)
    login = await a_begun_login(deployment, update_id=2)
    await log_in(browser, chat_code_of(deployment, login))
    assert len({"planted", first, browser.cookies["__Host-tgauth"]}) == 3
