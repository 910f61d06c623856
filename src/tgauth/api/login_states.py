"""How the page of a login looks that began in a browser, in each of its states."""

from dataclasses import dataclass
from math import ceil
from typing import Any, Final

from litestar import Response

from tgauth.api.browser_refusals import DENIED, EXPIRED, REDEEMED
from tgauth.api.browser_views import ApprovedPage, ChatLink, CurrentPage, WaitingPage
from tgauth.api.events import EVENTS_PATH
from tgauth.api.pages import Pages, initial_of
from tgauth.api.qr import qr_code
from tgauth.domain.approval import Denial
from tgauth.domain.instants import SECOND
from tgauth.domain.links import LOGIN_PATH, deep_links, host_of, login_address
from tgauth.domain.login import Standing
from tgauth.domain.person import Person
from tgauth.flows.begin_browser_login import BrowserLogin
from tgauth.flows.deployment import Deployment
from tgauth.texts import Words

#: In the query of the page: whoever is logged in here wants to log in as somebody else.
ANOTHER: Final = ("account", "another")


@dataclass(frozen=True, slots=True, kw_only=True)
class FormTokens:
    """The tokens of the forms that a login's page may have.

    Attributes:
        finishing: Of the one that redeems an approved login.
        continuing: Of the one that approves it as who is logged in here.
    """

    finishing: str
    continuing: str

    def __repr__(self) -> str:
        """Print no token."""
        return "FormTokens(***)"


class LoginStates:
    """Shows logins of one installation."""

    def __init__(self, deployment: Deployment, pages: Pages, *, link_url: str) -> None:
        self._deployment = deployment
        self._pages = pages
        self._link_url = link_url
        self._client = deployment.client
        self._target = deployment.client.callback_url

    def show(
        self, view: BrowserLogin, words: Words, *, tokens: FormTokens, as_another: bool
    ) -> Response[Any]:
        """Show how a login stands.

        Args:
            view: The login.
            words: The language.
            tokens: The tokens of its forms.
            as_another: Whether somebody who is logged in here wants to be somebody else.
        """
        match view.standing:
            case Standing.PENDING if view.current is not None and not as_another:
                page = self._current_page(view, view.current, tokens)
                return self._pages.render(page, words, target=self._target)
            case Standing.PENDING:
                waiting = self._waiting_page(view, words, tokens)
                return self._pages.render(waiting, words, target=self._target, listens=True)
            case Standing.APPROVED if view.person is not None:
                approved = self._approved_page(view, view.person, tokens)
                return self._pages.render(approved, words, target=self._target)
            case Standing.DENIED:
                refusal = DENIED[view.denial or Denial.WITHDRAWN]
            case Standing.REDEEMED:
                refusal = REDEEMED
            case _:
                refusal = EXPIRED
        return self._pages.refuse(refusal, words, state=view.state_parameter)

    def _approved_page(
        self, view: BrowserLogin, person: Person, tokens: FormTokens
    ) -> ApprovedPage:
        current = view.current
        other = current if current and current.subject != person.subject else None
        return ApprovedPage(
            account=person.label,
            name=person.name,
            initial=initial_of(person.name),
            telegram_id=person.profile.telegram_id,
            application=self._client.name,
            target=self._host,
            other=other.label if other else None,
            form_token=tokens.finishing,
            action=page_of(view.login.id),
            start_over=login_address(view.state_parameter),
            script=self._script,
        )

    def _current_page(self, view: BrowserLogin, current: Person, tokens: FormTokens) -> CurrentPage:
        address = page_of(view.login.id)
        return CurrentPage(
            account=current.label,
            name=current.name,
            initial=initial_of(current.name),
            telegram_id=current.profile.telegram_id,
            application=self._client.name,
            target=self._host,
            form_token=tokens.continuing,
            action=f"{address}/continue",
            another=f"{address}?{'='.join(ANOTHER)}",
        )

    def _waiting_page(self, view: BrowserLogin, words: Words, tokens: FormTokens) -> WaitingPage:
        left = max(view.login.expires_at - self._deployment.now(), 0)
        address = page_of(view.login.id)
        return WaitingPage(
            application=self._client.name,
            domain=self._host or host_of(self._deployment.issuer.url),
            number=view.number,
            chat=self._chat_link(view),
            is_opened=view.is_opened,
            time_left=words.duration(left),
            seconds=ceil(left / SECOND),
            current=view.current.label if view.current else None,
            back=address,
            events=f"{EVENTS_PATH}/{view.stream}",
            action=address,
            form_token=tokens.finishing,
            start_over=login_address(view.state_parameter),
            script=self._script,
        )

    def _chat_link(self, view: BrowserLogin) -> ChatLink | None:
        if view.bot is None:
            return None
        link, app_link = deep_links(self._link_url, view.bot, view.handle)
        return ChatLink(
            bot=view.bot,
            link=link,
            app_link=app_link,
            qr=qr_code(link),
            command=f"/start {view.handle}",
        )

    @property
    def _host(self) -> str | None:
        return host_of(self._target) if self._target else None

    @property
    def _script(self) -> str:
        return self._pages.assets.login_script.address


def page_of(login_id: str) -> str:
    """Return the address of a login's page."""
    return f"{LOGIN_PATH}/{login_id}"
