"""Whatever Telegram does: each /login has one code that redeems once, and nobody is left out."""

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.harness import (
    LINK,
    NEVER_PRINTED,
    TOKEN,
    Telegram,
    Tgauth,
    eventually,
    free_port,
    telegram,
    tgauth,
)

from tgauth.domain.code import derive_webhook_secret
from tgauth.store.master_key import read_master_key

PEOPLE = range(501, 506)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Telegram]:
    """A Telegram."""
    with telegram(tmp_path) as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation that does not run yet."""
    with tgauth(tmp_path, sandbox.url) as prepared:
        yield prepared


def fail(sandbox: Telegram, method: str, kind: str, **more: Any) -> None:
    """Let the next calls of a method fail."""
    sandbox._post("/control/faults", [{"method": method, "kind": kind} | more])


def assert_each_has_one_code(
    sandbox: Telegram, installation: Tgauth, people: range = PEOPLE
) -> None:
    """Wait for everybody's code, redeem it, and see that it was the only one and is good once."""
    for person in people:
        code = sandbox.code(person, within=60)
        assert [200, 400] == [installation.exchange(code).status_code for _ in range(2)]
        assert {code} == codes_sent(sandbox, person)
    for person in people:
        eventually(lambda who=person: is_closed(sandbox, who), within=60)  # type: ignore[misc]  # mypy infers no lambda with a default
        assert 1 == len(codes_sent(sandbox, person))
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def codes_sent(sandbox: Telegram, person: int) -> set[str]:
    """Return the code of each link that was done, whether the bot heard of that or not."""
    texts = [
        json.dumps(call["parameters"])
        for call in sandbox.calls()
        if call["method"] == "sendMessage"
        and call["outcome"].endswith("ok")
        and call["parameters"]["chat_id"] == str(person)
    ]
    return {match[1] for match in map(LINK.search, texts) if match}


def is_closed(sandbox: Telegram, person: int) -> bool:
    """Say whether a message in somebody's chat says that its link was used."""
    return any("You logged in" in message["text"] for message in sandbox.answers(person))


