"""What operating commands print: tables, moments, JSON, and nothing that a terminal obeys.

Names are whatever their owners typed. A control character in one could move the cursor, change the
title of a terminal or turn the writing around, so none is ever printed.
"""

import json
import re
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

import click

from tgauth.domain.instants import SECOND, Instant

#: Shown where there is nothing.
NOTHING: Final = "-"
#: No cell of a table is wider, in columns of the terminal, where nobody says otherwise.
_WIDEST: Final = 40
_UNITS: Final = ("B", "kB", "MB", "GB", "TB")
_THOUSAND: Final = 1000
_HIDDEN: Final = re.compile(r"[^\x20-\x7e]")


def plain(text: object) -> str:
    """Return a text without what a terminal would obey or not show."""
    text = str(text)
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else " " if one.isspace() else "" for one in str(text))


def moment(instant: Instant | None) -> str:
    """Return an instant for people, in UTC."""
    if instant is None:
        return NOTHING
    return datetime.fromtimestamp(instant // SECOND, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


def size(number: float) -> str:
    """Return a number of bytes for people."""
    for unit in _UNITS:
        if number < _THOUSAND or unit == _UNITS[-1]:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= _THOUSAND
    raise AssertionError  # the last unit has returned


def some(number: int, one: str, many: str | None = None) -> str:
    """Return a number with the right form of what it counts."""
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def width_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def table(
    rows: Iterable[Sequence[object]], headings: Sequence[str] = (), *, widest: int = _WIDEST
) -> list[str]:
    """Return lines in which the cells of each column stand below each other.

    Args:
        rows: The rows, of as many cells each.
        headings: What stands above the columns, if anything does.
        widest: How many columns of the terminal a cell may take; longer ones are cut.
    """
    all_rows = [*([headings] if headings else []), *rows]
    cells = [[_cell(one, widest) for one in row] for row in all_rows]
    widths = [max(map(width_of, column)) for column in zip(*cells, strict=True)]
    return ["  ".join(map(_padded, row, widths)).rstrip() for row in cells]


def as_json(value: object, *, indent: int | None = None) -> str:
    """Return JSON that can be looked at: letters of every script, and the rest escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=indent)
    return _HIDDEN.sub(_escaped, text)


def say(*lines: str) -> None:
    """Print lines on stdout."""
    if lines:
        click.echo("\n".join(lines))


def _cell(value: object, widest: int) -> str:
    text = plain(value) or NOTHING
    if width_of(text) <= widest:
        return text
    while width_of(text) >= widest:
        text = text[:-1]
    return f"{text}…"


def _padded(text: str, width: int) -> str:
    return text + " " * (width - width_of(text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in {"Mn", "Me"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def _escaped(match: re.Match[str]) -> str:
    character = match[0]
    # Line ends that `indent` made stay; within a text JSON has escaped them already.
    if character == "\n" or character.isprintable():
        return character
    return json.dumps(character)[1:-1]
