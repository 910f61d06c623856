"""Buttons under messages: what is accepted, what is refused and how, over HTTP."""

from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox


@pytest.fixture
def bot(sandbox: Sandbox) -> Sandbox:
    """A Telegram whose person has written to the bot: message 1."""
    sandbox.say("/start")
    return sandbox


def keyboard(**button: Any) -> dict[str, Any]:
    """Return a keyboard of one button."""
    return {"inline_keyboard": [[button]]}


@pytest.mark.parametrize(
    ("button", "stored"),
    [
        ({"text": "a", "callback_data": "x" * 64}, None),
        ({"text": "a", "url": "https://auth.example.com/l?c=1"}, None),
        ({"text": "a", "url": "https://auth.example.com"}, "https://auth.example.com/"),
        ({"text": "a", "url": "auth.example.com"}, "http://auth.example.com/"),
        ({"text": "a", "url": "tg://resolve?domain=demo_bot&start=x"}, None),
        ({"text": "a", "copy_text": {"text": "code"}}, None),
    ],
)
def test_buttons_that_are_accepted(
    bot: Sandbox, button: dict[str, Any], stored: str | None
) -> None:
    """core.telegram.org/bots/api#inlinekeyboardbutton; a url is stored in full."""
    message = bot.send("x", reply_markup=keyboard(**button))
    expected = {**button, "url": stored} if stored else button
    assert message["reply_markup"] == keyboard(**expected)


@pytest.mark.parametrize(
    ("button", "words"),
    [
        ({"text": "a", "callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"text": "a", "callback_data": "я" * 33}, "BUTTON_DATA_INVALID"),
        (
            {"text": "a", "callback_data": ""},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            {"text": "a"},
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            {"callback_data": "x"},
            "can't parse inline keyboard button: Can't find field \"text\"",
        ),
        (
            {"text": "a", "callback_data": "x", "url": "https://e.example"},
            "can't parse inline keyboard button: exactly one action field must be used",
        ),
        ({"text": "", "callback_data": "x"}, "inline keyboard button text must be non-empty"),
        (
            {"text": "a", "url": "ftp://e.example"},
            "inline keyboard button URL 'ftp://e.example' is invalid: Unsupported URL protocol",
        ),
    ],
)
def test_buttons_that_are_refused(bot: Sandbox, button: dict[str, Any], words: str) -> None:
    """Client.cpp get_inline_keyboard_button and td ReplyMarkup.cpp; data is counted in bytes."""
    assert bot.send_refused("x", reply_markup=keyboard(**button)) == f"Bad Request: {words}"


@pytest.mark.parametrize(
    "url",
    [
        "http://localhost:8000/",
        "http://127.0.0.1:8000/l",
        "https://auth/",
        "http://[::1]/",
        "http://192.168.1.2",
        "not-a-url",
    ],
)
def test_buttons_to_local_addresses_are_refused(bot: Sandbox, url: str) -> None:
    """Td LinkManager.cpp check_link: a host without a dot is a "Wrong HTTP URL"."""
    assert bot.send_refused("x", reply_markup=keyboard(text="a", url=url)) == (
        f"Bad Request: inline keyboard button URL '{url}' is invalid: Wrong HTTP URL"
    )


@pytest.mark.parametrize(
    "markup",
    [
        {"keyboard": [["one", {"text": "two"}]], "resize_keyboard": True},
        {"remove_keyboard": True},
        {"force_reply": True},
    ],
)
def test_other_markup_is_accepted_and_not_returned(bot: Sandbox, markup: dict[str, Any]) -> None:
    """core.telegram.org/bots/api#message: reply_markup there is an inline keyboard only."""
    assert "reply_markup" not in bot.send("x", reply_markup=markup)
    assert next(iter(bot.chat()["messages"][-1]["reply_markup"])) == next(iter(markup))


@pytest.mark.parametrize(
    ("markup", "words"),
    [
        ("{", "can't parse reply keyboard markup JSON object"),
        ("[]", "object expected as reply markup"),
        (
            '{"inline_keyboard": [1]}',
            'field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
        ),
    ],
)
def test_markup_that_is_no_markup(bot: Sandbox, markup: str, words: str) -> None:
    """Client.cpp get_reply_markup."""
    assert bot.send_refused("x", reply_markup=markup) == f"Bad Request: {words}"