#: What happens to the next calls of each method.
FAULTS: dict[str, dict[str, Any]] = {
    "500": {"kind": "status", "status": 500},
    "502": {"kind": "status", "status": 502},
    "429": {"kind": "status", "status": 429, "retry_after": 1},
    "a closed connection": {"kind": "drop"},
    "an answer lost after it was done": {"kind": "accept_then_drop"},
    "a gateway's page": {"kind": "malformed"},
    "a slow answer": {"kind": "delay", "seconds": 2.0},
}
#: How many calls of each fail: the start is patient, and this test is not.
METHODS = {
    "getMe": 1,
    "deleteWebhook": 1,
    "getUpdates": 3,
    "sendMessage": 4,
    "editMessageText": 4,
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_fault_of_any_call_delays_and_neither_loses_nor_doubles(
    sandbox: Telegram, installation: Tgauth, case: str
) -> None:
    """At the start, while updates are fetched, answers sent and messages changed."""
    for method, count in METHODS.items():
        fail(sandbox, method, count=count, **FAULTS[case])
    for person in PEOPLE:
        sandbox.send(person, "/login")
    served = installation.start("serve")
    assert_each_has_one_code(sandbox, installation)
    assert served.stop() == 0


def test_telegram_that_is_away_at_the_start_and_amid_the_work(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """What is asked meanwhile waits there, what is promised waits here."""
    sandbox.outage(on=True)
    served = installation.start("serve")
    for person in PEOPLE[:2]:
        sandbox.send(person, "/login")
    eventually(lambda: "telegram.unreachable" in installation.output)
    sandbox.outage(on=False)
    codes = [sandbox.code(person, within=60) for person in PEOPLE[:2]]
    sandbox.outage(on=True)
    assert [200, 200] == [installation.exchange(code).status_code for code in codes]
    for person in PEOPLE[2:]:
        sandbox.send(person, "/login")
    time.sleep(3)
    sandbox.outage(on=False)
    for person in PEOPLE[:2]:
        eventually(lambda who=person: is_closed(sandbox, who), within=60)  # type: ignore[misc]  # mypy infers no lambda with a default
    assert_each_has_one_code(sandbox, installation, PEOPLE[2:])
    assert served.stop() == 0


def test_a_token_that_is_revoked_amid_the_work_ends_it_and_loses_nothing(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """With 78 and one line about the token; with a good one everybody is answered."""
    served = installation.start("serve")
    sandbox.send(500, "/login")
    sandbox.code(500)
    fail(sandbox, "sendMessage", "status", status=401)
    for person in PEOPLE:
        sandbox.send(person, "/login")
    assert 78 == served.popen.wait(30)
    assert "TGAUTH_TELEGRAM__TOKEN: Telegram refuses it" in installation.output
    assert "unreachable" not in installation.output

    served = installation.start("serve")
    assert_each_has_one_code(sandbox, installation)
    assert served.stop() == 0


def test_updates_that_are_repeated_are_handled_once(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """However often, in whatever order, also after a restart."""
    served = installation.start("serve")
    numbers = [sandbox.send(person, "/login")["update_id"] for person in PEOPLE]
    for person in PEOPLE:
        sandbox.code(person)
    for _ in range(3):
        for number in reversed(numbers):
            sandbox._post("/control/updates/repeat", {"update_id": number})
    assert served.stop() == 0
    for number in numbers:
        sandbox._post("/control/updates/repeat", {"update_id": number})
    served = installation.start("serve")
    sandbox.send(600, "/login")
    sandbox.code(600)
    assert [1] * len(PEOPLE) == [len(sandbox.sent_codes()[person]) for person in PEOPLE]
    assert_each_has_one_code(sandbox, installation)
    assert served.stop() == 0


@pytest.mark.parametrize("start", [1, 950_000_000])
def test_numbers_that_restart_swallow_nobody(
    sandbox: Telegram, installation: Tgauth, start: int
) -> None:
    """After a quiet week they go on anywhere, lower or higher, also where they were before."""
    installation.start("serve")
    first = sandbox.send(501, "/login")["update_id"]
    sandbox.code(501)
    for person, number in ((502, start), (503, first), (504, start)):
        eventually(lambda: _is_quiet(sandbox))
        sandbox._post("/control/updates/restart_ids", {"next": number})
        assert number == sandbox.send(person, "/login")["update_id"]
        sandbox.code(person)
    assert_each_has_one_code(sandbox, installation, range(501, 505))


def _is_quiet(sandbox: Telegram) -> bool:
    """Say whether Telegram has no update that is not confirmed."""
    answer = httpx.get(f"{sandbox.url}/bot{TOKEN}/getWebhookInfo").json()
    return bool(answer["result"]["pending_update_count"] == 0)


def test_updates_that_come_out_of_order_are_all_handled(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """Webhooks come over many connections: the higher number first, and all at once."""
    served = installation.start("serve", environment={"TGAUTH_TELEGRAM__MODE": "webhook"})
    eventually(lambda: "webhook.set" in installation.output)
    key = read_master_key(installation.database.with_name("tgauth.db.key"))
    headers = {"X-Telegram-Bot-Api-Secret-Token": derive_webhook_secret(key)}
    url = f"{installation.url}/telegram/webhook"
    for person in PEOPLE:
        sandbox._post("/control/accounts", {"user_id": person, "first_name": "P"})
        sandbox.send(person, "hello")
    eventually(lambda: all(sandbox.answers(person) for person in PEOPLE))

    def post(person: int, number: int) -> None:
        body = an_update_of(person, number)
        assert httpx.post(url, json=body, headers=headers, timeout=20).status_code == 200

    threads = [
        threading.Thread(target=post, args=(person, 900_000_000 - person))
        for person in (*PEOPLE, *PEOPLE)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert_each_has_one_code(sandbox, installation)
    assert served.stop() == 0


def an_update_of(person: int, number: int) -> dict[str, Any]:
    """Return somebody's /login as Telegram posts it."""
    return {
        "update_id": number,
        "message": {
            "message_id": number,
            "date": int(time.time()),
            "chat": {"id": person, "type": "private", "first_name": "P"},
            "from": {"id": person, "is_bot": False, "first_name": "P"},
            "text": "/login",
        },
    }


@contextmanager
def behind_tls(target: str, folder: Path, port: int, names: str) -> Iterator[Path]:
    """Terminate TLS in front of an address; give the certificate."""
    certificate, key = folder / f"{names}.pem", folder / f"{names}.key"
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -batch "
        f"-subj /CN=x -addext subjectAltName=DNS:{names} -out {certificate} -keyout {key}".split(),
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    host, _, to_port = target.removeprefix("http://").partition(":")
    listener = socket.create_server(("127.0.0.1", port))

    def serve() -> None:
        with contextlib.suppress(OSError):
            while True:
                plain, _ = listener.accept()
                threading.Thread(target=pass_on, args=(plain,), daemon=True).start()

    def pass_on(plain: socket.socket) -> None:
        with contextlib.suppress(OSError), plain:
            wrapped = context.wrap_socket(plain, server_side=True)
            with wrapped, socket.create_connection((host, int(to_port))) as onward:
                back = threading.Thread(target=pump, args=(onward, wrapped), daemon=True)
                back.start()
                pump(wrapped, onward)
                back.join(30)

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield certificate
    finally:
        # A listener in accept() is woken by this, and not by close() alone.
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def pump(source: socket.socket, sink: socket.socket) -> None:
    """Pass bytes on until one side closes."""
    with contextlib.suppress(OSError):
        while part := source.recv(65536):
            sink.sendall(part)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")
def test_a_certificate_that_is_not_good_is_an_outage_until_it_is(
    sandbox: Telegram, tmp_path: Path
) -> None:
    """The token is sent to nobody, the line names the reason, and no restart is needed."""
    port = free_port()
    trusted = tmp_path / "trusted.pem"
    trusted.touch()
    with tgauth(tmp_path, f"https://localhost:{port}") as installation:
        sandbox.send(501, "/login")
        with behind_tls(sandbox.url, tmp_path, port, "elsewhere.example") as wrong:
            trusted.write_bytes(wrong.read_bytes())
            served = installation.start("serve", environment={"SSL_CERT_FILE": os.fspath(trusted)})
            eventually(lambda: "certificate verify failed" in installation.output)
            assert [] == sandbox.calls()
        assert served.stop() == 0
        with behind_tls(sandbox.url, tmp_path, port, "localhost") as good:
            trusted.write_bytes(good.read_bytes())
            served = installation.start("serve", environment={"SSL_CERT_FILE": os.fspath(trusted)})
            assert_each_has_one_code(sandbox, installation, range(501, 502))
            assert served.stop() == 0
        assert TOKEN not in json.dumps(installation.output)
