"""How long a page waits for an answer in the chat, and what many open pages cost.

Each page is a browser of its own, behind a proxy, with its stream of events open. One after the
other is approved with the right number while all the others wait; then the browser finishes.
"""

import asyncio
import json
import re
import time
from dataclasses import dataclass
from typing import Final

from bench.figures import MEBIBYTE, show, sizes, spread
from bench.installation import HOST, Installation, installation
from bench.logins import Answer, Browser
from bench.usage import name_of, pss

_PRESS: Final = "from the pressed number to the event"
_FINISH: Final = "from the event to the redirect"
_WHOLE: Final = "from the pressed number to the redirect"
_STREAM: Final = re.compile(r"/login/events/([A-Za-z0-9_-]{22})")
_HANDLE: Final = re.compile(r"start(?:=| )([A-Za-z0-9_-]{22})")
_NUMBER: Final = re.compile(r'class="number"[^>]*>([0-9]{2})<')
_TOKEN: Final = re.compile(r'name="token" value="([^"]+)"')
_FIRST_PERSON: Final = 500_000
_PATIENCE: Final = 20.0


class _Chats:
    """The people's end of the slim Telegram."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._questions: dict[int, asyncio.Future[str]] = {}

    async def open_link(self, person: int, handle: str) -> str:
        """Send what a deep link sends; return the question with its buttons."""
        self._questions[person] = asyncio.get_running_loop().create_future()
        self._say({"chat": person, "text": f"/start {handle}"})
        async with asyncio.timeout(_PATIENCE):
            return await self._questions[person]

    def press(self, person: int, data: str) -> None:
        """Press a button."""
        self._say({"chat": person, "press": data})

    async def listen(self) -> None:
        """Hand questions to those who wait for them."""
        while line := await self._reader.readline():
            told = json.loads(line)
            waiting = self._questions.get(told["chat"])
            if waiting is not None and not waiting.done():
                waiting.set_result(told["text"])

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    def _say(self, said: dict[str, object]) -> None:
        self._writer.write(json.dumps(said).encode() + b"\n")


@dataclass(slots=True, kw_only=True)
class _Page:
    """A page that waits.

    Attributes:
        browser: Its browser, with its cookies.
        address: The page's own path.
        events: Its stream.
        handle: What its link holds.
        number: What to press.
        token: What its form sends along.
        forwarded: From where its requests come, as the proxy says.
    """

    browser: Browser
    address: str
    events: tuple[asyncio.StreamReader, asyncio.StreamWriter]
    handle: str
    number: str
    token: str
    forwarded: str

    @classmethod
    async def open(cls, port: int, place: int) -> "_Page":
        """Open a page and its stream."""
        browser = await Browser.open(port)
        forwarded = f"10.0.{place // 250}.{place % 250 + 1}"
        begun = await browser.ask("GET /login?state=bench", x_forwarded_for=forwarded)
        address = begun.headers["location"]
        shown = await browser.ask(f"GET {address}", x_forwarded_for=forwarded)
        stream = _found(_STREAM, shown)
        reader, writer = await asyncio.open_connection(HOST, port)
        writer.write(
            f"GET /login/events/{stream} HTTP/1.1\r\nHost: login.example.org\r\n"
            f"X-Forwarded-For: {forwarded}\r\nAccept: text/event-stream\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        return cls(
            browser=browser,
            address=address,
            events=(reader, writer),
            handle=_found(_HANDLE, shown),
            number=_found(_NUMBER, shown),
            token=_found(_TOKEN, shown),
            forwarded=forwarded,
        )

    async def until_approved(self) -> float:
        """Wait for the event; return when it came."""
        async with asyncio.timeout(_PATIENCE):
            while b"approved" not in await self.events[0].readline():
                continue
        return time.monotonic()

    async def finish(self, port: int) -> None:
        """Send the form, as the page's script does."""
        await self.browser.connect_again(port)
        answer = await self.browser.ask(
            f"POST {self.address}",
            f"token={self.token}",
            content_type="application/x-www-form-urlencoded",
            origin="https://login.example.org",
            x_forwarded_for=self.forwarded,
        )
        if answer.status != 303:  # noqa: PLR2004 - See Other
            raise RuntimeError(f"the form was answered {answer.status}: {answer.body[:200]}")

    def close(self) -> None:
        """Close the tab."""
        self.events[1].close()
        self.browser.close()


def _found(pattern: re.Pattern[str], page: Answer) -> str:
    match = pattern.search(page.body)
    if match is None:
        raise RuntimeError(f"the page ({page.status}) holds no {pattern.pattern}: {page.body}")
    return match[1]


async def _run(
    installed: Installation, *, pages: int, approvals: int
) -> tuple[dict[str, list[float]], dict[str, float]]:
    """Open pages, approve some; return the durations and the memory while all are open."""
    chats = _Chats(*await asyncio.open_connection(HOST, installed.bench_port))
    listening = asyncio.create_task(chats.listen())
    opened = [await _Page.open(installed.port, place) for place in range(pages)]
    samples: dict[str, list[float]] = {_PRESS: [], _FINISH: [], _WHOLE: []}
    try:
        memory = {name_of(pid): pss(pid) / MEBIBYTE for pid in installed.processes}
        for person, page in enumerate(opened[:approvals], _FIRST_PERSON):
            question = await chats.open_link(person, page.handle)
            [data] = re.findall(rf'"callback_data": ?"([^"]+:{page.number})"', question)
            pressed = time.monotonic()
            chats.press(person, data)
            heard = await page.until_approved()
            await page.finish(installed.port)
            moved = time.monotonic()
            samples[_PRESS].append(heard - pressed)
            samples[_FINISH].append(moved - heard)
            samples[_WHOLE].append(moved - pressed)
    finally:
        listening.cancel()
        chats.close()
        for page in opened:
            page.close()
    return samples, memory


def main() -> None:
    """Measure, and print."""
    size = sizes(__doc__ or "", pages=(500, 20), approvals=(200, 5))
    settings = {
        "TGAUTH_API__TRUSTED_PROXIES": HOST,
        "TGAUTH_API__LOGINS_PER_MINUTE": "10000",
        "TGAUTH_LOGIN__APPROVAL_TTL": "900",
    }
    rows = []
    with installation(**settings) as installed:
        installed.serve()
        samples, memory = asyncio.run(
            _run(installed, pages=size["pages"], approvals=size["approvals"])
        )
        rows += [(step, str(len(one)), *spread(one)) for step, one in samples.items()]
    show(
        f"With {size['pages']} pages open, in milliseconds",
        ("step", "samples", "p50", "p95", "p99", "max"),
        rows,
    )
    taken = [(name, f"{mebibytes:.1f}") for name, mebibytes in memory.items()]
    taken.append(("all together", f"{sum(memory.values()):.1f}"))
    show(f"Memory (PSS) with {size['pages']} pages open, in MiB", ("process", "PSS"), taken)


if __name__ == "__main__":
    main()
