"""HTTP/1.1 to the Bot API: kept connections, and nothing that asking one host does not need.

h11 speaks the protocol and asyncio moves the bytes. httpx, which python-telegram-bot would use,
takes three times as much processor time for each call.
"""

import asyncio
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final, SupportsIndex
from urllib.parse import urlsplit

import h11
import httpx
from telegram.error import NetworkError, TimedOut

#: Seconds after which a connection that nobody used is not trusted any more.
_KEPT: Final = 5.0
_CHUNK: Final = 64 * 1024
#: Bytes of an answer: a hundred updates, each many times as large as one ever is.
_LARGEST_ANSWER: Final = 32 * 1024 * 1024
#: Seconds that an answer may take beyond those until its first part is there.
_LONGEST_ANSWER: Final = 60.0
#: Seconds before the next of a host's addresses is tried as well (RFC 8305 §5).
_NEXT_ADDRESS: Final = 0.25
_PORTS: Final = {"http": 80, "https": 443}
_ENDED: Final = "the server hung up before its answer was whole"
_ENDLESS: Final = "the answer is larger than any of the Bot API's"
_NOTHING_LEFT: Final = (b"", False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds to wait for each part of an exchange; None waits for as long as it takes."""

    connect: float | None
    read: float | None
    write: float | None
    pool: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Origin:
    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"


class Connections:
    """At most so many connections at a time; the one that was used last is used next."""

    def __init__(self, most: int, agent: str) -> None:
        """Take how many, and what to say of whoever calls (`User-Agent`)."""
        self._places = asyncio.Semaphore(most)
        self._idle: list[_Connection] = []
        self._agent = agent

    async def ask(
        self, method: str, url: str, form: bytes | None, patience: Patience
    ) -> tuple[int, bytes]:
        """Make one request; return the status and body of its answer.

        Args:
            method: The HTTP method.
            url: Where to.
            form: What to send as an HTML form, already encoded.
            patience: How long to wait.

        Raises:
            TimedOut: It took too long.
            NetworkError: There was no whole answer.
        """
        parts = urlsplit(url)
        origin = _Origin(
            scheme=parts.scheme,
            host=parts.hostname or "",
            port=parts.port or _PORTS[parts.scheme],
        )
        target = f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}"
        request = h11.Request(method=method, target=target, headers=self._headers(origin, form))
        async with self._lent(origin, patience) as connection:
            return await connection.ask(request, form, patience)

    async def close(self) -> None:
        """Hang up; nothing may be under way."""
        for connection in self._idle:
            connection.hang_up()
        self._idle.clear()
        await asyncio.sleep(0)  # transports close in the loop's next round

    def _headers(self, origin: _Origin, form: bytes | None) -> list[tuple[str, str]]:
        headers = [
            ("Host", origin.authority),
            ("User-Agent", self._agent),
            ("Accept-Encoding", "identity"),
        ]
        if form is not None:
            headers += [
                ("Content-Type", "application/x-www-form-urlencoded"),
                ("Content-Length", str(len(form))),
            ]
        return headers

    @asynccontextmanager
    async def _lent(self, origin: _Origin, patience: Patience) -> AsyncIterator["_Connection"]:
        try:
            async with asyncio.timeout(patience.pool):
                await self._places.acquire()
        except TimeoutError:
            raise TimedOut("All connections to Telegram are in use; nothing was sent") from None
        try:
            connection = self._take(origin) or await _connect(origin, patience.connect)
            try:
                yield connection
            finally:
                # A connection that broke, or whose answer nobody waited for, is in no known state.
                if connection.can_be_kept:
                    connection.idle_since = time.monotonic()
                    self._idle.append(connection)
                else:
                    connection.hang_up()
        finally:
            self._places.release()

    def _take(self, origin: _Origin) -> "_Connection | None":
        while self._idle:
            connection = self._idle.pop()
            if connection.origin == origin and connection.is_fresh:
                return connection
            connection.hang_up()
        return None


class _Connection:
    """One connection: one exchange after the other."""

    __slots__ = ("_protocol", "_reader", "_taken", "_writer", "can_be_kept", "idle_since", "origin")

    def __init__(self, origin: _Origin, reader: "_Reader", writer: asyncio.StreamWriter) -> None:
        self.origin = origin
        self.idle_since = 0.0
        self.can_be_kept = False
        self._reader = reader
        self._taken = 0
        self._writer = writer
        self._protocol = h11.Connection(h11.CLIENT)

    @property
    def is_fresh(self) -> bool:
        """Whether the server may be expected to listen still, and has said nothing unasked.

        What it said would be taken for the answer to the next request: a proxy's 408, for example,
        with which some end a connection that was idle.
        """
        closed = self._reader.at_eof() or self._writer.transport.is_closing()
        silent = self._reader.received == self._taken
        return silent and not closed and time.monotonic() - self.idle_since < _KEPT

    async def ask(
        self, request: h11.Request, form: bytes | None, patience: Patience
    ) -> tuple[int, bytes]:
        self.can_be_kept = False
        try:
            async with asyncio.timeout(patience.write):
                await self._send(request, form)
            whole = None if patience.read is None else patience.read + _LONGEST_ANSWER
            async with asyncio.timeout(whole):
                status, body = await self._answer(patience.read)
        except TimeoutError:
            raise TimedOut from None
        except (OSError, h11.ProtocolError) as error:
            raise NetworkError(_explained(error)) from error
        if self._protocol.our_state is h11.DONE and self._protocol.their_state is h11.DONE:
            self.can_be_kept = self._protocol.trailing_data == _NOTHING_LEFT
            self._protocol.start_next_cycle()
        return status, body

    def hang_up(self) -> None:
        """Close at once; what was not sent is not sent any more."""
        self._writer.transport.abort()

    async def _send(self, request: h11.Request, form: bytes | None) -> None:
        send = self._protocol.send
        parts = [send(request), send(h11.Data(data=form)) if form else b""]
        self._writer.write(b"".join([*filter(None, parts), send(h11.EndOfMessage()) or b""]))
        await self._writer.drain()

    async def _answer(self, patience: float | None) -> tuple[int, bytes]:
        status, body, size = 0, [], 0
        while True:
            match self._protocol.next_event():
                case h11.Response() as response:
                    status = response.status_code
                case h11.Data() as part:
                    body.append(bytes(part.data))
                    size += len(part.data)
                    if size > _LARGEST_ANSWER:
                        raise NetworkError(_ENDLESS)
                case h11.EndOfMessage():
                    return status, b"".join(body)
                case h11.NEED_DATA:
                    async with asyncio.timeout(patience):
                        received = await self._reader.read(_CHUNK)
                    if not received and not status:
                        raise ConnectionResetError(_ENDED)
                    self._taken += len(received)
                    self._protocol.receive_data(received)
                case h11.ConnectionClosed() | h11.PAUSED:
                    raise ConnectionResetError(_ENDED)
                case _:
                    pass  # an interim answer: the real one comes


class _Reader(asyncio.StreamReader):
    """A stream that knows how much has come, read or not."""

    received = 0

    def feed_data(self, data: Iterable[SupportsIndex]) -> None:
        """Take in what has come."""
        received = bytes(data)
        self.received += len(received)
        super().feed_data(received)


async def _open(origin: _Origin, context: ssl.SSLContext | None) -> _Connection:
    """Do as `asyncio.open_connection` does, with our own reader."""
    loop = asyncio.get_running_loop()
    reader = _Reader(loop=loop)
    protocol = asyncio.StreamReaderProtocol(reader, loop=loop)
    transport, _ = await loop.create_connection(
        lambda: protocol,
        origin.host,
        origin.port,
        ssl=context,
        happy_eyeballs_delay=_NEXT_ADDRESS,
    )
    return _Connection(origin, reader, asyncio.StreamWriter(transport, protocol, reader, loop))


async def _connect(origin: _Origin, patience: float | None) -> _Connection:
    try:
        async with asyncio.timeout(patience):
            context = await asyncio.to_thread(_trusted) if origin.scheme == "https" else None
            return await _open(origin, context)
    except TimeoutError:
        raise TimedOut from None
    except OSError as error:
        raise NetworkError(f"{origin.authority}: {_explained(error)}") from error


@cache
def _trusted() -> ssl.SSLContext:
    """Load what httpx would trust, SSL_CERT_FILE and SSL_CERT_DIR included; it takes 30 ms."""
    return httpx.create_ssl_context()


def _explained(error: Exception) -> str:
    """Say what went wrong without asyncio's own words around it."""
    if isinstance(error, h11.RemoteProtocolError):
        return f"no HTTP answer: {error}"
    if isinstance(error, (socket.gaierror, ssl.SSLError)) or not isinstance(error, OSError):
        return str(error)
    return os.strerror(error.errno) if error.errno else str(error)
