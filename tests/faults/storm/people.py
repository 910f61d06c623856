"""People, their browsers, and the application that they log in to: what each can do."""

import asyncio
import json
import random
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from tests.faults.storm.chats import Chats
from tests.faults.storm.journal import Journal
from tests.faults.storm.wire import Answer, NoAnswer, ask

_LINK: Final = re.compile(r"/auth/callback\?code=([A-Za-z0-9_-]+)")
_TOKEN: Final = re.compile(r'name="token" value="([^"]+)"')
#: What the bot says instead of a link, and means it.
_HONEST: Final = ("I was away when you asked", "Too many logins in a short time")
#: What a refusal says, to a program or to a person → what is meant.
_REFUSALS: Final = {
    "the code was used before": "spent",
    "This link has been used already": "spent",
    "the login was replaced by a newer one": "replaced",
    "This link was replaced by a newer one": "replaced",
    "the code has expired": "expired",
    "This link has expired": "expired",
    "the code is unknown": "unknown",
    "This link is not valid": "unknown",
}
_SEND_AGAIN: Final = (0.05, 0.5)
_UNAVAILABLE: Final = 503


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where people are.

    Attributes:
        telegram: The port of the sandbox's Telegram.
        tgauth: The port of the API.
        journal: Where they write down what they do.
        code_lifetime: Seconds that a link lives.
        chats: Where they read what the bot writes.
        calm: Set when nobody is killed any more.
    """

    telegram: int
    tgauth: int
    journal: Journal
    code_lifetime: float
    chats: Chats
    calm: asyncio.Event


@dataclass(slots=True)
class Browser:
    """Whose cookies are its own."""

    name: str
    cookies: dict[str, str] = field(default_factory=dict)

    def headers(self) -> dict[str, str]:
        """Return what it sends along."""
        line = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {"Accept": "text/html", **({"Cookie": line} if line else {})}


class Person:
    """Somebody with a chat, who never gives up unless their story says so."""

    def __init__(self, scene: Scene, number: int, chance: random.Random) -> None:
        """Take a Telegram id, and the dice of this person alone."""
        self.scene = scene
        self.number = number
        self.chance = chance
        self._journal = scene.journal
        self._codes: list[str] = []
        self._taken = 0
        self._is_told = False
        self._news = asyncio.Event()
        self._browsers = 0
        self.refused_as: str | None = None
        scene.chats.join(number, self._read)

    def browser(self) -> Browser:
        """Open another browser."""
        self._browsers += 1
        return Browser(f"{self.number}/{self._browsers}")

    async def send_login(self) -> None:
        """Write /login."""
        number = self._journal.begin(self.number, "ask")
        said = json.dumps({"user_id": self.number, "text": "/login"})
        headers = {"Content-Type": "application/json"}
        answer = await ask(self.scene.telegram, "POST /chat/messages", said, headers=headers)
        self._journal.end(number, "sent" if answer.status < 300 else f"odd: {answer.status}")

    async def next_code(self) -> str | None:
        """Wait for a link that was not there before; nothing when told that there is none."""
        while len(self._codes) <= self._taken:
            self._news.clear()
            await self._news.wait()
            if self._is_told:
                self._is_told = False
                return None
        self._taken = len(self._codes)
        return self._codes[-1]

    async def ask_for_link(self) -> str:
        """Write /login until it is answered by a link."""
        while True:
            await self.send_login()
            code = await self.next_code()
            if code is not None:
                return code
            await asyncio.sleep(1)

    async def open(self, code: str, browser: Browser) -> None:
        """Open the link: its code goes into a cookie, and nothing happens."""
        while True:
            outcome, answer = await self._try(
                "open", f"GET /auth/callback?code={code}", browser=browser, code=code
            )
            if answer is not None:
                browser.cookies.update(answer.cookies)
                return
            await self._again(outcome)

    async def look(self, code: str, browser: Browser) -> str | None:
        """Read the page behind the link; return what its form needs, or nothing where refused."""
        while True:
            outcome, answer = await self._try(
                "look", "GET /auth/callback", browser=browser, code=code
            )
            if answer is not None:
                found = _TOKEN.search(answer.body)
                return found[1] if found else None
            if outcome in _REFUSALS.values():
                return None
            await self._again(outcome)

    async def press(self, code: str, browser: Browser, token: str) -> str | None:
        """Press the button; return the callback code, or nothing where refused."""
        while True:
            outcome, answer = await self._try(
                "press", "POST /auth/callback", f"token={token}", browser=browser, code=code
            )
            if answer is not None:
                browser.cookies.update(answer.cookies)
                return _callback_code(answer)
            if outcome in _REFUSALS.values():
                return None
            await self._again(outcome)

    async def exchange(self, code: str) -> str | None:
        """Exchange a code as the application; return the token, or nothing where refused."""
        while True:
            outcome, answer = await self._try(
                "exchange", "POST /api/auth/callback", json.dumps({"code": code}), code=code
            )
            if answer is not None:
                return str(json.loads(answer.body)["access_token"])
            if outcome in _REFUSALS.values():
                self.refused_as = outcome
                return None
            await self._again(outcome)

    async def is_known(self, token: str) -> None:
        """Ask who a token belongs to, until there is an answer."""
        while True:
            outcome, _ = await self._try("me", "GET /api/auth/me", token=token)
            if outcome not in {"lost", "not sent", "hung", "unavailable"}:
                return
            await self._again(outcome)

    async def _again(self, outcome: str) -> None:
        if outcome.startswith("odd"):
            raise OddAnswer(outcome)
        await asyncio.sleep(self.chance.uniform(*_SEND_AGAIN))

    async def _try(  # noqa: PLR0913 - what a request is made of
        self,
        do: str,
        line: str,
        body: str = "",
        *,
        browser: Browser | None = None,
        code: str | None = None,
        token: str | None = None,
    ) -> tuple[str, Answer | None]:
        """Make one request, write it down before and after, and say how it went."""
        name = browser.name if browser else None
        number = self._journal.begin(self.number, do, code=code, browser=name)
        headers = self._headers(browser, token, body)
        try:
            answer = await ask(self.scene.tgauth, line, body, headers=headers)
        except NoAnswer as error:
            self._journal.end(number, error.outcome)
            return error.outcome, None
        outcome = self._outcome(do, answer)
        self._journal.end(number, outcome, _callback_code(answer) if do == "press" else None)
        return outcome, answer if outcome == "ok" else None

    def _headers(self, browser: Browser | None, token: str | None, body: str) -> dict[str, str]:
        if browser is not None:
            form = {
                "Origin": f"http://127.0.0.1:{self.scene.tgauth}",
                "Content-Type": "application/x-www-form-urlencoded",
            }
            return browser.headers() | (form if body else {})
        if token is not None:
            return {"Authorization": f"Bearer {token}"}
        return {"Content-Type": "application/json"}

    def _outcome(self, do: str, answer: Answer) -> str:
        expected = {"open": 303, "look": 200, "press": 303, "exchange": 200, "me": 200}[do]
        if answer.status == expected:
            is_mine = do != "me" or (json.loads(answer.body)["user"]["telegram_id"] == self.number)
            return "ok" if is_mine else "odd: somebody else"
        if answer.status == _UNAVAILABLE:
            return "unavailable"
        for text, meaning in _REFUSALS.items():
            if answer.status == 400 and text in answer.body:
                return meaning
        return f"odd: {answer.status} {answer.body[:200]}"

    def _read(self, text: str, message: str) -> None:
        """Read a message, and write down what is new in it."""
        found = _LINK.search(message)
        if found and found[1] not in self._codes:
            self._codes.append(found[1])
            self._journal.note("seen", who=self.number, code=found[1])
            self._news.set()
        elif any(phrase in text for phrase in _HONEST):
            self._is_told = True
            self._journal.note("told", who=self.number, text=text)
            self._news.set()


class OddAnswer(Exception):
    """An answer that no client can make anything of; the journal has it."""


def _callback_code(answer: Answer) -> str | None:
    return parse_qs(urlsplit(answer.headers.get("location", "")).query).get("code", [None])[0]
