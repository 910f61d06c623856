"""Pages: one frozen struct for each template, and the headers that every page carries."""

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from importlib.resources import files
from typing import Any, ClassVar, Final

from jinja2 import Environment, PackageLoader, StrictUndefined
from litestar import MediaType, Response

from tgauth.api.refusals import Refusal
from tgauth.domain.links import origin_of

#: What every answer carries. Not no-referrer: with that a browser sends "Origin: null" with our own
#: forms (Fetch standard, "append a request Origin header").
COMMON_HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}

#: The style sheet: the one thing that pages load.
STYLE_PATH: Final = "/static/style.css"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuePage:
    """`continue.html`: whose login this is, and the button that spends it."""

    template: ClassVar[str] = "continue.html"
    account: str
    name: str
    telegram_id: int
    application: str
    other: str | None
    form_token: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """`account.html`: who is logged in."""

    template: ClassVar[str] = "account.html"
    account: str
    name: str
    telegram_id: int
    since: str
    form_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomePage:
    """`welcome.html`: nobody is logged in."""

    template: ClassVar[str] = "welcome.html"
    logged_out: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalPage:
    """`refusal.html`: what happened, and what to do next."""

    template: ClassVar[str] = "refusal.html"
    title: str
    advice: str


Page = ContinuePage | AccountPage | WelcomePage | RefusalPage


def render(page: Page, *, status: int = HTTPStatus.OK, target: str | None = None) -> Response[str]:
    """Render a page.

    Args:
        page: What it shows.
        status: The HTTP status.
        target: An address that its form redirects to: browsers apply `form-action` to redirects
            as well (CSP Level 3 §6.4.1), so the policy has to name that origin.
    """
    fields = {name: getattr(page, name) for name in page.__slots__}
    return Response(
        _templates().get_template(page.template).render(fields, style=STYLE_PATH),
        status_code=status,
        media_type=MediaType.HTML,
        headers=_headers(target),
    )


def refusal_page(refusal: Refusal) -> Response[str]:
    """Render a refusal for a person."""
    page = RefusalPage(title=refusal.title, advice=refusal.advice)
    return render(page, status=refusal.status)


@cache
def style_sheet() -> str:
    """Return the one style sheet."""
    return (files("tgauth.api") / "static" / "style.css").read_text("utf-8")


def _headers(target: str | None) -> dict[str, str]:
    targets = f" {origin_of(target)}" if target else ""
    policy = (
        "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; "
        f"frame-ancestors 'none'; form-action 'self'{targets}"
    )
    return {**COMMON_HEADERS, "Content-Security-Policy": policy, "Cache-Control": "no-store"}


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("tgauth.api", "templates"),
        auto_reload=False,  # it asks the disk at every render, which blocks the event loop
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def fields_of(page: type[Any]) -> tuple[str, ...]:
    """Return the names that a page's template may use."""
    return (*page.__slots__, "style")
