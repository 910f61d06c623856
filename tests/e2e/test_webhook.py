"""Webhook mode from outside, and the way there and back: nothing is lost, nothing comes twice."""

import sqlite3
from contextlib import closing
from typing import Any

import httpx
from tests.harness import TOKEN, Telegram, Tgauth, eventually

WEBHOOK = {"TGAUTH_TELEGRAM__MODE": "webhook"}
POLLING = {"TGAUTH_TELEGRAM__MODE": "polling"}


def webhook_of(sandbox: Telegram) -> dict[str, Any]:
    """Return what Telegram says of the webhook."""
    answer = httpx.get(f"{sandbox.url}/bot{TOKEN}/getWebhookInfo")
    return dict(answer.json()["result"])


def is_set(sandbox: Telegram, installation: Tgauth) -> bool:
    """Say whether Telegram posts to this installation."""
    return bool(webhook_of(sandbox)["url"] == f"{installation.url}/telegram/webhook")


def calls_of(sandbox: Telegram, method: str) -> int:
    """Count the calls of a method."""
    return sum(call["method"].lower() == method.lower() for call in sandbox.calls())


def updates_in(installation: Tgauth) -> list[tuple[int, str]]:
    """Return number and state of every update that was ever kept."""
    with closing(sqlite3.connect(installation.database)) as store:
        return list(store.execute("SELECT update_id, state FROM inbox ORDER BY sequence"))


def test_a_login_in_webhook_mode(sandbox: Telegram, installation: Tgauth) -> None:
    """Posted, kept, answered, and the used link is said to be used."""
    served = installation.start("serve", environment=WEBHOOK)
    eventually(lambda: is_set(sandbox, installation))
    sandbox.send(41, "/login")
    sandbox.code(41)

    sandbox.send(42, "/login")
    code = sandbox.code(42)
    assert installation.exchange(code).status_code == 200
    eventually(lambda: "You logged in" in sandbox.answers(42)[0]["text"])

    assert 0 == calls_of(sandbox, "getUpdates")
    assert {"callback_query", "message"} == set(webhook_of(sandbox)["allowed_updates"])
    assert served.stop() == 0
    assert is_set(sandbox, installation)
    assert TOKEN not in installation.output


def test_a_start_sets_no_webhook_that_is_set(sandbox: Telegram, installation: Tgauth) -> None:
    """Telegram is asked, and told only what it does not know."""
    for person in (42, 43):
        asked = calls_of(sandbox, "getWebhookInfo")
        served = installation.start("serve", environment=WEBHOOK)
        sandbox.send(person, "/login")
        sandbox.code(person)
        assert calls_of(sandbox, "getWebhookInfo") > asked
        assert served.stop() == 0
    assert 1 == calls_of(sandbox, "setWebhook")


def test_the_way_there_and_back_loses_nothing(sandbox: Telegram, installation: Tgauth) -> None:
    """Whoever writes while nothing runs, or while either mode does, is answered once."""
    person = 100
    everybody = []
    for mode in (POLLING, WEBHOOK, POLLING, WEBHOOK, POLLING):
        served = installation.start("serve", environment=mode)
        for _ in range(5):
            sandbox.send(person, "/login")
            everybody.append(person)
            person += 1
        if mode is WEBHOOK:
            eventually(lambda: is_set(sandbox, installation))
        assert served.stop() == 0
        for _ in range(5):
            sandbox.send(person, "/login")
            everybody.append(person)
            person += 1
    installation.start("serve", environment=POLLING)

    for one in everybody:
        assert installation.exchange(sandbox.code(one)).status_code == 200
    sent = sandbox.sent_codes()
    assert [1] * len(everybody) == [len(set(sent[one])) for one in everybody]
    assert len(everybody) == len(updates_in(installation))
    assert "" == webhook_of(sandbox)["url"]


def test_what_was_fetched_and_is_posted_again_is_one_update(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """And the other way round: its key is the same in both modes."""
    served = installation.start("serve", environment=POLLING)
    first = sandbox.send(42, "/login")["update_id"]
    sandbox.code(42)
    assert served.stop() == 0

    served = installation.start("serve", environment=WEBHOOK)
    eventually(lambda: is_set(sandbox, installation))
    sandbox._post("/control/updates/repeat", {"update_id": first})
    second = sandbox.send(43, "/login")["update_id"]
    sandbox.code(43)
    assert served.stop() == 0

    installation.start("serve", environment=POLLING)
    sandbox._post("/control/updates/repeat", {"update_id": first})
    sandbox._post("/control/updates/repeat", {"update_id": second})
    sandbox.send(44, "/login")
    sandbox.code(44)

    assert [first, second, second + 1] == [number for number, _ in updates_in(installation)]
    assert [1, 1] == [len(sandbox.sent_codes()[person]) for person in (42, 43)]


def test_an_update_that_was_not_kept_is_posted_again(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """While the API is away Telegram keeps it; the bot alone answers nobody."""
    served = installation.start("serve", environment=WEBHOOK)
    eventually(lambda: is_set(sandbox, installation))
    assert served.stop() == 0
    sandbox.send(42, "/login")
    eventually(lambda: "last_error_message" in webhook_of(sandbox))
    installation.start("serve", environment=WEBHOOK)
    sandbox.code(42)


def test_a_webhook_that_somebody_removes_comes_back(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """At the latest with the next look; who wrote meanwhile is answered then."""
    installation.start("serve", environment=WEBHOOK)
    eventually(lambda: is_set(sandbox, installation))
    httpx.post(f"{sandbox.url}/bot{TOKEN}/deleteWebhook").raise_for_status()
    sandbox.send(42, "/login")
    sandbox.code(42, within=80)
    assert is_set(sandbox, installation)


def test_a_webhook_that_telegram_cannot_reach_stops_the_start(installation: Tgauth) -> None:
    """With 78 and the key."""
    ended = installation.start(
        "serve",
        wait=False,
        environment=WEBHOOK
        | {
            "TGAUTH_ISSUER": "https://login.example.org:9443",
            "TGAUTH_TELEGRAM__API_URL": "https://api.telegram.org",
        },
    )
    assert 78 == ended.popen.wait(20)
    assert "TGAUTH_TELEGRAM__MODE: webhook, and Telegram cannot post to" in installation.output
