"""The real command, from outside."""

import os
import signal
import socket
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import jwt
import pytest
from tests.harness import (
    NEVER_PRINTED,
    TOKEN,
    Telegram,
    Tgauth,
    answers,
    eventually,
)


def test_a_login_in_the_chat_becomes_a_token(sandbox: Telegram, installation: Tgauth) -> None:
    """The main job: /login, a link, a code, a JWT that any library verifies, and /api/auth/me."""
    served = installation.start("serve")
    sandbox.send(42, "/login", first_name="Ann", last_name="Lee", username="ann")

    answer = installation.exchange(sandbox.code(42)).json()

    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 900
    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{installation.url}/.well-known/jwks.json").json())
    header = jwt.get_unverified_header(answer["access_token"])
    assert header["typ"] == "at+jwt"
    claims = jwt.decode(
        answer["access_token"],
        keys[header["kid"]],
        algorithms=["ES256"],
        audience="default",
        issuer=installation.url,
        options={"require": ["exp", "iat", "sub", "jti", "sid", "client_id"]},
    )
    assert claims["telegram_id"] == 42
    assert claims["sub"] == answer["user"]["sub"] != "42"
    assert claims["exp"] - claims["iat"] == 900
    me = installation.me(answer["access_token"]).json()
    assert me["user"] == answer["user"]
    assert me["user"]["name"] == "Ann Lee"
    assert served.stop() == 0


def test_a_public_address_is_sent_as_a_button(sandbox: Telegram, installation: Tgauth) -> None:
    """Where Telegram takes the link as a button it is one, protected and without a preview."""
    issuer = "https://login.example.org"
    installation.start("serve", environment={"TGAUTH_ISSUER": issuer})
    sandbox.send(42, "/login")

    code = sandbox.code(42)

    [answer] = sandbox.answers(42)
    [[button]] = answer["reply_markup"]["inline_keyboard"]
    assert button["url"] == f"{issuer}/auth/callback?code={code}"
    assert code not in answer["text"]
    assert answer["has_protected_content"] is True
    assert answer["link_preview_options"]["is_disabled"] is True


