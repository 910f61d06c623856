"""Promises of the bot's words: a text for everything that is ever owed, and no markup in it."""

from pathlib import Path

import pytest

from tgauth.domain.outgoing import Notice
from tgauth.texts import button_label, commands, message


def test_the_texts_are_those_of_the_snapshot() -> None:
    """What people read changes on purpose only: compare, then renew the snapshot."""
    texts = "\n\n".join(
        f"[{notice}]\n" + message(notice, application="shop", chat_id=1001, lifetime=120_000)
        for notice in Notice
    )
    assert Path(__file__).with_name("chat.txt").read_text("utf-8") == texts + "\n"


def test_a_link_stands_on_a_line_of_its_own() -> None:
    """Where no button can carry it, the link is easy to hit."""
    text = message("help", application="shop", chat_id=1, link="http://localhost/x")
    assert ["", "http://localhost/x"] == text.splitlines()[-2:]


@pytest.mark.parametrize(
    ("lifetime", "expected"),
    [
        (0, "1 second"),
        (499, "1 second"),
        (1000, "1 second"),
        (1501, "2 seconds"),
        (60_000, "60 seconds"),
        (119_000, "119 seconds"),
        (120_000, "2 minutes"),
        (179_999, "3 minutes"),
        (3_600_000, "60 minutes"),
    ],
)
def test_a_lifetime_is_said_in_words(lifetime: int, expected: str) -> None:
    """Seconds up to two minutes, minutes from there; never none."""
    text = message("login_link", application="shop", chat_id=1, lifetime=lifetime)
    assert f"for {expected}." in text


@pytest.mark.parametrize("name", ["{chat_id}", "{0}", "{", "<b>", "*x*", "shop"])
def test_an_applications_name_is_taken_as_it_is(name: str) -> None:
    """Whatever it is called, it is text and no pattern."""
    assert name in message("greeting", application=name, chat_id=1)
    assert name in button_label(name)


def test_an_unknown_notice_is_a_mistake() -> None:
    """There is no silent default."""
    with pytest.raises(KeyError):
        message("nonsense", application="shop", chat_id=1)


def test_the_command_menu_fits_telegrams_rules() -> None:
    """Names of lower-case letters, and a description."""
    assert [("login", True), ("start", True)] == [
        (name, 3 <= len(text) <= 256) for name, text in commands()
    ]
