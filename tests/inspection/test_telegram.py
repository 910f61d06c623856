"""Promises of the inspection's look at Telegram: whose token it is, and who else takes updates."""

from functools import partial
from typing import Any

import anyio
import pytest
from tests.harness import free_port
from tests.inspection.server import Answers, bot, serving

from tgauth.bot.inspection import BotFacts, TelegramUnreachable, inspect_bot
from tgauth.bot.options import BotAddress
from tgauth.bot.process import TokenRefused
from tgauth.inspection.findings import Finding, Verdict
from tgauth.inspection.telegram import telegram_findings
from tgauth.settings import load_settings

TOKEN = "4242:a-token-for-tests"
HOOK = f"https://hooks.example/{TOKEN}"


def ask(origin: str) -> BotFacts:
    """Ask a Bot API."""
    return anyio.run(inspect_bot, BotAddress(token=TOKEN, api_url=origin))


def look(origin: str, mode: str = "polling") -> dict[str, Finding]:
    """Return what is found, by name."""
    settings = load_settings(
        {
            "TGAUTH_CONFIG_FILE": "/dev/null",
            "TGAUTH_ISSUER": "http://127.0.0.1:8000",
            "TGAUTH_TELEGRAM__MODE": mode,
            "TGAUTH_TELEGRAM__TOKEN": TOKEN,
            "TGAUTH_TELEGRAM__API_URL": origin,
            "TGAUTH_LOGIN__ALLOW": "everyone",
        }
    )
    return {one.name: one for one in anyio.run(partial(telegram_findings, settings))}


def test_a_bot_is_named() -> None:
    """And where its updates go, without what may be secret in that address."""
    with serving(bot(TOKEN)) as origin:
        assert BotFacts(username="the_bot", webhook=None) == ask(origin)
    with serving(bot(TOKEN, webhook=HOOK)) as origin:
        assert BotFacts(username="the_bot", webhook="https://hooks.example") == ask(origin)


def test_a_token_that_telegram_refuses_is_wrong() -> None:
    """`serve` would end with 78; nothing repeats the token."""
    with serving({}, otherwise=401) as origin:
        with pytest.raises(TokenRefused):
            ask(origin)
        found = look(origin)["token"]
    assert (Verdict.WRONG, True) == (found.verdict, found.is_configuration)
    assert TOKEN not in f"{found}"


@pytest.mark.parametrize(
    ("answers", "why"),
    [
        ({}, "404 Not Found: either no Bot API"),
        ({f"/bot{TOKEN}/getMe": (502, b"<html>")}, "HTTP 502 without a Bot API answer"),
        ({f"/bot{TOKEN}/getMe": (200, {"ok": True})}, "without a result"),
    ],
)
def test_what_is_no_bot_api_refuses_no_token(answers: Answers, why: str) -> None:
    """A proxy's answer says nothing about a token, so it is a warning."""
    with serving(answers) as origin:
        with pytest.raises(TelegramUnreachable, match=why):
            ask(origin)
        assert Verdict.WARNING == look(origin)["token"].verdict


def test_a_telegram_that_is_not_there_is_a_warning() -> None:
    """Tgauth starts without; the reason stands in the line."""
    found = look(f"http://127.0.0.1:{free_port()}")
    assert ["token"] == list(found)
    assert Verdict.WARNING == found["token"].verdict
    assert "All connection attempts failed" in found["token"].text
    assert "httpx" not in found["token"].text


def test_somebody_elses_webhook_is_warned_of() -> None:
    """Two programs that share a bot take each other's updates."""
    with serving(bot(TOKEN, webhook=HOOK)) as origin:
        found = look(origin)
    assert Verdict.OK == found["token"].verdict
    assert Verdict.WARNING == found["webhook"].verdict
    assert "https://hooks.example;" in found["webhook"].text
    assert TOKEN not in f"{found}"
    with serving(bot(TOKEN)) as origin:
        assert Verdict.OK == look(origin)["webhook"].verdict


OURS = "http://127.0.0.1:8000/telegram/webhook"
FAILING: dict[str, Any] = {
    "pending_update_count": 3,
    "last_error_date": 1,
    "last_error_message": "no certificate",
}

#: (mode, webhook, what else Telegram says of it) → (verdict, part of the line).
WEBHOOKS: dict[str, tuple[str, str, dict[str, Any], Verdict, str]] = {
    "ours": ("webhook", OURS, {}, Verdict.OK, "posts to http://127.0.0.1"),
    "ours that fails": ("webhook", OURS, FAILING, Verdict.WARNING, "3 updates wait"),
    "an error long over": (
        "webhook",
        OURS,
        FAILING | {"pending_update_count": 0},
        Verdict.OK,
        "0 updates wait",
    ),
    "none yet": ("webhook", "", {}, Verdict.WARNING, "none yet"),
    "another's": ("webhook", HOOK, {}, Verdict.WARNING, "https://hooks.example;"),
    "ours of before": ("polling", OURS, {}, Verdict.WARNING, "earlier start in webhook mode"),
}


@pytest.mark.parametrize("case", WEBHOOKS)
def test_a_webhook_is_judged_by_the_mode(case: str) -> None:
    """What one mode needs is what the other one is disturbed by."""
    mode, url, more, verdict, part = WEBHOOKS[case]
    with serving(bot(TOKEN, webhook=url, **more)) as origin:
        found = look(origin, mode)["webhook"]
    assert verdict == found.verdict
    assert part in found.text
