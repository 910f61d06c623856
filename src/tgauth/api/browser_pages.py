"""A login that begins in a browser: its page, and how it finishes."""

import re
import unicodedata
from collections.abc import Awaitable
from http import HTTPStatus
from typing import Any, Final

from litestar import MediaType, Response, get, post
from litestar.handlers import HTTPRouteHandler

from tgauth.api.browser_refusals import NOT_A_VISIT, UNUSABLE_STATE
from tgauth.api.continuing import go_on
from tgauth.api.cookies import (
    browser_cookie,
    browser_secret,
    cookie_of,
    new_browser_secret,
)
from tgauth.api.forms import AnyRequest, Forms, see_other
from tgauth.api.headers import was_head
from tgauth.api.languages import words_of
from tgauth.api.login_states import ANOTHER, FormTokens, LoginStates, page_of
from tgauth.api.pages import Pages, refusal_page
from tgauth.api.places import Places
from tgauth.api.refusals import STALE_LOGIN_FORM, refusal_of
from tgauth.api.visitors import is_part_of_a_page, is_speculative, visitor_of
from tgauth.domain.approval import LONGEST_STATE
from tgauth.domain.code import hash_of
from tgauth.domain.errors import (
    ApprovalUnknown,
    LoginAlreadyDecided,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginNotApproved,
    LoginReplaced,
    OtherAccountActive,
    PersonBanned,
    PersonNotAllowed,
    SessionEnded,
)
from tgauth.domain.links import LOGIN_PATH
from tgauth.flows.begin_browser_login import (
    Wish,
    begin_browser_login,
    show_browser_login,
)
from tgauth.flows.browser_sessions import Browser, Continuation
from tgauth.flows.deployment import Deployment
from tgauth.flows.finish_browser_login import continue_as_current, finish_browser_login
from tgauth.logs import Log

_log = Log("api")

_LOGIN_ID: Final = re.compile(r"[0-9a-f]{32}")
#: What a form's token is for.
_FINISHING: Final = "login"
_CONTINUING: Final = "continue"
#: What the page itself says best: it is shown again, as the login stands now.
_SAID_BY_THE_PAGE: Final = (
    LoginAlreadyDecided,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginNotApproved,
    LoginReplaced,
    OtherAccountActive,
    SessionEnded,
)


def browser_pages(
    deployment: Deployment, pages: Pages, places: Places, *, link_url: str
) -> list[HTTPRouteHandler]:
    """Return the handlers of a login that begins in a browser."""
    login = _BrowserPages(deployment, pages, places, link_url=link_url)

    @get(LOGIN_PATH, media_type=MediaType.HTML)
    async def begin(request: AnyRequest) -> Response[Any]:
        return await login.begin(request)

    @get(f"{LOGIN_PATH}/{{login_id:str}}", media_type=MediaType.HTML)
    async def show(request: AnyRequest) -> Response[Any]:
        return await login.show(request, request.path_params["login_id"])

    @post(f"{LOGIN_PATH}/{{login_id:str}}", media_type=MediaType.HTML)
    async def finish(request: AnyRequest) -> Response[Any]:
        return await login.finish(request, request.path_params["login_id"])

    @post(f"{LOGIN_PATH}/{{login_id:str}}/continue", media_type=MediaType.HTML)
    async def continue_here(request: AnyRequest) -> Response[Any]:
        return await login.continue_here(request, request.path_params["login_id"])

    return [begin, show, finish, continue_here]


