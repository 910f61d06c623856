"""Promises of the templates: only the fields of their struct, and a translation of every word."""

import re
from dataclasses import fields, is_dataclass
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from jinja2 import Environment, PackageLoader, StrictUndefined, meta, nodes
from tests.gallery import pages_in, refusals

import tgauth.api
from tgauth.api.views import Frame, Page
from tgauth.texts import languages, words_for
from tgauth.texts.catalogue import SOURCE

KINDS: tuple[type[Any], ...] = get_args(Page)
LOADER = PackageLoader("tgauth.api", "templates")
ENVIRONMENT = Environment(
    loader=LOADER, autoescape=True, extensions=["jinja2.ext.i18n"], undefined=StrictUndefined
)
ENVIRONMENT.policies["ext.i18n.trimmed"] = True
TRANSLATED = [language for language in languages() if language != SOURCE]
WORDING = {"gettext", "ngettext"}


def parsed(name: str) -> nodes.Template:
    """Return a template's tree."""
    return ENVIRONMENT.parse(LOADER.get_source(ENVIRONMENT, name)[0])


@pytest.mark.parametrize("page", KINDS, ids=lambda page: page.__name__)
def test_a_template_uses_only_the_fields_of_its_struct(page: type[Any]) -> None:
    """Neither more nor less: every field is shown, and no other name is known."""
    used = meta.find_undeclared_variables(parsed(page.template)) - WORDING
    assert {field.name for field in fields(page)} == used


def test_the_frame_uses_only_the_frame() -> None:
    """What stands around a page knows nothing of the page, and shows all of the frame."""
    tree = parsed("base.html")
    assert {"frame"} == meta.find_undeclared_variables(tree) - WORDING
    assert {field.name for field in fields(Frame)} == attributes_of(tree, "frame")


@pytest.mark.parametrize("page", KINDS, ids=lambda page: page.__name__)
def test_what_a_field_is_made_of_is_known_too(page: type[Any]) -> None:
    """A template asks a nested struct for nothing that it does not have."""
    tree = parsed(page.template)
    hints = get_type_hints(page)
    loops = {
        loop.target.name: loop.iter.name
        for loop in tree.find_all(nodes.For)
        if isinstance(loop.target, nodes.Name) and isinstance(loop.iter, nodes.Name)
    }
    structs = {
        one.__name__: {field.name for field in fields(one)}
        for hint in hints.values()
        for one in (hint, *get_args(hint))
        if isinstance(one, type) and is_dataclass(one)
    }
    asked = {
        name: attributes_of(tree, name) for name in {*loops, *hints} if attributes_of(tree, name)
    }
    assert all(any(used == names for names in structs.values()) for used in asked.values())
    assert len(structs) == len(asked)


def attributes_of(tree: nodes.Template, name: str) -> set[str]:
    """Return what a template asks of a name."""
    return {
        one.attr
        for one in tree.find_all(nodes.Getattr)
        if isinstance(one.node, nodes.Name) and one.node.name == name
    }


def test_every_template_has_a_page() -> None:
    """No file is left over."""
    used = {page.template for page in KINDS}
    for name in used.copy():
        used |= set(meta.find_referenced_templates(parsed(name)))
    assert set(LOADER.list_templates()) == used
    assert set() == meta.find_undeclared_variables(parsed("person.html")) - WORDING


def said() -> set[str]:
    """Return every text of templates, handlers and refusals."""
    found = extract_from_dir(
        Path(tgauth.api.__file__).parent,
        method_map=[("**.html", "jinja2"), ("**.py", "python")],
        options_map={"**.html": {"trimmed": "true", "encoding": "utf-8"}},
        keywords={"gettext": None, "ngettext": (1, 2)},
    )
    texts = {str(one[2]) for one in found}
    for refusal in refusals().values():
        texts |= {refusal.title, refusal.advice}
    return texts


def catalogue_of(language: str) -> Catalog:
    """Read what the pages say in a language."""
    path = files("tgauth.texts") / "locale" / f"{language}.pages.po"
    return read_po(BytesIO(path.read_bytes()), locale=language, abort_invalid=True)


def test_the_pages_say_something() -> None:
    """Extraction works: an empty set would make the other promises empty."""
    assert len(said()) > 80
    assert {"Privacy", "How to log in", "This link has expired"} <= said()


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_and_nothing_else(language: str) -> None:
    """A new text needs its translation, and one that is gone takes it along."""
    catalogue = catalogue_of(language)
    assert said() == {str(one.id) for one in catalogue if one.id and one.string}
    assert [] == [one.id for one in catalogue if one.fuzzy and one.id]


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_translation_keeps_placeholders_and_markup(language: str) -> None:
    """Neither one more, which would fail, nor one less, which would hide something."""
    for one in catalogue_of(language):
        if one.id:
            assert special(str(one.id)) == special(str(one.string))


def special(text: str) -> list[str]:
    """Return what must not change in a translation."""
    return sorted(re.findall(r"%\(\w+\)s|\{\w+\}|<[^>]*>|/[a-z]+", text))


@pytest.mark.parametrize("language", TRANSLATED)
def test_chat_and_pages_share_a_language(language: str) -> None:
    """Neither catalogue hides the other's texts."""
    words = words_for(language)
    for text in ("Log out everywhere", "How to log in", "New link"):
        assert text != words.gettext(text)


def test_the_gallery_has_every_page() -> None:
    """What looks at all of them misses none."""
    shown = {type(page).__name__ for page in pages_in(words_for(SOURCE)).values()}
    assert shown | {"RefusalPage"} == {page.__name__ for page in KINDS}
