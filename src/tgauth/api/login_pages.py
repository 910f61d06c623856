"""The bot's link, the page behind it, and the press of its button; the account page."""

import hmac
from datetime import UTC, datetime
from typing import Any, Final

from litestar import MediaType, Request, Response, get, post
from litestar.datastructures import FormMultiDict
from litestar.enums import RequestEncodingType
from litestar.exceptions import ClientException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Redirect

from tgauth.api.cookies import PendingLogin, login_cookie, no_cookie, session_cookie
from tgauth.api.pages import (
    STYLE_PATH,
    AccountPage,
    ContinuePage,
    WelcomePage,
    refusal_page,
    render,
    style_sheet,
)
from tgauth.api.refusals import NO_CODE, STALE_FORM
from tgauth.api.visitors import visitor_of
from tgauth.domain.code import derive_form_token, looks_like_a_code
from tgauth.domain.errors import CodeUnknown, SessionEnded
from tgauth.domain.instants import SECOND, Instant
from tgauth.domain.links import CALLBACK_PATH, with_code
from tgauth.flows.continue_in_browser import Browser, Offer, continue_in_browser, show_offer
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.identify import identify_by_cookie
from tgauth.logs import Log

AnyRequest = Request[Any, Any, Any]

_log = Log("api")
_ACCOUNT_PATH: Final = "/account"


def login_pages(deployment: Deployment) -> list[HTTPRouteHandler]:
    """Return the handlers of every page."""
    pages = _LoginPages(deployment)

    @get(CALLBACK_PATH, media_type=MediaType.HTML)
    async def open_link(request: AnyRequest) -> Response[Any]:
        code = request.query_params.get("code")
        return pages.bind(request, code) if code is not None else await pages.offer(request)

    @post(CALLBACK_PATH, media_type=MediaType.HTML)
    async def press_button(request: AnyRequest) -> Response[Any]:
        return await pages.press(request)

    @get(["/", _ACCOUNT_PATH], media_type=MediaType.HTML)
    async def account(request: AnyRequest) -> Response[Any]:
        return await pages.account(request)

    @post("/logout", media_type=MediaType.HTML)
    async def log_out(request: AnyRequest) -> Response[Any]:
        return await pages.log_out(request)

    @get(STYLE_PATH, media_type=MediaType.CSS, sync_to_thread=False)
    def style() -> Response[str]:
        return Response(
            style_sheet(), media_type=MediaType.CSS, headers={"Cache-Control": "max-age=3600"}
        )

    return [open_link, press_button, account, log_out, style]


class _LoginPages:
    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment
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
        cookie = login_cookie(
            self._issuer,
            pending,
            lifetime=self._deployment.client.code_lifetime,
        )
        return _redirect(CALLBACK_PATH, cookies=[cookie])

    async def offer(self, request: AnyRequest) -> Response[Any]:
        """Show whose login this is; spends nothing."""
        pending = self._pending(request)
        if pending is None:
            return refusal_page(NO_CODE)
        offer = await show_offer(
            self._deployment,
            pending.code,
            browser=self._browser(request, pending),
        )
        return render(self._continue_page(offer, pending), target=self._target)

    async def press(self, request: AnyRequest) -> Response[Any]:
        """Spend the code, and send the browser on."""
        pending = self._pending(request)
        form = await _form(request)
        if pending is None or not self._is_ours(request, form.get("token"), pending.cookie):
            return refusal_page(STALE_FORM)
        outcome = await continue_in_browser(
            self._deployment,
            pending.code,
            browser=self._browser(request, pending),
            switch=form.get("switch") == "yes",
        )
        _log.info(
            "login.redeemed",
            login_id=outcome.login_id,
            session_id=outcome.session.id,
            by="browser",
        )
        target = _ACCOUNT_PATH
        if self._target is not None and outcome.callback_code is not None:
            target = with_code(self._target, outcome.callback_code)
        # The login cookie stays: a second press of the same button has to find it.
        cookie = session_cookie(
            self._issuer, outcome.secret, lifetime=self._deployment.sessions.lifetime
        )
        return _redirect(target, cookies=[cookie])

    async def account(self, request: AnyRequest) -> Response[Any]:
        """Show who is logged in here."""
        secret = self._secret(request)
        try:
            identity = await identify_by_cookie(self._deployment, secret or "")
        except SessionEnded:
            return render(WelcomePage(logged_out="logged_out" in request.query_params))
        person = identity.person
        page = AccountPage(
            account=person.label,
            name=person.name,
            telegram_id=person.profile.telegram_id,
            since=_readable(identity.session.created_at),
            form_token=derive_form_token(self._deployment.master_key, secret or ""),
        )
        return render(page)

    async def log_out(self, request: AnyRequest) -> Response[Any]:
        """End this browser's session."""
        secret = self._secret(request)
        if secret is not None:
            form = await _form(request)
            if not self._is_ours(request, form.get("token"), secret):
                return refusal_page(STALE_FORM)
            await end_session(self._deployment, secret)
            _log.info("session.ended", by="browser")
        forget = [
            no_cookie(self._issuer, self._issuer.session_cookie),
            no_cookie(self._issuer, self._issuer.login_cookie),
        ]
        return _redirect(f"{_ACCOUNT_PATH}?logged_out", cookies=forget)

    def _continue_page(self, offer: Offer, pending: PendingLogin) -> ContinuePage:
        return ContinuePage(
            account=offer.person.label,
            name=offer.person.name,
            telegram_id=offer.person.profile.telegram_id,
            application=self._deployment.client.name,
            other=offer.other.label if offer.other else None,
            form_token=derive_form_token(self._deployment.master_key, pending.cookie),
            action=CALLBACK_PATH,
        )

    def _pending(self, request: AnyRequest) -> PendingLogin | None:
        return PendingLogin.read(request.cookies.get(self._issuer.login_cookie))

    def _browser(self, request: AnyRequest, pending: PendingLogin) -> Browser:
        return Browser(
            name=pending.browser,
            session_secret=self._secret(request),
            visitor=visitor_of(request),
        )

    def _secret(self, request: AnyRequest) -> str | None:
        return request.cookies.get(self._issuer.session_cookie) or None

    def _is_ours(self, request: AnyRequest, token: object, cookie: str) -> bool:
        """Say whether our own page sent this form: its Origin, and a token made from the cookie."""
        expected = derive_form_token(self._deployment.master_key, cookie)
        return (
            request.headers.get("origin") == self._issuer.url
            and isinstance(token, str)
            and hmac.compare_digest(token.encode(), expected.encode())
        )


async def _form(request: AnyRequest) -> FormMultiDict:
    """Read a form of ours; ours are never multipart, whose parts could name any charset."""
    if request.content_type[0] != RequestEncodingType.URL_ENCODED:
        raise ClientException("the body must be a form", status_code=415)
    return await request.form()


def _redirect(target: str, *, cookies: list[Any]) -> Response[Any]:
    # 303, never 307: the browser must not send the form on (RFC 9700 §4.12).
    return Redirect(
        target,
        status_code=303,
        cookies=cookies,
        headers={"Cache-Control": "no-store"},
    )


def _readable(instant: Instant) -> str:
    moment = datetime.fromtimestamp(instant // SECOND, UTC)
    return moment.strftime("%Y-%m-%d %H:%M UTC")