def test_people_who_may_not_log_in_get_a_polite_answer(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """Somebody who is not on the list reads their own id, and no login begins."""
    installation.start("serve", environment={"TGAUTH_LOGIN__ALLOW": "41, 43"})
    sandbox.send(42, "/login")
    sandbox.send(43, "/login")

    assert installation.exchange(sandbox.code(43)).status_code == 200
    [refusal] = eventually(lambda: sandbox.answers(42))
    assert "your Telegram id: 42" in refusal["text"]
    assert sandbox.codes(42) == []


def test_two_hundred_threads_redeem_one_code_once(sandbox: Telegram, installation: Tgauth) -> None:
    """One wins, 199 are refused, and losing the race does not harm the winner's token."""
    installation.start("serve", environment={"TGAUTH_API__WORKERS": "2"})
    sandbox.send(42, "/login")
    code = sandbox.code(42)
    together = threading.Barrier(200)
    outcomes: list[httpx.Response] = []

    def redeem() -> None:
        with httpx.Client(timeout=60) as client:
            together.wait(30)
            outcomes.append(
                client.post(f"{installation.url}/api/auth/callback", json={"code": code})
            )

    threads = [threading.Thread(target=redeem) for _ in range(200)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(90)

    assert Counter({400: 199, 200: 1}) == Counter(one.status_code for one in outcomes)
    assert {"invalid_grant"} == {one.json()["error"] for one in outcomes if one.status_code == 400}
    [winner] = [one.json() for one in outcomes if one.status_code == 200]
    assert installation.me(winner["access_token"]).status_code == 200


def test_a_login_outlives_a_restart_of_everything(sandbox: Telegram, installation: Tgauth) -> None:
    """A code from before the restart is good after it, and so is a /login sent in between."""
    first = installation.start("serve")
    sandbox.send(42, "/login")
    code = sandbox.code(42)
    assert first.stop() == 0
    sandbox.send(43, "/login")

    installation.start("serve")

    assert installation.exchange(code).status_code == 200
    assert installation.exchange(sandbox.code(43)).status_code == 200


def test_a_child_that_dies_is_replaced_alone(sandbox: Telegram, installation: Tgauth) -> None:
    """The other child keeps its process, and both do their work afterwards."""
    served = installation.start("serve")
    before = eventually(lambda: both(served.children()))
    os.kill(before["api"], signal.SIGKILL)

    after = eventually(lambda: replaced(served.children(), "api", before["api"]))

    assert after["bot"] == before["bot"]
    sandbox.send(42, "/login")
    assert installation.exchange(sandbox.code(42)).status_code == 200


def test_connections_wait_while_the_api_is_replaced(installation: Tgauth) -> None:
    """A request that comes between a crash and the restart is answered, not refused."""
    served = installation.start("serve")
    os.kill(eventually(lambda: both(served.children()))["api"], signal.SIGKILL)

    answer = httpx.get(f"{installation.url}/healthz", timeout=20)

    assert answer.status_code == 200


def both(children: dict[str, int]) -> dict[str, int]:
    """Return the children once both run."""
    return children if {"api", "bot"} <= set(children) else {}


def replaced(children: dict[str, int], name: str, pid: int) -> dict[str, int]:
    """Return the children once `name` has another pid."""
    return both(children) if children.get(name) not in {None, pid} else {}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_in_order(number: signal.Signals, installation: Tgauth) -> None:
    """Exit code 0, the bot before the API, and nobody is left."""
    served = installation.start("serve")
    children = eventually(lambda: both(served.children()))

    assert served.stop(number) == 0

    output = installation.output
    assert output.index("child.exited name=bot") < output.index("child.exited name=api")
    assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())


def test_stalled_clients_do_not_hold_up_a_stop(installation: Tgauth) -> None:
    """A body that never comes is cut off with 503 at the deadline, and nothing ugly is printed."""
    served = installation.start("serve", options=("-X", "dev"))
    host, port = installation.url.removeprefix("http://").split(":")
    with (
        socket.create_connection((host, int(port))) as half_a_body,
        socket.create_connection((host, int(port))) as half_a_header,
        socket.create_connection((host, int(port))),
    ):
        half_a_body.sendall(
            b"POST /api/auth/callback HTTP/1.1\r\nHost: here\r\n"
            b"Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
        )
        half_a_header.sendall(b"GET /heal")
        # Answered after them, so they have been read.
        assert answers(f"{installation.url}/healthz")

        assert served.stop() == 0

        half_a_body.settimeout(5)
        assert half_a_body.recv(100).startswith(b"HTTP/1.1 503")
    assert "killing" not in installation.output
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def test_the_api_is_not_given_the_bots_token(sandbox: Telegram, installation: Tgauth) -> None:
    """Where it comes by the environment, whoever takes over an API process does not find it."""
    served = installation.start("serve")
    children = eventually(lambda: both(served.children()))
    found = {
        name: TOKEN.encode() in Path(f"/proc/{pid}/environ").read_bytes()
        for name, pid in children.items()
    }
    assert {"api": False, "bot": True} == found
    sandbox.send(42, "/login")
    assert installation.exchange(sandbox.code(42)).status_code == 200


def test_no_orphan_survives_a_killed_supervisor(installation: Tgauth) -> None:
    """SIGKILL of the supervisor takes its children along."""
    served = installation.start("serve")
    children = eventually(lambda: both(served.children()))

    served.stop(signal.SIGKILL)

    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in children.values()))


@pytest.mark.parametrize("command", [("serve",), ("run", "bot")], ids=" ".join)
def test_nothing_unseemly_is_printed_under_dev_mode(
    command: tuple[str, ...], sandbox: Telegram, installation: Tgauth
) -> None:
    """Start, an outage of Telegram, and SIGTERM in the middle of a second one: only log lines."""
    process = installation.start(*command, options=("-X", "dev"), wait=command == ("serve",))
    sandbox.send(42, "/login")
    sandbox.code(42)
    sandbox.outage(on=True)
    sandbox.send(43, "/login")
    eventually(lambda: "telegram.unreachable" in installation.output)
    sandbox.outage(on=False)
    sandbox.code(43)
    sandbox.stop()
    time.sleep(0.5)

    assert process.stop() == 0

    output = installation.output
    assert [phrase for phrase in NEVER_PRINTED if phrase in output] == []
    assert TOKEN not in output


