"""Promises of the catalogues: whole, faithful to the placeholders, and found by any tag."""

import re
from importlib.resources import files
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

import tgauth.texts
from tgauth.texts import languages, words_for
from tgauth.texts.catalogue import SOURCE

TRANSLATED = [language for language in languages() if language != SOURCE]


def catalogue_of(language: str) -> Catalog:
    """Read a language's file."""
    content = (files("tgauth.texts") / "locale" / f"{language}.po").read_bytes()
    return read_po(BytesIO(content), locale=language, abort_invalid=True)


def extracted() -> set[str | tuple[str, ...]]:
    """Return every text that the code says."""
    found = extract_from_dir(
        Path(tgauth.texts.__file__).parent,
        method_map=[("**.py", "python")],
        keywords={"gettext": None, "ngettext": (1, 2)},
    )
    return {one[2] for one in found}


def test_the_code_says_something() -> None:
    """Extraction works: an empty set would make the other promises empty."""
    assert len(extracted()) > 25


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_nothing_else(language: str) -> None:
    """A new text needs its translation, and one that is gone takes it along."""
    catalogue = catalogue_of(language)
    translated = {
        tuple(one.id) if isinstance(one.id, (list, tuple)) else one.id
        for one in catalogue
        if one.id and all(one.string if isinstance(one.string, (list, tuple)) else [one.string])
    }
    assert extracted() == translated
    assert [] == [one.id for one in catalogue if one.fuzzy and one.id]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_translation_has_the_placeholders_of_its_text(language: str) -> None:
    """Neither one more, which would fail, nor one less, which would hide something."""
    for one in catalogue_of(language):
        sources = one.id if isinstance(one.id, (list, tuple)) else [one.id]
        strings = one.string if isinstance(one.string, (list, tuple)) else [one.string]
        expected = {tuple(sorted(re.findall(r"\{\w+\}", text))) for text in sources if text}
        actual = {tuple(sorted(re.findall(r"\{\w+\}", text))) for text in strings if text}
        if one.id:
            assert expected == actual


@pytest.mark.parametrize(
    ("tag", "expected"),
    [
        ("ru", "ru"),
        ("RU", "ru"),
        ("ru-RU", "ru"),
        ("ru_RU", "ru"),
        ("en", "en"),
        ("en-GB", "en"),
        ("pt-br", "en"),
        ("russian", "en"),
        ("", "en"),
        ("../ru", "en"),
        ("ru/../ru", "en"),
        ("ru" * 50, "en"),
        (None, "en"),
    ],
)
def test_a_tag_finds_its_language_or_english(tag: str | None, expected: str) -> None:
    """By the whole tag, by its beginning, or else the language of the code."""
    assert expected == words_for(tag).language


def test_a_moment_is_said_in_the_languages_way() -> None:
    """And always says that it is UTC."""
    assert "15 Jan 2027, 08:00 UTC" == words_for("en").moment(1_800_000_000_000)
    assert "15 янв. 2027, 08:00 UTC" == words_for("ru").moment(1_800_000_000_000)


def test_a_tag_that_goes_on_and_on_is_not_read() -> None:
    """Whoever sends one must not keep a process busy (RFC 5646 §4.4.1 gives 35 characters)."""
    assert "ru" == words_for("ru" + "-a" * 16).language
    assert "en" == words_for("ru" + "-a" * 17).language
