"""Logins that begin in a browser, from outside: the page, the chat, and what comes between."""

import itertools
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
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
    kept,
    kill,
    question,
    questions,
    said,
    serve,
)
from tests.harness import Telegram, Tgauth, eventually, telegram, tgauth

_people = itertools.count(42)
#: The shortest lifetime that a request for approval may have, in seconds.
SHORT = 30
CALLBACK = "https://shop.example.org/callback"


@contextmanager
def running(folder: Path, **settings: str) -> Iterator[tuple[Telegram, Tgauth]]:
    """A Telegram, and an installation with an application, which runs."""
    with (
        telegram(folder) as sandbox,
        tgauth(folder, sandbox.url, TGAUTH_LOGIN__CALLBACK_URL=CALLBACK, **settings) as prepared,
    ):
        serve(prepared)
        yield sandbox, prepared


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Telegram, Tgauth]]:
    """A Telegram and an installation with an application, which runs, for the whole module."""
    with running(tmp_path_factory.mktemp("browser-first")) as both:
        yield both


@pytest.fixture
def sandbox(shared: tuple[Telegram, Tgauth]) -> Telegram:
    """The module's Telegram."""
    return shared[0]


@pytest.fixture
def installation(shared: tuple[Telegram, Tgauth]) -> Tgauth:
    """The module's installation."""
    return shared[1]


@pytest.fixture
def ann() -> int:
    """Somebody whom the bot has never met."""
    return next(_people)


@pytest.fixture
def bob() -> int:
    """Somebody else."""
    return next(_people)


def returned(response: httpx.Response) -> dict[str, str]:
    """Return what the application gets back with the browser."""
    location = urlsplit(response.headers["location"])
    assert CALLBACK == f"{location.scheme}://{location.netloc}{location.path}"
    return {name: values[0] for name, values in parse_qs(location.query).items()}


def test_two_taps_and_a_number_log_in(sandbox: Telegram, installation: Tgauth, ann: int) -> None:
    """The page shows who asks, the chat asks back, and the application gets its code and state."""
    with Tab.begin(installation, "?state=from-the-shop") as tab:
        sandbox.open_link(ann, tab.handle)
        asked = question(sandbox, ann)
        for part in ("shop.example.org", "Firefox, Linux", "127.0.0.1", "Decline unless you"):
            assert part in asked["text"]
        assert "Decline" == next(iter(buttons(asked)))
        assert str(tab.number) in buttons(asked)
        assert tab.handle not in str(asked)
        answer(sandbox, ann, str(tab.number))
        tab.until("Continue")
        back = returned(tab.press())

    assert "from-the-shop" == back["state"]
    assert installation.exchange(back["code"]).is_success


def test_a_state_is_passed_through_unchanged(
    sandbox: Telegram, installation: Tgauth, ann: int
) -> None:
    """RFC 6749 §4.1.2: "the exact value received from the client", whatever is in it."""
    state = "a b+c/ä=&x=1#%25\"<>'"
    with a_browser(installation) as client:
        tab = Tab(client, followed(client, str(httpx.URL("/login", params={"state": state}))))
        approve(sandbox, ann, tab)
        tab.until("Continue")
        assert state == returned(tab.press())["state"]


def test_start_alone_approves_nothing(sandbox: Telegram, installation: Tgauth, ann: int) -> None:
    """Opening a link, also again, leads to a question and to nothing else."""
    with Tab.begin(installation) as tab:
        sandbox.open_link(ann, tab.handle)
        eventually(lambda: 1 == len(questions(sandbox, ann)))
        sandbox.open_link(ann, tab.handle)
        eventually(lambda: 2 == len(questions(sandbox, ann)))
        assert tab.path == tab.press().headers["location"]


@pytest.mark.parametrize("choice", ["Decline", "wrong"])
def test_a_denied_login_ends(
    sandbox: Telegram, installation: Tgauth, choice: str, ann: int
) -> None:
    """Declined, or answered with a number that is not the page's: nobody is logged in."""
    with Tab.begin(installation) as tab:
        sandbox.open_link(ann, tab.handle)
        right, offered = str(tab.number), buttons(question(sandbox, ann))
        wrong = next(text for text in offered if text.isdigit() and text != right)
        answer(sandbox, ann, wrong if choice == "wrong" else choice)
        said(sandbox, ann, "was declined" if choice == "wrong" else "You declined")
        heading = "That was not the number" if choice == "wrong" else "The login was declined"
        assert heading == tab.until("nobody was logged in")
        # The question is over: its right number approves nothing any more.
        message = sandbox.answers(ann)[-1]
        assert {} == {text: data for text, data in buttons(message).items() if text.isdigit()}
        assert "location" not in tab.client.get(tab.path).headers


