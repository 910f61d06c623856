"""What an operator can choose about the Telegram face alone, and where the bot is."""

from dataclasses import dataclass

from tgauth.bot.pace import PER_SECOND
from tgauth.bot.webhook import WebhookAddress


@dataclass(frozen=True, slots=True, kw_only=True)
class BotAddress:
    """Where and as whom the bot speaks.

    Attributes:
        token: The bot's token.
        api_url: The Bot API server, without a trailing slash.
    """

    token: str
    api_url: str

    def __repr__(self) -> str:
        return f"BotAddress(api_url={self.api_url!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotOptions:
    """Options of the bot.

    Attributes:
        messages_per_second: What Telegram allows it over all chats.
        webhook: Where Telegram posts updates; none: the bot fetches them.
    """

    messages_per_second: int = PER_SECOND
    webhook: WebhookAddress | None = None
