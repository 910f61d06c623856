"""Promises of an approval: three names that tell nothing of each other, and numbers to match."""

from collections import Counter
from itertools import combinations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import ALICE, BOB, MASTER_KEY, NOW

from tgauth.domain.approval import (
    CHOICES,
    NAME_LENGTH,
    Approval,
    Denial,
    derive_handle,
    derive_numbers,
    derive_stream,
    looks_like_a_name,
)
from tgauth.domain.code import CodeKind, derive_code

#: Enough to see what is uneven: each number comes about 100 times in the right place.
MANY = [f"login-{number}" for number in range(9000)]
IDS = st.text("0123456789abcdef", min_size=1, max_size=32)
KEYS = st.binary(min_size=32, max_size=32)
OTHER_KEY = bytes(range(1, 33))


def an_approval(**fields: Any) -> Approval:
    """Build what is asked for a login that nobody opened yet."""
    chosen: dict[str, Any] = {
        "login_id": "login-1",
        "handle_hash": "handle",
        "stream_hash": "stream",
        "created_at": NOW,
        "state_parameter": None,
        "network": "203.0.113.7",
    }
    return Approval(**chosen | fields)


@given(KEYS, IDS)
def test_numbers_are_three_of_two_digits_with_the_right_one_among_them(
    key: bytes, login_id: str
) -> None:
    """All different, and the same whenever they are asked for."""
    numbers = derive_numbers(key, login_id)
    assert 3 == CHOICES == len(set(numbers.offered)) == len(numbers.offered)
    assert all(10 <= number <= 99 for number in numbers.offered)
    assert numbers.right in numbers.offered
    assert derive_numbers(key, login_id) == numbers


def test_no_number_and_no_place_is_much_likelier_than_another() -> None:
    """A guess is right once in three times, and no number is worth guessing first."""
    drawn = [derive_numbers(MASTER_KEY, login_id) for login_id in MANY]
    right = Counter(numbers.right for numbers in drawn)
    assert set(range(10, 100)) == set(right)
    assert 50 < min(right.values()) <= max(right.values()) < 160
    # A byte has no whole number of them: what is left over would make the last ones rarer.
    assert 1250 < sum(right[number] for number in range(86, 100)) < 1550
    places = Counter(numbers.offered.index(numbers.right) for numbers in drawn)
    assert {0, 1, 2} == set(places)
    assert all(2800 < number < 3200 for number in places.values())


def test_numbers_are_not_told_without_the_key() -> None:
    """Another key gives others for the same login: its id, which stands in the address, is no help.

    Two keys give the same right number about once in ninety times, as by chance, and have it in
    the same place about once in three.
    """
    pairs = [(derive_numbers(MASTER_KEY, one), derive_numbers(OTHER_KEY, one)) for one in MANY]
    assert 50 < sum(one.right == other.right for one, other in pairs) < 160
    places = [[each.offered.index(each.right) for each in pair] for pair in pairs]
    assert 2800 < sum(one == other for one, other in places) < 3200


@given(IDS)
def test_no_name_is_told_without_the_key(login_id: str) -> None:
    """The login's id, which stands in the address, gives another handle and stream to each key."""
    for name in (derive_handle, derive_stream):
        assert name(MASTER_KEY, login_id) != name(OTHER_KEY, login_id)


@given(KEYS, IDS)
def test_handle_stream_and_codes_have_nothing_in_common(key: bytes, login_id: str) -> None:
    """No two of them are equal, or hold a piece of each other or of the login's id."""
    names = [
        derive_handle(key, login_id),
        derive_stream(key, login_id),
        *(derive_code(key, kind, login_id) for kind in CodeKind),
    ]
    pieces = [{name[at : at + 8] for at in range(len(name) - 7)} for name in names]
    assert [] == [(one, two) for one, two in combinations(pieces, 2) if one & two]


@given(KEYS, IDS)
def test_a_name_fits_into_a_deep_link(key: bytes, login_id: str) -> None:
    """Telegram takes up to 64 of A-Z, a-z, 0-9, _ and - after ?start=."""
    for name in (derive_handle(key, login_id), derive_stream(key, login_id)):
        assert 22 == NAME_LENGTH == len(name)
        assert looks_like_a_name(name)


@pytest.mark.parametrize(
    "text", ["", "a" * 21, "a" * 23, "a" * 21 + "=", "a" * 21 + "\n", "a" * 22 + "\n", "é" * 22]
)
def test_what_is_no_name_is_not_looked_up(text: str) -> None:
    """Anything can be sent after /start."""
    assert not looks_like_a_name(text)


def test_whoever_opens_it_first_is_the_one_who_is_asked() -> None:
    """And the moment stays, when they open it again."""
    opened = an_approval().open(telegram_id=ALICE, now=NOW + 5)
    assert an_approval(opened_by=ALICE, opened_at=NOW + 5) == opened
    assert opened == opened.open(telegram_id=ALICE, now=NOW + 9)


def test_nobody_else_is_asked() -> None:
    """By opening it second."""
    opened = an_approval().open(telegram_id=ALICE, now=NOW)
    assert opened == opened.open(telegram_id=BOB, now=NOW + 5)


@pytest.mark.parametrize("denial", Denial)
def test_a_denial_keeps_its_reason(denial: Denial) -> None:
    """And changes nothing else."""
    assert an_approval(denial=denial) == an_approval().denied(denial)
