"""Promises to the network: whatever bytes arrive, they are answered with sense or hung up on."""

import json
import time
from collections.abc import Iterator

import h11
import pytest
from hypercorn.protocol.events import Body, EndBody, Response
from tests.api.serving import Served, received, served

from tgauth.api import wire
from tgauth.api.limits import LARGEST_HEADERS

HOST = b"Host: x\r\nConnection: close\r\n"
POST = b"POST /api/auth/callback HTTP/1.1\r\nContent-Type: application/json\r\n" + HOST
UPGRADE = b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\n"
UNREADABLE = "this is no HTTP request that can be read here"
MISSING = "there is nothing at this address"
SHORT = b'{"code": "x"}'

#: Bytes → (status, what the description says); none: a success.
HTTP1: dict[str, tuple[bytes, int, str | None]] = {
    "no HTTP": (b"hello\r\n\r\n", 400, UNREADABLE),
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(60), 400, UNREADABLE),
    "raw NUL in the path": (b"GET /\0 HTTP/1.1\r\n" + HOST + b"\r\n", 400, UNREADABLE),
    "bad UTF-8 in the path": (b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n", 400, UNREADABLE),
    "NUL in the path": (b"GET /%00 HTTP/1.1\r\n" + HOST + b"\r\n", 404, MISSING),
    "odd percents": (b"GET /%zz%f%/%c3%28?%=%zz HTTP/1.1\r\n" + HOST + b"\r\n", 404, MISSING),
    "dots": (b"GET /../../etc/passwd HTTP/1.1\r\n" + HOST + b"\r\n", 404, MISSING),
    "no path": (b"GET  HTTP/1.1\r\n" + HOST + b"\r\n", 400, UNREADABLE),
    "a long path": (b"GET /" + b"a" * 12_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 404, MISSING),
    "a code in bad UTF-8": (
        b"GET /auth/callback?code=%ff%00 HTTP/1.1\r\n" + HOST + b"\r\n",
        400,
        "the code is unknown",
    ),
    "a query in bad UTF-8": (
        b"GET /auth/callback?code=\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        400,
        UNREADABLE,
    ),
    "a header in bad UTF-8": (
        b"GET /healthz HTTP/1.1\r\nAccept: \xff\xfe\r\nCookie: \xff\r\n" + HOST + b"\r\n",
        200,
        None,
    ),
    "NUL in a header": (b"GET / HTTP/1.1\r\nA: a\0b\r\n" + HOST + b"\r\n", 400, UNREADABLE),
    "no host": (b"GET /healthz HTTP/1.1\r\n\r\n", 400, UNREADABLE),
    "two hosts": (b"GET /healthz HTTP/1.1\r\nHost: y\r\n" + HOST + b"\r\n", 400, UNREADABLE),
    "HTTP/1.0": (b"GET /healthz HTTP/1.0\r\n\r\n", 200, None),
    "absolute": (b"GET http://evil.example/ HTTP/1.1\r\n" + HOST + b"\r\n", 404, MISSING),
    "an asterisk": (b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", 404, MISSING),
    "a tunnel": (b"CONNECT evil.example:443 HTTP/1.1\r\n" + HOST + b"\r\n", 404, MISSING),
    "no method of ours": (b"FROB /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405, "GET, HEAD"),
    "TRACE": (b"TRACE /healthz HTTP/1.1\r\n" + HOST + b"\r\n", 405, "GET, HEAD"),
    "h2c": (UPGRADE + b"Upgrade: h2c\r\nHTTP2-Settings: !!!\r\n\r\n", 200, None),
    "a WebSocket": (
        UPGRADE + b"Upgrade: websocket\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        b"Sec-WebSocket-Version: 13\r\n\r\n",
        200,
        None,
    ),
    "an odd WebSocket": (UPGRADE + b"Upgrade: WebSocket\r\n\r\n", 200, None),
    "an unknown coding": (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 400, UNREADABLE),
    "a negative length": (POST + b"Content-Length: -5\r\n\r\n", 400, UNREADABLE),
    "two lengths": (
        POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        400,
        UNREADABLE,
    ),
    "a bad chunk": (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400, UNREADABLE),
    "a compressed body": (
        POST + b"Content-Encoding: br\r\nContent-Length: 2\r\n\r\n{}",
        415,
        "without Content-Encoding",
    ),
    "large headers": (
        b"GET /healthz HTTP/1.1\r\nA: " + b"a" * LARGEST_HEADERS + b"\r\n" + HOST + b"\r\n",
        431,
        "the headers are too large",
    ),
    "endless headers": (
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: " + b"a" * 500_000,
        431,
        "the headers are too large",
    ),
    "many headers": (
        b"GET /healthz HTTP/1.1\r\n" + HOST + b"A: a\r\n" * 1000 + b"\r\n",
        431,
        "the headers are too large",
    ),
    "a large body": (
        POST + b"Content-Length: 500000\r\n\r\n" + b"A" * 500_000,
        413,
        "the body is too large",
    ),
    "a large body in chunks": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n" + (b"3e8\r\n" + b"A" * 1000 + b"\r\n") * 500,
        413,
        "the body is too large",
    ),
}


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """Serve an installation whose patience these tests do not try."""
    with served(tmp_path_factory.mktemp("wire"), failures_per_minute=10**6) as running:
        yield running


def parse(raw: bytes) -> tuple[int, dict[str, str], bytes]:
    """Read one answer; what comes before it (100 Continue) is left out."""
    head, _, body = raw.partition(b"\r\n\r\n")
    if head.startswith(b"HTTP/1.1 100 "):
        return parse(body)
    lines = head.decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    return int(lines[0].split()[1]), headers, body


@pytest.mark.parametrize("case", HTTP1)
def test_odd_requests_get_an_answer_in_shape(api: Served, case: str) -> None:
    """One JSON shape with a description, also for what Hypercorn itself refuses; then it closes."""
    raw, status, description = HTTP1[case]
    found, headers, body = parse(api.exchange(raw))
    assert (status, str(len(body))) == (found, headers["content-length"])
    assert "nosniff" == headers["x-content-type-options"]
    if description is not None:
        assert "application/json" == headers["content-type"]
        assert {"error", "error_description"} == set(json.loads(body))
        assert description in json.loads(body)["error_description"]


def test_who_waits_for_leave_to_send_gets_it(api: Served) -> None:
    """`Expect: 100-continue`, as curl does for larger bodies."""
    with api.connect() as wire:
        wire.sendall(POST + b"Expect: 100-continue\r\nContent-Length: 13\r\n\r\n")
        assert wire.recv(65536).startswith(b"HTTP/1.1 100 ")
        wire.sendall(SHORT)
        status, _, body = parse(received(wire))
        assert (400, "invalid_grant") == (status, json.loads(body)["error"])


def test_a_connection_goes_on_after_a_refusal(api: Served) -> None:
    """Errors of the application end no connection; pipelined requests are answered in order."""
    requests = [b"GET /nowhere", b"GET /healthz", b"HEAD /healthz", b"GET /healthz"]
    with api.connect(timeout=1) as wire:
        wire.sendall(b"".join(one + b" HTTP/1.1\r\nHost: x\r\n\r\n" for one in requests))
        raw = b""
        while raw.count(b'{"status":"alive"}') < 2:
            raw += wire.recv(65536)
    statuses = [int(part[:3]) for part in raw.split(b"HTTP/1.1 ")[1:]]
    assert [404, 200, 200, 200] == statuses


def test_a_refusal_reaches_who_is_still_sending(api: Served) -> None:
    """What comes after it is read and thrown away; a reset would take the answer along."""
    with api.connect() as wire:
        wire.sendall(POST + b"Content-Length: 900000\r\n\r\n")
        for _ in range(9):
            wire.sendall(b"A" * 100_000)
            time.sleep(0.05)
        status, headers, body = parse(received(wire))
    assert (413, str(len(body))) == (status, headers["content-length"])


@pytest.mark.parametrize("path", [b"/healthz", b"/", b"/docs/api", b"/api/auth/me", b"/nowhere"])
def test_head_says_how_long_the_body_would_be(api: Served, path: bytes) -> None:
    """And leaves it out."""
    full, empty = (
        parse(api.exchange(method + b" " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"))
        for method in (b"GET", b"HEAD")
    )
    assert (full[0], full[1]["content-length"]) == (empty[0], empty[1]["content-length"])
    assert (b"", True) == (empty[2], bool(full[2]))


def test_another_hypercorn_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather than serve without what is mended here."""
    monkeypatch.delattr("hypercorn.asyncio.tcp_server.ProtocolWrapper")
    with pytest.raises(RuntimeError, match="not one that tgauth knows"):
        wire.install()


@pytest.mark.anyio
async def test_an_answer_that_broke_off_is_not_begun_again() -> None:
    """Its client took not even the head; another answer behind it would be no HTTP."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(b"GET /healthz HTTP/1.1\r\n" + HOST + b"\r\n")
    connection.next_event()
    connection.send(h11.Response(status_code=200, headers=[("content-length", "5")]))
    protocol = wire._Http1.__new__(wire._Http1)
    protocol.connection = connection
    again = Response(stream_id=1, headers=[(b"content-length", b"0")], status_code=500)
    for event in (again, Body(stream_id=1, data=b"more than five"), EndBody(stream_id=1)):
        await protocol.stream_send(event)
    assert h11.SEND_BODY is connection.our_state