def test_nothing_unseemly_is_printed_when_telegram_was_never_there(installation: Tgauth) -> None:
    """The API comes up without Telegram, and a stop while the bot still tries is clean."""
    served = installation.start(
        "serve",
        options=("-X", "dev"),
        environment={"TGAUTH_TELEGRAM__API_URL": "http://127.0.0.1:9"},
    )
    eventually(lambda: installation.output.count("telegram.unreachable") > 1)

    assert served.stop() == 0

    assert [phrase for phrase in NEVER_PRINTED if phrase in installation.output] == []


def test_a_refused_token_ends_serve_with_78(installation: Tgauth) -> None:
    """Only another token helps, so nothing is tried again, and the line names the key."""
    other = "4242:another-token-entirely"
    served = installation.start("serve", wait=False, environment={"TGAUTH_TELEGRAM__TOKEN": other})

    assert served.popen.wait(20) == 78
    assert "TGAUTH_TELEGRAM__TOKEN" in installation.output
    assert other not in installation.output


def test_a_missing_setting_ends_serve_with_78(installation: Tgauth) -> None:
    """Without TGAUTH_LOGIN__ALLOW nothing starts, and the line shows both choices."""
    del installation.environment["TGAUTH_LOGIN__ALLOW"]
    served = installation.start("serve", wait=False)

    assert served.popen.wait(20) == 78
    assert "TGAUTH_LOGIN__ALLOW: not set; expected either 'everyone', or" in installation.output


def test_a_taken_port_ends_serve_with_78(installation: Tgauth, sandbox: Telegram) -> None:
    """The line says which address is taken and which keys choose it."""
    taken = sandbox.url.rpartition(":")[2]
    served = installation.start("serve", wait=False, environment={"TGAUTH_API__PORT": taken})

    assert served.popen.wait(20) == 78
    assert f"127.0.0.1:{taken}" in installation.output
    assert "TGAUTH_API__PORT" in installation.output


def test_secrets_are_neither_logged_nor_in_the_database(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """At debug level, with a login gone through, no code, token or key stands in log or store."""
    served = installation.start("serve", environment={"TGAUTH_LOG__LEVEL": "debug"})
    sandbox.send(42, "/login")
    code = sandbox.code(42)
    token = installation.exchange(code).json()["access_token"]
    assert installation.exchange(code).status_code == 400
    httpx.get(f"{installation.url}/auth/callback", params={"code": code})
    assert served.stop() == 0

    kept = installation.output.encode()
    for file in installation.folder.glob("tgauth.db*"):
        if file.is_file() and file.suffix != ".key":
            kept += file.read_bytes()
    master_key = (installation.folder / "tgauth.db.key").read_bytes().strip()
    for secret in (code.encode(), token.encode(), TOKEN.encode(), master_key, b'"d":'):
        assert secret not in kept


def test_the_store_is_ours_alone(installation: Tgauth) -> None:
    """Database, lock and master key are readable by their owner only, whatever the umask."""
    served = installation.start("serve")
    wakeups = installation.folder / "tgauth.db.wake"
    eventually(wakeups.exists)

    modes = {
        file.name: oct(file.stat().st_mode & 0o777)
        for file in installation.folder.glob("tgauth.db*")
    }

    assert "0o700" == modes.pop(wakeups.name)
    assert {"0o600"} == set(modes.values())
    assert served.stop() == 0
    with sqlite3.connect(installation.database) as store:
        assert store.execute("PRAGMA journal_mode").fetchall() == [("wal",)]
    store.close()


def test_two_first_starts_at_once_agree_on_one_key(sandbox: Telegram, installation: Tgauth) -> None:
    """API and bot started alone at the same moment make one store, one master key, one JWKS."""
    installation.start("run", "bot", wait=False)
    installation.start("run", "api")
    sandbox.send(42, "/login")

    assert installation.exchange(sandbox.code(42)).status_code == 200
    assert len(httpx.get(f"{installation.url}/.well-known/jwks.json").json()["keys"]) == 1


def test_an_outage_delays_answers_and_loses_none(sandbox: Telegram, installation: Tgauth) -> None:
    """What is asked while Telegram is unreachable is answered once it is back."""
    installation.start("serve")
    sandbox.send(41, "/login")
    sandbox.code(41)
    sandbox.outage(on=True)
    for person in range(50, 60):
        sandbox.send(person, "/login")
    eventually(lambda: "telegram.unreachable" in installation.output)
    sandbox.outage(on=False)

    for person in range(50, 60):
        assert installation.exchange(sandbox.code(person)).status_code == 200
