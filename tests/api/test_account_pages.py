"""Promises of the account: one's own sessions and data, buttons that only our pages can press."""

import json

import httpx
import pytest
from litestar import Litestar
from tests.api.conftest import a_browser, an_app
from tests.api.pages import fields_of, log_in, press, words_of
from tests.builders import (
    BOB,
    MASTER_KEY,
    Clock,
    a_begun_login,
    a_client,
    a_deployment,
    a_profile,
    chat_code_of,
)

from tgauth.domain.instants import DAY, HOUR
from tgauth.flows.deployment import Deployment
from tgauth.store import persons, sessions

pytestmark = pytest.mark.anyio

SESSION = "__Host-tgauth"
END_ONE = "/account/sessions/end"
END_ALL = "/account/sessions/end-all"
DELETE = "/account/delete"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
async def account(browser: httpx.AsyncClient, code: str) -> httpx.Response:
    """Log Alice in; return her account page."""
    browser.headers["User-Agent"] = FIREFOX
    await log_in(browser, code)
    return await browser.get("/account")


async def log_in_elsewhere(
    deployment: Deployment, browser: httpx.AsyncClient, *, update_id: int, telegram_id: int = 1001
) -> None:
    """Log somebody in in another browser."""
    names = {1001: "alice", BOB: "bob"}
    profile = a_profile(telegram_id, username=names[telegram_id])
    login = await a_begun_login(deployment, update_id=update_id, profile=profile)
    await log_in(browser, chat_code_of(deployment, login))


async def test_the_account_says_who_and_where(
    deployment: Deployment, account: httpx.Response
) -> None:
    """Name, id, and each session with its browser, address and times."""
    words = words_of(account)
    for text in (
        "You are logged in as @alice",
        "Alice Archer",
        "Telegram id 1001",
        "The Shop This browser",
        "Firefox, Linux",
        "From 127.0.0.1",
        "Since 15 Jan 2027, 08:00 UTC",
    ):
        assert text in words
    assert '<time datetime="2027-01-15T08:00:00Z">' in account.text
    assert 'href="https://app.example.org"' in account.text
    async with deployment.store.reading() as connection:
        person = await persons.find(connection, 1001)
    assert person is not None
    assert person.subject not in account.text


async def test_the_list_tells_this_browser_from_others(
    deployment: Deployment, app: Litestar, browser: httpx.AsyncClient, account: httpx.Response
) -> None:
    """Only the others have a button that ends them."""
    assert END_ONE not in account.text.replace(END_ALL, "")
    async with a_browser(app, deployment) as phone:
        await log_in_elsewhere(deployment, phone, update_id=2)
    page = await browser.get("/account")
    assert 1 == page.text.count("This browser")
    assert 1 == page.text.count(f'action="{END_ONE}"')


async def test_one_session_is_ended_alone(
    deployment: Deployment, app: Litestar, browser: httpx.AsyncClient, account: httpx.Response
) -> None:
    """The other browser is logged out, this one is told so and stays."""
    assert account.is_success
    async with a_browser(app, deployment) as phone:
        await log_in_elsewhere(deployment, phone, update_id=2)
        page = await browser.get("/account")
        done = await press(browser, page, path=END_ONE)
        assert (303, "/account?done=session-ended") == (done.status_code, done.headers["location"])
        after = await browser.get(done.headers["location"])
        assert "That login has been ended." in words_of(after)
        assert 0 == after.text.count(f'action="{END_ONE}"')
        assert "You are not logged in" in words_of(await phone.get("/account"))
        again = await press(browser, page, path=END_ONE)
        assert (303, done.headers["location"]) == (again.status_code, again.headers["location"])


async def test_nobody_ends_somebody_elses_session(
    deployment: Deployment, app: Litestar, browser: httpx.AsyncClient, account: httpx.Response
) -> None:
    """Whose id it is makes no difference to be seen, and nothing happens."""
    async with a_browser(app, deployment) as other:
        await log_in_elsewhere(deployment, other, update_id=2, telegram_id=BOB)
        async with deployment.store.reading() as connection:
            bob = await persons.find(connection, BOB)
            assert bob is not None
            [session] = await sessions.living(connection, bob.subject, now=deployment.now())
        token = fields_of(account)["token"]
        answers = [
            await press(browser, account, path=END_ONE, token=token, session=session_id)
            for session_id in (session.id, "no-such-session", "", "\x00")
        ]
        assert {(303, "/account?done=session-ended")} == {
            (one.status_code, one.headers["location"]) for one in answers
        }
        assert "as @bob" in words_of(await other.get("/account"))


