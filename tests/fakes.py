"""A Telegram that is a dictionary: small, real, and below python-telegram-bot's own transport."""

import asyncio  # noqa: TC003 - read at run time by whoever holds it up
import json
from typing import Any

from telegram.request import BaseRequest, RequestData
from tests.builders import NOW

from tgauth.measures.catalogue import Counter, Histogram, Latest

Answer = tuple[int, dict[str, Any]] | Exception

USERNAME = "tgauth_bot"


def accepted(message_id: int = 500) -> Answer:
    """Return Telegram's answer to a message that it accepted."""
    message = {"message_id": message_id, "date": NOW // 1000, "chat": {"id": 1, "type": "private"}}
    return 200, {"ok": True, "result": message}


def refused(status: int, description: str, **parameters: int) -> Answer:
    """Return Telegram's answer to what it refuses."""
    body: dict[str, Any] = {"ok": False, "error_code": status, "description": description}
    return status, body | ({"parameters": parameters} if parameters else {})


class FakeTelegram(BaseRequest):
    """Answers python-telegram-bot's requests from a script, and remembers them.

    Attributes:
        script: What to answer to the next messages; afterwards everything is accepted.
        calls: Method and parameters of every request.
        pause: Awaited before each answer to a message, so that a test can hold it up.
    """

    def __init__(self, *script: Answer) -> None:
        self.script = list(script)
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.pause: asyncio.Event | None = None

    @property
    def read_timeout(self) -> float | None:
        """Nothing takes time here."""
        return None

    async def initialize(self) -> None:
        """Need nothing."""

    async def shutdown(self) -> None:
        """Keep nothing."""

    def sent(self, method: str = "sendMessage") -> list[dict[str, Any]]:
        """Return the parameters of all requests of one method."""
        return [parameters for name, parameters in self.calls if name == method]

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        """Answer one request."""
        assert method == "POST"
        name = url.rpartition("/")[2]
        self.calls.append((name, dict(request_data.parameters) if request_data else {}))
        if name == "getMe":
            me = {"id": 1000, "is_bot": True, "first_name": "tgauth", "username": USERNAME}
            return 200, json.dumps({"ok": True, "result": me}).encode()
        if name not in {"sendMessage", "editMessageText"}:
            return 200, b'{"ok": true, "result": true}'
        if self.pause is not None:
            await self.pause.wait()
        answer = self.script.pop(0) if self.script else accepted()
        if isinstance(answer, Exception):
            raise answer
        return answer[0], json.dumps(answer[1]).encode()


class Remembered:
    """Measures that are remembered, by the metric's name and its labels."""

    def __init__(self) -> None:
        self.counted: dict[tuple[str, ...], float] = {}
        self.observed: dict[tuple[str, ...], list[float]] = {}
        self.marked: dict[tuple[str, ...], float] = {}

    def count(self, counter: Counter, *labels: str, number: float = 1) -> None:
        """Remember a number."""
        assert len(counter.labels) == len(labels)
        key = (counter.name, *labels)
        self.counted[key] = self.counted.get(key, 0) + number

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        """Remember how long something took."""
        assert len(histogram.labels) == len(labels)
        self.observed.setdefault((histogram.name, *labels), []).append(seconds)

    def mark(self, latest: Latest, value: float, *labels: str) -> None:
        """Remember a moment."""
        assert len(latest.labels) == len(labels)
        self.marked[latest.name, *labels] = value
