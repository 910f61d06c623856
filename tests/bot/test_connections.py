"""Promises of the bot's connections: kept while they are good, and every trouble is told as one."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from telegram.error import NetworkError, TimedOut
from telegram.request import RequestData
from telegram.request._requestparameter import RequestParameter

from tgauth.bot.connections import Connections, Patience, _trusted
from tgauth.bot.requests import PlainRequest

pytestmark = pytest.mark.anyio

PATIENCE = Patience(connect=5, read=5, write=5, pool=5)
GOOD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

Answering = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[object]]


class Server:
    """What a server on loopback has seen."""

    def __init__(self) -> None:
        self.port = 0
        self.accepted = 0
        self.asked: list[bytes] = []
        self.was_asked = asyncio.Event()

    def url(self, scheme: str = "http") -> str:
        """Return an address with a secret in its path."""
        return f"{scheme}://localhost:{self.port}/bot4242:secret/getMe"


@asynccontextmanager
async def a_server(
    *answers: bytes, hangs_up: bool = False, context: ssl.SSLContext | None = None
) -> AsyncIterator[Server]:
    """Answer requests in their order with these bytes, the last one for ever."""
    seen = Server()
    left = list(answers)
    serving: set[asyncio.Task[None]] = set()
    writers: list[asyncio.StreamWriter] = []

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        serving.add(asyncio.create_task(serve(reader, writer)))

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.accepted += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                _, _, length = head.lower().partition(b"content-length: ")
                body = await reader.readexactly(int(length.split(b"\r\n")[0] or 0))
                seen.asked.append(head + body)
                seen.was_asked.set()
                writer.write(left.pop(0) if len(left) > 1 else left[0])
                await writer.drain()
                if hangs_up:
                    return
        except (asyncio.IncompleteReadError, OSError):
            return
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "localhost", 0, ssl=context)
    async with server:
        seen.port = server.sockets[0].getsockname()[1]
        for one in server.sockets[1:]:
            one.close()
        yield seen
    # Python 3.11 closes a server without its connections.
    await asyncio.sleep(0.01)  # whoever has connected is accepted
    for writer in writers:
        writer.transport.abort()
    await asyncio.gather(*serving, return_exceptions=True)


@asynccontextmanager
async def connections(most: int = 4) -> AsyncIterator[Connections]:
    """Open connections, and hang up at the end."""
    made = Connections(most, "tests")
    yield made
    await made.close()
    await asyncio.sleep(0.01)  # whoever listens on the other side sees it


async def test_a_connection_is_used_again() -> None:
    """Making one costs more than a request, above all with TLS."""
    async with a_server(GOOD) as server, connections() as asking:
        for _ in range(3):
            assert (200, b"ok") == await asking.ask("POST", server.url(), b"a=1", PATIENCE)
        assert 1 == server.accepted


async def test_a_connection_that_the_server_closed_is_not() -> None:
    """Servers close what was idle for a while, and need not say it before."""
    async with a_server(GOOD, hangs_up=True) as server, connections() as asking:
        for _ in range(2):
            assert (200, b"ok") == await asking.ask("GET", server.url(), None, PATIENCE)
            await asyncio.sleep(0.05)
        assert 2 == server.accepted


async def test_what_nobody_asked_for_answers_no_request() -> None:
    """It would be taken for the answer to the next one, and each answer for another's from then."""
    unasked = b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 4\r\n\r\nlate"
    async with a_server(GOOD + unasked, GOOD) as server, connections() as asking:
        for _ in range(2):
            assert (200, b"ok") == await asking.ask("GET", server.url(), None, PATIENCE)
        assert 2 == server.accepted


async def test_what_comes_while_a_connection_is_idle_answers_no_request() -> None:
    """So do some proxies end what was idle for too long."""
    unasked = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n"

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(GOOD)
        await asyncio.sleep(0.05)
        writer.write(unasked)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, connections() as asking:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        for _ in range(2):
            assert (200, b"ok") == await asking.ask("GET", url, None, PATIENCE)
            await asyncio.sleep(0.2)


async def test_an_endless_answer_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever answers there, it must not fill the memory."""
    monkeypatch.setattr("tgauth.bot.connections._LARGEST_ANSWER", 1000)
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1001
    async with a_server(endless) as server, connections() as asking:
        with pytest.raises(NetworkError, match="larger than any"):
            await asking.ask("GET", server.url(), None, PATIENCE)


async def test_an_answer_that_trickles_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A byte now and then keeps every single wait short, and the caller waiting for ever."""
    monkeypatch.setattr("tgauth.bot.connections._LONGEST_ANSWER", 0.1)

    ended = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        # It ends when the other side hangs up.
        while not writer.is_closing():
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            await asyncio.sleep(0.02)
        writer.transport.abort()
        await asyncio.sleep(0.01)
        ended.set()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, connections() as asking:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        async with asyncio.timeout(5):
            with pytest.raises(TimedOut):
                await asking.ask("GET", url, None, replace(PATIENCE, read=0.3))
        await asking.close()
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_connection_that_is_to_be_closed_is_not() -> None:
    """The server says so in its answer."""
    last = GOOD.replace(b"OK\r\n", b"OK\r\nConnection: close\r\n")
    async with a_server(last) as server, connections() as asking:
        for _ in range(2):
            await asking.ask("GET", server.url(), None, PATIENCE)
        assert 2 == server.accepted


