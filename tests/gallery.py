"""Every page in each of its states, for whoever wants to look at all of them."""

from dataclasses import replace
from functools import cache
from typing import Any, Final

from litestar import Response
from tests.builders import CALLBACK_URL, NOW, a_client, a_deployment

from tgauth.api.account_pages import title_of
from tgauth.api.assets import Asset
from tgauth.api.brand import load_brand
from tgauth.api.browser_refusals import DENIED, EXPIRED, NOT_A_VISIT, REDEEMED, UNUSABLE_STATE
from tgauth.api.browser_views import ApprovedPage, ChatLink, CurrentPage, WaitingPage
from tgauth.api.health import health_routes
from tgauth.api.in_app import way_out
from tgauth.api.options import Branding
from tgauth.api.pages import Pages
from tgauth.api.patience import Patience
from tgauth.api.qr import qr_code
from tgauth.api.reference import describe, page_of
from tgauth.api.refusal import Refusal
from tgauth.api.refusals import (
    NO_CODE,
    PROTOCOL,
    REFUSALS,
    STALE_FORM,
    STALE_LOGIN_FORM,
    UNFORESEEN,
)
from tgauth.api.refusals import refusal_of_status as of_status
from tgauth.api.tokens import token_routes
from tgauth.api.views import (
    AccountPage,
    ContinuePage,
    DeletePage,
    Done,
    ListedSession,
    Moment,
    Page,
    ReferencePage,
    WelcomePage,
)
from tgauth.domain.instants import DAY, Instant, timestamp
from tgauth.flows.keyring import Keys
from tgauth.texts import Words

LINK: Final = f"https://login.example.org/auth/callback?code={'Ab3_' * 10}xyz"
DESKTOP: Final = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
ANDROID_IN_APP: Final = (
    "Mozilla/5.0 (Linux; Android 15; Pixel 9; wv) AppleWebKit/537.36 (KHTML, like Gecko) "
    "Version/4.0 Chrome/140.0 Mobile Safari/537.36 Telegram-Android/12.1 (Google Pixel 9)"
)
IPHONE_IN_APP: Final = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 "
    "(KHTML, like Gecko) Mobile/15E148"
)
#: Telegram's own limit for each half of a name.
HANDLE: Final = "Ab3_Ab3_Ab3_Ab3_Ab3_Ab"
CHAT_LINK: Final = f"https://t.me/shop_login_bot?start={HANDLE}"
LOGIN: Final = f"/login/{'0a' * 16}"
SCRIPT: Final = "/static/login.js"
LONG_NAME: Final = f"{'Wolfeschlegelsteinhausenbergerdorff' * 2:.64} {'W' * 64}"
RTL_NAME: Final = "\u05d3\u05d5\u05d3 \u05db\u05d4\u05df"


def a_continue_page(**fields: Any) -> ContinuePage:
    """Build the page behind a link."""
    chosen: dict[str, Any] = {
        "account": "@alice",
        "name": "Alice Archer",
        "initial": "A",
        "telegram_id": 1001,
        "application": "The Shop",
        "target": "app.example.org",
        "other": None,
        "form_token": "form-token",
        "action": "/auth/callback",
        "way_out": way_out(LINK, DESKTOP),
    }
    return ContinuePage(**chosen | fields)


def a_waiting_page(words: Words, **fields: Any) -> WaitingPage:
    """Build the page of a login that waits for the chat."""
    chosen: dict[str, Any] = {
        "application": "The Shop",
        "domain": "app.example.org",
        "number": 42,
        "chat": ChatLink(
            bot="shop_login_bot",
            link=CHAT_LINK,
            app_link=f"tg://resolve?domain=shop_login_bot&start={HANDLE}",
            qr=qr_code(CHAT_LINK),
            command=f"/start {HANDLE}",
        ),
        "is_opened": False,
        "time_left": words.duration(290_000),
        "seconds": 290,
        "current": None,
        "back": LOGIN,
        "events": "/login/events/Str3_Str3_Str3_Str3_St",
        "action": LOGIN,
        "form_token": "form-token",
        "start_over": "/login",
        "script": SCRIPT,
    }
    return WaitingPage(**chosen | fields)


def an_approved_page(**fields: Any) -> ApprovedPage:
    """Build the page of a login that is approved."""
    chosen: dict[str, Any] = {
        "account": "@alice",
        "name": "Alice Archer",
        "initial": "A",
        "telegram_id": 1001,
        "application": "The Shop",
        "target": "app.example.org",
        "other": None,
        "form_token": "form-token",
        "action": LOGIN,
        "start_over": "/login?state=af0ifjsldkj",
        "script": SCRIPT,
    }
    return ApprovedPage(**chosen | fields)


def a_current_page(**fields: Any) -> CurrentPage:
    """Build the page for whoever is logged in already."""
    chosen: dict[str, Any] = {
        "account": "@alice",
        "name": "Alice Archer",
        "initial": "A",
        "telegram_id": 1001,
        "application": "The Shop",
        "target": "app.example.org",
        "form_token": "form-token",
        "action": f"{LOGIN}/continue",
        "another": f"{LOGIN}?account=another",
    }
    return CurrentPage(**chosen | fields)


def a_listed_session(words: Words, number: int = 1, **fields: Any) -> ListedSession:
    """Build a line of the list of sessions."""
    chosen: dict[str, Any] = {
        "id": f"session-{number}",
        "application": "The Shop",
        "device": "Firefox, Linux",
        "address": "203.0.113.9",
        "since": moment(words, NOW - number * DAY),
        "seen": moment(words, NOW - number * 1000),
        "here": number == 1,
    }
    return ListedSession(**chosen | fields)


