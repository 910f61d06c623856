"""In which language a browser wants its pages (RFC 9110 §12.5.4)."""

import re
from typing import Any, Final

from litestar import Request

from tgauth.texts import Words, words_for

#: More than any browser sends; a header that goes on is not read on.
_MOST: Final = 20
#: Characters of the header that are looked at.
_LONGEST: Final = 1000
_CHOICE: Final = re.compile(
    r"\s*(?P<tag>[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*[qQ]=(?P<quality>[01](?:\.[0-9]{0,3})?)\s*)?"
)


def words_of(request: Request[Any, Any, Any]) -> Words:
    """Return the words for whoever sent this request."""
    return preferred(request.headers.get("accept-language", ""))


def preferred(header: str) -> Words:
    """Return the words of the best language that there is a catalogue for.

    Args:
        header: `Accept-Language`, whatever a stranger put into it.
    """
    choices = [_CHOICE.fullmatch(part) for part in header[:_LONGEST].split(",", _MOST)[:_MOST]]
    weighed = [
        (float(choice["quality"] or 1), choice["tag"]) for choice in choices if choice is not None
    ]
    for quality, tag in sorted(weighed, key=lambda one: -one[0]):
        words = words_for(tag)
        if quality > 0 and _speaks(words, tag):
            return words
    return words_for(None)


def _speaks(words: Words, tag: str) -> bool:
    """Say whether these are the words that were asked for, and not those that are left."""
    language = words.language.replace("_", "-").lower()
    return tag == "*" or f"{tag.lower()}-".startswith(f"{language}-")
