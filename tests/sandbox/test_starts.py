"""Links that open the chat, over HTTP: core.telegram.org/bots/features#deep-linking."""

from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox

LONGEST = "aZ09_-" + "x" * 58


def start(sandbox: Sandbox, payload: str) -> Any:
    """Press START behind a link, and return what the bot gets."""
    sandbox.post("/chat/starts", user_id=sandbox.user_id, payload=payload)
    return sandbox.ok("getUpdates", offset=-1)[0]["message"]


@pytest.mark.parametrize("payload", ["a", LONGEST])
def test_start_brings_the_payload_along(sandbox: Sandbox, payload: str) -> None:
    """core.telegram.org/bots/features#deep-linking: "/start PAYLOAD", of up to 64 characters."""
    message = start(sandbox, payload)
    assert f"/start {payload}" == message["text"]
    assert sandbox.user_id == message["from"]["id"] == message["chat"]["id"]
    assert [{"type": "bot_command", "offset": 0, "length": 6}] == message["entities"]
    sandbox.send("now the bot can write")


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ("", "START_PARAM_EMPTY"),
        (LONGEST + "x", "START_PARAM_TOO_LONG"),
        ("a b", "START_PARAM_INVALID"),
        ("a.b", "START_PARAM_INVALID"),
        ("a=", "START_PARAM_INVALID"),
        ("ä", "START_PARAM_INVALID"),
        ("a\n", "START_PARAM_INVALID"),
    ],
)
def test_nothing_else_is_a_payload(sandbox: Sandbox, payload: str, words: str) -> None:
    """core.telegram.org/method/messages.startBot names the errors; no link brings one along."""
    body = {"user_id": sandbox.user_id, "payload": payload}
    pressed = sandbox.client.post("/chat/starts", json=body)
    opened = sandbox.client.get("/demo_bot", params={"start": payload})
    for answer in (pressed, opened):
        assert (400, words) == (answer.status_code, answer.json()["detail"])
    assert [] == sandbox.ok("getUpdates")


def test_a_link_opens_the_chat_and_says_nothing(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/features#deep-linking: the bot hears of it when START is pressed."""
    for path in ("/demo_bot", "/Demo_Bot?start=abc"):
        answer = sandbox.client.get(path)
        assert (200, True) == (answer.status_code, 'id="start"' in answer.text)
    assert [] == sandbox.ok("getUpdates")


def test_a_link_to_another_bot_leads_nowhere(sandbox: Sandbox) -> None:
    """Only one bot lives here: a wrong name must not look like a right one."""
    assert 404 == sandbox.client.get("/other_bot?start=abc").status_code


def test_a_link_from_another_site_is_followed(sandbox: Sandbox) -> None:
    """A person follows a link from the login page; a page of another origin can press nothing."""
    foreign = {"origin": "http://127.0.0.1:9", "sec-fetch-mode": "navigate"}
    assert sandbox.client.get("/demo_bot?start=abc", headers=foreign).is_success
    body = {"user_id": sandbox.user_id, "payload": "abc"}
    assert 403 == sandbox.client.post("/chat/starts", json=body, headers=foreign).status_code


@pytest.mark.parametrize(("way", "again"), [("ask", "/start b"), ("send", "/start b")])
def test_todays_applications_keep_the_payload_of_a_known_chat(
    sandbox: Sandbox, way: str, again: str
) -> None:
    """telegramdesktop/tdesktop issues 27064 and 28127: with a button, or without."""
    sandbox.post("/control/accounts", user_id=sandbox.user_id, deep_links=way)
    assert "/start a" == start(sandbox, "a")["text"]
    assert again == start(sandbox, "b")["text"]


def test_an_application_drops_the_payload_of_a_known_chat(sandbox: Sandbox) -> None:
    """telegramdesktop/tdesktop issue 6978 (1.9.3): "'/start' … without the PAYLOAD"."""
    sandbox.post("/control/accounts", user_id=sandbox.user_id, deep_links="drop")
    assert "/start a" == start(sandbox, "a")["text"]
    assert "/start" == start(sandbox, "b")["text"]


def test_whoever_blocked_the_bot_starts_nothing(sandbox: Sandbox) -> None:
    """As with every message: the bot is unblocked first."""
    sandbox.post("/chat/blocks", user_id=sandbox.user_id, blocked=True)
    body = {"user_id": sandbox.user_id, "payload": "abc"}
    assert 409 == sandbox.client.post("/chat/starts", json=body).status_code


def test_a_quiet_message_looks_quiet_to_the_person_only(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#sendmessage: `disable_notification`; no field of Message is it."""
    sandbox.say()
    quiet = sandbox.send("quiet", disable_notification=True)
    loud = sandbox.send("loud")
    assert "silent" not in quiet
    shown = {one["message_id"]: one["silent"] for one in sandbox.chat()["messages"]}
    assert (True, False) == (shown[quiet["message_id"]], shown[loud["message_id"]])
