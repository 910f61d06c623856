"""Promises of SIGHUP to the real command: settings are read anew, and nobody notices."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.harness import (
    NEVER_PRINTED,
    TOKEN,
    Process,
    Telegram,
    Tgauth,
    eventually,
    free_port,
    telegram,
    tgauth,
)

#: What stands in the settings file instead of the environment, and can be changed.
IN_THE_FILE = ("TGAUTH_LOGIN__ALLOW", "TGAUTH_TELEGRAM__TOKEN")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Telegram]:
    """A Telegram."""
    with telegram(tmp_path) as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation with a settings file."""
    with tgauth(tmp_path, sandbox.url) as prepared:
        prepared.environment["TGAUTH_CONFIG_FILE"] = str(tmp_path / "tgauth.toml")
        for name in IN_THE_FILE:
            del prepared.environment[name]
        settle(prepared)
        yield prepared


def settle(
    installation: Tgauth, *, allow: str = '"everyone"', token: str = TOKEN, more: str = ""
) -> None:
    """Write the settings file."""
    text = f'[login]\nallow = {allow}\n[telegram]\ntoken = "{token}"\n{more}'
    file = installation.folder / "tgauth.toml"
    file.write_text(text)
    file.chmod(0o600)


def reload(served: Process, outcome: str = "supervisor.reloaded") -> None:
    """Send SIGHUP, and wait for what comes of it."""
    before = served.output.count(outcome)
    served.popen.send_signal(signal.SIGHUP)
    eventually(lambda: served.output.count(outcome) > before)


def both(served: Process) -> dict[str, int]:
    """Return the pids of both children."""
    return eventually(lambda: c if {"api", "bot"} <= set(c := served.children()) else {})


def test_new_settings_hold_after_a_reload(sandbox: Telegram, installation: Tgauth) -> None:
    """Both processes are new, and do what the file says now."""
    served = installation.start("serve")
    before = both(served)
    sandbox.send(42, "/login")
    code = sandbox.code(42)
    settle(installation, allow="[43]")

    reload(served)

    after = both(served)
    assert not set(before.values()) & set(after.values())
    sandbox.send(43, "/login")
    assert installation.exchange(sandbox.code(43)).status_code == 200
    # Allowed when it was asked for, and no more when it is redeemed.
    assert installation.exchange(code).status_code == 400
    assert served.stop() == 0
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"allow": '"nobody"'}, "tgauth.toml: login.allow"),
        ({"token": "4242:another-token-entirely"}, "Telegram refuses it"),
        ({"more": '[branding]\nlogo = "missing.png"\n'}, "branding.logo"),
    ],
    ids=["refused at once", "refused by Telegram", "refused by a file"],
)
def test_bad_settings_change_nothing(
    wrong: dict[str, str], said: str, sandbox: Telegram, installation: Tgauth
) -> None:
    """What ran goes on, the log says why, and once it is mended a reload works."""
    served = installation.start("serve")
    before = both(served)
    settle(installation, **wrong)

    reload(served, "supervisor.reload_failed")

    assert both(served) == before
    assert said in installation.output
    assert wrong.get("token", "\0") not in installation.output
    sandbox.send(42, "/login")
    assert installation.exchange(sandbox.code(42)).status_code == 200
    settle(installation)
    reload(served)
    assert not set(before.values()) & set(both(served).values())
    assert served.stop() == 0


def test_what_a_reload_cannot_change_is_said(installation: Tgauth) -> None:
    """And the processes go on working where they did, on the store that they had."""
    del installation.environment["TGAUTH_DATABASE__PATH"]
    settle(installation, more='[database]\npath = "tgauth.db"\n')
    served = installation.start("serve")
    settle(installation, more='[database]\npath = "other.db"\n')

    reload(served)

    eventually(lambda: "supervisor.not_reloaded" in installation.output)
    assert "database.path is" in installation.output
    assert not (installation.folder / "other.db").exists()
    assert served.stop() == 0


def test_metrics_that_are_turned_off_leave_their_address_to_nobody(installation: Tgauth) -> None:
    """It is held until a restart, which is said, and nothing else is to be seen there."""
    port = free_port()
    settle(installation, more=f"[metrics]\nport = {port}\n")
    served = installation.start("serve")
    address = f"http://127.0.0.1:{port}"
    assert httpx.get(f"{address}/metrics").status_code == 200
    settle(installation)

    reload(served)

    eventually(lambda: f"metrics.port is None now, and stays {port}" in installation.output)
    paths = ("/metrics", "/healthz", "/.well-known/jwks.json")
    assert {404} == {httpx.get(f"{address}{path}").status_code for path in paths}
    assert httpx.get(f"{installation.url}/healthz").status_code == 200
    assert served.stop() == 0


def test_the_number_of_workers_can_change(installation: Tgauth) -> None:
    """From one to two and back."""
    served = installation.start("serve")
    settle(installation, more="[api]\nworkers = 2\n")
    reload(served)
    assert "name=api-2" in installation.output
    assert httpx.get(f"{installation.url}/healthz").status_code == 200
    settle(installation)
    reload(served)
    assert httpx.get(f"{installation.url}/healthz").status_code == 200
    assert served.stop() == 0


def test_the_bot_answers_all_the_while(sandbox: Telegram, installation: Tgauth) -> None:
    """Somebody asks every tenth of a second while it is replaced twice: none is late or lost."""
    served = installation.start("serve")
    people = range(1000, 1060)

    def ask() -> None:
        for person in people:
            sandbox.send(person, "/login")
            time.sleep(0.1)

    asking = threading.Thread(target=ask)
    asking.start()
    time.sleep(0.5)
    reload(served)
    reload(served)
    asking.join()
    codes = {person: sandbox.code(person) for person in people}
    assert len(set(codes.values())) == len(people)
    assert "telegram.conflict" not in installation.output
    statuses = {installation.exchange(code).status_code for code in codes.values()}
    assert statuses == {200}
    assert served.stop() == 0
    lateness = [lateness_of(sandbox, person) for person in people]
    assert max(lateness) < 3


def lateness_of(sandbox: Telegram, person: int) -> int:
    """Return how many seconds of Telegram's clock an answer came after its question."""
    found = sandbox.client.get(f"{sandbox.url}/chat/messages", params={"user_id": person}).json()
    asked, answered = found["messages"][:2]
    return int(answered["date"]) - int(asked["date"])


def test_a_hung_api_is_replaced(installation: Tgauth) -> None:
    """Whatever stops it (SIGSTOP here): within its time it is found, and requests are answered."""
    served = installation.start("serve")
    api = both(served)["api"]
    os.kill(api, signal.SIGSTOP)

    assert httpx.get(f"{installation.url}/healthz", timeout=40).status_code == 200

    assert "child.hung name=api" in installation.output
    assert served.stop() == 0


def test_a_second_bot_waits_for_the_first(sandbox: Telegram, installation: Tgauth) -> None:
    """On one store they never poll at the same time; the second takes over where the first ends."""
    first = installation.start("run", "bot", wait=False)
    eventually(lambda: installation.output.count("bot.polling") == 1)
    second = installation.start("run", "bot", wait=False)
    eventually(lambda: f"bot.waiting until_ended={first.popen.pid}" in installation.output)
    sandbox.send(42, "/login")
    sandbox.code(42)
    assert first.stop(signal.SIGKILL) == -signal.SIGKILL
    sandbox.send(43, "/login")
    sandbox.code(43)
    assert installation.output.count("bot.polling") == 2
    assert "telegram.conflict" not in installation.output
    assert second.stop() == 0
