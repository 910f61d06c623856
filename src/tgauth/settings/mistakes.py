"""What is wrong with the settings, told so that it can be put right."""

import difflib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

#: Longer values are cut in a message.
_LONGEST: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Mistake:
    """One thing that is wrong.

    Attributes:
        key: Where it stands: a variable, or a file and a place in it.
        found: What is there; never a secret.
        advice: What was expected, or what to do.
    """

    key: str
    found: str
    advice: str

    def __str__(self) -> str:
        return f"{self.key}: {self.found}; {self.advice}"


class ConfigurationError(Exception):
    """Settings are wrong or missing: one mistake, or all that were found at once.

    Attributes:
        key: Where the first mistake stands.
        mistakes: All of them.
    """

    def __init__(
        self,
        key: str,
        *,
        found: str,
        expected: str = "",
        advice: str = "",
        others: Iterable[Mistake] = (),
    ) -> None:
        first = Mistake(key=key, found=found, advice=advice or f"expected {expected}")
        self.key = key
        self.mistakes = (first, *others)
        super().__init__("\n".join(map(str, self.mistakes)))

    @classmethod
    def of(cls, mistakes: Iterable[Mistake]) -> "ConfigurationError":
        """Return the error that tells all of these."""
        first, *others = mistakes
        return cls(first.key, found=first.found, advice=first.advice, others=others)


#: What msgspec says of a wrong value, and what somebody who knows no Python should read.
_IN_WORDS: Final = (
    (re.compile(r"Expected `int`, got .*"), "it is no whole number"),
    (re.compile(r"Expected `int` >= (-?\d+)"), r"it is below \1"),
    (re.compile(r"Expected `int` <= (-?\d+)"), r"it is above \1"),
    (re.compile(r"Expected `str`, got .*"), "it is not a text in quotes"),
    (re.compile(r"Expected `str` of length >= 1"), "it is empty"),
    (re.compile(r"Expected `str` matching regex .*", re.DOTALL), "it has another form"),
    (re.compile(r"Invalid enum value .*", re.DOTALL), "it is none of those there are"),
)


def in_words(message: str) -> str:
    """Return msgspec's complaint in plain words; ours stay as they are."""
    for pattern, words in _IN_WORDS:
        match = pattern.fullmatch(message)
        if match:
            return match.expand(words)
    return message


def shown(found: object) -> str:
    """Return a value as a message shows it, within reason."""
    text = repr(found) if isinstance(found, str) else json.dumps(found, default=str)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


#: More names than this are no help.
_MOST_GUESSES: Final = 2


def nearest(name: str, candidates: Iterable[str]) -> str:
    """Return the advice for a name that does not exist: the one that was probably meant."""
    known = list(candidates)
    close = difflib.get_close_matches(name, known, n=1)
    if not close:
        last = name.rpartition(".")[2]
        close = [one for one in known if one.rpartition(".")[2] == last]
    if 1 <= len(close) <= _MOST_GUESSES:
        return f"did you mean {' or '.join(close)}?"
    return "docs/settings.md lists all there are"
