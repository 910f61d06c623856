"""How every refusal looks over HTTP: the one table, for the API and for pages.

Titles and advice are the English ones; pages look them up in the catalogue of their language.
"""

from dataclasses import replace
from http import HTTPStatus
from typing import Final

from tgauth.api.browser_refusals import (
    NETWORK_BLOCKED,
    OTHER_BROWSER,
    TOO_MANY_LOGINS,
    UNKNOWN_LOGIN,
)
from tgauth.api.refusal import Refusal, Way
from tgauth.domain.errors import (
    ApprovalUnknown,
    ClientRefused,
    CodeAlreadySpent,
    CodeExpired,
    CodeMisused,
    CodeRevoked,
    CodeUnknown,
    LoginAlreadyDecided,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginNotApproved,
    LoginReplaced,
    NetworkBlocked,
    OtherAccountActive,
    OtherBrowser,
    PersonBanned,
    PersonNotAllowed,
    SessionEnded,
    StoreUnavailable,
    TgauthError,
    TokenExpired,
    TokenRefused,
    TooManyFailures,
    TooManyLogins,
    UpdateRefused,
)


def _code_refusal(
    description: str, title: str, advice: str, way: Way = Way.HOW_TO_LOG_IN
) -> Refusal:
    return Refusal(
        status=HTTPStatus.BAD_REQUEST,
        error="invalid_grant",
        description=description,
        title=title,
        advice=advice,
        ways=(way,),
    )


_UNKNOWN: Final = _code_refusal(
    "the code is unknown",
    "This link is not valid",
    "Open the whole link from the chat. If that does not help, send /login to the bot again: "
    "it answers with a new link.",
)
_EXPIRED: Final = _code_refusal(
    "the code has expired",
    "This link has expired",
    "A link works for a short time only, so that nobody can use it later. Send /login to the bot "
    "again: it answers with a new link.",
)
_SPENT: Final = _code_refusal(
    "the code was used before",
    "This link has been used already",
    "A link works once. Send /login to the bot again for a new one. If it was not you who used "
    "this one, send /sessions to the bot: there you can end that login.",
    Way.ACCOUNT,
)
_REVOKED: Final = _code_refusal(
    "the session of this code has ended",
    "This login has been ended",
    "Somebody logged out after this link was used. Send /login to the bot to log in again.",
)
_DENIED: Final = _code_refusal(
    "the login was denied",
    "This login was declined",
    "Nobody was logged in. If you want to log in after all, send /login to the bot.",
)
_REPLACED: Final = _code_refusal(
    "the login was replaced by a newer one",
    "This link was replaced by a newer one",
    "Only the newest link works. Open the last one in the chat, or send /login to the bot again.",
)
_NOT_APPROVED: Final = _code_refusal(
    "the login waits for approval",
    "This login is not approved yet",
    "Approve it in the chat with the bot first, then open the link again.",
)
_NOT_ALLOWED: Final = Refusal(
    status=HTTPStatus.BAD_REQUEST,
    error="invalid_grant",
    description="the person may not log in here",
    title="You may not log in here",
    advice="You are not on the list of people who may. If you should be, give the operator your "
    "Telegram id.",
)
_BANNED: Final = Refusal(
    status=HTTPStatus.BAD_REQUEST,
    error="invalid_grant",
    description="the person may not log in here",
    title="You may no longer log in here",
    advice="The operator has blocked this account. If you think that this is a mistake, ask the "
    "operator and give them your Telegram id.",
)
_SENSELESS: Final = ("This request makes no sense here", "Go back and try again.")
_NOT_TELEGRAM: Final = Refusal(
    status=HTTPStatus.FORBIDDEN,
    error="invalid_client",
    description="only Telegram posts here, from its networks and with the secret that tgauth gave "
    "it",
    title=_SENSELESS[0],
    advice=_SENSELESS[1],
    ways=(Way.FRONT_PAGE,),
)
_TOKEN: Final = Refusal(
    status=HTTPStatus.UNAUTHORIZED,
    error="invalid_token",
    description="the access token is not valid here, or its session has ended",
    title="You are not logged in",
    advice="Your login has ended. Send /login to the bot again: it answers with a new link.",
    ways=(Way.HOW_TO_LOG_IN,),
)

