"""Promises of the templates: only the fields of their struct, escaped, under a strict policy."""

from dataclasses import fields
from typing import Any

import httpx
import pytest
from jinja2 import Environment, PackageLoader, meta

from tgauth.api.pages import (
    AccountPage,
    ContinuePage,
    Page,
    RefusalPage,
    WelcomePage,
    fields_of,
    refusal_page,
    render,
)
from tgauth.api.refusals import REFUSALS

HOSTILE = "<script>alert('x')</script>\" onload=\"{{ 7 * 7 }}"

PAGES: list[Page] = [
    ContinuePage(
        account="@alice",
        name="Alice",
        telegram_id=42,
        application="shop",
        other=other,
        form_token="t",
        action="/auth/callback",
    )
    for other in (None, "@bob")
]
PAGES += [
    AccountPage(account="@alice", name="Alice", telegram_id=1, since="2026", form_token="t"),
    WelcomePage(logged_out=False),
    WelcomePage(logged_out=True),
    RefusalPage(title="No", advice="Go back."),
]

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
    "frame-ancestors 'none'; form-action 'self'"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: type(page).__name__)
def test_each_page_renders(page: Page) -> None:
    """With nothing undefined, as UTF-8 HTML under a language and a title."""
    answer = render(page)
    text = answer.content
    assert text.startswith('<!doctype html>\n<html lang="en">')
    assert "<title></title>" not in text
    assert 1 == text.count("<h1>")
    assert "{{" not in text


@pytest.mark.parametrize("page", {type(page) for page in PAGES}, ids=lambda page: page.__name__)
def test_a_template_uses_only_the_fields_of_its_struct(page: type[Any]) -> None:
    """Neither more nor less: every field is shown, and no other name is known."""
    loader = PackageLoader("tgauth.api", "templates")
    environment = Environment(loader=loader, autoescape=True)
    used: set[str] = set()
    for name in (page.template, "base.html"):
        source = loader.get_source(environment, name)[0]
        used |= meta.find_undeclared_variables(environment.parse(source))
    assert set(fields_of(page)) == used
    assert [field.name for field in fields(page)] == list(fields_of(page)[:-1])


def test_every_template_has_a_page() -> None:
    """No file is left over."""
    names = set(PackageLoader("tgauth.api", "templates").list_templates())
    assert {page.template for page in PAGES} | {"base.html"} == names


@pytest.mark.parametrize("page", PAGES, ids=lambda page: type(page).__name__)
def test_whatever_people_call_themselves_is_text(page: Page) -> None:
    """A name is never markup, neither in text nor in an attribute nor as a template."""
    kind: Any = type(page)
    hostile = kind(
        **{
            name: HOSTILE if isinstance(getattr(page, name), str) else getattr(page, name)
            for name in page.__slots__
        }
    )
    text = render(hostile).content
    assert "<script" not in text
    assert 'onload="' not in text
    assert "49" not in text


@pytest.mark.parametrize("page", PAGES, ids=lambda page: type(page).__name__)
def test_no_page_needs_what_the_policy_forbids(page: Page) -> None:
    """No script, no inline style, nothing from elsewhere."""
    text = render(page).content
    for forbidden in ("<script", "style=", "<style", "onclick", "http://", "https://", "//"):
        assert forbidden not in text.replace("<!doctype", "")


@pytest.mark.parametrize(
    ("target", "policy"),
    [
        (None, POLICY),
        ("https://app.example:8443/cb?x=1", f"{POLICY} https://app.example:8443"),
        ("http://localhost:3000/cb", f"{POLICY} http://localhost:3000"),
    ],
)
def test_the_policy_allows_nothing_but_our_form(target: str | None, policy: str) -> None:
    """A snapshot: nothing is loaded or framed, and forms lead here or to the application."""
    headers = render(PAGES[0], target=target).headers
    assert headers == {
        "Content-Security-Policy": policy,
        "Cache-Control": "no-store",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
    }


@pytest.mark.parametrize("error", REFUSALS, ids=lambda error: error.code)
def test_each_refusal_has_a_page_and_a_description(error: Any) -> None:
    """People get a title and advice, programs an error code and a description."""
    refusal = REFUSALS[error]
    answer = refusal_page(refusal)
    assert refusal.status == answer.status_code
    assert refusal.title.endswith(tuple("abcdefghijklmnopqrstuvwxyz"))
    assert refusal.advice.endswith(".")
    assert refusal.description[0].islower()
    assert 400 <= refusal.status < 600


@pytest.mark.anyio
async def test_every_answer_carries_the_common_headers(
    browser: httpx.AsyncClient, api: httpx.AsyncClient, code: str
) -> None:
    """No sniffing, and no Referer to elsewhere: on pages, errors, redirects and JSON alike."""
    answers = [
        await browser.get("/"),
        await browser.get("/account"),
        await browser.get("/auth/callback"),
        await browser.get("/auth/callback", params={"code": code}),
        await browser.get("/static/style.css"),
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


@pytest.mark.anyio
async def test_the_style_sheet_is_served(browser: httpx.AsyncClient) -> None:
    """As CSS, kept for an hour."""
    answer = await browser.get("/static/style.css")
    assert answer.headers["content-type"].startswith("text/css")
    assert "max-age=3600" == answer.headers["cache-control"]
    assert ".card" in answer.text