async def test_logging_out_everywhere_ends_all(
    deployment: Deployment, app: Litestar, browser: httpx.AsyncClient, account: httpx.Response
) -> None:
    """Here and elsewhere; nobody else is touched."""
    async with a_browser(app, deployment) as phone, a_browser(app, deployment) as other:
        await log_in_elsewhere(deployment, phone, update_id=2)
        await log_in_elsewhere(deployment, other, update_id=3, telegram_id=BOB)
        done = await press(browser, account, path=END_ALL)
        assert 303 == done.status_code
        assert {} == dict(browser.cookies)
        after = words_of(await browser.get(done.headers["location"]))
        assert "You are logged out everywhere" in after
        assert "You are not logged in" in words_of(await phone.get("/account"))
        assert "as @bob" in words_of(await other.get("/account"))


@pytest.mark.parametrize("path", [END_ONE, END_ALL, DELETE, "/logout"])
@pytest.mark.parametrize(
    ("origin", "changed"),
    [
        (None, {}),
        ("null", {}),
        ("https://evil.example", {}),
        ("", {"token": "A" * 43}),
        ("", {"token": ""}),
        ("", {"token": "\u00e9"}),
    ],
)
async def test_a_form_that_is_not_ours_does_nothing(
    browser: httpx.AsyncClient,
    account: httpx.Response,
    path: str,
    origin: str | None,
    changed: dict[str, str],
) -> None:
    """Without our Origin and our token no button can be pressed for anybody."""
    page = await browser.get(DELETE) if path == DELETE else account
    refused = await press(browser, page, path=path, origin=origin, **changed)
    assert (403, True) == (refused.status_code, "This page is out of date" in words_of(refused))
    assert "set-cookie" not in refused.headers
    assert "as @alice" in words_of(await browser.get("/account"))


@pytest.mark.parametrize("path", [END_ONE, END_ALL, "/logout"])
async def test_a_get_changes_nothing(
    browser: httpx.AsyncClient, account: httpx.Response, path: str
) -> None:
    """Neither does a HEAD."""
    assert account.is_success
    assert 405 == (await browser.get(path)).status_code
    await browser.head(path)
    assert "as @alice" in words_of(await browser.get("/account"))


async def test_logging_out_forgets_the_cookies(
    browser: httpx.AsyncClient, account: httpx.Response
) -> None:
    """The session ends on our side as well, and the page says what an application may still do."""
    secret = browser.cookies[SESSION]
    done = await press(browser, account, path="/logout")
    assert (303, "/account?done=logged-out") == (done.status_code, done.headers["location"])
    after = words_of(await browser.get(done.headers["location"]))
    assert "You are logged out" in after
    assert "may take up to 15 minutes to notice" in after
    assert {} == dict(browser.cookies)
    browser.cookies.set(SESSION, secret, domain="login.example.org")
    assert "You are not logged in" in words_of(await browser.get("/account"))


async def test_logging_out_without_a_session_is_harmless(browser: httpx.AsyncClient) -> None:
    """There is nothing to end."""
    assert 303 == (await browser.post("/logout")).status_code


async def test_my_data_is_a_document_to_keep(
    browser: httpx.AsyncClient, account: httpx.Response, code: str
) -> None:
    """All that is kept, as JSON, for saving; no secret and no hash of one."""
    assert account.is_success
    answer = await browser.get("/account/data")
    assert 200 == answer.status_code
    assert 'attachment; filename="my-login-data.json"' == answer.headers["content-disposition"]
    assert "application/json" == answer.headers["content-type"]
    assert "no-store" == answer.headers["cache-control"]
    data = answer.json()
    assert [
        "issuer",
        "exported_at",
        "account",
        "sessions",
        "logins",
        "asked",
        "asked_nothing_until",
        "messages",
        "unhandled",
        "audit",
    ] == list(data)
    assert (1001, "alice", "2027-01-15T08:00:00Z") == (
        data["account"]["telegram_id"],
        data["account"]["username"],
        data["account"]["created_at"],
    )
    assert ["Firefox, Linux"] == [one["device"] for one in data["sessions"]]
    assert ["redeemed"] == [one["state"] for one in data["logins"]]
    for secret in (code, browser.cookies[SESSION], MASTER_KEY.hex(), "hash", "browser"):
        assert secret not in answer.text


