"""How every refusal looks over HTTP: the one table, for the API and for pages."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from tgauth.domain.errors import (
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
    OtherAccountActive,
    PersonBanned,
    PersonNotAllowed,
    SessionEnded,
    StoreUnavailable,
    TgauthError,
    TokenRefused,
    TooManyFailures,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refusal, in the words of each audience.

    Attributes:
        status: The HTTP status.
        error: The OAuth error code of the API (RFC 6749 §5.2).
        description: What the application's developer reads.
        title: What a person reads first.
        advice: What a person can do next.
    """

    status: HTTPStatus
    error: str
    description: str
    title: str
    advice: str


_AGAIN: Final = "Send /login to the bot again: it answers with a new link."


def _code_refusal(description: str, title: str) -> Refusal:
    return Refusal(
        status=HTTPStatus.BAD_REQUEST,
        error="invalid_grant",
        description=description,
        title=title,
        advice=_AGAIN,
    )


_UNKNOWN: Final = _code_refusal("the code is unknown", "This link is not valid")
_EXPIRED: Final = _code_refusal("the code has expired", "This link has expired")
_SPENT: Final = _code_refusal("the code was used before", "This link has been used already")
_TOKEN: Final = Refusal(
    status=HTTPStatus.UNAUTHORIZED,
    error="invalid_token",
    description="the access token is not valid here, or its session has ended",
    title="You are not logged in",
    advice=_AGAIN,
)

_NOT_ALLOWED: Final = Refusal(
    status=HTTPStatus.BAD_REQUEST,
    error="invalid_grant",
    description="the person may not log in here",
    title="You may not log in here",
    advice="Ask the operator to add your Telegram id to the list of people who may.",
)

REFUSALS: Final[dict[type[TgauthError], Refusal]] = {
    CodeUnknown: _UNKNOWN,
    CodeMisused: _UNKNOWN,
    CodeExpired: _EXPIRED,
    LoginExpired: _EXPIRED,
    CodeAlreadySpent: _SPENT,
    LoginAlreadyRedeemed: _SPENT,
    LoginAlreadyDecided: _SPENT,
    CodeRevoked: _code_refusal("the session of this code has ended", "This login has been ended"),
    LoginDenied: _code_refusal("the login was denied", "This login was declined"),
    LoginReplaced: _code_refusal(
        "the login was replaced by a newer one", "This link was replaced by a newer one"
    ),
    LoginNotApproved: _code_refusal("the login waits for approval", "This login is not approved"),
    PersonNotAllowed: _NOT_ALLOWED,
    PersonBanned: _NOT_ALLOWED,
    ClientRefused: Refusal(
        status=HTTPStatus.UNAUTHORIZED,
        error="invalid_client",
        description="the client secret is missing or wrong",
        title="The application could not prove who it is",
        advice="Tell the application's operator: the client secret is missing or wrong.",
    ),
    TooManyFailures: Refusal(
        status=HTTPStatus.TOO_MANY_REQUESTS,
        error="temporarily_unavailable",
        description="too many failed attempts from this network address; try again later",
        title="Too many attempts failed",
        advice="Wait a minute, then try again with the newest link from the bot.",
    ),
    OtherAccountActive: Refusal(
        status=HTTPStatus.CONFLICT,
        error="access_denied",
        description="another account is logged in in this browser",
        title="Another account is logged in here",
        advice="Choose on this page whether to switch.",
    ),
    SessionEnded: _TOKEN,
    TokenRefused: _TOKEN,
    StoreUnavailable: Refusal(
        status=HTTPStatus.SERVICE_UNAVAILABLE,
        error="temporarily_unavailable",
        description="the login service cannot reach its store at the moment",
        title="Logging in does not work right now",
        advice="Nothing is lost. Try again in a minute.",
    ),
}

#: What nobody foresaw. Says nothing of what it was: the log does.
UNFORESEEN: Final = Refusal(
    status=HTTPStatus.INTERNAL_SERVER_ERROR,
    error="server_error",
    description="something went wrong here",
    title="Something went wrong here",
    advice="Try again in a minute. If it stays, tell the operator when it happened.",
)

STALE_FORM: Final = Refusal(
    status=HTTPStatus.FORBIDDEN,
    error="invalid_request",
    description="the form was not sent from this site's own page",
    title="This page is out of date",
    advice="Open the link from the bot again, in one tab only, and press its button there.",
)

NO_CODE: Final = Refusal(
    status=HTTPStatus.BAD_REQUEST,
    error="invalid_request",
    description="there is no login under way in this browser",
    title="There is no login under way in this browser",
    advice=_AGAIN,
)


def refusal_of(error: TgauthError) -> Refusal:
    """Return how this error looks over HTTP."""
    return REFUSALS.get(type(error), UNFORESEEN)


def refusal_of_status(status: int) -> Refusal:
    """Return how an error of the protocol itself looks: a wrong path, method or body."""
    known = HTTPStatus(status)
    if known is HTTPStatus.NOT_FOUND:
        title, advice = "There is no such page", "Check the address, or start at the front page."
    else:
        title, advice = "This request makes no sense here", "Go back and try again."
    return Refusal(
        status=known,
        error="not_found" if known is HTTPStatus.NOT_FOUND else "invalid_request",
        description=known.phrase.lower(),
        title=title,
        advice=advice,
    )
