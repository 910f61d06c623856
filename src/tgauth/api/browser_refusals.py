"""What is refused of a login that begins in a browser, and how its page says that it is over.

As in `tgauth.api.refusals`, which is the one table of errors: the texts are the English ones.
"""

from http import HTTPStatus
from typing import Final

from tgauth.api.refusal import Refusal, Way
from tgauth.domain.approval import LONGEST_STATE, Denial

TOO_MANY_LOGINS: Final = Refusal(
    status=HTTPStatus.TOO_MANY_REQUESTS,
    error="temporarily_unavailable",
    description="too many logins were begun from this network address; try again later",
    title="Too many logins were begun",
    advice="They came from your network address. Wait a minute, then start over, or send "
    "/login to the bot.",
    ways=(Way.START_OVER, Way.HOW_TO_LOG_IN),
)
NETWORK_BLOCKED: Final = Refusal(
    status=HTTPStatus.TOO_MANY_REQUESTS,
    error="temporarily_unavailable",
    description="somebody disowned a login from this network address; try again later",
    title="No login can be begun here for a while",
    advice="Somebody said that a login from your network address was not theirs. Try again in "
    "an hour, or from another network. Sending /login to the bot works meanwhile.",
    ways=(Way.HOW_TO_LOG_IN,),
)
UNKNOWN_LOGIN: Final = Refusal(
    status=HTTPStatus.NOT_FOUND,
    error="not_found",
    description="there is no such login, or it was over long ago",
    title="There is no such login",
    advice="It was over long ago, or the address is not complete. Start over to log in.",
    ways=(Way.START_OVER, Way.ACCOUNT),
)
OTHER_BROWSER: Final = Refusal(
    status=HTTPStatus.FORBIDDEN,
    error="access_denied",
    description="the login was begun in another browser, and only that one can finish it",
    title="This login was begun in another browser",
    advice="Only that browser can finish it. Go back there, or start over here. The browser "
    "has to allow cookies.",
    ways=(Way.START_OVER, Way.ACCOUNT),
)

UNUSABLE_STATE: Final = Refusal(
    status=HTTPStatus.BAD_REQUEST,
    error="invalid_request",
    description=f"send state once, with at most {LONGEST_STATE} characters and no control "
    "characters",
    title="The application asked for this in a way that does not work",
    advice="Tell the operator of the application: what it sent along (state) is too long or cannot "
    "be kept. Nothing has happened.",
    ways=(Way.APPLICATION, Way.FRONT_PAGE),
)

NOT_A_VISIT: Final = Refusal(
    status=HTTPStatus.FORBIDDEN,
    error="invalid_request",
    description="a login begins only where a person opens the page: not in a frame, for an image "
    "or ahead of time",
    title="Open this page by itself",
    advice="A login does not begin inside another page, or before somebody has asked for it.",
    ways=(Way.START_OVER,),
)


def _over(title: str, advice: str, *ways: Way) -> Refusal:
    return Refusal(
        status=HTTPStatus.GONE,
        error="access_denied",
        description="the login is over",
        title=title,
        advice=advice,
        ways=ways or (Way.START_OVER,),
    )


#: What the page of a login says that was denied.
DENIED: Final[dict[Denial, Refusal]] = {
    Denial.DECLINED: _over(
        "The login was declined",
        "Somebody declined it in Telegram, and nobody was logged in. If that was a mistake, "
        "start over.",
    ),
    Denial.WRONG_NUMBER: _over(
        "That was not the number",
        "Another number was picked in Telegram than this page showed, and nobody was logged in. "
        "Start over for a new number.",
    ),
    Denial.WITHDRAWN: _over(
        "The login was withdrawn",
        "It was ended before anybody was logged in. If you want to log in, start over.",
    ),
}
EXPIRED: Final = _over(
    "The login has expired",
    "It was not approved and finished in time, and nobody was logged in. Start over for a new one.",
)
REDEEMED: Final = _over(
    "You have logged in with this already",
    "A login works once. Your account shows whether you are logged in still.",
    Way.ACCOUNT,
    Way.APPLICATION,
    Way.START_OVER,
)
