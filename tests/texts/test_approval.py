"""Promises of the words about logins that begin in a browser: all are in the snapshot."""

import re
from pathlib import Path

import pytest

from tgauth.texts import Words, approval, languages, words_for

HERE = Path(__file__).parent
APP = "The Shop"


def question(words: Words, **fields: object) -> str:
    """Ask about a login of which everything is known."""
    chosen: dict[str, object] = {
        "application": APP,
        "domain": "app.example.org",
        "device": "Firefox, Linux",
        "place": "Berlin, Germany",
        "age": 12_000,
    }
    return approval.question(words, **chosen | fields)  # type: ignore[arg-type]  # the defaults are right


def everything(words: Words) -> dict[str, str]:
    """Return everything that can be said about such logins, by name."""
    return {
        "question": question(words),
        "question about next to nothing": question(
            words, domain=None, device=None, place=None, age=0
        ),
        "approved": approval.approved(words, application=APP),
        "declined": approval.declined(words, application=APP),
        "wrong_number": approval.wrong_number(words, application=APP),
        "withdrawn": approval.withdrawn(words, application=APP),
        "expired": approval.expired(words, application=APP),
        "unknown": approval.unknown(words),
        "over": approval.over(words),
        "taken": approval.taken(words),
        "paused": approval.paused(words),
        "blocked": approval.blocked(words),
        "allowed": approval.allowed(words),
        "buttons": " | ".join(
            [
                approval.decline_button(words),
                approval.block_button(words),
                approval.allow_button(words),
            ]
        ),
        "toasts": "\n".join(
            [
                approval.approved_toast(words),
                approval.declined_toast(words),
                approval.wrong_number_toast(words),
                approval.too_late_toast(words),
                approval.not_allowed_toast(words),
                approval.blocked_toast(words),
                approval.allowed_toast(words),
            ]
        ),
    }


@pytest.mark.parametrize("language", languages())
def test_the_texts_are_those_of_the_snapshot(language: str) -> None:
    """What people read changes on purpose only: compare, then renew the snapshot."""
    said = everything(words_for(language))
    texts = "\n\n".join(f"[{name}]\n{text}" for name, text in said.items()) + "\n"
    assert (HERE / f"approval.{language}.txt").read_text("utf-8") == texts


def test_the_snapshot_says_everything_that_can_be_said() -> None:
    """A new text joins it."""
    source = Path(approval.__file__).read_text("utf-8")
    texts = set(re.findall(r"^def ([a-z]\w*)\(", source, re.MULTILINE))
    named = set(re.findall(r"approval\.(\w+)\(", Path(__file__).read_text("utf-8")))
    assert set() == texts - named


@pytest.mark.parametrize("language", languages())
def test_no_toast_is_longer_than_telegram_takes(language: str) -> None:
    """200 characters (core.telegram.org/bots/api#answercallbackquery)."""
    toasts = everything(words_for(language))["toasts"].splitlines()
    assert 7 == len(toasts)
    assert [] == [toast for toast in toasts if len(toast) > 200]


@pytest.mark.parametrize("language", languages())
def test_the_longest_question_fits_a_message(language: str) -> None:
    """4,096 characters, with the longest names that there are."""
    longest = question(
        words_for(language), application="A" * 60, domain="d" * 253, place="p" * 200, age=900_000
    )
    assert len(longest) <= 4096


@pytest.mark.parametrize("name", ["{device}", "{0}", "{", "<b>", "*x*"])
@pytest.mark.parametrize("language", languages())
def test_names_are_taken_as_they_are(language: str, name: str) -> None:
    """Whatever application, browser and place are called, it is text and no pattern."""
    asked = question(words_for(language), application=name, domain=name, device=name, place=name)
    assert 5 == asked.count(name)


@pytest.mark.parametrize(
    ("age", "expected"),
    [
        (0, "1 second ago"),
        (1999, "1 second ago"),
        (2000, "2 seconds ago"),
        (119_000, "119 seconds ago"),
        (180_000, "3 minutes ago"),
    ],
)
def test_an_age_is_said_in_words(age: int, expected: str) -> None:
    """Seconds up to two minutes, minutes from there; never none."""
    assert expected == words_for("en").ago(age)
