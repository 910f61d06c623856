"""Promises of what is printed: columns that align, and nothing that a terminal obeys."""

import json

import pytest

from tgauth.cli.printing import as_json, moment, plain, size, some, table, width_of

NASTY = "a\x1b[2J\x9b31m\u202eb\u200b\x07\nc\r\t\u2028d\u00a0e\ud800\x7f"


def test_nothing_is_printed_that_a_terminal_obeys() -> None:
    """Controls of both sets, what turns the writing around, what is not seen, half characters."""
    assert "a[2J31mb c   d e" == plain(NASTY)
    assert all(one.isprintable() for line in table([(NASTY, NASTY)]) for one in line)


def test_json_is_what_it_says_and_prints_nothing_nasty() -> None:
    """Read back it is the same; letters of every script stay readable."""
    value = {"name": NASTY, "Имя": "東京 🙂", "list": [1, None]}
    for indent in (None, 2):
        text = as_json(value, indent=indent)
        assert value == json.loads(text)
        assert "東京 🙂" in text
        assert all(one.isprintable() or one == "\n" for one in text)


def test_astral_characters_that_are_not_shown_are_escaped_as_pairs() -> None:
    """JSON knows no other way (RFC 8259 §7)."""
    assert r'"\udb40\udc01"' == as_json("\U000e0001")


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("東京", 4), ("ｱ", 1), ("Ａ", 2), ("e\u0301", 1), ("🙂", 2), ("Имя", 3)],  # noqa: RUF001
)
def test_the_width_is_what_a_terminal_shows(text: str, width: int) -> None:
    """Wide characters take two columns, combining ones none."""
    assert width == width_of(text)


def test_columns_stand_below_each_other() -> None:
    """Also below wide characters."""
    lines = table([("東京", "x"), ("e\u0301", "y"), ("", "z")], ("name", "value"))
    assert ["name  value", "東京  x", "e\u0301     y", "-     z"] == lines


def test_a_long_cell_is_cut() -> None:
    """To the width that was asked for, also in the middle of wide characters."""
    [line] = table([("x" * 50, "y")], widest=10)
    assert "xxxxxxxxx…  y" == line
    [line] = table([("東" * 50, "y")], widest=10)
    assert "東東東東…" == line[:5]
    assert width_of(line.split()[0]) <= 10


def test_an_empty_table_is_no_line() -> None:
    """Nor an error."""
    assert [] == table([])
    assert ["a  b"] == table([], ("a", "b"))


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (2_500_000, "2.5 MB"), (7e16, "70000.0 TB")],
)
def test_sizes_are_for_people(number: float, text: str) -> None:
    """In units of a thousand."""
    assert text == size(number)


def test_moments_and_numbers_are_for_people() -> None:
    """In UTC, and in good grammar."""
    assert "2027-01-15 08:00:00 UTC" == moment(1_800_000_000_999)
    assert "-" == moment(None)
    assert ("1 login", "2 logins", "0 entries") == (
        some(1, "login"),
        some(2, "login"),
        some(0, "entry", "entries"),
    )