class _BrowserPages:
    def __init__(
        self, deployment: Deployment, pages: Pages, places: Places, *, link_url: str
    ) -> None:
        self._deployment = deployment
        self._pages = pages
        self._places = places
        self._states = LoginStates(deployment, pages, link_url=link_url)
        self._forms = Forms(deployment)
        self._issuer = deployment.issuer

    async def begin(self, request: AnyRequest) -> Response[Any]:
        """Begin a login and lead to its page; a browser that has a name keeps it."""
        if was_head(request.scope):
            return Response(None, status_code=HTTPStatus.NO_CONTENT)
        if is_part_of_a_page(request) or is_speculative(request):
            return refusal_page(request, NOT_A_VISIT)
        states = [one for one in request.query_params.getall("state", []) if one]
        if len(states) > 1 or not all(map(_can_be_kept, states)):
            return self._pages.refuse(UNUSABLE_STATE, words_of(request))
        secret = browser_secret(request, self._issuer) or new_browser_secret()
        wish = Wish(
            browser=hash_of(secret),
            visitor=visitor_of(request),
            state_parameter=states[0] if states else None,
        )
        login = await begin_browser_login(self._deployment, wish, locate=self._places.of)
        _log.info("login.begun", login_id=login.id, by="browser")
        lifetime = self._deployment.approval_lifetime
        cookie = browser_cookie(self._issuer, secret, login_lifetime=lifetime)
        return see_other(page_of(login.id), cookies=[cookie])

    async def show(self, request: AnyRequest, login_id: str) -> Response[Any]:
        """Show how a login stands; changes nothing."""
        browser = self._browser(request) if self._secret(request) else None
        view = await show_browser_login(self._deployment, _known(login_id), browser=browser)
        return self._states.show(
            view,
            words_of(request),
            tokens=FormTokens(
                finishing=self._token(request, _FINISHING, login_id),
                continuing=self._token(request, _CONTINUING, login_id),
            ),
            as_another=request.query_params.get(ANOTHER[0]) == ANOTHER[1],
        )

    async def finish(self, request: AnyRequest, login_id: str) -> Response[Any]:
        """Redeem an approved login, and send the browser on."""
        form = await self._forms.ours(
            request, self._secret(request), purpose=f"{_FINISHING}/{login_id}"
        )
        if form is None:
            return self._pages.refuse(STALE_LOGIN_FORM, words_of(request))
        redeeming = finish_browser_login(
            self._deployment,
            _known(login_id),
            browser=self._browser(request),
            switch=form.get("switch") == "yes",
        )
        return await self._go_on(request, login_id, redeeming)

    async def continue_here(self, request: AnyRequest, login_id: str) -> Response[Any]:
        """Log in as whoever is logged in here already, and send the browser on."""
        purpose = f"{_CONTINUING}/{login_id}"
        if await self._forms.ours(request, self._secret(request), purpose=purpose) is None:
            return self._pages.refuse(STALE_LOGIN_FORM, words_of(request))
        redeeming = continue_as_current(
            self._deployment, _known(login_id), browser=self._browser(request)
        )
        return await self._go_on(request, login_id, redeeming)

    async def _go_on(
        self, request: AnyRequest, login_id: str, redeeming: Awaitable[Continuation]
    ) -> Response[Any]:
        try:
            outcome = await redeeming
        except (PersonBanned, PersonNotAllowed) as error:
            return self._pages.refuse(
                refusal_of(error), words_of(request), telegram_id=error.telegram_id
            )
        except _SAID_BY_THE_PAGE:
            return see_other(page_of(login_id))
        return go_on(self._deployment, outcome)

    def _token(self, request: AnyRequest, purpose: str, login_id: str) -> str:
        return self._forms.token(self._secret(request), purpose=f"{purpose}/{login_id}")

    def _secret(self, request: AnyRequest) -> str:
        return browser_secret(request, self._issuer) or ""

    def _browser(self, request: AnyRequest) -> Browser:
        return Browser(
            name=hash_of(self._secret(request)),
            session_secret=cookie_of(request, self._issuer.session_cookie) or None,
            visitor=visitor_of(request),
        )


def _known(login_id: str) -> str:
    """Let nothing but the shape of an id reach the store or an address.

    Raises:
        ApprovalUnknown: It is none.
    """
    if not _LOGIN_ID.fullmatch(login_id):
        raise ApprovalUnknown
    return login_id


def _can_be_kept(state: str) -> bool:
    """Say whether an application can have this back as it sent it."""
    return len(state) <= LONGEST_STATE and not any(
        # What was no UTF-8 is this character by now, and would come back as another state.
        one == "\ufffd" or unicodedata.category(one) == "Cc"
        for one in state
    )
