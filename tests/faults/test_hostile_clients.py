"""Clients that mean harm."""

import contextlib
import socket
import time
from pathlib import Path

import httpx
from h2.config import H2Configuration
from h2.connection import H2Connection
from tests.harness import NEVER_PRINTED, telegram, tgauth

CONNECTIONS = 10
REQUESTS = 40


def headers(method: bytes, path: bytes) -> list[tuple[bytes, bytes]]:
    """Return the headers of an HTTP/2 request."""
    return [(b":method", method), (b":path", path), (b":scheme", b"http"), (b":authority", b"x")]


def break_off(address: tuple[str, int], code: str) -> None:
    """Have many writes under way on one connection, then make the server drop all of them."""
    config = H2Configuration(
        client_side=True,
        header_encoding=False,
        validate_outbound_headers=False,
        normalize_outbound_headers=False,
    )
    connection = H2Connection(config)
    with socket.create_connection(address, timeout=2) as wire:
        connection.initiate_connection()
        wire.sendall(connection.data_to_send())
        wire.recv(65536)
        for number in range(REQUESTS):
            stream = connection.get_next_available_stream_id()
            if number % 2:
                connection.send_headers(stream, headers(b"GET", b"/readyz"), end_stream=True)
            else:
                request = headers(b"POST", b"/api/auth/callback")
                request.append((b"content-type", b"application/json"))
                connection.send_headers(stream, request)
                connection.send_data(stream, f'{{"code": "{code}"}}'.encode(), end_stream=True)
        wire.sendall(connection.data_to_send())
        time.sleep(0.004)  # into the middle of their transactions
        stream = connection.get_next_available_stream_id()
        connection.send_headers(stream, headers(b"G\xff", b"/"), end_stream=True)
        wire.sendall(connection.data_to_send())
        wire.settimeout(0.3)
        with contextlib.suppress(OSError):
            while wire.recv(65536):
                pass


def test_a_connection_that_breaks_off_leaves_the_store_usable(tmp_path: Path) -> None:
    """Hypercorn cancels the requests of a broken connection; no transaction stays open for it."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as installation:
        served = installation.start("serve")
        host, port = installation.url.removeprefix("http://").split(":")
        for number in range(CONNECTIONS):
            sandbox.send(700 + number, "/login")
            break_off((host, int(port)), sandbox.code(700 + number))

        assert httpx.get(f"{installation.url}/readyz", timeout=20).status_code == 200
        sandbox.send(42, "/login")
        assert installation.exchange(sandbox.code(42)).status_code == 200
        assert served.stop() == 0
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]
