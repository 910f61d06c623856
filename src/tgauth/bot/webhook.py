"""Our own webhook at Telegram: set where it is not, and looked after."""

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from telegram import Bot, WebhookInfo
from telegram.error import BadRequest, TelegramError

from tgauth.bot.updates import UPDATES
from tgauth.bot.watch import TelegramWatch
from tgauth.logs import Log

_log = Log("bot")

#: Requests of Telegram's at once: its own default.
CONNECTIONS: Final = 40
#: Seconds between two looks.
_LOOK_EVERY: Final = 60.0
#: Seconds until the next look when something was wrong.
_LOOK_AGAIN: Final = 5.0
#: An error of this age is over, unless updates wait.
_RECENT: Final = timedelta(minutes=3)
#: How Telegram tells that we refused a delivery: the webhook was set with another secret.
_REFUSED: Final = "403"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookAddress:
    """Where Telegram shall post.

    Attributes:
        url: The address.
        secret: What it shall prove itself with.
    """

    url: str
    secret: str

    def __repr__(self) -> str:
        return f"WebhookAddress(url={self.url!r})"


class OwnWebhook:
    """Sets the webhook, and sees that it stays."""

    def __init__(self, bot: Bot, address: WebhookAddress, watch: TelegramWatch) -> None:
        """Take what it needs.

        Args:
            bot: An initialized bot.
            address: Where Telegram shall post.
            watch: Hears what is wrong.
        """
        self._bot = bot
        self._address = address
        self._watch = watch
        self._was_ours = False
        self._has_set = False
        self._rejected = ""

    async def keep(self) -> None:
        """Look after it until cancelled."""
        while True:
            try:
                wait = _LOOK_EVERY if await self.look() else _LOOK_AGAIN
            except BadRequest as error:
                self._tell_rejected(error.message)
                wait = _LOOK_EVERY
            except TelegramError as error:
                self._watch.missed(error.message, retry_in=_LOOK_AGAIN)
                wait = _LOOK_AGAIN
            await asyncio.sleep(wait)

    async def look(self) -> bool:
        """Set the webhook where it is not as it should be; say whether all is well.

        Raises:
            TelegramError: Telegram gave no good answer.
        """
        info = await self._bot.get_webhook_info()
        if self._is_as_it_should_be(info):
            self._was_ours = True
            trouble = self._trouble(info)
            self._watch.webhook_troubled(trouble)
            return not trouble
        if self._was_ours and info.url != self._address.url:
            _log.warning(
                "webhook.taken",
                advice="another program uses the same token: stop it, or give tgauth its own bot",
            )
        await self._bot.set_webhook(
            self._address.url,
            secret_token=self._address.secret,
            allowed_updates=list(UPDATES),
            max_connections=CONNECTIONS,
            # What waits is delivered: a /login sent before must be answered.
            drop_pending_updates=False,
        )
        self._has_set = True
        self._rejected = ""
        _log.info("webhook.set", url=self._address.url, waiting=info.pending_update_count)
        return False

    def _tell_rejected(self, error: str) -> None:
        """Tell once for each reason that Telegram does not take our address: only settings help."""
        if error != self._rejected:
            self._rejected = error
            _log.error(
                "webhook.rejected",
                url=self._address.url,
                error=error,
                advice="Telegram posts to public https addresses on port 443, 80, 88 or 8443: see "
                "TGAUTH_ISSUER, or set TGAUTH_TELEGRAM__MODE=polling",
            )
        self._watch.webhook_troubled(f"Telegram does not take our webhook address: {error}")

    def _is_as_it_should_be(self, info: WebhookInfo) -> bool:
        return (
            info.url == self._address.url
            and set(info.allowed_updates) == set(UPDATES)
            and info.max_connections == CONNECTIONS
            and not self._may_have_another_secret(info)
        )

    def _may_have_another_secret(self, info: WebhookInfo) -> bool:
        # Nobody tells the secret. Once we have set it ourselves, that is not the reason.
        return not self._has_set and _REFUSED in (info.last_error_message or "")

    @staticmethod
    def _trouble(info: WebhookInfo) -> str:
        at, error = info.last_error_date, info.last_error_message
        if at is None or not error or not info.pending_update_count:
            return ""
        if datetime.now(UTC) - at > _RECENT:
            return ""
        return f"Telegram cannot deliver {info.pending_update_count} updates here: {error}"
