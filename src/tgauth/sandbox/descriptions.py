"""What a bot says about itself, by language."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from .commands import check_language
from .errors import BadRequest
from .texts import utf16_length

LIMITS: Final[Mapping[str, int]] = {"description": 512, "short_description": 120}
"""core.telegram.org/bots/api#setmydescription and #setmyshortdescription, in UTF-16 units."""


@dataclass(slots=True, kw_only=True)
class Descriptions:
    """The description and the short one; each language has its own."""

    _texts: dict[tuple[str, str], str] = field(default_factory=dict)

    def set(self, name: str, text: str, *, language: str) -> None:
        """Replace a text; an empty one removes it."""
        if utf16_length(text.strip()) > LIMITS[name]:
            raise BadRequest(f"bot {name.replace('_', ' ')} is too long")
        self._texts[name, check_language(language)] = text.strip()

    def get(self, name: str, *, language: str) -> str:
        """Return a text exactly as set; empty where none was."""
        return self._texts.get((name, check_language(language)), "")

    def shown_to(self, name: str, language: str) -> str:
        """Return what a person reads: in their language, or the one for everybody else.

        core.telegram.org/bots/api#setmydescription: without a language it is for "all users for
        whose language there is no dedicated description".
        """
        return self._texts.get((name, language)) or self._texts.get((name, ""), "")
