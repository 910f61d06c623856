"""Promises of docs/security.md: each attack has a guard, and each guard a test that there is."""

import re

import pytest
from tests.house.naming import NAMED_TEST, require_test
from tests.house.sources import ROOT

TEXT = (ROOT / "docs" / "security.md").read_text("utf-8")
NAMED = NAMED_TEST.findall(TEXT)
HEAD = "| attack | guard | kept by |"

#: Those that a login which begins in a browser has to withstand.
ATTACKS = (
    "Relay, phishing",
    "Blind approval",
    "Request bombing",
    "Stolen handle",
    "Stolen stream",
    "Stolen database",
    "Second opener",
    "Forwarded message",
    "Press by another",
    "Login CSRF, session swap",
    "Replay of finish",
    "Other browser",
    "Prefetch",
    "Open redirect",
    "Guessing names",
    "Flooding begins",
)


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_each_test_that_is_named_exists(path: str, name: str) -> None:
    """Where it is said to be."""
    require_test(path, name)


def test_each_attack_names_its_guard_and_its_test() -> None:
    """In the columns of its row."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ") and line != HEAD]
    assert rows
    assert [] == [
        row for row in rows if not re.fullmatch(r"\| .+ \| .+ \| `tests/\S+::\w+` \|", row)
    ]


@pytest.mark.parametrize("attack", ATTACKS)
def test_each_known_attack_is_listed(attack: str) -> None:
    """By its name, in a row of its own."""
    assert re.search(rf"^\| \*\*{attack}\*\*: ", TEXT, re.MULTILINE)
