"""Promises of the bot's words: whatever it says is in the snapshot, in every language."""

import re
from pathlib import Path

import pytest
from tests.builders import NOW

from tgauth.domain.instants import DAY, HOUR
from tgauth.texts import Words, chat, languages, words_for
from tgauth.texts.chat import ListedSession

HERE = Path(__file__).parent
APP = "The Shop"


def a_listed_session(**fields: object) -> ListedSession:
    """Build a line of the list."""
    chosen: dict[str, object] = {
        "application": APP,
        "device": "Firefox, Linux",
        "address": "203.0.113.7",
        "began_at": NOW - DAY,
        "seen_at": NOW - HOUR,
    }
    return ListedSession(**chosen | fields)  # type: ignore[arg-type]  # the defaults are right


def everything(words: Words) -> dict[str, str]:
    """Return everything that the bot can say, by name."""
    nowhere = a_listed_session(device=None, address=None)
    many = [a_listed_session() for _ in range(chat.MOST_SESSIONS + 2)]
    return {
        "login_link": chat.login_link(words, application=APP, lifetime=120_000, link=None),
        "login_link in the text": chat.login_link(
            words, application=APP, lifetime=95_000, link="http://localhost/auth/callback?code=x"
        ),
        "login_used": chat.login_used(
            words, application=APP, device="Firefox, Linux", address="203.0.113.7"
        ),
        "login_used by an application": chat.login_used(
            words, application=APP, device=None, address=None
        ),
        "login_finished": chat.login_finished(
            words, application=APP, device="Firefox, Linux", address="203.0.113.7"
        ),
        "login_finished by who knows what": chat.login_finished(
            words, application=APP, device=None, address=None
        ),
        "login_ended": chat.login_ended(words, application=APP, network=None),
        "login_ended by whom it was not": chat.login_ended(
            words, application=APP, network="2001:db8::/64"
        ),
        "login_expired": chat.login_expired(words, application=APP),
        "login_replaced": chat.login_replaced(words, application=APP),
        "login_denied": chat.login_denied(words, application=APP),
        "greeting": chat.greeting(words, application=APP),
        "help": chat.help_text(words, application=APP),
        "not_allowed": chat.not_allowed(words, telegram_id=1001),
        "private_only": chat.private_only(words),
        "forwarded": chat.forwarded(words),
        "too_late": chat.too_late(words),
        "too_many": chat.too_many(words),
        "failed": chat.failed(words),
        "logged_out": chat.logged_out(words),
        "not_logged_in": chat.not_logged_in(words),
        "session_list": chat.session_list(words, [a_listed_session(), nowhere]),
        "session_list of nobody": chat.session_list(words, []),
        "session_list of somebody busy": chat.session_list(words, many).splitlines()[-1],
        "buttons": " | ".join(
            [
                chat.login_button(words, application=APP),
                chat.new_link_button(words),
                chat.not_me_button(words),
                chat.end_button(words, 2),
                chat.end_all_button(words),
            ]
        ),
        "toasts": " | ".join(
            [chat.ended_toast(words), chat.ended_before_toast(words), chat.useless_toast(words)]
        ),
        "commands": "\n".join(f"{name} - {what}" for name, what in chat.commands(words)),
    }


@pytest.mark.parametrize("language", languages())
def test_the_texts_are_those_of_the_snapshot(language: str) -> None:
    """What people read changes on purpose only: compare, then renew the snapshot."""
    said = everything(words_for(language))
    texts = "\n\n".join(f"[{name}]\n{text}" for name, text in said.items()) + "\n"
    assert (HERE / f"chat.{language}.txt").read_text("utf-8") == texts


def test_the_snapshot_says_everything_that_can_be_said() -> None:
    """A new text joins it."""
    source = Path(chat.__file__).read_text("utf-8")
    texts = set(re.findall(r"^def ([a-z]\w*)\(", source, re.MULTILINE))
    named = set(re.findall(r"chat\.(\w+)\(", Path(__file__).read_text("utf-8")))
    assert set() == texts - named


@pytest.mark.parametrize("language", languages())
def test_no_text_is_longer_than_telegram_takes(language: str) -> None:
    """Not even the longest list of the longest names (core.telegram.org/bots/api#sendmessage)."""
    longest = a_listed_session(application="A" * 60, device="Yandex Browser, ChromeOS" * 2)
    assert len(chat.session_list(words_for(language), [longest] * 99)) <= 4096


@pytest.mark.parametrize("language", languages())
def test_the_command_menu_fits_telegrams_rules(language: str) -> None:
    """Names of lower-case letters, and a description (core.telegram.org/bots/api#botcommand)."""
    for name, what in chat.commands(words_for(language)):
        assert re.fullmatch(r"[a-z0-9_]{1,32}", name)
        assert 1 <= len(what) <= 256


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
    assert expected == words_for("en").duration(lifetime)


@pytest.mark.parametrize("name", ["{chat_id}", "{0}", "{", "<b>", "*x*", "shop"])
@pytest.mark.parametrize("language", languages())
def test_an_applications_name_is_taken_as_it_is(language: str, name: str) -> None:
    """Whatever it is called, it is text and no pattern."""
    assert name in chat.greeting(words_for(language), application=name)
    assert name in chat.login_button(words_for(language), application=name)
