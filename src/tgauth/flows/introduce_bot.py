"""The bot tells the other processes who it is: they need its name for links into the chat."""

from tgauth.flows.deployment import Deployment
from tgauth.store import Connection, bot_account
from tgauth.store.bot_account import BotAccount


async def introduce_bot(deployment: Deployment, account: BotAccount) -> bool:
    """Keep the bot's own account, where it is another one than before; say whether it is.

    Args:
        deployment: The installation.
        account: The account, as Telegram tells.

    Raises:
        StoreUnavailable: It was not kept, or cannot even be compared.
    """
    # Each start brings the same: it should take no turn among the writers for that.
    if await deployment.store.read(_is_known, account):
        return False
    await deployment.store.write(bot_account.save, account)
    return True


async def name_of_bot(deployment: Deployment) -> str | None:
    """Return the bot's username; none before it has reached Telegram for the first time."""
    account = await deployment.store.read(bot_account.get)
    return account.username if account else None


async def _is_known(connection: Connection, account: BotAccount) -> bool:
    return await bot_account.get(connection) == account
