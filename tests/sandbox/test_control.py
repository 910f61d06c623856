"""The controls for tests: faults, outages, the journal."""

import time
from typing import Any

import httpx
import pytest
from tests.sandbox.helpers import Sandbox


@pytest.fixture
def bot(sandbox: Sandbox) -> Sandbox:
    """A Telegram whose person has written to the bot."""
    sandbox.say()
    return sandbox


def texts(sandbox: Sandbox) -> list[str]:
    """Return what the person reads."""
    return [message["text"] for message in sandbox.chat()["messages"]]


def test_a_status(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#responseparameters: 429 with retry_after; nothing is done."""
    fault = {"method": "sendMessage", "kind": "status", "status": 429, "retry_after": 3}
    bot.faults(fault, {"method": "sendMessage", "kind": "status", "status": 500})
    first = bot.call("sendMessage", chat_id=bot.user_id, text="x")
    assert first.status_code == 429
    assert first.json()["parameters"] == {"retry_after": 3}
    assert bot.refused("sendMessage", chat_id=bot.user_id, text="x") == (
        500,
        "Internal Server Error",
    )
    assert texts(bot) == ["hi"]
    assert bot.send("y")["text"] == "y"


@pytest.mark.parametrize(("kind", "read"), [("drop", ["hi"]), ("accept_then_drop", ["hi", "x"])])
def test_a_dropped_connection(bot: Sandbox, kind: str, read: list[str]) -> None:
    """Without an answer nobody can tell whether the message went: here it did, or did not."""
    bot.faults({"method": "SENDMESSAGE", "kind": kind})
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        bot.call("sendMessage", chat_id=bot.user_id, text="x")
    assert texts(bot) == read
    assert bot.ok("getMe")


def test_a_malformed_answer(bot: Sandbox) -> None:
    """A gateway's page instead of JSON."""
    bot.faults({"method": "*", "kind": "malformed"})
    assert bot.call("getMe").text.startswith("<html>")
    assert bot.ok("getMe")


def test_a_delay(bot: Sandbox) -> None:
    """A slow Telegram still does what it was asked."""
    bot.faults({"method": "getMe", "kind": "delay", "seconds": 0.5})
    began = time.monotonic()
    assert bot.ok("getMe")
    assert time.monotonic() - began >= 0.5


def test_faults_are_counted_and_can_be_taken_back(bot: Sandbox) -> None:
    """`count` calls fail, and none after DELETE."""
    fault = {"method": "getMe", "kind": "status", "count": 2}
    bot.faults(fault)
    assert [bot.call("getMe").status_code for _ in range(3)] == [500, 500, 200]
    bot.faults(fault)
    bot.client.delete("/control/faults")
    assert bot.ok("getMe")


def test_an_outage_takes_every_call(bot: Sandbox) -> None:
    """Telegram is away until it is back; what people write meanwhile waits."""
    bot.post("/control/outage", on=True)
    for method in ("getMe", "getUpdates", "sendMessage"):
        with pytest.raises(httpx.RemoteProtocolError):
            bot.call(method)
    said = bot.say("meanwhile")
    bot.post("/control/outage", on=False)
    assert bot.ok("getUpdates")[-1]["update_id"] == said["update_id"]


def test_the_journal_has_no_token(bot: Sandbox) -> None:
    """Parameters, time and outcome of each call; the token never, not even inside a text."""
    bot.send(f"my token is {Sandbox.token}")
    bot.ok("setWebhook", url="https://bot.example.com/hook", secret_token="hidden-1")
    bot.refused("getUpdates")
    answer = bot.client.get("/control/calls", params={"after": 0})
    assert Sandbox.token not in answer.text
    assert "hidden-1" not in answer.text
    sent, hook, poll = answer.json()["calls"][-3:]
    assert (sent["method"], sent["outcome"]) == ("sendMessage", "ok")
    assert sent["parameters"] == {"chat_id": bot.user_id, "text": "my token is ***"}
    assert hook["parameters"]["secret_token"] == "***"
    assert poll["outcome"].startswith("409 Conflict")
    assert abs(poll["time"] - time.time()) < 60
    later = bot.client.get("/control/calls", params={"after": hook["seq"]}).json()["calls"]
    assert later == [poll]


def test_an_update_can_come_again(bot: Sandbox) -> None:
    """Although it was confirmed, as after a failure at Telegram's side."""
    update_id = bot.say("again")["update_id"]
    assert bot.ok("getUpdates", offset=update_id + 1) == []
    bot.post("/control/updates/repeat", update_id=update_id)
    (update,) = bot.ok("getUpdates", offset=update_id + 1)
    assert (update["update_id"], update["message"]["text"]) == (update_id, "again")
    unknown: dict[str, Any] = {"update_id": 1}
    assert bot.client.post("/control/updates/repeat", json=unknown).status_code == 404


def test_ids_can_restart(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#update: after a week, "the next … will be chosen randomly"."""
    assert bot.client.post("/control/updates/restart_ids", json={"next": 5}).status_code == 409
    bot.ok("deleteWebhook", drop_pending_updates=True)
    bot.post("/control/updates/restart_ids", next=5)
    assert bot.say()["update_id"] == 5


@pytest.mark.parametrize("header", [{"origin": "https://evil.example"}, {"host": "evil.example"}])
def test_other_sites_are_kept_out(bot: Sandbox, header: dict[str, str]) -> None:
    """A page of another site, or a name that points here, presses no buttons."""
    for path in ("/chat/bot", "/control/calls", f"/bot{Sandbox.token}/getMe"):
        assert bot.client.get(path, headers=header).status_code == 403
