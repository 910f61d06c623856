"""A Telegram that is a dictionary: small, real, and below python-telegram-bot's own transport."""

import asyncio  # noqa: TC003 - read at run time by whoever holds it up
import json
from typing import Any

from telegram.request import BaseRequest, RequestData
from tests.builders import NOW

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
