"""Pages: rendered from their structs in the visitor's language, under a strict policy."""

import unicodedata
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, assert_never

from jinja2 import BytecodeCache, Environment, PackageLoader, StrictUndefined
from jinja2.bccache import Bucket
from litestar import MediaType, Request, Response

from tgauth.api.assets import Assets, assets_of
from tgauth.api.brand import Brand
from tgauth.api.languages import words_of
from tgauth.api.refusal import Refusal, Way
from tgauth.api.views import Frame, Link, Page, RefusalPage
from tgauth.domain.client import Client
from tgauth.domain.links import CALLBACK_PATH, LOGIN_PATH, login_address, origin_of
from tgauth.texts import Words, languages, load_languages, words_for

if TYPE_CHECKING:
    from types import CodeType

FRONT_PATH: Final = "/"
ACCOUNT_PATH: Final = "/account"


class Pages:
    """Renders the pages of one installation.

    Attributes:
        assets: What the pages load.
    """

    def __init__(self, brand: Brand, client: Client) -> None:
        self.assets: Assets = assets_of(brand)
        self._brand = brand
        self._client = client

    def render(
        self,
        page: Page,
        words: Words,
        *,
        status: int = HTTPStatus.OK,
        target: str | None = None,
        listens: bool = False,
    ) -> Response[str]:
        """Render a page.

        Args:
            page: What it shows.
            words: The language.
            status: The HTTP status.
            target: An address that its form redirects to: browsers apply `form-action` to redirects
                as well (CSP Level 3 §6.4.1), so the policy has to name that origin.
            listens: Whether its script asks us how things stand.
        """
        fields = {name: getattr(page, name) for name in page.__slots__}
        template = _templates(words).get_template(page.template)
        return Response(
            template.render(fields, frame=self._frame(words)),
            status_code=status,
            media_type=MediaType.HTML,
            headers=_headers(target, listens=listens),
        )

    def refuse(
        self,
        refusal: Refusal,
        words: Words,
        *,
        telegram_id: int | None = None,
        state: str | None = None,
    ) -> Response[str]:
        """Render a refusal.

        Args:
            refusal: Which one.
            words: The language.
            telegram_id: The person's own id, where they have to pass it on.
            state: What an application wants to have back of a login that is started over.
        """
        page = RefusalPage(
            title=words.gettext(refusal.title),
            advice=words.gettext(refusal.advice),
            telegram_id=telegram_id,
            ways=tuple(link for way in refusal.ways if (link := self._link(way, words, state))),
        )
        return self.render(page, words, status=refusal.status)

    def _frame(self, words: Words) -> Frame:
        assets = self.assets
        return Frame(
            language=words.language,
            direction=words.direction,
            brand=self._brand.name,
            logo=(assets.logo or assets.icon).address,
            style=assets.style.address,
            script=assets.script.address,
            privacy_url=self._brand.privacy_url,
            imprint_url=self._brand.imprint_url,
        )

    def _link(self, way: Way, words: Words, state: str | None) -> Link | None:
        match way:
            case Way.HOW_TO_LOG_IN:
                href, text = FRONT_PATH, words.gettext("How to log in")
            case Way.FRONT_PAGE:
                href, text = FRONT_PATH, words.gettext("To the front page")
            case Way.ACCOUNT:
                href, text = ACCOUNT_PATH, words.gettext("To your account")
            case Way.LOGIN:
                href, text = CALLBACK_PATH, words.gettext("Back to the login")
            case Way.START_OVER:
                href, text = login_address(state), words.gettext("Start over")
            case Way.APPLICATION:
                if self._client.callback_url is None:
                    return None
                href = origin_of(self._client.callback_url)
                text = words.gettext("To {application}").format(application=self._client.name)
            case _:
                assert_never(way)
        return Link(href=href, text=text)


def load_pages() -> None:
    """Read languages and templates now, so that no first visitor has to wait for them."""
    load_languages()
    for language in languages():
        environment = _templates(words_for(language))
        for name in environment.list_templates():
            environment.get_template(name)


def refusal_page(request: Request[Any, Any, Any], refusal: Refusal) -> Response[str]:
    """Render a refusal for whoever sent this request."""
    pages: Pages = request.app.state.pages
    return pages.refuse(refusal, words_of(request), state=_state_of(request))


def _state_of(request: Request[Any, Any, Any]) -> str | None:
    """Return what an application wants to have back of a login that was refused its beginning."""
    is_beginning = request.scope["path"] == LOGIN_PATH
    return (is_beginning and request.query_params.get("state")) or None


def initial_of(name: str) -> str:
    """Return the letter that stands for a name; a dot where it has none."""
    letters = (one for one in name if unicodedata.category(one)[0] in "LN")
    return next(letters, "·").upper()[:1]


def _headers(target: str | None, *, listens: bool) -> Mapping[str, str]:
    targets = f" {origin_of(target)}" if target else ""
    asking = "connect-src 'self'; " if listens else ""
    policy = (
        f"default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; {asking}"
        f"form-action 'self'{targets}; frame-ancestors 'none'; base-uri 'none'"
    )
    return {"Content-Security-Policy": policy, "Cache-Control": "no-store"}


class _Compiled(BytecodeCache):
    """Lets templates be compiled once for all languages: their code is the same in each."""

    def __init__(self) -> None:
        self._code: dict[str, CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self._code.get(bucket.key)

    def dump_bytecode(self, bucket: Bucket) -> None:
        if bucket.code is not None:
            self._code[bucket.key] = bucket.code


_COMPILED: Final = _Compiled()


@cache
def _templates(words: Words) -> Environment:
    environment = Environment(
        loader=PackageLoader("tgauth.api", "templates"),
        bytecode_cache=_COMPILED,
        auto_reload=False,  # it asks the disk at every render, which blocks the event loop
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    # What stands in for a placeholder is escaped; the texts themselves are ours.
    environment.install_gettext_callables(  # type: ignore[attr-defined]  # added by the extension
        words.gettext, words.ngettext, newstyle=True
    )
    return environment
