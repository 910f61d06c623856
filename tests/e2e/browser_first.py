"""A login that begins in a browser, from outside: its page over HTTP, and the chat's answers."""

import html
import os
import re
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlsplit

import httpx
from tests.harness import Process, Telegram, Tgauth, eventually

FIREFOX: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"
HANDLE: Final = re.compile(r"(?:start=|/start )([A-Za-z0-9_-]{22})")
NUMBER: Final = re.compile(r'<p class="number"[^>]*>(\d\d)</p>')
_FORM: Final = re.compile(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
_FIELD: Final = re.compile(r'<(?:input|button)[^>]*name="([^"]+)"[^>]*value="([^"]*)"')
_HEADING: Final = re.compile(r"<h1[^>]*>(.*?)</h1>", re.DOTALL)


@dataclass(slots=True)
class Tab:
    """A browser without scripts, looking at a login's page."""

    client: httpx.Client
    page: httpx.Response

    @classmethod
    @contextmanager
    def begin(
        cls, installation: Tgauth, query: str = "", *, address: str | None = None
    ) -> Iterator[Self]:
        """Begin a login in a browser that nobody knows, at an address if it matters."""
        with a_browser(installation, address=address) as client:
            yield cls(client, followed(client, f"/login{query}"))

    @property
    def path(self) -> str:
        """Where the page is."""
        return self.page.url.path

    @property
    def handle(self) -> str:
        """What its deep link holds."""
        return the_only(HANDLE, self.page.text)

    @property
    def number(self) -> int:
        """What is to be picked in the chat."""
        return int(the_only(NUMBER, self.page.text))

    @property
    def heading(self) -> str:
        """What the page says above all."""
        return html.unescape(re.sub(r"<[^>]+>", "", the_only(_HEADING, self.page.text))).strip()

    def refresh(self) -> Self:
        """Look again."""
        self.page = self.client.get(self.path)
        return self

    def until(self, part: str, *, within: float = 10) -> str:
        """Look again until the page says something; return the heading."""
        eventually(
            lambda: part in html.unescape(self.refresh().page.text), within=within, every=0.1
        )
        return self.heading

    def press(self) -> httpx.Response:
        """Send the page's form."""
        [(action, inner)] = _FORM.findall(self.page.text)
        origin = str(self.client.base_url).rstrip("/")
        return self.client.post(
            html.unescape(action), data=dict(_FIELD.findall(inner)), headers={"Origin": origin}
        )


@contextmanager
def a_browser(installation: Tgauth, *, address: str | None = None) -> Iterator[httpx.Client]:
    """A browser without cookies, which is sent nowhere by itself; behind a proxy at an address."""
    headers = {"Accept": "text/html", "User-Agent": FIREFOX}
    if address is not None:
        headers["X-Forwarded-For"] = address
    with httpx.Client(base_url=installation.url, headers=headers, timeout=20) as client:
        yield client


def followed(client: httpx.Client, path: str) -> httpx.Response:
    """Open an address and go where it leads, as long as that is here."""
    answer = client.get(path)
    while answer.is_redirect and urlsplit(answer.headers["location"]).netloc in {
        "",
        client.base_url.netloc.decode(),
    }:
        answer = client.get(answer.headers["location"])
    return answer


def the_only(pattern: re.Pattern[str], text: str) -> str:
    """Return what is found everywhere alike."""
    found = set(pattern.findall(text))
    assert 1 == len(found), (pattern.pattern, found)
    return str(found.pop())


def question(sandbox: Telegram, user_id: int, *, within: float = 20) -> dict[str, Any]:
    """Wait for the newest question with buttons to answer it."""
    return dict(eventually(lambda: questions(sandbox, user_id), within=within)[-1])


def questions(sandbox: Telegram, user_id: int) -> list[dict[str, Any]]:
    """Return the questions with buttons to answer them, oldest first."""
    return [one for one in sandbox.answers(user_id) if "Decline" in buttons(one)]


def buttons(message: dict[str, Any]) -> dict[str, str]:
    """Return the data of a message's buttons by their texts."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return {one["text"]: one.get("callback_data", "") for row in rows for one in row}


def answer(sandbox: Telegram, user_id: int, choice: str) -> None:
    """Wait for the newest question that offers this, and press it."""
    asked = eventually(lambda: [one for one in sandbox.answers(user_id) if choice in buttons(one)])
    sandbox.press(user_id, asked[-1], buttons(asked[-1])[choice])


def approve(sandbox: Telegram, user_id: int, tab: Tab) -> None:
    """Open a page's link and pick its number."""
    sandbox.open_link(user_id, tab.handle)
    answer(sandbox, user_id, str(tab.number))


def said(sandbox: Telegram, user_id: int, part: str, *, within: float = 10) -> dict[str, Any]:
    """Wait for a message that says something, new or changed."""
    return eventually(
        lambda: next((one for one in sandbox.answers(user_id) if part in one["text"]), None) or {},
        within=within,
    )


@dataclass(frozen=True, slots=True)
class Kept:
    """What the store keeps of a login; moments are seconds of this machine's clock."""

    state: str
    expires_at: float
    decided_at: float


def kept(installation: Tgauth, path: str) -> Kept:
    """Look up the login whose page has this path."""
    with closing(sqlite3.connect(installation.database)) as raw:
        [(state, expires_at, decided_at)] = raw.execute(
            "SELECT state, expires_at, decided_at FROM logins WHERE id = ?",
            (path.rpartition("/")[2],),
        ).fetchall()
    return Kept(state, expires_at / 1000, (decided_at or 0) / 1000)


def serve(installation: Tgauth) -> Process:
    """Start everything, and wait until the bot has told its name, too."""
    process = installation.start("serve")
    eventually(lambda: bot_is_known(installation))
    return process


def bot_is_known(installation: Tgauth) -> bool:
    """Say whether pages can lead to the bot by now."""
    with closing(sqlite3.connect(installation.database)) as raw:
        return bool(raw.execute("SELECT username FROM bot_account").fetchall())


def kill(installation: Tgauth, who: str) -> None:
    """Kill a process, and see that another one is there."""
    served = installation.running[-1]
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
