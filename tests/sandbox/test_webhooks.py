"""Webhooks: what is accepted, and the delivery to a loopback address."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox, started

from tgauth.sandbox.webhooks import retry_delay


class Receiver(HTTPServer):
    """A webhook that answers with the statuses in `answers`, then with 200."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}/hook"

    def wait(self, count: int) -> None:
        """Wait until that many requests have come."""
        deadline = time.monotonic() + 20
        while len(self.got) < count and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(self.got) >= count


class Handler(BaseHTTPRequestHandler):
    """Keeps what comes."""

    server: Receiver

    def do_POST(self) -> None:
        """Answer as the receiver is told."""
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append(({k.lower(): v for k, v in self.headers.items()}, body))
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        self.send_response(status)
        for name, value in {**headers, "content-length": "0"}.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base's name
        """Keep quiet."""


@pytest.fixture
def receiver(sandbox: Sandbox) -> Iterator[Receiver]:
    """A webhook receiver, forgotten by the bot afterwards."""
    with Receiver() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield server
        finally:
            sandbox.ok("deleteWebhook", drop_pending_updates=True)
            server.shutdown()
            thread.join()


def test_setting_reading_and_deleting(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#setwebhook, #getwebhookinfo and #deletewebhook."""
    url = "https://bot.example.com/hook"
    first = sandbox.call("setWebhook", url=url, secret_token="s-1", max_connections=3).json()
    assert first == {"ok": True, "result": True, "description": "Webhook was set"}
    sandbox.say()
    info = sandbox.ok("getWebhookInfo")
    assert (info["url"], info["pending_update_count"], info["max_connections"]) == (url, 1, 3)
    assert "secret_token" not in info
    deleted = sandbox.call("deleteWebhook").json()
    assert deleted["description"] == "Webhook was deleted"
    assert sandbox.call("deleteWebhook").json()["description"] == "Webhook is already deleted"
    assert sandbox.ok("getWebhookInfo")["url"] == ""
    assert len(sandbox.ok("getUpdates")) == 1


def test_pending_updates_can_be_dropped(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#setwebhook: drop_pending_updates."""
    sandbox.say()
    sandbox.ok("setWebhook", url="https://bot.example.com/hook", drop_pending_updates=True)
    assert sandbox.ok("getWebhookInfo")["pending_update_count"] == 0


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://bot.example.com/", "An HTTPS URL must be provided for webhook"),
        ("ftp://bot.example.com/", "An HTTPS URL must be provided for webhook"),
        ("https://localhost/", "IP address 127.0.0.1 is reserved"),
        ("https://10.0.0.1/", "IP address 10.0.0.1 is reserved"),
        (
            "https://bot.example.com:8080/",
            "Webhook can be set up only on ports 80, 88, 443 or 8443",
        ),
    ],
)
def test_addresses_that_are_refused(sandbox: Sandbox, url: str, words: str) -> None:
    """core.telegram.org/bots/webhooks: https, four ports, public addresses."""
    assert sandbox.refused("setWebhook", url=url) == (400, f"Bad Request: bad webhook: {words}")


@pytest.mark.parametrize("port", [80, 88, 443, 8443])
def test_the_four_ports(sandbox: Sandbox, port: int) -> None:
    """core.telegram.org/bots/api#setwebhook: "443, 80, 88, 8443"."""
    assert sandbox.ok("setWebhook", url=f"https://bot.example.com:{port}/hook") is True


@pytest.mark.parametrize(
    ("secret", "words"),
    [
        ("a b", "secret token contains unallowed characters"),
        ("pass+word/==", "secret token contains unallowed characters"),
        ("x" * 257, "secret token is too long"),
    ],
)
def test_secrets_that_are_refused(sandbox: Sandbox, secret: str, words: str) -> None:
    """core.telegram.org/bots/api#setwebhook: 1-256 of A-Z, a-z, 0-9, _ and -."""
    answer = sandbox.refused("setWebhook", url="https://bot.example.com/", secret_token=secret)
    assert answer == (400, f"Bad Request: {words}")
    assert sandbox.ok("setWebhook", url="https://bot.example.com/", secret_token="A_z-" * 64)


def test_plain_webhooks_need_the_option() -> None:
    """Telegram never delivers over http: only an explicit option makes an exception."""
    with started("telegram", "--token", Sandbox.token) as url:
        strict = Sandbox(url)
        assert strict.refused("setWebhook", url="http://127.0.0.1:9/") == (
            400,
            "Bad Request: bad webhook: An HTTPS URL must be provided for webhook",
        )
        strict.close()


def test_updates_are_posted_with_the_secret(sandbox: Sandbox, receiver: Receiver) -> None:
    """core.telegram.org/bots/api#setwebhook: "X-Telegram-Bot-Api-Secret-Token", and in order."""
    said = [sandbox.say("before")["update_id"]]
    sandbox.ok("setWebhook", url=receiver.url, secret_token="s-1")
    said.append(sandbox.say("after")["update_id"])
    receiver.wait(2)
    assert [json.loads(body)["update_id"] for _, body in receiver.got] == said
    assert {headers["x-telegram-bot-api-secret-token"] for headers, _ in receiver.got} == {"s-1"}


def test_a_failed_delivery_is_tried_again(sandbox: Sandbox, receiver: Receiver) -> None:
    """WebhookActor.cpp: the same update again, and the error in getWebhookInfo meanwhile."""
    receiver.answers = [(500, {})]
    sandbox.ok("setWebhook", url=receiver.url)
    sandbox.say()
    receiver.wait(1)
    deadline = time.monotonic() + 5
    while "last_error_message" not in (info := sandbox.ok("getWebhookInfo")):
        assert time.monotonic() < deadline
    assert info["last_error_message"] == "Wrong response from the webhook: 500"
    assert info["pending_update_count"] == 1
    receiver.wait(2)
    assert receiver.got[0][1] == receiver.got[1][1]


@pytest.mark.parametrize(
    ("failures", "seconds"), [(1, 2.0), (2, 4.0), (3, 8.0), (5, 32.0), (6, 60.0), (99, 60.0)]
)
def test_the_retry_schedule(failures: int, seconds: float) -> None:
    """WebhookActor.cpp: from two seconds, doubling."""
    assert retry_delay(failures) == seconds


def test_a_retry_after_is_obeyed() -> None:
    """WebhookActor.cpp: the receiver's Retry-After, if it is longer."""
    assert retry_delay(1, retry_after=90) == 90
    assert retry_delay(6, retry_after=1) == 60
