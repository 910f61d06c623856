"""sendMessage and its neighbours, over HTTP."""

from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox, started


@pytest.fixture
def bot(sandbox: Sandbox) -> Sandbox:
    """A Telegram whose person has written to the bot: message 1."""
    sandbox.say("/start")
    return sandbox


def test_a_message_comes_back_as_it_was_stored(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#sendmessage: "the sent Message is returned"."""
    message = bot.send("<b>hi</b> &amp; bye", parse_mode="HTML", protect_content=True)
    assert message["message_id"] == 2
    assert message["from"]["is_bot"] is True
    assert message["chat"]["id"] == bot.user_id
    assert message["text"] == "hi & bye"
    assert message["entities"] == [{"type": "bold", "offset": 0, "length": 2}]
    assert message["has_protected_content"] is True
    assert bot.chat()["messages"][-1]["text"] == "hi & bye"


def test_message_ids_are_those_of_the_chat(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#message: the id is unique "inside this chat" only."""
    bot.user_id += 100_000
    assert bot.say()["message_id"] == 1
    assert bot.send()["message_id"] == 2


@pytest.mark.parametrize(
    ("text", "mode"), [("", ""), ("  \n ", ""), ("<b></b>", "HTML"), ("<b> </b>", "HTML")]
)
def test_an_empty_text_is_refused(bot: Sandbox, text: str, mode: str) -> None:
    """Td MessageContent: "message text is empty", counted after the entities are parsed."""
    assert bot.send_refused(text, parse_mode=mode) == "Bad Request: message text is empty"


def test_a_text_has_4096_characters_at_most(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#sendmessage: 1-4096 characters after entities parsing."""
    assert len(bot.send("<b>" + "x" * 4096 + "</b>", parse_mode="HTML")["text"]) == 4096
    assert bot.send_refused("x" * 4097) == "Bad Request: message is too long"
    assert bot.send_refused("🏟" * 2049) == "Bad Request: message is too long"


@pytest.mark.parametrize(
    ("mode", "text", "words"),
    [
        ("HTML", "<p>x</p>", 'can\'t parse entities: Unsupported start tag "p" at byte offset 0'),
        (
            "html",
            "a<b>b",
            "can't parse entities: Can't find end tag corresponding to start tag \"b\"",
        ),
        (
            "MarkdownV2",
            "1. one",
            (
                "can't parse entities: Character '.' is reserved and must be escaped "
                "with the preceding '\\'"
            ),
        ),
        ("nonsense", "x", "unsupported parse_mode"),
    ],
)
def test_markup_is_refused_in_telegrams_words(
    bot: Sandbox, mode: str, text: str, words: str
) -> None:
    """core.telegram.org/bots/api#formatting-options and td MessageEntity.cpp."""
    assert bot.send_refused(text, parse_mode=mode) == f"Bad Request: {words}"


def test_entities_can_be_given(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#sendmessage: entities instead of parse_mode."""
    given = [{"type": "bold", "offset": 0, "length": 2}]
    assert bot.send("hello", entities=given)["entities"] == given


@pytest.mark.parametrize(
    ("entity", "words"),
    [
        (5, "can't parse MessageEntity: expected an Object"),
        ({"type": "bold", "offset": 0}, "can't parse MessageEntity: Can't find field \"length\""),
        (
            {"type": "shiny", "offset": 0, "length": 1},
            "can't parse MessageEntity: Unsupported type specified",
        ),
        (
            {"type": "text_link", "offset": 0, "length": 1},
            "can't parse MessageEntity: Can't find field \"url\"",
        ),
        (
            {"type": "text_link", "offset": 0, "length": 1, "url": "localhost"},
            "entity URL 'localhost' is invalid: Wrong HTTP URL",
        ),
        (
            {"type": "bold", "offset": 3, "length": 3},
            "entity beginning at UTF-16 offset 3 ends after the end of the text at UTF-16 offset 6",
        ),
        (
            {"type": "bold", "offset": -1, "length": 3},
            "receive an entity with incorrect offset -1",
        ),
    ],
)
def test_entities_that_are_refused(bot: Sandbox, entity: Any, words: str) -> None:
    """Client.cpp get_text_entity and td MessageEntity.cpp fix_entities."""
    assert bot.send_refused("hello", entities=[entity]) == f"Bad Request: {words}"


def test_entities_that_telegram_finds_itself_are_ignored(bot: Sandbox) -> None:
    """Client.cpp get_text_entity_type."""
    given = [{"type": "bot_command", "offset": 0, "length": 5}]
    assert "entities" not in bot.send("hello", entities=given)


def test_a_link_to_loopback_in_the_text_is_fine(bot: Sandbox) -> None:
    """Only buttons are strict: a text may hold any address."""
    text = "open http://127.0.0.1:8000/x or http://localhost:8000/y"
    assert bot.send(text)["text"] == text


def test_link_previews_can_be_off(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#message: link_preview_options is part of the message."""
    options = {"is_disabled": True}
    assert bot.send("x", link_preview_options=options)["link_preview_options"] == options


def test_a_chat_that_does_not_exist(bot: Sandbox) -> None:
    """Client.cpp check_chat: 400 "chat not found"; an empty id has words of its own."""
    for chat_id in (987_654_321, "@nobody", -5):
        assert bot.refused("sendMessage", chat_id=chat_id, text="x") == (
            400,
            "Bad Request: chat not found",
        )
    assert bot.refused("sendMessage", text="x") == (400, "Bad Request: chat_id is empty")


def test_a_person_who_never_wrote(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/faq: "Bots can't start conversations with users"."""
    assert sandbox.refused("sendMessage", chat_id=1003, text="x") == (
        403,
        "Forbidden: bot can't initiate conversation with a user",
    )


def test_a_person_who_blocked_the_bot(bot: Sandbox) -> None:
    """Client.cpp fail_query_with_error, USER_IS_BLOCKED; the bot hears it as my_chat_member."""
    bot.ok("getUpdates", offset=-1)
    blocked = bot.post("/chat/blocks", user_id=bot.user_id, blocked=True)
    assert bot.refused("sendMessage", chat_id=bot.user_id, text="x") == (
        403,
        "Forbidden: bot was blocked by the user",
    )
    update = bot.ok("getUpdates")[-1]
    assert update["update_id"] == blocked["update_id"]
    assert update["my_chat_member"]["new_chat_member"]["status"] == "kicked"
    assert bot.client.post("/chat/messages", json={"user_id": bot.user_id, "text": "x"}).is_error
    bot.post("/chat/blocks", user_id=bot.user_id, blocked=False)
    assert bot.send("x")["text"] == "x"


def test_a_deleted_account(bot: Sandbox) -> None:
    """Client.cpp fail_query_with_error, INPUT_USER_DEACTIVATED."""
    bot.post("/control/accounts", user_id=bot.user_id, deactivated=True)
    assert bot.refused("sendMessage", chat_id=bot.user_id, text="x") == (
        403,
        "Forbidden: user is deactivated",
    )


def test_a_reply_carries_what_it_replies_to(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#replyparameters."""
    assert bot.send("x", reply_parameters={"message_id": 1})["reply_to_message"]["text"] == "/start"
    missing = {"message_id": 99}
    assert bot.send_refused("x", reply_parameters=missing) == (
        "Bad Request: message to be replied not found"
    )
    optional = {**missing, "allow_sending_without_reply": True}
    assert "reply_to_message" not in bot.send("x", reply_parameters=optional)


def keyboard(**button: Any) -> dict[str, Any]:
    """Return a keyboard of one button."""
    return {"inline_keyboard": [[button]]}


def test_a_message_text_can_be_edited(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#editmessagetext: the keyboard goes unless it is given again."""
    sent = bot.send("one", reply_markup=keyboard(text="a", callback_data="x"))
    target = {"chat_id": bot.user_id, "message_id": sent["message_id"]}
    edited = bot.ok("editMessageText", **target, text="two")
    assert edited["text"] == "two"
    assert edited["edit_date"] >= sent["date"]
    assert "reply_markup" not in edited
    shown = bot.chat()["messages"][-1]
    assert (shown["text"], shown["edited"]) == ("two", True)


def test_an_edit_that_changes_nothing_is_refused(bot: Sandbox) -> None:
    """Client.cpp fail_query_with_error, MESSAGE_NOT_MODIFIED."""
    markup = keyboard(text="a", callback_data="x")
    sent = bot.send("one", reply_markup=markup)
    target = {"chat_id": bot.user_id, "message_id": sent["message_id"]}
    words = (
        "Bad Request: message is not modified: specified new message content and reply markup "
        "are exactly the same as a current content and reply markup of the message"
    )
    same = {"text": "one", "reply_markup": markup}
    assert bot.refused("editMessageText", **target, **same) == (400, words)
    assert bot.refused("editMessageReplyMarkup", **target, reply_markup=markup) == (400, words)
    assert "reply_markup" not in bot.ok("editMessageReplyMarkup", **target)


def test_only_own_messages_that_exist_are_edited(bot: Sandbox) -> None:
    """Client.cpp check_message: "message to edit not found", "message can't be edited"."""
    target = {"chat_id": bot.user_id, "text": "x"}
    assert bot.refused("editMessageText", **target, message_id=99)[1] == (
        "Bad Request: message to edit not found"
    )
    assert bot.refused("editMessageText", **target, message_id=1)[1] == (
        "Bad Request: message can't be edited"
    )


def test_a_message_can_be_deleted_once(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#deletemessage: True, and then it is gone."""
    sent = bot.send()
    target = {"chat_id": bot.user_id, "message_id": sent["message_id"]}
    assert bot.ok("deleteMessage", **target) is True
    assert bot.refused("deleteMessage", **target)[1] == ("Bad Request: message to delete not found")
    assert bot.chat()["messages"][-1]["deleted"] is True


def test_chat_actions(bot: Sandbox) -> None:
    """Client.cpp process_send_chat_action_query: "wrong parameter action in request"."""
    assert bot.ok("sendChatAction", chat_id=bot.user_id, action="typing") is True
    assert bot.refused("sendChatAction", chat_id=bot.user_id, action="sing")[1] == (
        "Bad Request: wrong parameter action in request"
    )


def test_a_chat_and_its_members(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#getchat and #getchatmember."""
    assert bot.ok("getChat", chat_id=bot.user_id)["type"] == "private"
    group = -1_000_000_000_000 - bot.user_id
    bot.say("/login", chat_id=group)
    assert bot.ok("getChat", chat_id=group)["type"] == "supergroup"
    member = {"chat_id": group, "user_id": bot.user_id}
    assert bot.ok("getChatMember", **member)["status"] == "member"
    bot.post("/control/members", **member, status="administrator")
    assert bot.ok("getChatMember", **member)["status"] == "administrator"
    assert bot.ok("getChatMember", chat_id=group, user_id=1003)["status"] == "left"
    assert bot.refused("getChatMember", chat_id=group, user_id=77)[1] == (
        "Bad Request: user not found"
    )


def test_logging_out_ends_everything() -> None:
    """Client.cpp get_closing_error: "Logged out" from then on."""
    with started("telegram", "--token", Sandbox.token) as url:
        alone = Sandbox(url)
        assert alone.ok("logOut") is True
        assert alone.refused("getMe") == (400, "Bad Request: Logged out")
        alone.close()
