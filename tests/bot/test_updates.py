"""Promises of reading: who asked, for what, and which two deliveries are one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Update
from tests.builders import ALICE, NOW, a_profile, an_update

from tgauth.bot.updates import Request, key_of, private_chat_of, read
from tgauth.domain.incoming import UpdateKey

GROUP: dict[str, Any] = {"chat": {"id": -5, "type": "group", "title": "G"}}
CHANNEL: dict[str, Any] = {"id": -9, "type": "channel", "title": "C"}

COMMANDS = {
    "/login": "login",
    "/LOGIN": "login",
    "/Login": "login",
    "/login ": "login",
    "/login now": "login",
    "/login\nnow": "login",
    "/login@tgauth_bot": "login",
    "/login@TGAUTH_bot": "login",
    "/login@tgauth_bot please": "login",
    "/login@otherbot": None,
    "/login@": None,
    "/login@tgauth_bot2": None,
    "/login!": None,
    "/loginx": "loginx",
    "/start": "start",
    "/start abc": "start",
    "/help": "help",
    "login": None,
    " /login": None,
    "please /login": None,
    "/": None,
    "/" + "a" * 33: None,
    "\uff0flogin": None,
    "/ login": None,
    "": None,
}


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_is_one_only_for_this_bot_and_at_the_start(text: str) -> None:
    """Its name in lower case, whatever follows it; nothing where another bot is meant."""
    request = read(an_update(text), bot_username="tgauth_bot")
    assert request is not None
    assert COMMANDS[text] == request.command


def test_a_private_message_is_read_whole() -> None:
    """Chat, sender, command and Telegram's own moment."""
    expected = Request(
        chat_id=ALICE, is_private=True, profile=a_profile(), command="login", sent_at=NOW
    )
    assert expected == read(an_update(), bot_username="tgauth_bot")


def test_a_message_in_a_group_is_not_private() -> None:
    """The answer goes to the group, and the sender is known."""
    request = read(an_update(**GROUP), bot_username="tgauth_bot")
    assert request is not None
    assert (-5, False, ALICE) == (
        request.chat_id,
        request.is_private,
        request.profile.telegram_id,
    )


@pytest.mark.parametrize(
    "fields",
    [
        {"from": {"id": 5, "is_bot": True, "first_name": "Bot"}},
        {"from": None},
        {"sender_chat": CHANNEL},
        {"forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "X"}},
        {
            "forward_origin": {
                "type": "user",
                "date": 1,
                "sender_user": {"id": 7, "is_bot": False, "first_name": "B"},
            }
        },
    ],
    ids=["a bot", "nobody", "a channel", "forwarded from hidden", "forwarded from a person"],
)
def test_somebody_elses_words_are_no_request(fields: dict[str, Any]) -> None:
    """A login must come from the person themselves."""
    assert read(an_update(**fields), bot_username="tgauth_bot") is None


@pytest.mark.parametrize("kind", ["edited_message", "channel_post", "edited_channel_post"])
def test_only_a_new_message_is_a_request(kind: str) -> None:
    """An edit of an old message asks for nothing."""
    message = an_update().to_dict()["message"]
    update = Update.de_json({"update_id": 5, kind: message}, None)
    assert read(update, bot_username="tgauth_bot") is None


def test_a_photo_has_no_command() -> None:
    """A message without text asks for nothing in particular."""
    request = read(an_update(None), bot_username="tgauth_bot")
    assert request is not None
    assert request.command is None


@pytest.mark.parametrize(
    ("update", "identity"),
    [
        (an_update(), f"message:{ALICE}:11:{NOW // 1000}"),
        (an_update(**GROUP), f"message:-5:11:{NOW // 1000}"),
        (an_update("other text"), f"message:{ALICE}:11:{NOW // 1000}"),
        (an_update(date=5), f"message:{ALICE}:11:5"),
        (an_update(message_id=9), f"message:{ALICE}:9:{NOW // 1000}"),
        (Update.de_json({"update_id": 1}, None), "other"),
    ],
)
def test_an_update_is_what_it_is_about(update: Update, identity: str) -> None:
    """Chat, message and moment: a number that Telegram used again is another update."""
    assert UpdateKey(update_id=1, identity=identity) == key_of(update)


def test_a_repeat_has_the_same_key() -> None:
    """As Telegram sends it, and as the inbox keeps it."""
    update = an_update()
    again = Update.de_json(update.to_dict(), None)
    assert key_of(update) == key_of(again)


@pytest.mark.parametrize(
    ("update", "expected"),
    [(an_update(), ALICE), (an_update(**GROUP), None), (Update(update_id=1), None)],
)
def test_only_a_private_chat_is_apologised_to(update: Update, expected: int | None) -> None:
    """Nothing is said in front of others."""
    assert expected == private_chat_of(update)


@given(st.text(max_size=60))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    """Whatever people write."""
    request = read(an_update(text), bot_username="tgauth_bot")
    assert request is not None
    assert request.command is None or text.lower().startswith(f"/{request.command}")
