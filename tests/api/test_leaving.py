"""Promises of a process that another one has taken over from: no client meets a closed door."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from h2.events import ConnectionTerminated, ResponseReceived, StreamEnded
from tests.api.serving import Served, received, served
from tests.api.test_http2 import Http2

from tgauth.api.process import IDLE

KEPT = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Served]:
    """Serve an installation."""
    with served(tmp_path) as running:
        yield running


def answer_on(wire: socket.socket) -> bytes:
    """Send a request on a connection that is kept; return the whole answer."""
    wire.sendall(KEPT)
    answer = b""
    while not answer.endswith(b"}"):
        answer += wire.recv(65536)
    return answer


def test_an_idle_connection_is_answered_and_only_then_closed(api: Served) -> None:
    """Long after the successor took over: the answer says that it is the connection's last."""
    with api.connect() as wire:
        assert b"connection: close" not in answer_on(wire)
        api.call(api.shutdown.succeed)
        time.sleep(1)
        assert not api.ended.done()
        last = answer_on(wire)
        assert b"" == received(wire)
    assert last.startswith(b"HTTP/1.1 200")
    assert b"connection: close" in last
    api.ended.result(2)


def test_an_idle_connection_comes_to_its_own_end(api: Served) -> None:
    """Nobody uses it: it is kept as long as ever, and the process waits for no longer."""
    with api.connect(timeout=IDLE + 3) as wire:
        answer_on(wire)
        api.call(api.shutdown.succeed)
        began = time.monotonic()
        assert b"" == received(wire)
        assert time.monotonic() - began > IDLE - 1.5
    api.ended.result(2)


def test_nothing_open_is_not_waited_for(api: Served) -> None:
    """A process that nobody speaks to leaves at once."""
    api.call(api.shutdown.succeed)
    api.ended.result(1)


def test_a_real_stop_ends_the_waiting(api: Served) -> None:
    """SIGTERM while it leaves: idle connections are let go."""
    with api.connect() as wire:
        answer_on(wire)
        api.call(api.shutdown.succeed)
        time.sleep(0.3)
        api.call(api.shutdown.stop)
        api.ended.result(2)


def test_a_client_of_http_2_is_asked_to_go(api: Served) -> None:
    """By GOAWAY (RFC 9113 §6.8), and what it asks before it has read that is answered."""
    with Http2(api) as client:
        client.ask(b"GET", b"/healthz")
        client.flush()
        # To the answer's end: h2 takes no frame of it any more once it has read GOAWAY.
        events = client.events(until=StreamEnded)
        assert any(isinstance(one, ResponseReceived) for one in events)
        api.call(api.shutdown.succeed)
        events = client.events(until=ConnectionTerminated)
        [gone] = [one for one in events if isinstance(one, ConnectionTerminated)]
    assert (0, 2**31 - 1) == (gone.error_code, gone.last_stream_id)
