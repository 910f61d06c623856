"""Whole logins on a fixed schedule: from /login in the chat to the application knowing who it is.

Open loop: a login begins when its time has come, whether or not those before it are done, so that a
queue shows as waiting time instead of as fewer logins (no coordinated omission).
"""

import asyncio
import json
import os
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import parse_qs, urlsplit

from bench.installation import HOST, ISSUER, Installation
from bench.usage import cpu_seconds

CHAT: Final = "/login to the reply"
LINK: Final = "the link (GET, 303)"
PAGE: Final = "the page (GET)"
PRESS: Final = "the button (POST, 303)"
EXCHANGE: Final = "the exchange (POST)"
ME: Final = "/api/auth/me (GET)"
WHOLE: Final = "the whole login"
LATE: Final = "(the load's own lateness)"
DISK: Final = "(a bare fsync beside it)"

#: Seconds for which an application keeps an idle connection: less than a server does.
_KEPT: Final = 2.0
_SYNC_EVERY: Final = 0.2
#: Seconds in which one login, however long the queue, has to be done.
_PATIENCE: Final = 60.0
_LINK: Final = re.compile(re.escape(ISSUER) + r"(/auth/callback\?code=[A-Za-z0-9_-]+)")
_TOKEN: Final = re.compile(r'name="token" value="([^"]+)"')
_FIRST_PERSON: Final = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an HTTP request brought."""

    status: int
    headers: dict[str, str]
    body: str


class Browser:
    """One connection, and the cookies of whoever uses it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take an open connection; `open` makes one."""
        self._reader = reader
        self._writer = writer
        self._cookies: dict[str, str] = {}
        self.is_closing = False

    @classmethod
    async def open(cls, port: int) -> "Browser":
        """Connect."""
        return cls(*await asyncio.open_connection(HOST, port))

    async def ask(self, line: str, body: str = "", /, **headers: str) -> Answer:
        """Make one request, and keep the cookies that come with the answer."""
        sent = {"host": urlsplit(ISSUER).netloc, "content-length": str(len(body)), **headers}
        if self._cookies:
            sent["cookie"] = "; ".join(f"{name}={text}" for name, text in self._cookies.items())
        head = "".join(f"{name.replace('_', '-')}: {text}\r\n" for name, text in sent.items())
        self._writer.write(f"{line} HTTP/1.1\r\n{head}\r\n{body}".encode())
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        received = {}
        for name, _, text in (one.partition(": ") for one in lines):
            received[name.lower()] = text
            if name.lower() == "set-cookie":
                cookie, _, value = text.partition(";")[0].partition("=")
                self._cookies[cookie] = value
        # Servers close a connection after a thousand requests or so, and say it before.
        self.is_closing = received.get("connection", "").lower() == "close"
        content = await self._reader.readexactly(int(received.get("content-length", "0")))
        return Answer(status=int(first.split()[1]), headers=received, body=content.decode())

    async def connect_again(self, port: int) -> None:
        """Take a new connection, as a browser does that has been idle for longer than a server."""
        self.close()
        self._reader, self._writer = await asyncio.open_connection(HOST, port)

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class Application:
    """The application's connections, kept between requests as HTTP libraries do."""

    def __init__(self, port: int) -> None:
        """Take where tgauth listens."""
        self._port = port
        self._idle: list[tuple[float, Browser]] = []

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Browser]:
        """Lend a connection: the one that was used last, or a new one."""
        fresh = [one for one in self._idle if one[0] > time.monotonic() - _KEPT]
        for _, stale in self._idle[: len(self._idle) - len(fresh)]:
            stale.close()
        self._idle = fresh
        browser = self._idle.pop()[1] if self._idle else await Browser.open(self._port)
        yield browser
        if browser.is_closing:
            browser.close()
        else:
            self._idle.append((time.monotonic(), browser))

    def close(self) -> None:
        """Hang up."""
        for _, browser in self._idle:
            browser.close()


class Chats:
    """The people's end of the slim Telegram."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take an open connection; `open` makes one."""
        self._reader = reader
        self._writer = writer
        self._waiting: dict[int, asyncio.Future[tuple[float, str]]] = {}

    @classmethod
    async def open(cls, port: int) -> "Chats":
        """Connect."""
        return cls(*await asyncio.open_connection(HOST, port))

    async def send_login(self, person: int) -> tuple[float, str]:
        """Send /login; return how long the answer took, and the link's path in it."""
        self._waiting[person] = asyncio.get_running_loop().create_future()
        self._writer.write(b"%d\n" % person)
        return await self._waiting[person]

    async def listen(self) -> None:
        """Hand answers to those who wait for them."""
        while line := await self._reader.readline():
            told = json.loads(line)
            found = _LINK.search(told["text"])
            if found is None:
                raise RuntimeError(f"an answer without a link: {told['text']}")
            self._waiting.pop(told["chat"]).set_result((told["seconds"], found[1]))

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


@dataclass(slots=True, kw_only=True)
class Measured:
    """What a run of logins showed.

    Attributes:
        samples: Seconds of each step, for each login after the warm-up.
        seconds: How long the run took, without the warm-up.
        cpu: Processor time of all tgauth processes in it.
        cpu_each: The same for each process id.
        cpu_telegram: Processor time of the slim Telegram in it.
        cpu_load: Processor time of the load itself in it.
    """

    samples: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0
    cpu: float = 0.0
    cpu_each: dict[int, float] = field(default_factory=dict)
    cpu_telegram: float = 0.0
    cpu_load: float = 0.0

    @property
    def logins(self) -> int:
        """How many logins were measured."""
        return len(self.samples[WHOLE])


