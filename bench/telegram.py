"""A slim Telegram to measure against, in a process of its own: `python -m bench.telegram`.

The project's sandbox is for strictness, and costs more than what is measured here. This one keeps
what timing depends on (long polling, confirmed offsets) and notes when each thing happened, on the
clock that all processes of a machine share. It prints two ports: the Bot API, and the bench's own
line: JSON texts, one a line: a chat id in for /login, `{"chat": …, "text": …}` for another message,
`{"chat": …, "press": …}` for a button; the answer to that chat out.
"""

import asyncio
import json
import signal
import time
from collections import deque
from typing import Any, Final
from urllib.parse import parse_qsl

_BATCH: Final = 100
_HOST: Final = "127.0.0.1"
_BOT: Final = {"id": 4242, "is_bot": True, "first_name": "Bench", "username": "bench_bot"}


def _person(chat_id: int) -> dict[str, Any]:
    return {"id": chat_id, "first_name": "Person", "username": f"person_{chat_id}"}


def _user(chat_id: int) -> dict[str, Any]:
    return {**_person(chat_id), "is_bot": False, "language_code": "en"}


class Telegram:
    """Updates that wait for the bot, and where its answers are told."""

    def __init__(self) -> None:
        """Start empty."""
        self._updates: deque[dict[str, Any]] = deque()
        self._next_update = 1
        self._next_message = 1
        self._asked_at: dict[int, float] = {}
        self._last_message: dict[int, int] = {}
        self._poll: tuple[BotApi, asyncio.TimerHandle] | None = None
        self._bench: asyncio.StreamWriter | None = None

    async def follow(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Let the people whom the bench names send messages and press buttons."""
        self._bench = writer
        while line := await reader.readline():
            said = json.loads(line)
            if isinstance(said, int):
                self._say(said, "/login")
            elif "press" in said:
                self._press(said["chat"], said["press"])
            else:
                self._say(said["chat"], said["text"])

    def answer(self, connection: "BotApi", method: str, fields: dict[str, str]) -> None:
        """Answer one call of the Bot API."""
        match method:
            case "getUpdates":
                self._get_updates(connection, fields)
            case "getMe":
                connection.reply(_BOT)
            case "sendMessage" | "editMessageText":
                connection.reply(self._take_message(fields))
            case _:
                connection.reply(True)  # noqa: FBT003 - what Telegram answers

    def forget(self, connection: "BotApi") -> None:
        """Drop the poll of a connection that has gone."""
        if self._poll is not None and self._poll[0] is connection:
            self._poll[1].cancel()
            self._poll = None

    def _say(self, chat_id: int, text: str) -> None:
        length = len(text.partition(" ")[0])
        message = {
            "message_id": self._take_number(),
            "date": int(time.time()),
            "chat": {**_person(chat_id), "type": "private"},
            "from": _user(chat_id),
            "text": text,
            "entities": [{"type": "bot_command", "offset": 0, "length": length}],
        }
        self._asked_at[chat_id] = time.monotonic()
        self._hand_over({"message": message})

    def _press(self, chat_id: int, data: str) -> None:
        message = {
            "message_id": self._last_message.get(chat_id, 1),
            "date": int(time.time()),
            "chat": {**_person(chat_id), "type": "private"},
            "from": _BOT,
            "text": "a question",
        }
        query = {
            "id": str(self._take_number()),
            "from": _user(chat_id),
            "message": message,
            "chat_instance": "1",
            "data": data,
        }
        self._hand_over({"callback_query": query})

    def _get_updates(self, connection: "BotApi", fields: dict[str, str]) -> None:
        # Asking from an offset on confirms everything before it.
        offset = int(fields.get("offset", "0"))
        while self._updates and self._updates[0]["update_id"] < offset:
            self._updates.popleft()
        timeout = float(fields.get("timeout", "0"))
        timer = asyncio.get_running_loop().call_later(timeout, self._end_poll)
        self._poll = (connection, timer)
        if self._updates or timeout == 0:
            self._end_poll()

    def _hand_over(self, update: dict[str, Any]) -> None:
        self._updates.append({"update_id": self._next_update, **update})
        self._next_update += 1
        if self._poll is not None:
            self._end_poll()

    def _end_poll(self) -> None:
        if self._poll is not None:
            connection, timer = self._poll
            self._poll = None
            timer.cancel()
            connection.reply(list(self._updates)[:_BATCH])

    def _take_message(self, fields: dict[str, str]) -> dict[str, Any]:
        arrived_at = time.monotonic()
        chat_id = int(fields["chat_id"])
        asked_at = self._asked_at.pop(chat_id, None)
        if self._bench is not None and asked_at is not None:
            told = {
                "chat": chat_id,
                "seconds": arrived_at - asked_at,
                "text": fields["text"] + fields.get("reply_markup", ""),
            }
            self._bench.write(json.dumps(told).encode() + b"\n")
        self._last_message[chat_id] = self._take_number()
        return {
            "message_id": self._last_message[chat_id],
            "date": int(time.time()),
            "chat": {"id": chat_id, "type": "private", "first_name": "Person"},
            "from": _BOT,
            "text": fields["text"],
        }

    def _take_number(self) -> int:
        self._next_message += 1
        return self._next_message


class BotApi(asyncio.Protocol):
    """One connection of the bot: HTTP/1.1 as its library speaks it, no more."""

    def __init__(self, telegram: Telegram) -> None:
        """Take the Telegram behind it."""
        self._telegram = telegram
        self._received = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        if isinstance(transport, asyncio.Transport):
            self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take a request, once it is whole."""
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = 0
        for line in head.lower().split(b"\r\n"):
            if line.startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        if not end or len(body) < length:
            return
        self._received = body[length:]
        method = head.split(b" ", 2)[1].rpartition(b"/")[2].decode()
        self._telegram.answer(self, method, dict(parse_qsl(body[:length].decode())))

    def connection_lost(self, _: Exception | None) -> None:
        """Tell that nobody waits here any more."""
        self._telegram.forget(self)

    def reply(self, result: object) -> None:
        """Answer with a result, as the Bot API wraps it."""
        body = json.dumps({"ok": True, "result": result}).encode()
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        if self._transport is not None:
            self._transport.write(f"{head}{len(body)}\r\n\r\n".encode() + body)


async def serve() -> None:
    """Serve until SIGTERM."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    telegram = Telegram()
    bot_api = await loop.create_server(lambda: BotApi(telegram), _HOST, 0)
    bench = await asyncio.start_server(telegram.follow, _HOST, 0)
    ports = [server.sockets[0].getsockname()[1] for server in (bot_api, bench)]
    print(*ports, flush=True)
    await stop.wait()


if __name__ == "__main__":
    asyncio.run(serve())