def test_only_who_opened_the_link_first_is_asked(
    sandbox: Telegram, installation: Tgauth, bob: int, ann: int
) -> None:
    """A second person is told so and changes nothing; their forged answer is none."""
    with Tab.begin(installation) as tab:
        sandbox.open_link(ann, tab.handle)
        asked = question(sandbox, ann)
        sandbox.open_link(bob, tab.handle)
        refused = said(sandbox, bob, "opened this link before you")
        data = buttons(asked)[str(tab.number)]
        sandbox.press(bob, refused, data, forged=True)
        eventually(lambda: [one for one in sandbox.toasts(bob) if "Too late" in one])

        answer(sandbox, ann, str(tab.number))
        tab.until("Continue")
        person = installation.exchange(returned(tab.press())["code"]).json()["user"]
    assert ann == person["telegram_id"]


def test_two_browsers_race_for_one_login(sandbox: Telegram, installation: Tgauth, ann: int) -> None:
    """Another one that knows address, handle and form gets nothing, however fast it is."""
    with Tab.begin(installation) as tab, Tab.begin(installation) as other:
        address, handle = tab.path, tab.handle
        approve(sandbox, ann, tab)
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


def test_two_people_race_for_one_login(
    sandbox: Telegram, installation: Tgauth, ann: int, bob: int
) -> None:
    """One of them is asked, whoever that is; the other one is told so, and cannot answer."""
    with Tab.begin(installation) as tab:
        with ThreadPoolExecutor() as both:
            list(both.map(lambda one: sandbox.open_link(one, tab.handle), [ann, bob]))
        eventually(lambda: sandbox.answers(ann) and sandbox.answers(bob))
        [first] = [one for one in (ann, bob) if questions(sandbox, one)]
        other = ann + bob - first
        refused = said(sandbox, other, "opened this link before you")
        data = buttons(question(sandbox, first))[str(tab.number)]
        sandbox.press(other, refused, data, forged=True)
        eventually(lambda: [one for one in sandbox.toasts(other) if "Too late" in one])
        assert "pending" == kept(installation, tab.path).state
        answer(sandbox, first, str(tab.number))
        tab.until("Continue")
        person = installation.exchange(returned(tab.press())["code"]).json()["user"]
    assert first == person["telegram_id"]


def is_too_late(sandbox: Telegram, installation: Tgauth, tab: Tab, person: int) -> bool:
    """Wait for what becomes of a press: it comes too late, or approves."""

    def became() -> str:
        if any("Too late" in one for one in sandbox.toasts(person)):
            return "too late"
        state = kept(installation, tab.path).state
        return "" if state == "pending" else state

    outcome = eventually(became)
    assert outcome in {"too late", "approved"}
    return outcome == "too late"


def test_an_approval_in_the_last_second_and_one_after_it(tmp_path: Path) -> None:
    """The first one has another minute to go on with; the second one is too late, and told so.

    How long a press is under way is the machine's affair: so there are three of them, of which each
    has to be taken or come too late indeed.
    """
    with (
        running(tmp_path, TGAUTH_LOGIN__APPROVAL_TTL=str(SHORT)) as (sandbox, installation),
        ExitStack() as opened,
    ):
        *early, late = [
            (opened.enter_context(Tab.begin(installation)), next(_people)) for _ in range(4)
        ]
        ends, presses = {}, {}
        for tab, person in (*early, late):
            ends[person] = kept(installation, tab.path).expires_at
            sandbox.open_link(person, tab.handle)
            message = question(sandbox, person)
            presses[person] = (message, buttons(message)[str(tab.number)])

        for seconds, (_, person) in zip((3, 2, 1), early, strict=True):
            time.sleep(max(0, ends[person] - seconds - time.time()))
            sandbox.press(person, *presses[person])
        taken = []
        for tab, person in early:
            if is_too_late(sandbox, installation, tab, person):
                assert time.time() >= ends[person]
            else:
                taken.append(tab)
                assert kept(installation, tab.path).decided_at < ends[person]
        assert taken

        time.sleep(max(0, ends[late[1]] + 1 - time.time()))
        sandbox.press(late[1], *presses[late[1]], forged=True)
        assert is_too_late(sandbox, installation, *late)
        said(sandbox, late[1], "has expired")
        assert "The login has expired" == late[0].refresh().heading
        for tab in taken:
            tab.until("Continue")
            assert returned(tab.press())["code"]


