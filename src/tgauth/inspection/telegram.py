"""The token, and who else takes the bot's updates."""

from tgauth.bot.inspection import TelegramUnreachable, inspect_bot
from tgauth.bot.options import BotAddress
from tgauth.bot.process import TokenRefused
from tgauth.inspection.findings import Finding, ok, warning, wrong
from tgauth.settings import Settings


async def telegram_findings(settings: Settings) -> list[Finding]:
    """Ask Telegram about the bot."""
    address = BotAddress(token=settings.telegram.token.reveal(), api_url=settings.telegram.api_url)
    try:
        facts = await inspect_bot(address)
    except TokenRefused:
        advice = "take the current token from @BotFather"
        return [wrong("token", "Telegram refuses it", advice, is_configuration=True)]
    except TelegramUnreachable as error:
        return [
            warning(
                "token",
                f"not checked: {settings.telegram.api_url} gave no answer ({error})",
                "see that this machine reaches it; tgauth starts without, and keeps trying",
            )
        ]
    token = ok("token", f"@{facts.username} at {settings.telegram.api_url}")
    if facts.webhook is None:
        return [token, ok("webhook", "none: the bot fetches its updates")]
    return [
        token,
        warning(
            "webhook",
            f"updates go to {facts.webhook}; `tgauth serve` will take them over",
            "stop whatever set it there, or give tgauth a bot of its own",
        ),
    ]
