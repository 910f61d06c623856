"""Promises of people: named kindly, followed by Telegram id, let in by the operator's list."""

import pytest
from tests.builders import ALICE, BOB, NOW, a_person, a_profile

from tgauth.domain.person import AllowList, TelegramProfile


@pytest.mark.parametrize(
    ("profile", "name", "label"),
    [
        (a_profile(), "Alice Archer", "@alice"),
        (a_profile(username=None), "Alice Archer", "Alice Archer"),
        (a_profile(username=None, last_name=None), "Alice", "Alice"),
        (a_profile(username=None, last_name=None, first_name=""), "", str(ALICE)),
        (a_profile(username="", last_name=""), "Alice", "Alice"),
    ],
)
def test_a_person_is_named_by_what_there_is(
    profile: TelegramProfile, name: str, label: str
) -> None:
    """The username is preferred, then the name, then the id: there is always a label."""
    person = a_person(profile=profile)
    assert (name, label) == (person.name, person.label)


def test_a_new_profile_replaces_the_old_one() -> None:
    """The newest profile counts, and the moment of its change is kept."""
    renamed = a_profile(username="alice2")
    expected = a_person(profile=renamed, updated_at=NOW + 1)
    assert expected == a_person().seen_as(renamed, now=NOW + 1)


def test_an_unchanged_profile_changes_nothing() -> None:
    """Seeing somebody again as they were is no change, and needs no write."""
    person = a_person()
    assert person is person.seen_as(a_profile(), now=NOW + 1)


@pytest.mark.parametrize(
    ("allow", "expected"),
    [
        (AllowList(everyone=True), True),
        (AllowList(everyone=False, telegram_ids=frozenset({ALICE})), True),
        (AllowList(everyone=False, telegram_ids=frozenset({ALICE, BOB})), True),
        (AllowList(everyone=False, telegram_ids=frozenset({BOB})), False),
        (AllowList(everyone=False), False),
    ],
)
def test_the_list_lets_in_whom_it_names(allow: AllowList, *, expected: bool) -> None:
    """Everyone, or exactly the ids on the list; an empty list lets nobody in."""
    assert expected == allow.permits(ALICE)


@pytest.mark.parametrize(
    ("first_name", "label"),
    [
        ("@ann", "ann"),
        ("@@ ann", "ann"),
        ("\u202e@ann\u202c", "ann"),
        ("a\u200bnn\x00", "ann"),
        ("@", str(ALICE)),
        ("\u200f", str(ALICE)),
    ],
)
def test_a_name_cannot_pass_for_a_username(first_name: str, label: str) -> None:
    """Names are free: who calls themselves "@ann" is not shown as the account @ann."""
    person = a_person(profile=a_profile(first_name=first_name, last_name=None, username=None))
    assert label == person.label


def test_a_new_profile_lifts_no_ban() -> None:
    """A ban is about the Telegram id: a new name or username changes nothing about it."""
    banned = a_person(banned_at=NOW)
    renamed = a_profile(username="alice2", first_name="Somebody")
    assert NOW == banned.seen_as(renamed, now=NOW + 1).banned_at
    assert a_person().banned_at is None


@pytest.mark.parametrize(
    "name",
    [
        "\ufe0f@durov",
        "\u034f@durov",
        "\u3164@durov",
        "\U000e0100@durov",
        "\uff20durov",
        "\ufe6b @durov",
        "\u2800@durov",
    ],
)
def test_a_name_with_something_unseen_cannot_pass_for_a_username(name: str) -> None:
    """Not with what is shown as nothing before it, nor with what looks like the sign."""
    person = a_person(profile=a_profile(username=None, first_name=name, last_name=None))
    assert "durov" == person.label
