"""Logins that begin in a browser, from outside: the page, the chat, and what comes between."""

import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from tests.e2e.browser_first import (
    Tab,
    a_browser,
    answer,
    approve,
    buttons,
    followed,
    question,
    said,
)
from tests.harness import Process, Telegram, Tgauth, eventually, tgauth

ANN, BOB = 42, 43
#: The shortest lifetime that a request for approval may have, in seconds.
SHORT = 30
CALLBACK = "https://shop.example.org/callback"


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation with an application, whose links lead to the sandbox's chat; it runs."""
    settings = {"TGAUTH_TELEGRAM__LINK_URL": sandbox.url, "TGAUTH_LOGIN__CALLBACK_URL": CALLBACK}
    with tgauth(tmp_path, sandbox.url, **settings) as prepared:
        serve(prepared)
        yield prepared


def serve(installation: Tgauth) -> Process:
    """Start everything, and wait until the bot has told its name, too."""
    process = installation.start("serve")
    eventually(
        lambda: "ready: api, bot" in process.output or {"api", "bot"} <= set(process.children())
    )
    return process


def returned(response: httpx.Response) -> dict[str, str]:
    """Return what the application gets back with the browser."""
    location = urlsplit(response.headers["location"])
    assert CALLBACK == f"{location.scheme}://{location.netloc}{location.path}"
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def test_two_taps_and_a_number_log_in(sandbox: Telegram, installation: Tgauth) -> None:
    """The page shows who asks, the chat asks back, and the application gets its code and state."""
    with Tab.begin(installation, "?state=from-the-shop") as tab:
        sandbox.open_link(ANN, tab.handle)
        asked = question(sandbox, ANN)
        for part in ("shop.example.org", "Firefox, Linux", "127.0.0.1", "Decline unless you"):
            assert part in asked["text"]
        assert "Decline" == next(iter(buttons(asked)))
        assert str(tab.number) in buttons(asked)
        assert tab.handle not in str(asked)
        answer(sandbox, ANN, str(tab.number))
        tab.until("Continue")
        back = returned(tab.press())

    assert "from-the-shop" == back["state"]
    assert installation.exchange(back["code"]).is_success


def test_a_state_is_passed_through_unchanged(sandbox: Telegram, installation: Tgauth) -> None:
    """RFC 6749 §4.1.2: "the exact value received from the client", whatever is in it."""
    state = "a b+c/ä=&x=1#%25\"<>'"
    with a_browser(installation) as client:
        tab = Tab(client, followed(client, str(httpx.URL("/login", params={"state": state}))))
        approve(sandbox, ANN, tab)
        tab.until("Continue")
        assert state == returned(tab.press())["state"]


def test_start_alone_approves_nothing(sandbox: Telegram, installation: Tgauth) -> None:
    """Opening a link, also again, leads to a question and to nothing else."""
    with Tab.begin(installation) as tab:
        for _ in range(2):
            sandbox.open_link(ANN, tab.handle)
            question(sandbox, ANN)
        assert tab.path == tab.press().headers["location"]


@pytest.mark.parametrize("choice", ["Decline", "wrong"])
def test_a_denied_login_ends(sandbox: Telegram, installation: Tgauth, choice: str) -> None:
    """Declined, or answered with a number that is not the page's: nobody is logged in."""
    with Tab.begin(installation) as tab:
        sandbox.open_link(ANN, tab.handle)
        right, offered = str(tab.number), buttons(question(sandbox, ANN))
        wrong = next(text for text in offered if text.isdigit() and text != right)
        answer(sandbox, ANN, wrong if choice == "wrong" else choice)
        said(sandbox, ANN, "was declined" if choice == "wrong" else "You declined")
        heading = "That was not the number" if choice == "wrong" else "The login was declined"
        assert heading == tab.until("nobody was logged in")
        # The question is over: its right number approves nothing any more.
        message = sandbox.answers(ANN)[-1]
        assert {} == {text: data for text, data in buttons(message).items() if text.isdigit()}
        assert "location" not in tab.client.get(tab.path).headers


def test_only_who_opened_the_link_first_is_asked(sandbox: Telegram, installation: Tgauth) -> None:
    """A second person is told so and changes nothing; their forged answer is none."""
    with Tab.begin(installation) as tab:
        sandbox.open_link(ANN, tab.handle)
        asked = question(sandbox, ANN)
        sandbox.open_link(BOB, tab.handle)
        refused = said(sandbox, BOB, "opened this link before you")
        data = buttons(asked)[str(tab.number)]
        sandbox.press(BOB, refused, data, forged=True)
        eventually(lambda: [one for one in sandbox.toasts(BOB) if "Too late" in one])

        answer(sandbox, ANN, str(tab.number))
        tab.until("Continue")
        person = installation.exchange(returned(tab.press())["code"]).json()["user"]
    assert ANN == person["telegram_id"]


