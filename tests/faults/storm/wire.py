"""One HTTP request on a connection of its own, and how much is known when no answer comes."""

import asyncio
from dataclasses import dataclass
from typing import Final

HOST: Final = "127.0.0.1"
#: Seconds after which a request that is neither answered nor broken off counts as hanging.
PATIENCE: Final = 45.0


class NoAnswer(Exception):
    """A request that was not answered; what it asked for may have been done all the same."""

    outcome = "lost"


class NotSent(NoAnswer):
    """Nobody took the connection: nothing was done."""

    outcome = "not sent"


class Hung(NoAnswer):
    """The connection stayed open, and no answer came."""

    outcome = "hung"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What came back.

    Attributes:
        status: The status code.
        headers: By their names in small letters; the last one of a name.
        cookies: What the answer sets.
        body: The content.
    """

    status: int
    headers: dict[str, str]
    cookies: dict[str, str]
    body: str


async def ask(
    port: int,
    line: str,
    body: str = "",
    *,
    headers: dict[str, str] | None = None,
    patience: float = PATIENCE,
) -> Answer:
    """Make a request.

    Args:
        port: Where, on this machine.
        line: Method and target.
        body: The content.
        headers: Beyond Host, Connection and Content-Length.
        patience: Seconds to wait.

    Raises:
        NotSent: There is nobody.
        Hung: It took longer than that.
        NoAnswer: The connection was closed before the answer was whole.
    """
    try:
        async with asyncio.timeout(patience):
            reader, writer = await _connected(port)
            try:
                return await _answered(reader, writer, f"{HOST}:{port}", line, body, headers or {})
            finally:
                writer.close()
    except TimeoutError as error:
        raise Hung(line) from error
    except (OSError, EOFError) as error:
        raise NoAnswer(str(error)) from error


async def _connected(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_connection(HOST, port)
    except ConnectionError as error:
        raise NotSent(str(error)) from error


async def _answered(  # noqa: PLR0913, PLR0917 - a connection, and what a request is made of
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str,
    line: str,
    body: str,
    headers: dict[str, str],
) -> Answer:
    sent = {"Host": host, "Connection": "close", "Content-Length": str(len(body)), **headers}
    head = "".join(f"{name}: {text}\r\n" for name, text in sent.items())
    writer.write(f"{line} HTTP/1.1\r\n{head}\r\n{body}".encode())
    first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    received, cookies = {}, {}
    for name, _, text in (one.partition(": ") for one in lines):
        received[name.lower()] = text
        if name.lower() == "set-cookie":
            cookie, _, value = text.partition(";")[0].partition("=")
            cookies[cookie] = value
    content = await reader.readexactly(int(received.get("content-length", "0")))
    return Answer(
        status=int(first.split()[1]), headers=received, cookies=cookies, body=content.decode()
    )
