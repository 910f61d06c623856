"""Ask Telegram who a token belongs to, without taking anything from it."""

import os
import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

import anyio
from telegram import Bot
from telegram.error import TelegramError

from tgauth.bot.options import BotAddress
from tgauth.bot.process import TokenRefused
from tgauth.bot.requests import WatchedRequest
from tgauth.bot.watch import TelegramWatch

#: Seconds for the whole conversation.
PATIENCE: Final = 8.0


class TelegramUnreachable(Exception):
    """Nothing that a Bot API says came back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotFacts:
    """What Telegram says of a bot.

    Attributes:
        username: Its name, without the @.
        webhook: Where its updates are sent, scheme and host only, because the rest is often a
            secret; None where they wait to be fetched.
        is_our_webhook: Whether that is the address which was asked about.
        waiting: How many updates wait to be delivered.
        webhook_error: What Telegram said last of a delivery that failed.
    """

    username: str
    webhook: str | None
    is_our_webhook: bool = False
    waiting: int = 0
    webhook_error: str | None = None


async def inspect_bot(address: BotAddress, *, our_webhook: str | None = None) -> BotFacts:
    """Ask Telegram for the bot's name and webhook.

    Args:
        address: Where to ask, and as whom.
        our_webhook: Where its updates should be sent.

    Raises:
        TokenRefused: Telegram does not know the token.
        TelegramUnreachable: It gave no answer that helps; the message says why.
    """
    os.environ.setdefault("PTB_TIMEDELTA", "true")
    watch = TelegramWatch()
    bot = Bot(
        token=address.token,
        base_url=f"{address.api_url.rstrip('/')}/bot",
        request=WatchedRequest(watch, connect_timeout=PATIENCE, read_timeout=PATIENCE),
    )
    try:
        with anyio.fail_after(PATIENCE):
            async with bot:
                webhook = await bot.get_webhook_info()
                return BotFacts(
                    username=bot.username,
                    webhook=_origin(webhook.url),
                    is_our_webhook=webhook.url == our_webhook,
                    waiting=webhook.pending_update_count,
                    webhook_error=webhook.last_error_message,
                )
    except TimeoutError:
        raise TelegramUnreachable(f"no answer within {PATIENCE:g} s") from None
    except TelegramError as error:
        if watch.refused:
            raise TokenRefused from None
        # python-telegram-bot puts the name of httpx's class before what went wrong.
        raise TelegramUnreachable(re.sub(r"^httpx\.\w+: ", "", error.message)) from None


def _origin(url: str) -> str | None:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}" if url else None
