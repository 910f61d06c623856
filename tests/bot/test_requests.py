"""Promises of the bot's transport: a refused token is told from a wrong address."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from telegram import Bot
from telegram.error import InvalidToken, NetworkError, RetryAfter, TelegramError
from tests.builders import TOKEN
from tests.fakes import Remembered

from tgauth.bot.intake import Intake
from tgauth.bot.requests import LONGEST_WAIT, UpdatesRequest, WatchedRequest
from tgauth.bot.watch import TelegramWatch

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def a_server(status: int, body: bytes) -> AsyncIterator[str]:
    """Answer every request on loopback with this."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/bot"


REFUSED = b'{"ok": false, "error_code": %d, "description": "X"}'


@pytest.mark.parametrize(
    ("status", "body", "error", "refused"),
    [
        (401, REFUSED % 401, InvalidToken, True),
        (404, REFUSED % 404, NetworkError, False),
        (404, b"<html>nginx</html>", NetworkError, False),
        (403, REFUSED % 403, TelegramError, False),
        (500, b"", NetworkError, False),
        (502, b"<html>", NetworkError, False),
        (200, b"<html>", TelegramError, False),
    ],
)
async def test_only_401_means_the_token(
    status: int, body: bytes, error: type[TelegramError], *, refused: bool
) -> None:
    """A proxy's 404 recovers, a revoked token does not; both are told as errors."""
    watch = TelegramWatch()
    async with a_server(status, body) as url, WatchedRequest(watch) as request:
        bot = Bot(TOKEN, base_url=url, request=request)
        with pytest.raises(error):
            await bot.get_me()
    assert refused == watch.refused
    assert refused == watch.bell._rung.is_set()


async def test_nobody_there_is_trouble_of_the_network() -> None:
    """A server that is down refuses no token."""
    async with a_server(200, b"") as url:
        pass
    watch = TelegramWatch()
    async with WatchedRequest(watch) as request:
        with pytest.raises(NetworkError):
            await Bot(TOKEN, base_url=url, request=request).get_me()
    assert not watch.refused


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"null"),
        (200, b"[1]"),
        (200, b'{"ok": true}'),
        (502, b"null"),
        (200, b"\xff"),
    ],
)
async def test_what_no_bot_api_answers_is_no_answer(status: int, body: bytes) -> None:
    """It is an error of the network, which is tried again, and never ends the process."""
    watch = TelegramWatch()
    async with a_server(status, body) as url, WatchedRequest(watch) as request:
        bot = Bot(TOKEN, base_url=url, request=request)
        with pytest.raises(NetworkError):
            await bot.get_me()


@pytest.mark.parametrize(
    ("asked", "believed"),
    [(3, 3), (LONGEST_WAIT + 1, LONGEST_WAIT), (10**17, LONGEST_WAIT)],
)
async def test_a_wait_is_believed_up_to_a_limit(
    asked: int, believed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can mute the bot for good by asking it to wait."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")  # as the bot's process does
    body = {"ok": False, "error_code": 429, "parameters": {"retry_after": asked}}
    async with (
        a_server(429, json.dumps(body).encode()) as url,
        WatchedRequest(TelegramWatch()) as request,
    ):
        bot = Bot(TOKEN, base_url=url, request=request)
        with pytest.raises(RetryAfter) as caught:
            await bot.get_me()
    assert timedelta(seconds=believed) == caught.value.retry_after


def a_raw_message(**more: Any) -> dict[str, Any]:
    """Return a message as the Bot API sends it."""
    return {
        "message_id": 1,
        "date": 1_800_000_000,
        "chat": {"id": 1, "type": "private"},
        "from": {"id": 1, "is_bot": False, "first_name": "A"},
        "text": "/login",
        **more,
    }


