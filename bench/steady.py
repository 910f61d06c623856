"""A steady load of requests over kept and new connections, which counts what fails and how.

Nothing is tried again: a request that meets a closed connection has failed, as it has for a person.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]

_REQUEST: Final = b"GET %s HTTP/1.1\r\nHost: login.example.org\r\n%s\r\n"
_PATHS: Final = (b"/healthz", b"/.well-known/jwks.json", b"/auth/callback?code=nobodys")
_EXPECTED: Final = {b"/healthz": b"200", b"/.well-known/jwks.json": b"200"}
_PATIENCE: Final = 30.0
#: Seconds that many clients keep an idle connection at most (httpx, requests behind a pool, Go
#: programs that were told so): the next request may come at the last moment.
_KEPT: Final = 5.0


@dataclass(slots=True)
class Outcome:
    """What became of the requests.

    Attributes:
        answered: How many were answered as they should be, by kind of client.
        failures: How many were not, by what happened.
        slowest: The longest that one took, in seconds.
        connections: How many were opened.
    """

    answered: Counter[str] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0
    connections: int = 0

    @property
    def total(self) -> int:
        """How many requests were made."""
        return self.answered.total() + self.failures.total()


class Load:
    """Clients of three kinds, until they are told to stop.

    `kept` ask again and again over one connection; `new` open one for each request; `idle` wait
    between requests, up to the longest that many clients keep a connection.
    """

    def __init__(self, host: str, port: int, *, seed: int) -> None:
        self._host, self._port = host, port
        self._chance = random.Random(seed)  # noqa: S311 - which page comes next is no secret
        self._stopping = asyncio.Event()
        self.outcome = Outcome()

    @asynccontextmanager
    async def running(self, *, kept: int, new: int, idle: int) -> AsyncIterator[Outcome]:
        """Run so many clients of each kind for the length of the block."""
        kinds = [("kept", kept), ("new", new), ("idle", idle)]
        async with asyncio.TaskGroup() as clients:
            for kind, number in kinds:
                for _ in range(number):
                    clients.create_task(self._client(kind))
            try:
                yield self.outcome
            finally:
                self._stopping.set()

    async def _client(self, kind: str) -> None:
        connection: Connection | None = None
        while not self._stopping.is_set():
            path = self._chance.choice(_PATHS)
            began = time.monotonic()
            try:
                async with asyncio.timeout(_PATIENCE):
                    connection = await self._ask(connection, path, keep=kind != "new")
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                self.outcome.failures[f"{kind}: {type(error).__name__} {error}"] += 1
                connection = None
            else:
                self.outcome.answered[kind] += 1
            self.outcome.slowest = max(self.outcome.slowest, time.monotonic() - began)
            if kind == "idle":
                await self._pause(self._chance.uniform(0, _KEPT))
        if connection is not None:
            connection[1].close()

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        except TimeoutError:
            return

    async def _ask(
        self, connection: Connection | None, path: bytes, *, keep: bool
    ) -> Connection | None:
        """Make one request; return the connection where it may be used again."""
        if connection is None:
            connection = await asyncio.open_connection(self._host, self._port)
            self.outcome.connections += 1
        reader, writer = connection
        writer.write(_REQUEST % (path, b"" if keep else b"Connection: close\r\n"))
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        status = head.split(b" ", 2)[1]
        if status != _EXPECTED.get(path, status) or status.startswith(b"5"):
            raise ValueError(f"{path.decode()} answered {status.decode()}")
        length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
        await reader.readexactly(int(length or 0))
        if not keep or b"connection: close" in head:
            writer.close()
            return None
        return connection
