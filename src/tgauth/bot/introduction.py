"""Who the bot is, told to the other processes: pages lead into the chat by its name."""

import asyncio
from typing import Final

from telegram import Bot

from tgauth.domain.errors import StoreUnavailable
from tgauth.flows.deployment import Deployment
from tgauth.flows.introduce_bot import introduce_bot
from tgauth.logs import Log
from tgauth.store.bot_account import BotAccount

_log = Log("bot")

#: Seconds until a store that refuses is tried again.
_STORE_PAUSE: Final = 1.0


async def introduce(deployment: Deployment, bot: Bot) -> None:
    """Keep the bot's own account, trying until the store takes it.

    Args:
        deployment: The installation.
        bot: An initialized bot: it has asked Telegram who it is.
    """
    me = bot.bot
    if me.username is None:
        return  # every bot has one
    account = BotAccount(telegram_id=me.id, username=me.username)
    while True:
        try:
            if await introduce_bot(deployment, account):
                _log.info("bot.introduced", name=f"@{account.username}")
        except StoreUnavailable as error:
            _log.error("bot.not_introduced", reason=str(error))
            await asyncio.sleep(_STORE_PAUSE)
        else:
            return
