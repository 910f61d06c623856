"""The row of `bot_account`: the bot's own account, as it last told."""

from dataclasses import dataclass
from typing import Final

from tgauth.store.connection import Connection

SELECT: Final = "SELECT telegram_id, username FROM bot_account WHERE only_row = 1"
UPSERT: Final = """
    INSERT INTO bot_account (only_row, telegram_id, username) VALUES (1, :telegram_id, :username)
    ON CONFLICT (only_row) DO UPDATE SET
        telegram_id = excluded.telegram_id, username = excluded.username
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAccount:
    """The bot, as people find it.

    Attributes:
        telegram_id: Its id.
        username: Its name, without the @.
    """

    telegram_id: int
    username: str


async def get(connection: Connection) -> BotAccount | None:
    """Return the bot's account; none before it has reached Telegram for the first time."""
    row = await connection.one(SELECT)
    if row is None:
        return None
    return BotAccount(telegram_id=row["telegram_id"], username=row["username"])


async def save(connection: Connection, account: BotAccount) -> None:
    """Keep the bot's account."""
    await connection.run(UPSERT, {"telegram_id": account.telegram_id, "username": account.username})