async def test_updates_are_left_as_telegram_sent_them() -> None:
    """What they say is read when they are handled, one by one; here they have but a number."""
    updates = [{"update_id": 7, "message": 5}, {"update_id": 8, "message": a_raw_message()}]
    intake = Intake()
    body = json.dumps({"ok": True, "result": updates}).encode()
    async with (
        a_server(200, body) as url,
        UpdatesRequest(TelegramWatch(), intake) as request,
        WatchedRequest(TelegramWatch()) as other,
    ):
        bot = Bot(TOKEN, base_url=url, request=other, get_updates_request=request)
        numbered = await bot.get_updates()
    assert [7, 8] == [update.update_id for update in numbered]
    assert [None, None] == [update.message for update in numbered]
    assert updates == [intake.sent(update.update_id) for update in numbered]
    assert intake.sent(9) is None


@pytest.mark.parametrize("update", [{"message": a_raw_message()}, {"update_id": "a"}, 5])
async def test_an_update_without_a_number_is_an_error_of_the_network(update: object) -> None:
    """Nothing could ever confirm it: wait and ask again, with a growing pause."""
    body = json.dumps({"ok": True, "result": [update]}).encode()
    async with (
        a_server(200, body) as url,
        UpdatesRequest(TelegramWatch(), Intake()) as request,
        WatchedRequest(TelegramWatch()) as other,
    ):
        bot = Bot(TOKEN, base_url=url, request=other, get_updates_request=request)
        with pytest.raises(NetworkError):
            await bot.get_updates()


async def test_trouble_and_its_end_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """An operator who reads that Telegram was away also reads that it is back."""
    caplog.set_level("INFO", logger="tgauth")
    watch = TelegramWatch()
    me = b'{"ok": true, "result": {"id": 1, "is_bot": true, "first_name": "B"}}'
    watch.missed("no route")
    for _ in range(2):
        async with a_server(200, me) as url, WatchedRequest(watch) as request:
            await Bot(TOKEN, base_url=url, request=request).get_me()
    assert ["telegram.unreachable", "telegram.reachable"] == [
        record.getMessage() for record in caplog.records
    ]


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "bad_request"),
        (401, "unauthorized"),
        (403, "forbidden"),
        (404, "not_found"),
        (409, "conflict"),
        (413, "request_entity_too_large"),
        (418, "other"),
        (429, "too_many_requests"),
        (499, "other"),
        (500, "server_error"),
        (599, "server_error"),
    ],
)
async def test_each_error_is_counted_by_its_kind(status: int, kind: str) -> None:
    """One of a few, whatever answers."""
    measures = Remembered()
    body = REFUSED % status
    async with (
        a_server(status, body) as url,
        WatchedRequest(TelegramWatch(measures=measures)) as request,
    ):
        with pytest.raises(TelegramError):
            await Bot(TOKEN, base_url=url, request=request).get_me()
    assert {("tgauth_telegram_errors_total", kind): 1} == measures.counted
    assert {} == measures.marked


async def test_a_telegram_that_cannot_be_reached_is_counted_so() -> None:
    """And one that takes too long, too."""
    measures = Remembered()
    async with a_server(200, b"") as url:
        pass
    async with WatchedRequest(TelegramWatch(measures=measures)) as request:
        with pytest.raises(NetworkError):
            await Bot(TOKEN, base_url=url, request=request).get_me()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    async with (
        server,
        WatchedRequest(TelegramWatch(measures=measures), read_timeout=0.1) as request,
    ):
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/bot"
        with pytest.raises(NetworkError):
            await Bot(TOKEN, base_url=url, request=request).get_me(read_timeout=0.1)
    name = "tgauth_telegram_errors_total"
    assert {(name, "unreachable"): 1, (name, "timed_out"): 1} == measures.counted


async def test_a_good_answer_marks_the_last_contact() -> None:
    """By our own clock, in seconds."""
    measures = Remembered()
    body = b'{"ok": true, "result": {"id": 1, "is_bot": true, "first_name": "B"}}'
    async with (
        a_server(200, body) as url,
        WatchedRequest(TelegramWatch(measures=measures)) as request,
    ):
        await Bot(TOKEN, base_url=url, request=request).get_me()
    [moment] = measures.marked.values()
    assert 5 > abs(time.time() - moment)
    assert {} == measures.counted