def an_account_page(words: Words, **fields: Any) -> AccountPage:
    """Build the account page of somebody with three sessions."""
    chosen: dict[str, Any] = {
        "account": "@alice",
        "name": "Alice Archer",
        "initial": "A",
        "telegram_id": 1001,
        "sessions": (
            a_listed_session(words),
            a_listed_session(words, 2, device="Telegram, Android", address="2001:db8:85a3::8a2e"),
            a_listed_session(words, 3, device=None, address=None),
        ),
        "application": "The Shop",
        "target": "https://app.example.org",
        "one_ended": False,
        "form_token": "form-token",
    }
    return AccountPage(**chosen | fields)


@cache
def reference_page() -> ReferencePage:
    """Return the reference of the real API; describing it asks for no store."""
    store: Any = None
    deployment = a_deployment(store)
    routes = token_routes(deployment, Keys(deployment), Patience(deployment))
    return page_of(describe([*routes, *health_routes(deployment)], deployment.issuer.url))


def moment(words: Words, instant: Instant) -> Moment:
    """Build a time as pages show it."""
    return Moment(iso=timestamp(instant), text=words.moment(instant))


def pages_in(words: Words) -> dict[str, Page]:
    """Return every page that is no refusal, in each of its states."""
    delay = words.duration(900_000)
    account = an_account_page(words)
    return {
        "continue": a_continue_page(),
        "continue-switch": a_continue_page(other="@bob"),
        "continue-android": a_continue_page(way_out=way_out(LINK, ANDROID_IN_APP)),
        "continue-iphone": a_continue_page(way_out=way_out(LINK, IPHONE_IN_APP)),
        "continue-no-application": a_continue_page(target=None, account="Alice", name="Alice"),
        "continue-long": a_continue_page(
            account=LONG_NAME, name=LONG_NAME, application="W" * 80, other=LONG_NAME
        ),
        "continue-rtl": a_continue_page(account=RTL_NAME, name=RTL_NAME, initial="\u05d3"),
        **_browser_login_pages(words),
        "account": account,
        "account-ended": an_account_page(words, one_ended=True, sessions=account.sessions[:1]),
        "account-long": an_account_page(
            words, account=LONG_NAME, name="", application="W" * 80, target=None
        ),
        "reference": reference_page(),
        "delete": DeletePage(account="@alice", delay=delay, form_token="form-token"),
        **{
            f"welcome-{done or 'new'}": WelcomePage(
                title=title_of(done, words),
                done=done,
                delay=delay,
                application="The Shop",
                target=target,
                bot=bot,
                chat=f"https://t.me/{bot}" if bot else None,
            )
            for done, target, bot in (
                (None, "https://app.example.org", "shop_login_bot"),
                (Done.LOGGED_OUT, "https://app.example.org", "shop_login_bot"),
                (Done.LOGGED_OUT_EVERYWHERE, None, "b" * 32),
                (Done.DELETED, None, None),
            )
        },
    }


def _browser_login_pages(words: Words) -> dict[str, Page]:
    chat = a_waiting_page(words).chat
    assert chat is not None
    elsewhere = replace(chat, app_link=None, bot="b" * 32)
    return {
        "waiting": a_waiting_page(words),
        "waiting-opened": a_waiting_page(words, is_opened=True, current="@bob"),
        "waiting-no-bot": a_waiting_page(words, chat=None),
        "waiting-long": a_waiting_page(
            words, application="W" * 60, domain=f"{'w' * 60}.example", chat=elsewhere
        ),
        "approved": an_approved_page(),
        "approved-switch": an_approved_page(other="@bob", target=None),
        "current": a_current_page(),
        "current-long": a_current_page(account=LONG_NAME, application="W" * 60, target=None),
    }


def refusals() -> dict[str, Refusal]:
    """Return every refusal that there is a page for."""
    named = {error.code.replace("_", "-"): one for error, one in REFUSALS.items()}
    protocol = {str(int(status)): one for status, one in PROTOCOL.items()}
    return {
        **named,
        **protocol,
        "415": of_status(415),
        "unforeseen": UNFORESEEN,
        "stale-form": STALE_FORM,
        "stale-login-form": STALE_LOGIN_FORM,
        "no-code": NO_CODE,
        "unusable-state": UNUSABLE_STATE,
        "not-a-visit": NOT_A_VISIT,
        "login-expired-here": EXPIRED,
        "login-redeemed-here": REDEEMED,
        **{f"login-{denial.replace('_', '-')}": one for denial, one in DENIED.items()},
    }


def the_pages(branding: Branding | None = None) -> Pages:
    """Build what renders them."""
    brand = load_brand(branding or Branding(), name="login.example.org")
    return Pages(brand, a_client())


def gallery(
    words: Words, branding: Branding | None = None
) -> tuple[dict[str, Response[str]], dict[str, Asset]]:
    """Render every page; return them by name, and what they load by path."""
    pages = the_pages(branding)
    shown = {
        name: pages.render(page, words, target=CALLBACK_URL, listens=isinstance(page, WaitingPage))
        for name, page in pages_in(words).items()
    }
    refused = {
        name: pages.refuse(
            one,
            words,
            telegram_id=1001 if name in {"person-not-allowed", "person-banned"} else None,
        )
        for name, one in refusals().items()
    }
    return shown | refused, {asset.path: asset for asset in pages.assets.all()}
