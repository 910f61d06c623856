"""The token, and who else takes the bot's updates."""

from typing import Final

from tgauth.bot.inspection import BotFacts, TelegramUnreachable, inspect_bot
from tgauth.bot.options import BotAddress
from tgauth.bot.process import TokenRefused
from tgauth.inspection.findings import Finding, ok, warning, wrong
from tgauth.settings import Settings

_WEBHOOK: Final = "webhook"


async def telegram_findings(settings: Settings) -> list[Finding]:
    """Ask Telegram about the bot."""
    address = BotAddress(token=settings.telegram.token.reveal(), api_url=settings.telegram.api_url)
    try:
        facts = await inspect_bot(address, our_webhook=settings.issuer.parsed.webhook_url)
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
    find = _posted if settings.telegram.mode == "webhook" else _fetched
    return [token, find(facts)]


def _fetched(facts: BotFacts) -> Finding:
    """Judge the webhook where the bot fetches its updates: there should be none."""
    if facts.webhook is None:
        return ok(_WEBHOOK, "none: the bot fetches its updates")
    if facts.is_our_webhook:
        return warning(
            _WEBHOOK,
            f"still ours ({facts.webhook}), of an earlier start in webhook mode",
            "start tgauth: it fetches its updates itself then",
        )
    return _somebody_elses(facts)


def _posted(facts: BotFacts) -> Finding:
    """Judge the webhook where Telegram shall post the updates to us."""
    if facts.webhook is None:
        return warning(_WEBHOOK, "none yet", "start tgauth: it tells Telegram where to post")
    if not facts.is_our_webhook:
        return _somebody_elses(facts)
    if facts.waiting and facts.webhook_error:
        return warning(
            _WEBHOOK,
            f"{facts.waiting} updates wait, and Telegram could not post: {facts.webhook_error}",
            "see `issuer`, and that the proxy passes POST /telegram/webhook",
        )
    return ok(_WEBHOOK, f"Telegram posts to {facts.webhook}; {facts.waiting} updates wait")


def _somebody_elses(facts: BotFacts) -> Finding:
    return warning(
        _WEBHOOK,
        f"updates go to {facts.webhook}; `tgauth serve` will take them over",
        "stop whatever set it there, or give tgauth a bot of its own",
    )