REFUSALS: Final[dict[type[TgauthError], Refusal]] = {
    CodeUnknown: _UNKNOWN,
    CodeMisused: _UNKNOWN,
    CodeExpired: _EXPIRED,
    LoginExpired: _EXPIRED,
    CodeAlreadySpent: _SPENT,
    LoginAlreadyRedeemed: _SPENT,
    LoginAlreadyDecided: _SPENT,
    CodeRevoked: _REVOKED,
    LoginDenied: _DENIED,
    LoginReplaced: _REPLACED,
    LoginNotApproved: _NOT_APPROVED,
    PersonNotAllowed: _NOT_ALLOWED,
    PersonBanned: _BANNED,
    ClientRefused: Refusal(
        status=HTTPStatus.UNAUTHORIZED,
        error="invalid_client",
        description="the client secret is missing or wrong",
        title="The application could not prove who it is",
        advice="Tell the operator of the application: its client secret is missing or wrong.",
        ways=(Way.APPLICATION,),
    ),
    UpdateRefused: _NOT_TELEGRAM,
    TooManyFailures: Refusal(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        error="temporarily_unavailable",
        description="too many failed attempts from this network address; try again later",
        title="Too many attempts failed",
        advice="They came from your network address. Wait a minute, then open the newest link "
        "from the bot.",
        ways=(Way.FRONT_PAGE,),
    ),
    TooManyLogins: TOO_MANY_LOGINS,
    NetworkBlocked: NETWORK_BLOCKED,
    ApprovalUnknown: UNKNOWN_LOGIN,
    OtherBrowser: OTHER_BROWSER,
    OtherAccountActive: Refusal(
        status=HTTPStatus.CONFLICT,
        error="access_denied",
        description="another account is logged in in this browser",
        title="Another account is logged in here",
        advice="It logged in while the page was open. Go back to the login and choose whether to "
        "switch.",
        ways=(Way.LOGIN, Way.ACCOUNT),
    ),
    SessionEnded: _TOKEN,
    TokenExpired: _TOKEN,
    TokenRefused: _TOKEN,
    StoreUnavailable: Refusal(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        error="temporarily_unavailable",
        description="the login service cannot reach its store at the moment",
        title="Logging in does not work right now",
        advice="The service cannot read or write its data at the moment. Nothing is lost. Try "
        "again in a minute.",
        ways=(Way.FRONT_PAGE,),
    ),
}

#: What nobody foresaw. Says nothing of what it was: the log does.
UNFORESEEN: Final = Refusal(
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    error="server_error",
    description="something went wrong here",
    title="Something went wrong here",
    advice="It is not your fault. Try again in a minute. If it stays, tell the operator when it "
    "happened.",
    ways=(Way.FRONT_PAGE,),
)

STALE_FORM: Final = Refusal(
    status=HTTPStatus.FORBIDDEN,
    error="invalid_request",
    description="the form was not sent from this site's own page",
    title="This page is out of date",
    advice="Nothing was done. Open the page again, in one tab only, and press its button there.",
    ways=(Way.LOGIN, Way.ACCOUNT),
)

STALE_LOGIN_FORM: Final = replace(STALE_FORM, ways=(Way.START_OVER, Way.ACCOUNT))

NO_CODE: Final = Refusal(
    status=HTTPStatus.BAD_REQUEST,
    error="invalid_request",
    description="there is no login under way in this browser",
    title="There is no login under way in this browser",
    advice="Send /login to the bot, and open the link in this browser. The browser has to allow "
    "cookies.",
    ways=(Way.HOW_TO_LOG_IN, Way.ACCOUNT),
)


def _protocol(status: HTTPStatus, title: str, advice: str) -> Refusal:
    missing = status is HTTPStatus.NOT_FOUND
    return Refusal(
        status=status,
        error="not_found" if missing else "invalid_request",
        description=status.phrase.lower(),
        title=title,
        advice=advice,
        ways=(Way.FRONT_PAGE,),
    )


#: What the protocol itself refuses: a wrong path, method or body.
PROTOCOL: Final[dict[HTTPStatus, Refusal]] = {
    one.status: one
    for one in (
        _protocol(
            HTTPStatus.NOT_FOUND,
            "There is no such page",
            "The address may be mistyped or out of date. Check it, or start at the front page.",
        ),
        _protocol(
            HTTPStatus.METHOD_NOT_ALLOWED,
            "This page cannot be used that way",
            "The address belongs to a button. Start at the front page instead.",
        ),
        _protocol(
            HTTPStatus.REQUEST_TIMEOUT,
            "That took too long",
            "The connection was too slow, and nothing was done. Go back and try again.",
        ),
        _protocol(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
            "That was too much at once",
            "More was sent than any page here asks for, and nothing was done. Go back and try "
            "again.",
        ),
    )
}


def refusal_of(error: TgauthError) -> Refusal:
    """Return how this error looks over HTTP."""
    return REFUSALS.get(type(error), UNFORESEEN)


def refusal_of_status(status: int) -> Refusal:
    """Return how an error of the protocol itself looks: a wrong path, method or body."""
    known = HTTPStatus(status)
    return PROTOCOL.get(known) or _protocol(known, *_SENSELESS)
