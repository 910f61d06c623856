"""Edits and deletions, over HTTP: what changes, what stays, what is refused."""

from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox

GO = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are "
    "exactly the same as a current content and reply markup of the message"
)


@pytest.fixture
def bot(sandbox: Sandbox) -> Sandbox:
    """A Telegram whose person has written to the bot: message 1."""
    sandbox.say("/start")
    return sandbox


def edit(bot: Sandbox, message: Any, **parameters: Any) -> Any:
    """Edit the text of a message; return the answer."""
    target = {"chat_id": message["chat"]["id"], "message_id": message["message_id"]}
    return bot.call("editMessageText", **{**target, **parameters}).json()


def test_an_edit_is_parsed_like_a_message(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#editmessagetext: parse_mode, or entities; old ones go."""
    sent = bot.send("<b>one</b>", parse_mode="HTML")
    bold = {"type": "bold", "offset": 0, "length": 3}
    edited = edit(bot, sent, text="two")["result"]
    assert "entities" not in edited
    assert edit(bot, sent, text="two", entities=[bold])["result"]["entities"] == [bold]
    assert edit(bot, sent, text="<b>x", parse_mode="HTML")["description"].startswith(
        "Bad Request: can't parse entities:"
    )
    assert edit(bot, sent, text=" ")["description"] == "Bad Request: message text is empty"
    assert edit(bot, sent, text="x" * 4097)["description"] == "Bad Request: message is too long"


def test_an_edit_replaces_the_preview(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#editmessagetext: link_preview_options are those of the call."""
    off = {"is_disabled": True}
    sent = bot.send("see https://e.example/x", link_preview_options=off)
    text = sent["text"]
    same = edit(bot, sent, text=text, link_preview_options=off)
    assert same["description"] == NOT_MODIFIED
    assert "link_preview_options" not in edit(bot, sent, text=text)["result"]
    assert edit(bot, sent, text=text)["description"] == NOT_MODIFIED


def test_a_preview_of_nothing_changes_nothing(bot: Sandbox) -> None:
    """Without a link in the text there is no preview that could differ."""
    sent = bot.send("no link")
    again = edit(bot, sent, text="no link", link_preview_options={"is_disabled": True})
    assert again["description"] == NOT_MODIFIED


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "object expected as link preview options"),
        (
            {"is_disabled": "yes"},
            'can\'t parse link preview options: Field "is_disabled" must be of type Boolean',
        ),
        ({"url": 5}, 'can\'t parse link preview options: Field "url" must be of type String'),
    ],
)
def test_preview_options_that_are_refused(bot: Sandbox, options: Any, words: str) -> None:
    """core.telegram.org/bots/api#linkpreviewoptions."""
    refused = bot.send_refused("x", link_preview_options=options)
    assert refused == f"Bad Request: {words}"


@pytest.mark.parametrize("method", ["editMessageText", "editMessageReplyMarkup", "deleteMessage"])
@pytest.mark.parametrize("message_id", [None, 0, -1, "x"])
def test_a_message_must_be_named(bot: Sandbox, method: str, message_id: Any) -> None:
    """Client.cpp `check_message`: "message identifier is not specified"."""
    answer = bot.refused(method, chat_id=bot.user_id, message_id=message_id, text="x")
    assert answer == (400, "Bad Request: message identifier is not specified")


def test_a_deleted_message_is_not_edited(bot: Sandbox) -> None:
    """Whoever deleted it: Client.cpp `check_message`."""
    mine, theirs = bot.send("one"), bot.send("two")
    bot.ok("deleteMessage", chat_id=bot.user_id, message_id=mine["message_id"])
    bot.post("/chat/deletions", user_id=bot.user_id, message_id=theirs["message_id"])
    for message in (mine, theirs):
        words = "Bad Request: message to edit not found"
        assert edit(bot, message, text="x")["description"] == words


def test_buttons_alone_do_not_mark_a_message_as_edited(bot: Sandbox) -> None:
    """core.telegram.org/constructor/message `edit_hide`: the mark is for the text."""
    sent = bot.send("one", reply_markup=GO)
    target = {"chat_id": bot.user_id, "message_id": sent["message_id"]}
    assert "reply_markup" not in bot.ok("editMessageReplyMarkup", **target)
    assert bot.chat()["messages"][-1]["edited"] is False
    assert edit(bot, sent, text="two")["ok"] is True
    assert bot.chat()["messages"][-1]["edited"] is True


def test_only_an_inline_keyboard_can_be_put_under_an_edit(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#editmessagetext: reply_markup is an InlineKeyboardMarkup."""
    words = edit(bot, bot.send("one"), text="x", reply_markup={"force_reply": True})["description"]
    assert words == "Bad Request: inline keyboard expected"


def test_nothing_is_edited_for_whoever_is_gone(bot: Sandbox) -> None:
    """Client.cpp `fail_query_with_error`: USER_IS_BLOCKED, INPUT_USER_DEACTIVATED."""
    sent = bot.send("one")
    bot.post("/chat/blocks", user_id=bot.user_id, blocked=True)
    assert edit(bot, sent, text="x")["description"] == "Forbidden: bot was blocked by the user"
    bot.post("/chat/blocks", user_id=bot.user_id, blocked=False)
    bot.post("/control/accounts", user_id=bot.user_id, deactivated=True)
    assert edit(bot, sent, text="x")["description"] == "Forbidden: user is deactivated"


def test_an_inline_message_is_nobodys_here(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#editmessagetext `inline_message_id`: this bot has none."""
    answer = bot.refused("editMessageText", inline_message_id="abc", text="x")
    assert answer == (400, "Bad Request: MESSAGE_ID_INVALID")


def test_in_a_group_only_an_administrator_deletes_the_messages_of_others(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#deletemessage."""
    group = -600_000 - bot.user_id
    theirs = bot.say("/login", chat_id=group)
    target = {"chat_id": group, "message_id": theirs["message_id"]}
    words = "Bad Request: message can't be deleted for everyone"
    assert bot.refused("deleteMessage", **target) == (400, words)
    member = {"chat_id": group, "user_id": Sandbox.bot_id}
    bot.post("/control/members", **member, status="administrator")
    assert bot.ok("deleteMessage", **target) is True
