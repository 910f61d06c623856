"""Presses of callback buttons and the answers to them, over HTTP."""

from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox

GO = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


@pytest.fixture
def bot(sandbox: Sandbox) -> Sandbox:
    """A Telegram whose person has written to the bot."""
    sandbox.say("/start")
    sandbox.ok("getUpdates", offset=-1)
    return sandbox


def press(bot: Sandbox, message: Any, **more: Any) -> Any:
    """Press the button; return what the chat side says."""
    body = {"user_id": bot.user_id, "message_id": message["message_id"], "data": "go", **more}
    return bot.post("/chat/presses", **body)


def refused_press(bot: Sandbox, message: Any, **more: Any) -> int:
    """Press what cannot be pressed; return the status."""
    body = {"user_id": bot.user_id, "message_id": message["message_id"], "data": "go", **more}
    return bot.client.post("/chat/presses", json=body).status_code


def test_a_press_becomes_a_callback_query(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#callbackquery: id, from, message, chat_instance, data."""
    sent = bot.send(reply_markup=GO)
    pressed = press(bot, sent)
    update = bot.ok("getUpdates")[-1]
    query = update["callback_query"]
    assert update["update_id"] == pressed["update_id"]
    assert set(query) == {"id", "from", "message", "chat_instance", "data"}
    assert query["id"] == pressed["callback_query_id"]
    assert query["from"]["id"] == bot.user_id
    assert query["message"] == sent
    assert query["data"] == "go"


def test_the_chat_instance_is_that_of_the_chat(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#callbackquery: "uniquely corresponding to the chat"."""
    first = bot.send(reply_markup=GO)
    press(bot, first)
    press(bot, first)
    bot.user_id += 200_000
    bot.say()
    press(bot, bot.send(reply_markup=GO))
    updates = bot.ok("getUpdates")
    instances = [u["callback_query"]["chat_instance"] for u in updates if "callback_query" in u]
    assert instances[0] == instances[1] != instances[2]


def test_presses_that_are_not_asked_for_are_lost(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#getupdates: `allowed_updates`; the press cannot be seen later."""
    sent = bot.send(reply_markup=GO)
    bot.ok("getUpdates", allowed_updates=["message"])
    assert press(bot, sent)["update_id"] is None
    bot.ok("getUpdates", allowed_updates=["message", "callback_query"])
    assert press(bot, sent)["update_id"] is not None


def test_nobody_presses_what_is_not_there(bot: Sandbox) -> None:
    """A deleted message, a keyboard that an edit took away, a message that never was."""
    sent = bot.send(reply_markup=GO)
    target = {"chat_id": bot.user_id, "message_id": sent["message_id"]}
    bot.ok("editMessageText", **target, text="over")
    assert refused_press(bot, sent) == 404
    bot.ok("editMessageReplyMarkup", **target, reply_markup=GO)
    assert press(bot, sent)["update_id"] is not None
    bot.ok("deleteMessage", **target)
    assert refused_press(bot, sent) == 404
    assert refused_press(bot, {"message_id": 99}) == 404


def test_whoever_blocked_the_bot_presses_nothing(bot: Sandbox) -> None:
    """A client first asks to unblock the bot; a deleted account has no client."""
    sent = bot.send(reply_markup=GO)
    bot.post("/chat/blocks", user_id=bot.user_id, blocked=True)
    assert refused_press(bot, sent) == 409
    bot.post("/chat/blocks", user_id=bot.user_id, blocked=False)
    bot.post("/control/accounts", user_id=bot.user_id, deactivated=True)
    assert refused_press(bot, sent) == 409


def test_a_press_that_crosses_with_a_deletion(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#inaccessiblemessage: chat, message_id, and date "Always 0"."""
    sent = bot.send(reply_markup=GO)
    bot.ok("deleteMessage", chat_id=bot.user_id, message_id=sent["message_id"])
    press(bot, sent, forged=True)
    query = bot.ok("getUpdates")[-1]["callback_query"]
    expected = {"chat": sent["chat"], "message_id": sent["message_id"], "date": 0}
    assert query["message"] == expected


@pytest.mark.parametrize(
    ("text", "accepted"), [("x" * 200, True), ("x" * 201, False), ("🏟" * 101, False)]
)
def test_an_answer_has_200_characters_at_most(
    bot: Sandbox,
    text: str,
    accepted: bool,  # noqa: FBT001 - a table
) -> None:
    """core.telegram.org/bots/api#answercallbackquery: "0-200 characters"."""
    query_id = press(bot, bot.send(reply_markup=GO))["callback_query_id"]
    answer = bot.call("answerCallbackQuery", callback_query_id=query_id, text=text)
    assert answer.json()["ok"] is accepted
    if not accepted:
        assert answer.json()["description"] == "Bad Request: MESSAGE_TOO_LONG"


@pytest.mark.parametrize(
    ("url", "accepted"),
    [
        ("https://t.me/demo_bot?start=abc", True),
        ("t.me/Demo_Bot?start=abc", True),
        ("tg://resolve?domain=demo_bot&start=abc", True),
        ("https://t.me/demo_bot", False),
        ("https://t.me/other_bot?start=abc", False),
        ("https://login.example.org/", False),
        ("https://t.me/demo_bot?start=a%20b", False),
    ],
)
def test_an_answer_opens_only_the_bot_itself(
    bot: Sandbox,
    url: str,
    accepted: bool,  # noqa: FBT001 - a table
) -> None:
    """core.telegram.org/bots/api#answercallbackquery: "links like t.me/your_bot?start=XXXX"."""
    query_id = press(bot, bot.send(reply_markup=GO))["callback_query_id"]
    answer = bot.call("answerCallbackQuery", callback_query_id=query_id, url=url)
    assert answer.json()["ok"] is accepted
    if accepted:
        assert bot.chat()["answers"][-1]["url"] == url
    else:
        assert answer.json()["description"] == "Bad Request: URL_INVALID"


def test_an_answer_is_for_whoever_pressed(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#answercallbackquery: shown "to the user", not to the group."""
    group = -500_000 - bot.user_id
    bot.say("/login", chat_id=group)
    sent = bot.ok("sendMessage", chat_id=group, text="x", reply_markup=GO)
    query_id = press(bot, sent, chat_id=group)["callback_query_id"]
    bot.ok("answerCallbackQuery", callback_query_id=query_id, text="yours", show_alert=True)
    mine = bot.chat(chat_id=group)["answers"]
    other = bot.client.get("/chat/messages", params={"user_id": 1003, "chat_id": group}).json()
    assert [(a["text"], a["show_alert"]) for a in mine] == [("yours", True)]
    assert other["answers"] == []