async def test_a_request_that_was_broken_off_leaves_no_answer_to_the_next() -> None:
    """Its answer may still come, on its connection."""
    late = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nla"
    async with a_server(late, GOOD) as server, connections() as asking:
        with pytest.raises(TimedOut):
            await asking.ask("GET", server.url(), None, replace(PATIENCE, read=0.05))
        assert (200, b"ok") == await asking.ask("GET", server.url(), None, PATIENCE)
        assert 2 == server.accepted


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.1 100 Continue\r\n\r\n" + GOOD, b"ok"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n",
            b"ok",
        ),
        (b"HTTP/1.0 200 OK\r\n\r\nok", b"ok"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    ],
    ids=["after an interim answer", "in chunks", "until the end", "without a body"],
)
async def test_an_answer_is_read_whole_however_it_comes(answer: bytes, body: bytes) -> None:
    """RFC 9112 §6.3."""
    async with a_server(answer, hangs_up=True) as server, connections() as asking:
        assert body == (await asking.ask("GET", server.url(), None, PATIENCE))[1]


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nok",
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "another protocol", "a wrong length"],
)
async def test_no_whole_answer_is_trouble_of_the_network(answer: bytes) -> None:
    """And its words hold nothing of the address, which has the token in it."""
    async with a_server(answer, hangs_up=True) as server, connections() as asking:
        with pytest.raises(NetworkError) as caught:
            await asking.ask("GET", server.url(), None, PATIENCE)
    assert caught.value.message
    assert "secret" not in caught.value.message


async def test_nobody_there_is_said_as_the_system_says_it() -> None:
    """An operator looks that up, and not a library's class."""
    async with a_server(GOOD) as server:
        pass
    async with connections() as asking:
        url = f"http://127.0.0.1:{server.port}/bot4242:secret/getMe"
        with pytest.raises(NetworkError) as caught:
            await asking.ask("GET", url, None, PATIENCE)
    assert f"127.0.0.1:{server.port}: Connection refused" == caught.value.message


async def test_who_finds_no_free_connection_waits_and_then_says_so() -> None:
    """Nothing was sent, so nothing can have happened."""
    async with a_server(b"HTTP/1.1 200 OK\r\n", GOOD) as server, connections(most=1) as asking:
        slow = asyncio.create_task(asking.ask("GET", server.url(), None, PATIENCE))
        await server.was_asked.wait()
        with pytest.raises(TimedOut, match="in use"):
            await asking.ask("GET", server.url(), None, replace(PATIENCE, pool=0.05))
        assert 1 == len(server.asked)
        slow.cancel()
        with pytest.raises(asyncio.CancelledError):
            await slow
        assert (200, b"ok") == await asking.ask("GET", server.url(), None, PATIENCE)


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a certificate for localhost that nobody trusts, with its key."""
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


@pytest.mark.parametrize("trusted", [True, False])
async def test_only_a_trusted_server_gets_the_token(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, *, trusted: bool
) -> None:
    """Trusted is what httpx trusts: SSL_CERT_FILE, where an operator has set it."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    if trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    _trusted.cache_clear()
    try:
        async with a_server(GOOD, context=context) as server, connections() as asking:
            if trusted:
                assert (200, b"ok") == await asking.ask("GET", server.url("https"), None, PATIENCE)
            else:
                with pytest.raises(NetworkError, match="certificate verify failed"):
                    await asking.ask("GET", server.url("https"), None, PATIENCE)
        assert trusted == bool(server.asked)
    finally:
        _trusted.cache_clear()


def a_form(**fields: Any) -> RequestData:
    """Return what python-telegram-bot hands to a request."""
    return RequestData([RequestParameter.from_input(*field) for field in fields.items()])


async def test_a_form_is_sent_as_browsers_send_it() -> None:
    """The Bot API takes that, whatever is in it."""
    form = a_form(text="ä=&\n", reply_markup={"a": [1]})
    async with a_server(GOOD) as server, PlainRequest() as request:
        await request.do_request(server.url(), "POST", form)
    [asked] = server.asked
    head, _, body = asked.partition(b"\r\n\r\n")
    assert b"text=%C3%A4%3D%26%0A&reply_markup=%7B%22a%22%3A+%5B1%5D%7D" == body
    assert b"POST /bot4242:secret/getMe HTTP/1.1" == head.split(b"\r\n")[0]
    assert f"host: localhost:{server.port}".encode() in head.lower().split(b"\r\n")


async def test_a_proxy_is_used_where_one_is_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the environment says it; it is asked with the whole address (RFC 9112 §3.2.2)."""
    async with a_server(GOOD) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://localhost:{proxy.port}")
        async with PlainRequest() as request:
            await request.do_request("http://telegram.test/bot4242:secret/getMe", "POST", a_form())
    assert proxy.asked[0].startswith(b"POST http://telegram.test/bot4242:secret/getMe HTTP/1.1")
