"""What people do: writing, forwarding, groups, presses."""

import threading
from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox

TOO_OLD = (
    400,
    "Bad Request: query is too old and response timeout expired or query ID is invalid",
)


def test_a_forwarded_message_tells_its_origin(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#messageoriginuser."""
    message = sandbox.say("x", forwarded=True)
    assert message["forward_origin"]["type"] == "user"
    assert message["forward_origin"]["sender_user"]["id"] == sandbox.user_id


def test_an_anonymous_sender_is_a_chat(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#message: sender_chat, and a fake user in `from`."""
    message = sandbox.say("/login", chat_id=-55, sender_chat=True)
    assert message["sender_chat"]["id"] == -55
    assert message["from"]["username"] == "GroupAnonymousBot"


def test_a_message_can_be_old(sandbox: Sandbox) -> None:
    """A bot that was away finds messages with dates in the past."""
    assert sandbox.say("/login", date=1_600_000_000)["date"] == 1_600_000_000


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("/login", True),
        ("/login@demo_bot", True),
        ("/login@other_bot", False),
        ("hello", False),
        ("hello @demo_bot", True),
    ],
)
def test_privacy_mode_in_groups(sandbox: Sandbox, text: str, seen: bool) -> None:  # noqa: FBT001 - a table
    """core.telegram.org/bots/features#privacy-mode: commands for it, and its name."""
    said = sandbox.say(text, chat_id=-77)
    assert (said["update_id"] is not None) == seen
    assert said["chat"]["type"] == "group"


def test_presses_reach_the_bot(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#callbackquery: who pressed, where, and the data."""
    query = press(sandbox)
    assert query["from"]["id"] == sandbox.user_id
    assert query["data"] == "go"
    assert query["message"]["text"] == "hello"
    assert query["chat_instance"]


def press(sandbox: Sandbox) -> Any:
    """Send a button, press it and return the query that the bot gets."""
    sandbox.say()
    markup = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
    sent = sandbox.send(reply_markup=markup)
    pressed = sandbox.post(
        "/chat/presses", user_id=sandbox.user_id, message_id=sent["message_id"], data="go"
    )
    query = sandbox.ok("getUpdates", offset=-1)[0]["callback_query"]
    assert query["id"] == pressed["callback_query_id"]
    return query


def test_a_press_is_answered_once(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#answercallbackquery; the person sees the answer."""
    query = press(sandbox)
    answer = {"callback_query_id": query["id"], "text": "Done", "show_alert": True}
    assert sandbox.ok("answerCallbackQuery", **answer) is True
    assert sandbox.refused("answerCallbackQuery", **answer) == TOO_OLD
    shown = sandbox.chat()["answers"][-1]
    assert (shown["callback_query_id"], shown["text"]) == (query["id"], "Done")


def test_an_unknown_query_is_too_old(sandbox: Sandbox) -> None:
    """Client.cpp fail_query_with_error, QUERY_ID_INVALID."""
    assert sandbox.refused("answerCallbackQuery", callback_query_id="1") == TOO_OLD


def test_only_buttons_that_are_there_are_pressed(sandbox: Sandbox) -> None:
    """Unless the client is a modified one: then any data arrives."""
    sandbox.say()
    message = sandbox.send()
    body = {"user_id": sandbox.user_id, "message_id": message["message_id"], "data": "evil"}
    assert sandbox.client.post("/chat/presses", json=body).status_code == 404
    assert sandbox.post("/chat/presses", **body, forged=True)["update_id"] is not None


def test_another_person_can_press_in_a_group(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#callbackquery: `from` is who pressed, not who was asked."""
    sandbox.say("/login", chat_id=-88)
    markup = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
    sent = sandbox.ok("sendMessage", chat_id=-88, text="x", reply_markup=markup)
    sandbox.post(
        "/chat/presses", user_id=1003, chat_id=-88, message_id=sent["message_id"], data="go"
    )
    query = sandbox.ok("getUpdates", offset=-1)[0]["callback_query"]
    assert (query["from"]["id"], query["message"]["chat"]["id"]) == (1003, -88)


def test_reading_waits_for_what_is_new(sandbox: Sandbox) -> None:
    """The page shows an answer, and an edit, as soon as it is there."""
    seq = sandbox.say()["seq"]
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(sandbox.chat(after=seq, wait=20)))
    thread.start()
    sent = sandbox.send("there")
    thread.join(15)
    assert [message["text"] for message in found[0]["messages"]] == ["there"]
    sandbox.ok(
        "editMessageText", chat_id=sandbox.user_id, message_id=sent["message_id"], text="edited"
    )
    (changed,) = sandbox.chat(after=found[0]["messages"][0]["seq"])["messages"]
    assert (changed["text"], changed["edited"]) == ("edited", True)


def test_thousands_of_people_come_on_the_fly(sandbox: Sandbox) -> None:
    """A load test needs no preparation."""
    for user_id in range(100_000, 100_050):
        assert sandbox.post("/chat/messages", user_id=user_id, text="/login")["update_id"]
