"""Promises of the bot's transport: a refused token is told from a wrong address."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from telegram import Bot
from telegram.error import InvalidToken, NetworkError, TelegramError
from tests.builders import TOKEN

from tgauth.bot.requests import TokenWatch, WatchedRequest

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
    watch = TokenWatch()
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
    watch = TokenWatch()
    async with WatchedRequest(watch) as request:
        with pytest.raises(NetworkError):
            await Bot(TOKEN, base_url=url, request=request).get_me()
    assert not watch.refused