async def test_names_are_exported_as_they_are(
    deployment: Deployment, browser: httpx.AsyncClient
) -> None:
    """As UTF-8, readable by people."""
    profile = a_profile(first_name="Éva 🙂", last_name=None, username=None)
    login = await a_begun_login(deployment, profile=profile)
    await log_in(browser, chat_code_of(deployment, login))
    answer = await browser.get("/account/data")
    assert "Éva 🙂" in answer.content.decode("utf-8")
    assert "Éva 🙂" == json.loads(answer.content)["account"]["first_name"]


@pytest.mark.parametrize("path", ["/account/data", DELETE])
async def test_nobody_else_sees_them(browser: httpx.AsyncClient, path: str) -> None:
    """Without a session there is a page that says how to log in."""
    answer = await browser.get(path)
    assert (401, True) == (answer.status_code, "You are not logged in" in words_of(answer))
    assert 'href="/"' in answer.text


async def test_deleting_asks_first_and_says_what_it_means(
    browser: httpx.AsyncClient, account: httpx.Response
) -> None:
    """A link leads to a page of its own, whose button does it; looking changes nothing."""
    assert f'href="{DELETE}"' in account.text
    page = await browser.get(DELETE)
    assert "Delete the account of @alice?" in words_of(page)
    assert "cannot be undone" in words_of(page)
    assert "as @alice" in words_of(await browser.get("/account"))


async def test_the_account_pages_token_deletes_nothing(
    browser: httpx.AsyncClient, account: httpx.Response
) -> None:
    """Only the page that says what it means has the token for it."""
    refused = await press(browser, account, path=DELETE)
    assert 403 == refused.status_code
    assert "as @alice" in words_of(await browser.get("/account"))


async def test_deleting_leaves_nothing_and_logs_out(
    deployment: Deployment, browser: httpx.AsyncClient, account: httpx.Response
) -> None:
    """The account is gone with its sessions, and so are the cookies."""
    assert account.is_success
    done = await press(browser, await browser.get(DELETE), path=DELETE)
    assert (303, "/account?done=deleted") == (done.status_code, done.headers["location"])
    assert {} == dict(browser.cookies)
    assert "Your account has been deleted" in words_of(await browser.get("/account?done=deleted"))
    async with deployment.store.reading() as connection:
        assert await persons.find(connection, 1001) is None


@pytest.mark.parametrize("path", [END_ONE, END_ALL, DELETE])
async def test_a_button_of_a_session_that_ended_says_so(
    browser: httpx.AsyncClient, account: httpx.Response, clock: Clock, path: str
) -> None:
    """The page was open for too long: nothing is done, and it says how to log in."""
    page = await browser.get(DELETE) if path == DELETE else account
    clock.advance(31 * DAY)
    answer = await press(browser, page, path=path)
    assert (401, True) == (answer.status_code, "You are not logged in" in words_of(answer))


async def test_using_the_account_keeps_its_session_alive(
    browser: httpx.AsyncClient, account: httpx.Response, clock: Clock
) -> None:
    """An idle session ends, a used one does not."""
    assert account.is_success
    for _ in range(4):
        clock.advance(6 * DAY)
        assert "as @alice" in words_of(await browser.get("/account"))
    clock.advance(7 * DAY + HOUR)
    assert "You are not logged in" in words_of(await browser.get("/account"))


@pytest.mark.parametrize("done", ["", "x", "deleted%00", "logged_out", "<b>"])
async def test_an_unknown_outcome_says_nothing(browser: httpx.AsyncClient, done: str) -> None:
    """The address decides between our own sentences only."""
    page = await browser.get(f"/account?done={done}")
    assert (200, True) == (page.status_code, "You are not logged in" in words_of(page))


async def test_without_an_application_there_is_no_way_to_one(deployment: Deployment) -> None:
    """Neither on the account page nor before."""
    alone = a_deployment(
        deployment.store,
        now=deployment.now,
        new_id=deployment.new_id,
        client=a_client(callback_url=None),
    )
    async with a_browser(an_app(alone), alone) as browser:
        assert "The Shop" not in words_of(await browser.get("/"))
        await log_in(browser, chat_code_of(alone, await a_begun_login(alone)))
        assert "To The Shop" not in words_of(await browser.get("/account"))
