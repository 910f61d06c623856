"""The processes and their pages: loopback only, quick to stop, safe to open."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx
import pytest
from tests.sandbox.helpers import Sandbox

from tgauth.sandbox.flood import PRIVATE_BURST
from tgauth.sandbox.serving import check_loopback

COMMAND = [sys.executable, "-m", "tgauth.sandbox", "telegram", "--token", Sandbox.token]


@pytest.mark.parametrize("address", ["127.0.0.1", "127.0.0.9"])
def test_loopback_is_served(address: str) -> None:
    """Any address of loopback will do."""
    with socket.socket() as sock:
        sock.bind((address, 0))
        check_loopback(sock)


def test_other_addresses_are_refused() -> None:
    """A sandbox must not be reachable from another machine."""
    with socket.socket() as sock:
        sock.bind(("0.0.0.0", 0))  # noqa: S104 - the address that must be refused
        with pytest.raises(ValueError, match="loopback only"):
            check_loopback(sock)
    with socket.socket(socket.AF_UNIX) as sock, pytest.raises(ValueError, match="TCP"):
        check_loopback(sock)


def await_connections(port: int, number: int) -> None:
    """Wait until so many clients are connected to a port, and what they ask is surely read."""
    deadline = time.monotonic() + 10
    wanted = (f"0100007F:{port:04X}", "01")  # proc_net_tcp.rst: local_address, st ESTABLISHED
    while True:
        rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        if sum((row[1], row[3]) == wanted for row in rows) >= number:
            break
        assert time.monotonic() < deadline, rows
        time.sleep(0.01)
    time.sleep(0.5)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopping_is_quick(number: int) -> None:
    """Open polls of the bot and of the page do not hold it up, and the exit code is 0."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().removeprefix("listening on ").strip()
        paths = (f"/bot{Sandbox.token}/getUpdates?timeout=50", "/chat/messages?user_id=1&wait=25")
        answers: list[int] = []

        def wait(path: str) -> None:
            answers.append(httpx.get(url + path, timeout=60, trust_env=False).status_code)

        threads = [threading.Thread(target=wait, args=(path,)) for path in paths]
        for thread in threads:
            thread.start()
        await_connections(int(url.rpartition(":")[2]), len(threads))
        began = time.monotonic()
        process.send_signal(number)
        assert process.wait(10) == 0
        took = time.monotonic() - began
        for thread in threads:
            thread.join(10)
    assert took < 10  # the polls would have waited for 25 and 50 s; 0.2 s on an idle machine
    assert answers == [200, 200]


def test_it_ends_with_its_parent() -> None:
    """A test that is killed leaves no server behind."""
    script = (
        "import subprocess, sys, time\n"
        f"p = subprocess.Popen({COMMAND!r}, stdout=subprocess.PIPE, text=True)\n"
        "p.stdout.readline()\n"
        "print(p.pid, flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        if "State:\tZ" in _status(pid):
            return
        time.sleep(0.02)
    pytest.fail("the server outlived its parent")


def _status(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/status") as file:  # noqa: PTH123 - one line is enough
            return file.read()
    except FileNotFoundError:
        return "State:\tZ"


def test_limits_are_on_unless_they_are_lifted() -> None:
    """core.telegram.org/bots/faq: 429 with retry_after, in the words and in the parameters."""
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        sandbox = Sandbox(process.stdout.readline().removeprefix("listening on ").strip())
        sandbox.user_id = 9
        sandbox.say()
        answers = [
            sandbox.call("sendMessage", chat_id=9, text="x") for _ in range(PRIVATE_BURST + 2)
        ]
        sandbox.close()
        process.terminate()
    assert {answer.status_code for answer in answers[:PRIVATE_BURST]} == {200}
    assert answers[-1].json() == {
        "ok": False,
        "error_code": 429,
        "description": "Too Many Requests: retry after 1",
        "parameters": {"retry_after": 1},
    }


def test_the_page_is_whole_and_strict(sandbox: Sandbox) -> None:
    """Everything comes from here, no script is inline, and it says that it is a sandbox."""
    page = sandbox.client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "not Telegram" in page.text
    assert re.findall(r"<script(?![^>]*\bsrc=)", page.text) == []
    assert re.findall(r"\sstyle=|\son\w+=", page.text) == []
    linked = re.findall(r'(?:src|href)="(/[^"]+)"', page.text)
    assert linked
    for path in linked:
        assert sandbox.client.get(path).is_success
    script = sandbox.client.get("/assets/chat.js")
    assert script.headers["content-type"].startswith("text/javascript")
    assert "innerHTML" not in script.text
    assert sandbox.client.get("/assets/other.js").status_code == 404


def test_sample_people_differ(sandbox: Sandbox) -> None:
    """Three people to be, reading English, Russian, and what a bot may not speak."""
    people = sandbox.client.get("/chat/bot").json()["people"]
    assert len({person["id"] for person in people}) == 3
    assert {person["language_code"] for person in people} == {"en", "ru", "de"}


def test_logs_have_no_token() -> None:
    """Not even when a call fails, or is dropped."""
    with subprocess.Popen(
        COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        sandbox = Sandbox(process.stdout.readline().removeprefix("listening on ").strip())
        sandbox.refused("sendMessage", chat_id="x")
        sandbox.faults({"method": "getMe", "kind": "drop"})
        with pytest.raises(httpx.RemoteProtocolError):
            sandbox.call("getMe")
        sandbox.close()
        process.terminate()
        out, errors = process.communicate(timeout=10)
    assert Sandbox.token not in out + errors
    assert errors == ""


def test_links_from_other_sites_may_be_followed(sandbox: Sandbox) -> None:
    """A login ends with a redirect from the issuer's origin, whatever Origin a browser sends."""
    headers = {"origin": "null", "sec-fetch-mode": "navigate"}
    assert sandbox.client.get("/", headers=headers).is_success
    assert sandbox.client.post("/chat/messages", headers=headers, json={}).status_code == 403
