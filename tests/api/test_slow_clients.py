"""Promises about clients that do not take their answers: they are hung up on, without a noise."""

import logging
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from h2.settings import SettingCodes
from tests.api.serving import Served, received, served
from tests.api.test_http2 import Http2

from tgauth.api.draining import Draining


@pytest.fixture
def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """Serve an installation that gives a request one second."""
    monkeypatch.setattr("tgauth.api.process.Draining", partial(Draining, request_deadline=1.0))
    monkeypatch.setattr("tgauth.api.wire.TAKING", 1.0)
    with served(tmp_path) as running:
        yield running


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Let nothing be logged as a fault: it is the client's."""
    yield
    assert [] == [one for one in caplog.get_records("call") if one.levelno >= logging.WARNING]


@pytest.mark.parametrize("path", ["/static/style.css", "/healthz"], ids=["body", "head"])
def test_an_answer_that_nobody_reads_is_given_up(impatient: Served, path: str) -> None:
    """The connection is reset, be it amid a body or a head: no buffer is kept full for ever."""
    with socket.socket() as wire:
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        wire.settimeout(5)
        wire.connect(("127.0.0.1", impatient.port))
        wire.settimeout(0)
        began, gone = time.monotonic(), False
        request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode() * 2000
        while not gone and time.monotonic() - began < 8:
            try:
                sent = wire.send(request)
                request = request[sent:] or request
            except BlockingIOError:
                time.sleep(0.05)
            except ConnectionError:
                gone = True
    assert gone


def test_an_answer_that_nobody_lets_in_is_given_up(impatient: Served) -> None:
    """The same in HTTP/2: a client that opens its window for nothing."""
    with Http2(impatient) as client:
        client.connection.update_settings({SettingCodes.INITIAL_WINDOW_SIZE: 0})
        client.flush()
        for _ in range(10):
            client.ask(b"GET", b"/static/style.css")
        client.flush()
        client.wire.settimeout(12)
        began = time.monotonic()
        received(client.wire)
        assert time.monotonic() - began < 10
