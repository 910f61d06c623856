"""Promises of the language: the best one that the browser asks for and that there is."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tgauth.api.languages import preferred
from tgauth.texts import languages


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("RU-ru", "ru"),
        ("en", "en"),
        ("en-GB, ru;q=0.9", "en"),
        ("ru;q=0.8, en;q=0.9", "en"),
        ("ru;q=0.9, en;q=0.8", "ru"),
        ("de, fr;q=0.9, ru;q=0.1", "ru"),
        ("de, *;q=0.5", "en"),
        ("*, ru;q=0.5", "en"),
        ("ru;q=0, en;q=0.1", "en"),
        ("ru;q=0", "en"),
        ("ru ; q=1.000 , en;q=0.999", "ru"),
        ("ru;Q=0.5,en;Q=0.4", "ru"),
        ("ru,en", "ru"),
        ("en,ru", "en"),
        ("rus", "en"),
        ("run, ru;q=0.2", "ru"),
        ("ru;q=2, en;q=0.5", "en"),
        ("ru;q=nan, en;q=0.5", "en"),
        ("ru;q=0.5x, en;q=0.1", "en"),
        ("ru_RU, en;q=0.1", "en"),
        (",,;q=1, ru", "ru"),
        (", " * 30 + "ru", "en"),
    ],
)
def test_the_best_language_wins(header: str, expected: str) -> None:
    """RFC 9110 §12.5.4: by quality, then by order; what cannot be read does not count."""
    assert expected == preferred(header).language


@given(st.text(max_size=200))
def test_any_header_has_a_language(header: str) -> None:
    """Whatever a stranger sends."""
    assert preferred(header).language in languages()


def test_a_header_that_goes_on_and_on_is_not_read() -> None:
    """Its beginning counts."""
    assert "ru" == preferred("ru," + "x" * 100_000).language
    assert "en" == preferred(" " * 1000 + "ru").language
