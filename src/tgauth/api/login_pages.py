"""The bot's link, the page behind it, and the press of its button."""

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler

from tgauth.api.continuing import go_on
from tgauth.api.cookies import PendingLogin, cookie_of, login_cookie
from tgauth.api.forms import AnyRequest, Forms, see_other
from tgauth.api.in_app import way_out
from tgauth.api.languages import words_of
from tgauth.api.pages import Pages, initial_of
from tgauth.api.patience import Patience
from tgauth.api.refusals import NO_CODE, STALE_FORM, refusal_of
from tgauth.api.views import ContinuePage
from tgauth.api.visitors import visitor_of
from tgauth.domain.code import looks_like_a_code
from tgauth.domain.errors import CodeUnknown, PersonBanned, PersonNotAllowed
from tgauth.domain.links import CALLBACK_PATH, host_of
from tgauth.flows.browser_sessions import Browser
from tgauth.flows.continue_in_browser import Offer, continue_in_browser, show_offer
from tgauth.flows.deployment import Deployment
from tgauth.logs import Log

_log = Log("api")


def login_pages(deployment: Deployment, pages: Pages, patience: Patience) -> list[HTTPRouteHandler]:
    """Return the handlers of the page behind the bot's link."""
    login = _LoginPages(deployment, pages)

    @get(CALLBACK_PATH, media_type=MediaType.HTML)
    async def open_link(request: AnyRequest) -> Response[Any]:
        code = request.query_params.get("code")
        async with patience.attempt(request):
            if code is not None:
                return login.bind(request, code)
            return await login.naming_the_refused(request, login.offer)

    @post(CALLBACK_PATH, media_type=MediaType.HTML)
    async def press_button(request: AnyRequest) -> Response[Any]:
        async with patience.attempt(request):
            return await login.naming_the_refused(request, login.press)

    return [open_link, press_button]


class _LoginPages:
    def __init__(self, deployment: Deployment, pages: Pages) -> None:
        self._deployment = deployment
        self._pages = pages
        self._forms = Forms(deployment)
        self._issuer = deployment.issuer
        self._target = deployment.client.callback_url

    def bind(self, request: AnyRequest, code: str) -> Response[Any]:
        """Move the code from the address into a cookie: it stays out of history and logs.

        The same link opened twice in one browser is one login there: both tabs work.
        """
        if not looks_like_a_code(code):
            raise CodeUnknown
        pending = self._pending(request)
        if pending is None or pending.code != code:
            pending = PendingLogin.begin(code)
        lifetime = self._deployment.client.code_lifetime
        cookie = login_cookie(self._issuer, pending, code_lifetime=lifetime)
        return see_other(CALLBACK_PATH, cookies=[cookie])

    async def offer(self, request: AnyRequest) -> Response[Any]:
        """Show whose login this is; spends nothing."""
        pending = self._pending(request)
        words = words_of(request)
        if pending is None:
            return self._pages.refuse(NO_CODE, words)
        browser = self._browser(request, pending)
        offer = await show_offer(self._deployment, pending.code, browser=browser)
        page = self._continue_page(request, offer, pending)
        return self._pages.render(page, words, target=self._target)

    async def press(self, request: AnyRequest) -> Response[Any]:
        """Spend the code, and send the browser on."""
        pending = self._pending(request)
        form = await self._forms.ours(request, pending.cookie if pending else "")
        if pending is None or form is None:
            return self._pages.refuse(STALE_FORM, words_of(request))
        outcome = await continue_in_browser(
            self._deployment,
            pending.code,
            browser=self._browser(request, pending),
            switch=form.get("switch") == "yes",
        )
        # The login cookie stays: a second press of the same button has to find it.
        return go_on(self._deployment, outcome)

    async def naming_the_refused(
        self, request: AnyRequest, answer: Callable[[AnyRequest], Awaitable[Response[Any]]]
    ) -> Response[Any]:
        """Answer, and show a person who may not log in the id that they have to pass on.

        Whoever holds the link may know whose it is.
        """
        try:
            return await answer(request)
        except (PersonNotAllowed, PersonBanned) as error:
            refusal, words = refusal_of(error), words_of(request)
            return self._pages.refuse(refusal, words, telegram_id=error.telegram_id)

    def _continue_page(
        self, request: AnyRequest, offer: Offer, pending: PendingLogin
    ) -> ContinuePage:
        link = self._issuer.login_link(pending.code)
        return ContinuePage(
            account=offer.person.label,
            name=offer.person.name,
            initial=initial_of(offer.person.name),
            telegram_id=offer.person.profile.telegram_id,
            application=self._deployment.client.name,
            target=host_of(self._target) if self._target else None,
            other=offer.other.label if offer.other else None,
            form_token=self._forms.token(pending.cookie),
            action=CALLBACK_PATH,
            way_out=way_out(link, request.headers.get("user-agent", "")),
        )

    def _pending(self, request: AnyRequest) -> PendingLogin | None:
        return PendingLogin.read(cookie_of(request, self._issuer.login_cookie))

    def _browser(self, request: AnyRequest, pending: PendingLogin) -> Browser:
        return Browser(
            name=pending.browser,
            session_secret=cookie_of(request, self._issuer.session_cookie) or None,
            visitor=visitor_of(request),
        )