def test_two_browsers_race_for_one_login(sandbox: Telegram, installation: Tgauth) -> None:
    """Another one that knows address, handle and form gets nothing, however fast it is."""
    with Tab.begin(installation) as tab, Tab.begin(installation) as other:
        address, handle = tab.path, tab.handle
        approve(sandbox, ANN, tab)
        tab.until("Continue")
        seen = other.client.get(address)
        assert 403 == seen.status_code
        assert handle not in seen.text
        assert "begun in another browser" in seen.text
        other.page = tab.page  # the form, copied whole, in a browser that has a name of its own
        with ThreadPoolExecutor() as both:
            stolen, finished = both.map(lambda one: one.press(), [other, tab])
        assert 403 == stolen.status_code
        assert "location" not in stolen.headers
        assert installation.exchange(returned(finished)["code"]).is_success


def test_an_approval_in_the_last_second_and_one_after_it(tmp_path: Path, sandbox: Telegram) -> None:
    """The first one has another minute to go on with; the second one is too late, and told so."""
    settings = {"TGAUTH_LOGIN__APPROVAL_TTL": str(SHORT), "TGAUTH_LOGIN__CALLBACK_URL": CALLBACK}
    with tgauth(tmp_path, sandbox.url, **settings) as installation:
        serve(installation)
        with Tab.begin(installation) as early, Tab.begin(installation) as late:
            began = time.monotonic()  # after both, so that one second less is in time for each
            sandbox.open_link(ANN, early.handle)
            sandbox.open_link(BOB, late.handle)
            data = buttons(question(sandbox, BOB))[str(late.number)]
            message = question(sandbox, BOB)
            question(sandbox, ANN)
            time.sleep(began + SHORT - 2 - time.monotonic())
            answer(sandbox, ANN, str(early.number))
            said(sandbox, ANN, "Approved", within=1)
            time.sleep(began + SHORT + 1 - time.monotonic())
            sandbox.press(BOB, message, data, forged=True)
            eventually(lambda: [one for one in sandbox.toasts(BOB) if "Too late" in one])
            said(sandbox, BOB, "has expired")
            assert "expired" in late.refresh().heading
            early.until("Continue")
            assert returned(early.press())["code"]


@pytest.mark.parametrize("who", ["bot", "api", "serve"])
def test_a_kill_between_page_and_approval_loses_nothing(
    sandbox: Telegram, installation: Tgauth, who: str
) -> None:
    """The page that was open goes on as if nothing had been."""
    [served] = installation.running
    with Tab.begin(installation) as tab:
        handle, number = tab.handle, tab.number
        sandbox.open_link(ANN, handle)
        question(sandbox, ANN)
        kill(installation, served, who)
        assert (handle, number) == (tab.refresh().handle, tab.number)
        answer(sandbox, ANN, str(number))
        tab.until("Continue", within=20)
        kill(installation, installation.running[-1], who)
        assert returned(tab.press())["code"]


def kill(installation: Tgauth, served: Process, who: str) -> None:
    """Kill a process, and see that another one is there."""
    if who == "serve":
        children = served.children()
        served.end()
        eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()))
        serve(installation)
        return
    victim = served.children()[who]
    os.kill(victim, signal.SIGKILL)
    eventually(lambda: served.children().get(who, victim) != victim)
    eventually(lambda: httpx.get(f"{installation.url}/readyz").is_success)


def test_that_was_not_me(sandbox: Telegram, installation: Tgauth) -> None:
    """The session ends with its tokens, and the network begins nothing for a while."""
    with Tab.begin(installation) as tab:
        approve(sandbox, ANN, tab)
        tab.until("Continue")
        token = installation.exchange(returned(tab.press())["code"]).json()["access_token"]
        assert installation.me(token).is_success
        notice = said(sandbox, ANN, "logged in to")
        # Quiet: the question itself now says so, and a change of a message notifies nobody.
        assert [True] == [one["edited"] for one in sandbox.answers(ANN)]
        [data] = [one for text, one in buttons(notice).items() if "wasn't me" in text]
        sandbox.press(ANN, notice, data)
        eventually(lambda: 401 == installation.me(token).status_code)
        assert "not logged in" in tab.client.get("/account").text
        with a_browser(installation) as other:
            refused = followed(other, "/login")
        assert 429 == refused.status_code
        assert "retry-after" in refused.headers


def test_whoever_is_logged_in_goes_on_without_the_chat(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """The page offers to continue as that account; the next login is that account's, too."""
    with Tab.begin(installation) as tab:
        approve(sandbox, ANN, tab)
        tab.until("Continue")
        first = installation.exchange(returned(tab.press())["code"]).json()
        messages = len(sandbox.answers(ANN))
        tab.page = followed(tab.client, "/login?state=again")
        back = returned(tab.press())
        second = installation.exchange(back["code"]).json()
    assert "again" == back["state"]
    assert first["user"]["sub"] == second["user"]["sub"]
    assert messages <= len(sandbox.answers(ANN))
