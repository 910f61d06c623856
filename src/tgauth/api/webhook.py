"""Where Telegram posts updates, in webhook mode: kept in the inbox, and only then accepted."""

import hmac
import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from tgauth.api.errors import WrongRequest
from tgauth.api.options import WebhookOptions
from tgauth.api.patience import Patience
from tgauth.api.proxies import parse_hop
from tgauth.api.visitors import address_of
from tgauth.domain.code import derive_webhook_secret
from tgauth.domain.errors import UpdateRefused
from tgauth.domain.incoming import key_of_update
from tgauth.domain.links import WEBHOOK_PATH
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import receive_update
from tgauth.logs import Log

AnyRequest = Request[Any, Any, Any]

_log = Log("api")

#: core.telegram.org/bots/api#setwebhook, "secret_token".
_SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
#: Bytes: a message of 4,096 characters with its entities, the one that it replies to, and both as
#: \uXXXX, fit in several times.
LARGEST_UPDATE: Final = 256 * 1024


def webhook_routes(
    deployment: Deployment, patience: Patience, options: WebhookOptions
) -> list[HTTPRouteHandler]:
    """Return the handler of Telegram's updates.

    It is not part of the OpenAPI document: nobody but Telegram has any business there.
    """
    gate = _Gate(derive_webhook_secret(deployment.master_key), options)

    @post(
        WEBHOOK_PATH,
        status_code=HTTPStatus.OK,
        include_in_schema=False,
        request_max_body_size=LARGEST_UPDATE,
    )
    async def receive(request: AnyRequest) -> Response[bytes]:
        # Without the header it is no guess, and any page can have its visitors' browsers post that:
        # counted, it would lock their whole network out of the login.
        gate.require_header(request)
        # Only who fails is counted: Telegram is not to be shut out by what others do.
        async with patience.counting(request):
            gate.require_telegram(request)
        payload, update = _read(await request.body())
        try:
            key = key_of_update(update)
        except ValueError as error:
            _log.error("update.unreadable", error=str(error))
            raise WrongRequest(HTTPStatus.BAD_REQUEST, f"this is no update: {error}") from None
        # A store that refuses is a 503 with Retry-After, and Telegram comes again.
        await receive_update(deployment, key, payload)
        return Response(b"")

    return [receive]


class _Gate:
    def __init__(self, secret: str, options: WebhookOptions) -> None:
        self._secret = secret.encode()
        self._networks = options.networks
        self._has_warned = False

    @staticmethod
    def require_header(request: AnyRequest) -> None:
        """Let through who brings a secret, if any; a page would have to ask first (Fetch standard).

        Raises:
            UpdateRefused: There is none.
        """
        if _SECRET_HEADER not in request.headers:
            raise UpdateRefused("the secret is missing")

    def require_telegram(self, request: AnyRequest) -> None:
        """Let through who knows the secret, from where Telegram posts.

        Raises:
            UpdateRefused: It is somebody else.
        """
        given = request.headers.get(_SECRET_HEADER, "").encode("latin-1", "replace")
        if not hmac.compare_digest(given, self._secret):
            raise UpdateRefused("the secret is missing or wrong")
        if self._networks and not self._is_near(address_of(request)):
            self._warn(address_of(request))
            raise UpdateRefused("it comes from another network")

    def _is_near(self, address: str) -> bool:
        found = parse_hop(address)
        return found is not None and any(found in network for network in self._networks)

    def _warn(self, address: str) -> None:
        """Tell an operator whose proxy is not trusted: whoever it was knew the secret."""
        if not self._has_warned:
            self._has_warned = True
            _log.warning(
                "webhook.refused",
                address=address,
                advice="it knew the secret: see TGAUTH_API__TRUSTED_PROXIES, or "
                "TGAUTH_TELEGRAM__WEBHOOK_NETWORKS, in the docs",
            )


def _read(body: bytes) -> tuple[str, Mapping[str, object]]:
    try:
        payload = body.decode()
        update = json.loads(payload)
    except (ValueError, RecursionError):  # nested too deep is no update either
        update = payload = None
    if not isinstance(update, dict) or payload is None:
        raise WrongRequest(HTTPStatus.BAD_REQUEST, "this is no update: send a JSON object")
    return payload, update