def run_logins(
    installed: Installation,
    *,
    rate: int,
    seconds: int,
    warm_up: int,
    first_person: int = _FIRST_PERSON,
) -> Measured:
    """Let people log in, `rate` a second for `seconds` seconds, after as many to warm up.

    Raises:
        TimeoutError: A login was not done within a minute.
    """
    return asyncio.run(_Load(installed, rate, first_person).run(seconds, warm_up))


class _Load:
    def __init__(self, installed: Installation, rate: int, first_person: int) -> None:
        self._installed = installed
        self._rate = rate
        self._next_person = first_person

    async def run(self, seconds: int, warm_up: int) -> Measured:
        self._chats = await Chats.open(self._installed.bench_port)
        self._application = Application(self._installed.port)
        listening = asyncio.create_task(self._chats.listen())
        try:
            await self._all(warm_up, {})
            measured = Measured()
            syncing = asyncio.create_task(self._sync(measured.samples.setdefault(DISK, [])))
            before = self._costs()
            load, began = time.process_time(), time.monotonic()
            await self._all(seconds, measured.samples)
            measured.seconds = time.monotonic() - began
            measured.cpu_load = time.process_time() - load
            syncing.cancel()
        finally:
            listening.cancel()
            self._chats.close()
            self._application.close()
        spent = {pid: cost - before[pid] for pid, cost in self._costs().items()}
        measured.cpu_telegram = spent.pop(self._installed.telegram)
        measured.cpu_each = spent
        measured.cpu = sum(spent.values())
        return measured

    async def _sync(self, samples: list[float]) -> None:
        """Time what a commit waits for, on the same disk at the same time."""
        descriptor = os.open(self._installed.folder / "sync", os.O_WRONLY | os.O_CREAT)
        try:
            while True:
                os.write(descriptor, b"\0" * 4096)
                began = time.monotonic()
                await asyncio.to_thread(os.fdatasync, descriptor)
                samples.append(time.monotonic() - began)
                await asyncio.sleep(_SYNC_EVERY)
        finally:
            os.close(descriptor)

    def _costs(self) -> dict[int, float]:
        pids = (*self._installed.processes, self._installed.telegram)
        return {pid: cpu_seconds([pid]) for pid in pids}

    async def _all(self, seconds: int, samples: dict[str, list[float]]) -> None:
        began = time.monotonic()
        async with asyncio.timeout(seconds + _PATIENCE), asyncio.TaskGroup() as logins:
            for number in range(seconds * self._rate):
                due = began + number / self._rate
                await asyncio.sleep(due - time.monotonic())
                person = self._next_person
                self._next_person += 1
                logins.create_task(self._log_in(person, due, samples))

    async def _log_in(self, person: int, due: float, samples: dict[str, list[float]]) -> None:
        steps = {LATE: time.monotonic() - due}
        steps[CHAT], path = await self._chats.send_login(person)
        code = await self._go_on(path, steps)
        await self._redeem(code, person, steps)
        steps[WHOLE] = time.monotonic() - due
        for name, took in steps.items():
            samples.setdefault(name, []).append(took)

    async def _go_on(self, path: str, steps: dict[str, float]) -> str:
        """Open the link in a browser and press the button; return the callback code."""
        # A new connection for each person, as browsers make it; its making counts.
        began = time.monotonic()
        browser = await Browser.open(self._installed.port)
        try:
            _expect(303, await browser.ask(f"GET {path}"))
            steps[LINK] = time.monotonic() - began
            began = time.monotonic()
            page = _expect(200, await browser.ask("GET /auth/callback", accept="text/html"))
            steps[PAGE] = time.monotonic() - began
            found = _TOKEN.search(page.body)
            if found is None:
                raise RuntimeError("a page without a form")
            began = time.monotonic()
            pressed = await browser.ask(
                "POST /auth/callback",
                f"token={found[1]}",
                origin=ISSUER,
                content_type="application/x-www-form-urlencoded",
            )
            steps[PRESS] = time.monotonic() - began
        finally:
            browser.close()
        location = _expect(303, pressed).headers["location"]
        return parse_qs(urlsplit(location).query)["code"][0]

    async def _redeem(self, code: str, person: int, steps: dict[str, float]) -> None:
        """Let the application exchange the code, and ask who it was, over a connection it keeps."""
        body = json.dumps({"code": code})
        async with self._application.connection() as connection:
            began = time.monotonic()
            answer = await connection.ask(
                "POST /api/auth/callback", body, content_type="application/json"
            )
            steps[EXCHANGE] = time.monotonic() - began
        token = json.loads(_expect(200, answer).body)["access_token"]
        async with self._application.connection() as connection:
            began = time.monotonic()
            me = await connection.ask("GET /api/auth/me", authorization=f"Bearer {token}")
            steps[ME] = time.monotonic() - began
        if json.loads(_expect(200, me).body)["user"]["telegram_id"] != person:
            raise RuntimeError("somebody else was logged in")


def _expect(status: int, answer: Answer) -> Answer:
    if answer.status != status:
        raise RuntimeError(f"expected {status}, got {answer.status}: {answer.body}")
    return answer
