"""What the bot writes to people: one look at the sandbox's journal for all of them.

Each chat could be read by whoever it belongs to, but thousands who wait would keep the sandbox
busy, and it is not the sandbox that is to be tested.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any, Final

from tests.faults.storm.wire import NoAnswer, ask

_EVERY: Final = 0.1

#: Given the text of a message, and all of it in JSON.
Reader = Callable[[str, str], None]


class Chats:
    """Hands what Telegram accepted from the bot to the people it is for."""

    def __init__(self, port: int) -> None:
        """Take the sandbox's port."""
        self._port = port
        self._readers: dict[int, Reader] = {}
        self._after = 0
        self._taken: set[int] = set()

    def join(self, chat: int, reader: Reader) -> None:
        """Give a person's chat a reader: what is written there."""
        self._readers[chat] = reader

    async def follow(self) -> None:
        """Read on until cancelled."""
        while True:
            await asyncio.sleep(_EVERY)
            try:
                answer = await ask(self._port, f"GET /control/calls?after={self._after}")
            except NoAnswer:
                continue
            self._read(json.loads(answer.body)["calls"])

    def _read(self, calls: list[dict[str, Any]]) -> None:
        sent = [call for call in calls if call["method"].lower() == "sendmessage"]
        for call in sent:
            if call["outcome"] == "ok" and call["seq"] not in self._taken:
                self._taken.add(call["seq"])
                parameters = call["parameters"]
                reader = self._readers.get(int(parameters["chat_id"]))
                if reader is not None:
                    reader(str(parameters["text"]), json.dumps(parameters))
        # One that is still under way is looked at again.
        under_way = [call["seq"] for call in sent if call["outcome"] == "open"]
        last = max((call["seq"] for call in calls), default=self._after)
        self._after = min(under_way) - 1 if under_way else last