@pytest.mark.parametrize("who", ["bot", "api", "serve"])
def test_a_kill_between_page_and_approval_loses_nothing(
    sandbox: Telegram, installation: Tgauth, who: str, ann: int
) -> None:
    """The page that was open goes on as if nothing had been."""
    with Tab.begin(installation) as tab:
        handle, number = tab.handle, tab.number
        sandbox.open_link(ann, handle)
        question(sandbox, ann)
        kill(installation, who)
        assert (handle, number) == (tab.refresh().handle, tab.number)
        answer(sandbox, ann, str(number))
        tab.until("Continue", within=20)
        kill(installation, who)
        assert returned(tab.press())["code"]


def test_that_was_not_me(tmp_path: Path, ann: int, bob: int) -> None:
    """Session and tokens end, the network finishes and begins nothing; and all of it is written."""
    there, elsewhere = "203.0.113.7", "198.51.100.1"
    with (
        running(tmp_path, TGAUTH_API__TRUSTED_PROXIES="127.0.0.1") as (sandbox, installation),
        Tab.begin(installation, address=there) as tab,
        Tab.begin(installation, address=there) as waiting,
    ):
        approve(sandbox, bob, waiting)
        waiting.until("Continue")
        approve(sandbox, ann, tab)
        tab.until("Continue")
        token = installation.exchange(returned(tab.press())["code"]).json()["access_token"]
        assert installation.me(token).is_success
        assert "not logged in" not in tab.client.get("/account").text
        notice = said(sandbox, ann, "logged in to")
        # Quiet: the question itself now says so, and a change of a message notifies nobody.
        assert [True] == [one["edited"] for one in sandbox.answers(ann)]
        [data] = [one for text, one in buttons(notice).items() if "wasn't me" in text]

        sandbox.press(ann, notice, data)

        ended = said(sandbox, ann, "has been ended")
        assert "No login can begin in a browser from that network (203.0.113.7)" in ended["text"]
        assert {} == buttons(ended)
        assert 401 == installation.me(token).status_code
        assert "not logged in" in tab.client.get("/account").text
        with a_browser(installation, address=there) as other:
            for refused in (followed(other, "/login"), waiting.press()):
                assert 429 == refused.status_code
                assert "retry-after" in refused.headers
        with Tab.begin(installation, address=elsewhere) as other_tab:
            assert other_tab.handle
        log = installation.run("audit", "--json", "--person", str(ann)).stdout.splitlines()
    entries = [json.loads(line) for line in log]
    assert [
        ("login.opened", there, None),
        ("person.joined", None, None),
        ("login.approved", None, None),
        ("login.redeemed", there, None),
        ("code.exchanged", "127.0.0.1", None),
        ("session.disowned", None, None),
        ("address.blocked", there, None),
        ("session.ended", None, None),
    ] == [(one["event"], one.get("address"), one.get("reason")) for one in entries]
    disowned = entries[-3:]
    assert {(ann, "person", "done")} == {
        (one["telegram_id"], one["actor"], one["outcome"]) for one in disowned
    }
    assert {entries[3]["session_id"]} == {one["session_id"] for one in disowned}


def test_whoever_is_logged_in_goes_on_without_the_chat(
    sandbox: Telegram, installation: Tgauth, ann: int
) -> None:
    """The page offers to continue as that account; the next login is that account's, too."""
    with Tab.begin(installation) as tab:
        approve(sandbox, ann, tab)
        tab.until("Continue")
        first = installation.exchange(returned(tab.press())["code"]).json()
        messages = len(sandbox.answers(ann))
        tab.page = followed(tab.client, "/login?state=again")
        back = returned(tab.press())
        second = installation.exchange(back["code"]).json()
    assert "again" == back["state"]
    assert first["user"]["sub"] == second["user"]["sub"]
    assert messages == len(sandbox.answers(ann))
