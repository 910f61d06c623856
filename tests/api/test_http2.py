"""Promises to HTTP/2: its limits, and that one odd stream is only that."""

import contextlib
import time
from collections.abc import Iterator
from typing import Self

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import Event, ResponseReceived, StreamReset
from h2.settings import SettingCodes
from tests.api.serving import Served, received, served

from tgauth.api.limits import LARGEST_BODY, LARGEST_HEADERS

HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an installation."""
    with served(tmp_path_factory.mktemp("http2")) as running:
        yield running


def is_well(api: Served) -> bool:
    """Say whether others are still served."""
    return api.exchange(HEALTH).startswith(b"HTTP/1.1 200")


class Http2:
    """A client that says whatever it is told to."""

    def __init__(self, api: Served) -> None:
        config = H2Configuration(
            client_side=True,
            header_encoding=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        self.wire = api.connect(timeout=3)
        self.connection = H2Connection(config)
        self.connection.initiate_connection()
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wire.close()

    def flush(self) -> None:
        """Send what is to be sent; a server that hung up meanwhile is noticed when reading."""
        with contextlib.suppress(ConnectionError):
            self.wire.sendall(self.connection.data_to_send())

    def ask(
        self,
        method: bytes,
        path: bytes,
        *more: tuple[bytes, bytes],
        pseudo: tuple[tuple[bytes, bytes], ...] = (),
        end: bool = True,
    ) -> int:
        """Begin a request."""
        stream = self.connection.get_next_available_stream_id()
        begin = [(b":method", method), (b":path", path), (b":scheme", b"http"), *pseudo]
        self.connection.send_headers(stream, [*begin, (b":authority", b"x"), *more], end_stream=end)
        return int(stream)

    def events(self, *, until: type[Event], number: int = 1) -> list[Event]:
        """Read until so many events of a kind came, or the server hangs up."""
        found: list[Event] = []
        deadline = time.monotonic() + 5
        while sum(isinstance(one, until) for one in found) < number:
            assert time.monotonic() < deadline, found
            try:
                data = self.wire.recv(65536)
            except ConnectionError:
                break
            if not data:
                break
            found += self.connection.receive_data(data)
            self.flush()
        return found

    def status(self) -> int:
        """Read the next answer's status."""
        events = self.events(until=ResponseReceived)
        [answer] = [one for one in events if isinstance(one, ResponseReceived)]
        return int(dict(answer.headers or ())[b":status"])


def test_http2_is_spoken_to_who_begins_with_it(api: Served) -> None:
    """With the limits that it should know of."""
    with Http2(api) as client:
        client.ask(b"GET", b"/healthz")
        client.flush()
        assert 200 == client.status()
        settings = client.connection.remote_settings
        assert 32 == settings[SettingCodes.MAX_CONCURRENT_STREAMS]
        assert LARGEST_HEADERS == settings[SettingCodes.MAX_HEADER_LIST_SIZE]


@pytest.mark.parametrize(
    ("method", "path", "pseudo"),
    [
        (b"GET", b"/\xff", ()),
        (b"G\xff", b"/", ()),
        (b"CONNECT", b"/healthz", ((b":protocol", b"websocket"),)),
    ],
)
def test_an_odd_stream_is_reset_and_no_other(
    api: Served, method: bytes, path: bytes, pseudo: tuple[tuple[bytes, bytes], ...]
) -> None:
    """Its neighbours on the same connection may be other people's, behind a proxy."""
    with Http2(api) as client:
        client.ask(method, path, pseudo=pseudo)
        client.flush()
        assert any(isinstance(one, StreamReset) for one in client.events(until=StreamReset))
        client.ask(b"GET", b"/healthz")
        client.flush()
        assert 200 == client.status()


def test_large_headers_are_refused_in_http2_as_well(api: Served) -> None:
    """Whatever the compression made of them."""
    with Http2(api) as client:
        client.ask(b"GET", b"/healthz", *([(b"cookie", b"a" * 4000)] * 5))
        client.flush()
        assert 431 == client.status()


def test_what_comes_after_a_refusal_ends_no_connection(api: Served) -> None:
    """A body that goes on although it was refused: the next request is answered."""
    with Http2(api) as client:
        stream = client.ask(
            b"POST", b"/api/auth/callback", (b"content-type", b"application/json"), end=False
        )
        for _ in range(3):
            client.connection.send_data(stream, b"A" * LARGEST_BODY)
        client.flush()
        assert 413 == client.status()
        time.sleep(2.5)  # until nothing more of it is thrown away
        client.connection.send_data(stream, b"A", end_stream=True)
        client.flush()
        time.sleep(0.2)
        client.ask(b"GET", b"/healthz")
        client.flush()
        assert 200 == client.status()


@pytest.mark.parametrize(("number", "survives"), [(300, True), (1200, False)])
def test_a_flood_of_resets_ends_the_connection(api: Served, number: int, *, survives: bool) -> None:
    """Rapid reset (CVE-2023-44487): after a thousand requests one has to come again."""
    with Http2(api) as client:
        for _ in range(number):
            stream = client.ask(b"GET", b"/healthz")
            client.connection.reset_stream(stream)
        client.ask(b"GET", b"/healthz")
        client.flush()
        events = client.events(until=ResponseReceived)
        assert survives == any(isinstance(one, ResponseReceived) for one in events)
    assert is_well(api)


def test_a_flood_of_continuations_ends_the_connection(api: Served) -> None:
    """Headers without an end (CVE-2024-27983): h2 gives up long before memory does."""
    with Http2(api) as client:
        frame = (16_000).to_bytes(3, "big")
        begin = frame + b"\x01\x00" + (1).to_bytes(4, "big") + bytes(16_000)
        more = frame + b"\x09\x00" + (1).to_bytes(4, "big") + bytes(16_000)
        sent = 0
        with contextlib.suppress(OSError):
            client.wire.sendall(begin)
            for _ in range(1000):
                client.wire.sendall(more)
                sent += 1
        received(client.wire)
    assert sent < 1000
    assert is_well(api)


def test_a_bomb_of_compressed_headers_ends_the_connection(api: Served) -> None:
    """A few bytes that name one large header again and again: HPACK's own bomb."""
    with Http2(api) as client:
        name = (b"x-large", b"a" * 4000)
        client.ask(b"GET", b"/healthz", name, *([name] * 3000))
        client.flush()
        events = client.events(until=ResponseReceived)
        assert not any(isinstance(one, ResponseReceived) for one in events)
    assert is_well(api)
