"""Promises of the pages: whole, escaped, in the visitor's language, under a strict policy."""

import re
from dataclasses import fields, is_dataclass
from html.parser import HTMLParser
from typing import Any

import httpx
import pytest
from tests.gallery import a_continue_page, gallery, pages_in, refusals, the_pages

from tgauth.api.options import Branding
from tgauth.api.pages import initial_of
from tgauth.api.refusal import Way
from tgauth.api.refusals import REFUSALS
from tgauth.api.views import Done
from tgauth.texts import languages, words_for

ENGLISH = words_for("en")
HOSTILE = "<script>alert('x')</script>\" onload=\"{{ 7777 * 7777 }}%(x)s"
PAGES = pages_in(ENGLISH)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; "
    "form-action 'self'{}; frame-ancestors 'none'; base-uri 'none'"
)
RENDERED = {
    (language, name): answer.content
    for language in languages()
    for name, answer in gallery(
        words_for(language),
        Branding(privacy_url="https://example.org/privacy", imprint_url="https://example.org/i"),
    )[0].items()
}


class Outline(HTMLParser):
    """What a page is made of."""

    VOID = frozenset({"meta", "link", "input", "img"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Tags are closed in their order."""
        assert self.open.pop() == tag

    def all(self, *names: str) -> list[dict[str, str | None]]:
        """Return the attributes of all tags of these names."""
        return [attributes for tag, attributes in self.tags if tag in names]


@pytest.mark.parametrize("key", RENDERED, ids="-".join)
def test_each_page_is_whole(key: tuple[str, str]) -> None:
    """Its language, a title, one first heading, the landmarks, ids once, nothing left open."""
    text = RENDERED[key]
    outline = Outline(text)
    assert outline.open == []
    assert text.startswith(f'<!doctype html>\n<html lang="{key[0]}" dir="ltr">')
    assert re.search(r"<title>\S.* · login\.example\.org</title>", text)
    assert [1, 1, 1, 1] == [len(outline.all(tag)) for tag in ("h1", "header", "main", "footer")]
    ids = [one["id"] for one in outline.all(*{tag for tag, _ in outline.tags}) if "id" in one]
    assert len(set(ids)) == len(ids)
    assert set(ids) >= {one["for"] for one in outline.all("label")}
    assert "{{" not in text
    assert not re.search(r"%\(|\{\w+\}|\bNone\b", text)


@pytest.mark.parametrize("key", RENDERED, ids="-".join)
def test_no_page_needs_what_the_policy_forbids(key: tuple[str, str]) -> None:
    """No inline script or style, nothing loaded or sent elsewhere."""
    outline = Outline(RENDERED[key])
    assert [] == outline.all("style", "iframe", "base", "object", "embed")
    for tag, attributes in outline.tags:
        assert not [name for name in attributes if name.startswith("on") or name == "style"]
        loaded = attributes.get("src") or (attributes.get("href") if tag == "link" else None)
        assert loaded is None or loaded.startswith("/static/")
        assert (attributes.get("action") or "/").startswith("/")
    assert [] == [one for one in outline.all("script") if not one.get("src")]
    assert [] == re.findall(r"<script[^>]*>[^<]+", RENDERED[key])


@pytest.mark.parametrize("key", RENDERED, ids="-".join)
def test_each_form_is_a_post_with_its_token(key: tuple[str, str]) -> None:
    """GET changes nothing, and a form without the token would be refused."""
    text = RENDERED[key]
    for form in re.findall(r"<form.*?</form>", text, re.DOTALL):
        assert 'method="post"' in form
        assert '<input type="hidden" name="token" value="form-token">' in form


@pytest.mark.parametrize("key", RENDERED, ids="-".join)
def test_what_opens_elsewhere_has_no_hold_of_the_page(key: tuple[str, str]) -> None:
    """Whoever is in the new tab cannot lead the one that waits to a page that only looks alike."""
    links = [one for one in Outline(RENDERED[key]).all("a", "form") if "target" in one]
    assert [] == [one for one in links if "noopener" not in (one.get("rel") or "").split()]


@pytest.mark.parametrize("name", PAGES)
def test_whatever_people_call_themselves_is_text(name: str) -> None:
    """A name is never markup, neither in text nor in an attribute, a template or a message."""
    text = the_pages().render(hostile(PAGES[name]), ENGLISH).content
    assert "<script>" not in text
    assert 'onload="' not in text
    assert "60481729" not in text


def hostile(page: Any) -> Any:
    """Return a page whose every text is an attack."""
    chosen: dict[str, Any] = {}
    for field in fields(page):
        value = getattr(page, field.name)
        if isinstance(value, str) and not isinstance(value, Done):
            value = HOSTILE
        elif isinstance(value, tuple):
            value = tuple(map(hostile, value))
        elif is_dataclass(value):
            value = hostile(value)
        chosen[field.name] = value
    return type(page)(**chosen)


@pytest.mark.parametrize(
    ("target", "targets"),
    [
        (None, ""),
        ("https://app.example:8443/cb?x=1", " https://app.example:8443"),
        ("http://localhost:3000/cb", " http://localhost:3000"),
    ],
)
def test_the_policy_allows_nothing_but_our_form(target: str | None, targets: str) -> None:
    """A snapshot: all is loaded from here, nothing is framed, forms lead here or to the target."""
    assert the_pages().render(a_continue_page(), ENGLISH, target=target).headers == {
        "Content-Security-Policy": POLICY.format(targets),
        "Cache-Control": "no-store",
    }


@pytest.mark.parametrize("name", refusals())
def test_each_refusal_says_what_happened_and_what_next(name: str) -> None:
    """People get a title, a reason and advice; programs an error code and a description."""
    refusal = refusals()[name]
    answer = the_pages().refuse(refusal, ENGLISH)
    assert refusal.status == answer.status_code
    assert refusal.title.endswith(tuple("abcdefghijklmnopqrstuvwxyz"))
    assert refusal.advice.endswith(".")
    assert refusal.description[0].islower()
    assert 400 <= refusal.status < 600
    assert f"<h1>{refusal.title}</h1>" in answer.content


@pytest.mark.parametrize("way", Way)
def test_each_way_on_is_a_link(way: Way) -> None:
    """And some refusal offers it."""
    [refusal, *_] = [one for one in refusals().values() if way in one.ways]
    text = the_pages().refuse(refusal, ENGLISH).content
    expected = {
        Way.HOW_TO_LOG_IN: '<a class="button" href="/">How to log in</a>',
        Way.FRONT_PAGE: '<a class="button" href="/">To the front page</a>',
        Way.ACCOUNT: 'href="/account">To your account</a>',
        Way.START_OVER: '<a class="button" href="/login">Start over</a>',
        Way.LOGIN: 'href="/auth/callback">Back to the login</a>',
        Way.APPLICATION: 'href="https://app.example.org">To The Shop</a>',
    }
    assert expected[way] in text


def test_only_who_may_not_log_in_has_no_way_on() -> None:
    """They have their id to pass on instead."""
    without = {error.code for error, refusal in REFUSALS.items() if not refusal.ways}
    assert {"person_not_allowed", "person_banned"} == without


def test_the_first_way_on_is_the_prominent_one() -> None:
    """The others stay quiet."""
    text = the_pages().refuse(refusals()["stale-form"], ENGLISH).content
    assert ["button", "button quiet"] == re.findall(r'<a class="([^"]*)"', text)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("alice", "A"), ("  éva", "É"), ("🙂 bob", "B"), ("", "·"), ("🙂", "·"), ("ßa", "S")],
)
def test_a_name_has_an_initial(name: str, expected: str) -> None:
    """Its first letter or digit, whatever stands before it."""
    assert expected == initial_of(name)


def test_in_app_pages_put_the_way_out_in_front() -> None:
    """Elsewhere it is folded away."""
    shown = gallery(ENGLISH)[0]
    for name, prominent, opening in (
        ("continue", False, None),
        ("continue-android", True, "intent://login.example.org/auth/callback?code="),
        ("continue-iphone", True, "x-safari-https://login.example.org/auth/callback?code="),
    ):
        text = shown[name].content
        assert prominent == ("Opened inside Telegram?" in text)
        assert prominent == ("<details" not in text)
        assert (opening is not None) == ("Open in my browser" in text)
        assert opening is None or opening in text


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("header", "language", "title"),
    [
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru", "Вы не вошли"),
        ("de,ru;q=0.5,en;q=0.7", "en", "You are not logged in"),
        ("", "en", "You are not logged in"),
    ],
)
async def test_a_page_speaks_the_browsers_language(
    browser: httpx.AsyncClient, header: str, language: str, title: str
) -> None:
    """By Accept-Language, and it says which language it is."""
    page = await browser.get("/", headers={"Accept-Language": header})
    assert f'<html lang="{language}"' in page.text
    assert f"<h1>{title}</h1>" in page.text


@pytest.mark.anyio
async def test_an_error_page_speaks_the_browsers_language(browser: httpx.AsyncClient) -> None:
    """Also where no handler was reached."""
    page = await browser.get("/nowhere", headers={"Accept-Language": "ru"})
    assert (404, True) == (page.status_code, "<h1>Такой страницы нет</h1>" in page.text)


@pytest.mark.anyio
async def test_every_answer_carries_the_common_headers(
    browser: httpx.AsyncClient, api: httpx.AsyncClient, code: str
) -> None:
    """No sniffing, and no Referer to elsewhere: on pages, errors, redirects and JSON alike."""
    answers = [
        await browser.get("/"),
        await browser.get("/account"),
        await browser.get("/account/data"),
        await browser.get("/account/delete"),
        await browser.get("/auth/callback"),
        await browser.get("/auth/callback", params={"code": code}),
        await browser.get("/static/style.css"),
        await browser.get("/static/pages.js"),
        await browser.get("/static/icon.svg"),
        await api.get("/healthz"),
        await api.get("/api/auth/me"),
        await api.post("/api/auth/callback", json={}),
        await api.post("/api/auth/callback", json={"code": "x"}),
        await api.get("/.well-known/jwks.json"),
        await browser.get("/nowhere"),
        await api.get("/nowhere"),
    ]
    expected = {("nosniff", "same-origin")}
    assert expected == {
        (one.headers.get("x-content-type-options"), one.headers.get("referrer-policy"))
        for one in answers
    }
