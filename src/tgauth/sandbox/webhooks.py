"""Webhooks: what setWebhook accepts, and the delivery to a loopback address."""

import ipaddress
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
import httpx

from .errors import BadRequest
from .polling import Polling
from .updates import Update, Updates

PORTS: Final = frozenset({80, 88, 443, 8443})
"""core.telegram.org/bots/api#setwebhook: "Ports currently supported for webhooks"."""

FIRST_RETRY: Final = 2.0
LAST_RETRY: Final = 60.0
ANSWER_SECONDS: Final = 60.0
SECRET_HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"  # noqa: S105 - the name of a header
MAX_SECRET: Final = 256
DEFAULT_CONNECTIONS: Final = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """Where updates are posted, and the secret that goes along."""

    url: str
    secret: str = ""
    max_connections: int = DEFAULT_CONNECTIONS


def check_url(url: str, *, allow_plain: bool) -> str:
    """Return the URL, or refuse it as Client.cpp and WebhookActor.cpp do.

    `allow_plain` lets http to a loopback address through, which Telegram never does.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise BadRequest("invalid webhook URL specified") from error
    if allow_plain and parts.scheme == "http" and _is_loopback(host):
        return url
    if parts.scheme != "https" or not host:
        raise BadRequest("bad webhook: An HTTPS URL must be provided for webhook")
    if (port or 443) not in PORTS:
        raise BadRequest("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if host == "localhost" or _is_reserved(host):
        address = "127.0.0.1" if host == "localhost" else host
        raise BadRequest(f"bad webhook: IP address {address} is reserved")
    return url


def check_secret(secret: str) -> str:
    """Return the secret token: core.telegram.org/bots/api#setwebhook, 1-256 of A-Za-z0-9_-."""
    if len(secret) > MAX_SECRET:
        raise BadRequest("secret token is too long")
    if re.fullmatch(r"[A-Za-z0-9_-]*", secret) is None:
        raise BadRequest("secret token contains unallowed characters")
    return secret


def retry_delay(failures: int, *, retry_after: float | None = None) -> float:
    """Return the seconds to wait after this many failures in a row.

    WebhookActor.cpp: from 2 s, doubling up to 60 s, and a Retry-After of the receiver is obeyed.
    """
    doubled = FIRST_RETRY * 2.0 ** min(failures - 1, 10)
    return max(min(LAST_RETRY, doubled), retry_after or 0.0)


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _is_reserved(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host).is_global
    except ValueError:
        return False


@dataclass(slots=True, kw_only=True)
class Webhooks:
    """The webhook that is set, if any, and the loop that delivers to it in order."""

    updates: Updates
    polling: Polling
    clock: Callable[[], float]
    allow_plain: bool = False
    current: Webhook | None = None
    last_error: tuple[float, str] | None = None

    def set(self, webhook: Webhook | None) -> None:
        """Replace the webhook and let the delivery look again."""
        self.current = webhook
        self.last_error = None
        self.polling.notify()

    def info(self) -> dict[str, Any]:
        """Return core.telegram.org/bots/api#webhookinfo."""
        info: dict[str, Any] = {
            "url": self.current.url if self.current else "",
            "has_custom_certificate": False,
            "pending_update_count": len(self.updates),
        }
        if self.current:
            info["max_connections"] = self.current.max_connections
        if self.last_error:
            info["last_error_date"] = int(self.last_error[0])
            info["last_error_message"] = self.last_error[1]
        info["allowed_updates"] = sorted(self.updates.allowed)
        return info

    async def deliver(self, sleep: Callable[[float], Awaitable[None]] = anyio.sleep) -> None:
        """Deliver for ever. Only to loopback: a real https webhook stays undelivered here."""
        failures = 0
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            while True:
                changed = self.polling.changed
                webhook, update = self.current, self.updates.peek()
                if webhook is None or update is None or not webhook.url.startswith("http:"):
                    failures = 0
                    await changed.wait()
                    continue
                wait = await self._post(client, webhook, update, failures=failures + 1)
                if wait is None:
                    failures = 0
                    self.updates.done(update)
                else:
                    failures += 1
                    await sleep(wait)

    async def _post(
        self, client: httpx.AsyncClient, webhook: Webhook, update: Update, *, failures: int
    ) -> float | None:
        """Post one update; return the seconds to wait before it is tried again."""
        headers = {SECRET_HEADER: webhook.secret} if webhook.secret else {}
        retry_after: float | None = None
        try:
            answer = await client.post(webhook.url, json=update.to_json(), headers=headers)
        except httpx.TransportError as error:
            message = f"Connection failed: {type(error).__name__}"
        else:
            if answer.is_success:
                return None
            message = f"Wrong response from the webhook: {answer.status_code}"
            given = answer.headers.get("retry-after", "")
            retry_after = float(given) if given.isdigit() else None
        self.last_error = (self.clock(), message)
        return retry_delay(failures, retry_after=retry_after)
