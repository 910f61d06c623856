"""Where a browser goes when its login was redeemed, whichever door that came through."""

from typing import Any

from litestar import Response

from tgauth.api.cookies import session_cookie
from tgauth.api.forms import see_other
from tgauth.api.pages import ACCOUNT_PATH
from tgauth.domain.links import with_code
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.deployment import Deployment
from tgauth.logs import Log

_log = Log("api")


def go_on(deployment: Deployment, outcome: Continuation) -> Response[Any]:
    """Send a browser on with its session: to the application, or else to the account.

    Args:
        deployment: The installation.
        outcome: What redeeming brought.
    """
    _log.info(
        "login.redeemed", login_id=outcome.login_id, session_id=outcome.session.id, by="browser"
    )
    target, callback_url = ACCOUNT_PATH, deployment.client.callback_url
    if callback_url is not None and outcome.callback_code is not None:
        target = with_code(callback_url, outcome.callback_code, outcome.state_parameter)
    lifetime = deployment.sessions.lifetime
    cookie = session_cookie(deployment.issuer, outcome.secret, lifetime=lifetime)
    return see_other(target, cookies=[cookie])
