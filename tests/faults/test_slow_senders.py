"""Clients that send slowly, or nothing: each is bounded, and nobody else notices."""

import contextlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import httpx
import pytest
from tests.harness import NEVER_PRINTED, Tgauth, tgauth

POST = b"POST /api/auth/callback HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
IDLE_CONNECTIONS = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a connection ended.

    Attributes:
        after: Seconds until the server closed it.
        answer: All that it said.
    """

    after: float
    answer: bytes


def drip(address: tuple[str, int], begin: bytes, *, every: float, byte: bytes) -> Outcome:
    """Begin a request and go on with one byte now and then, until the server closes."""
    with socket.create_connection(address, timeout=every) as wire:
        began = time.monotonic()
        answer = b""
        wire.sendall(begin)
        while time.monotonic() - began < 30:
            try:
                part = wire.recv(65536)
                if not part:
                    break
                answer += part
            except TimeoutError:
                if byte and not answer:
                    wire.sendall(byte)
            except ConnectionError:
                break
        return Outcome(after=time.monotonic() - began, answer=answer)


#: What is begun → the byte that goes on, and how it ends: (seconds, at least and at most; status).
ATTACKS: dict[str, tuple[bytes, bytes, tuple[float, float], int | None]] = {
    "a slow body": (POST + b"Content-Length: 1000\r\n\r\n{", b" ", (9, 16), 408),
    "a slow body in chunks": (
        POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n3e8\r\n",
        b" ",
        (9, 16),
        408,
    ),
    "a body that never comes": (POST + b"Content-Length: 1000\r\n\r\n", b"", (9, 16), 408),
    "a body that nobody wanted": (
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n",
        b" ",
        (1, 8),
        200,
    ),
    "slow headers": (b"GET / HTTP/1.1\r\nA: ", b"a", (4, 10), None),
    "no headers at all": (b"", b"", (4, 10), None),
    "a kept connection": (HEALTH, b"", (4, 10), 200),
    "HTTP/2 and nothing more": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"", (4, 10), None),
}


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tgauth]:
    """Run one API process."""
    with tgauth(tmp_path_factory.mktemp("slow"), "http://127.0.0.1:9") as running:
        running.start("run", "api")
        yield running
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in running.output]


def test_slow_senders_are_hung_up_on(installation: Tgauth) -> None:
    """All at once: each ends in time, with an answer where one is due, while others are served."""
    host, port = installation.url.removeprefix("http://").split(":")
    address = (host, int(port))
    outcomes: dict[str, Outcome] = {}

    def attack(name: str) -> None:
        begin, byte, _, _ = ATTACKS[name]
        outcomes[name] = drip(address, begin, every=0.3, byte=byte)

    threads = [threading.Thread(target=attack, args=(name,)) for name in ATTACKS]
    with contextlib.ExitStack() as stack:
        idle = [
            stack.enter_context(socket.create_connection(address, timeout=10))
            for _ in range(IDLE_CONNECTIONS)
        ]
        for thread in threads:
            thread.start()
        slowest = max(timed(lambda: httpx.get(f"{installation.url}/readyz")) for _ in range(20))
        for thread in threads:
            thread.join(40)
        assert [b""] * IDLE_CONNECTIONS == [one.recv(1) for one in idle]
    assert slowest < 2
    wrong = {
        name: outcome
        for name, outcome in outcomes.items()
        if not ended_well(outcome, *ATTACKS[name][2:])
    }
    assert {} == wrong
    body = json.loads(outcomes["a slow body"].answer.partition(b"\r\n\r\n")[2])
    assert "send the request at once" in body["error_description"]


def ended_well(outcome: Outcome, within: tuple[float, float], status: int | None) -> bool:
    """Say whether a connection ended in time, and with what it should."""
    least, most = within
    said = int(outcome.answer[9:12]) if outcome.answer.startswith(b"HTTP/1.1 ") else None
    return least <= outcome.after <= most and said == status


def timed(work: Callable[[], httpx.Response]) -> float:
    """Return how many seconds a success takes."""
    began = time.monotonic()
    assert work().status_code == 200
    return time.monotonic() - began
