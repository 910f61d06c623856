"""Languages: English, and gettext catalogues for each other one: the chat's and the pages'."""

import gettext
import re
from functools import cache
from importlib.resources import files
from io import BytesIO
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from babel import Locale

#: What the texts in the code are written in.
SOURCE: Final = "en"
#: Endings of a language's files in `locale/`: what the chat says, and what the pages say.
CATALOGUES: Final = (".po", ".pages.po")
_TAG: Final = re.compile(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{1,8})*")
#: Characters: no tag that means anything is longer (RFC 5646 §4.4.1).
_LONGEST_TAG: Final = 35
_MILLISECONDS: Final = 1000
_MINUTES_FROM: Final = 120


class Words:
    """What can be said in one language."""

    def __init__(self, language: str, translations: gettext.NullTranslations) -> None:
        self.language = language
        self._translations = translations

    @property
    def direction(self) -> str:
        """Return how this language is written: `ltr` or `rtl`."""
        if self.language == SOURCE:
            return "ltr"
        return str(_locale(self.language).text_direction)

    def gettext(self, text: str) -> str:
        """Return a text in this language."""
        return self._translations.gettext(text)

    def ngettext(self, singular: str, plural: str, number: int) -> str:
        """Return a text that depends on a number, in this language's plural form."""
        return self._translations.ngettext(singular, plural, number)

    def duration(self, milliseconds: int) -> str:
        """Say how long something lasts: seconds up to two minutes, minutes from there."""
        from babel.units import format_unit  # noqa: PLC0415 - see `_locale`

        seconds = max(1, round(milliseconds / _MILLISECONDS))
        if seconds < _MINUTES_FROM:
            return format_unit(seconds, "duration-second", locale=_locale(self.language))
        return format_unit(seconds // 60, "duration-minute", locale=_locale(self.language))

    def ago(self, milliseconds: int) -> str:
        """Say how long ago something was: seconds up to two minutes, minutes from there."""
        from babel.dates import format_timedelta  # noqa: PLC0415 - see `_locale`

        seconds = max(1, milliseconds // _MILLISECONDS)
        return format_timedelta(
            -seconds, add_direction=True, threshold=2, locale=_locale(self.language)
        )

    def moment(self, instant: int) -> str:
        """Say when something was (milliseconds since 1970), in UTC."""
        from datetime import UTC, datetime  # noqa: PLC0415 - only with Babel

        from babel.dates import format_datetime  # noqa: PLC0415 - see `_locale`

        moment = datetime.fromtimestamp(instant // _MILLISECONDS, UTC)
        return f"{format_datetime(moment, 'd MMM y, HH:mm', locale=_locale(self.language))} UTC"


def words_for(language: str | None) -> Words:
    """Return the words of a language, or of the nearest one that there is.

    Args:
        language: An IETF tag as Telegram and browsers send it, such as `ru` or `pt-BR`.
    """
    return _words(_nearest(language))


def load_languages() -> None:
    """Read every catalogue now, so that no first text has to wait for it: it takes 60 ms."""
    for language in languages():
        words = _words(language)
        words.moment(0)
        words.duration(0)
        words.ago(0)


@cache
def languages() -> tuple[str, ...]:
    """Return every language that there is, the source language first."""
    found = {
        entry.name.partition(".")[0]
        for entry in (files("tgauth.texts") / "locale").iterdir()
        if entry.name.endswith(".po")
    }
    return (SOURCE, *sorted(found))


def _nearest(language: str | None) -> str:
    """Look the whole tag up, then its beginning (RFC 4647 §3.4)."""
    if language is None or len(language) > _LONGEST_TAG or not _TAG.fullmatch(language):
        return SOURCE
    subtags = language.replace("_", "-").lower().split("-")
    known = {one.replace("_", "-").lower(): one for one in languages()}
    while subtags:
        if found := known.get("-".join(subtags)):
            return found
        subtags.pop()
    return SOURCE


@cache
def _words(language: str) -> Words:
    if language == SOURCE:
        return Words(language, gettext.NullTranslations())
    # Not imported with this module: it takes 50 ms, which a start does not have to wait for.
    from babel.messages.mofile import write_mo  # noqa: PLC0415 - see above
    from babel.messages.pofile import read_po  # noqa: PLC0415 - see above

    translations = gettext.NullTranslations()
    for ending in CATALOGUES:
        path = files("tgauth.texts") / "locale" / f"{language}{ending}"
        if not path.is_file():
            continue
        with path.open("rb") as source:
            catalogue = read_po(source, locale=language)
        compiled = BytesIO()
        write_mo(compiled, catalogue)
        compiled.seek(0)
        one = gettext.GNUTranslations(compiled)
        one.add_fallback(translations)
        translations = one
    return Words(language, translations)


@cache
def _locale(language: str) -> "Locale":
    from babel import Locale  # noqa: PLC0415 - takes a while to import, see `_words`

    return Locale.parse(language)
