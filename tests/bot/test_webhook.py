"""Promises of the bot's own webhook: set where it is not as it should be, and only there."""

import asyncio
import json
import logging
import time
from typing import Any

import pytest
from telegram import Bot
from telegram.request import RequestData
from tests.builders import Clock
from tests.fakes import FakeTelegram

from tgauth.bot.updates import UPDATES
from tgauth.bot.watch import TelegramWatch
from tgauth.bot.webhook import CONNECTIONS, OwnWebhook, WebhookAddress

pytestmark = pytest.mark.anyio

ADDRESS = WebhookAddress(url="https://login.example.org/telegram/webhook", secret="s" * 43)
OURS: dict[str, Any] = {
    "url": ADDRESS.url,
    "has_custom_certificate": False,
    "pending_update_count": 0,
    "max_connections": CONNECTIONS,
    "allowed_updates": list(UPDATES),
}
NONE: dict[str, Any] = {"url": "", "has_custom_certificate": False, "pending_update_count": 4}


class Hooked(FakeTelegram):
    """A Telegram that knows a webhook."""

    def __init__(self) -> None:
        super().__init__()
        self.info = dict(NONE)
        self.refusal = ""

    async def do_request(
        self, url: str, method: str, request_data: RequestData | None = None, *_: Any, **__: Any
    ) -> tuple[int, bytes]:
        """Answer one request."""
        answer = await super().do_request(url, method, request_data)
        if url.endswith("/getWebhookInfo"):
            return 200, json.dumps({"ok": True, "result": self.info}).encode()
        if url.endswith("/setWebhook") and self.refusal:
            refusal = {"ok": False, "error_code": 400, "description": self.refusal}
            return 400, json.dumps(refusal).encode()
        return answer


class Statuses(list[str]):
    """What the status said."""

    def tell(self, **fields: str) -> None:
        """Hear one notification."""
        self.extend(text for name, text in fields.items() if name == "STATUS")


@pytest.fixture
def telegram() -> Hooked:
    """Return a Telegram without a webhook."""
    return Hooked()


@pytest.fixture
def statuses() -> Statuses:
    """Return what is to hear of troubles."""
    return Statuses()


@pytest.fixture
def webhook(bot: Bot, statuses: Statuses, clock: Clock) -> OwnWebhook:
    """Return what looks after ours."""
    return OwnWebhook(bot, ADDRESS, TelegramWatch(statuses.tell, clock))


async def test_a_webhook_is_set_with_all_that_it_needs(
    webhook: OwnWebhook, telegram: Hooked
) -> None:
    """And what waits is delivered."""
    assert not await webhook.look()
    [sent] = telegram.sent("setWebhook")
    assert {
        "url": ADDRESS.url,
        "secret_token": ADDRESS.secret,
        "allowed_updates": list(UPDATES),
        "max_connections": CONNECTIONS,
        "drop_pending_updates": False,
    } == sent


async def test_a_webhook_that_is_ours_is_left_alone(webhook: OwnWebhook, telegram: Hooked) -> None:
    """However often somebody looks."""
    telegram.info = OURS
    assert [True, True] == [await webhook.look(), await webhook.look()]
    assert [] == telegram.sent("setWebhook")


@pytest.mark.parametrize(
    "other",
    [
        {"url": "https://elsewhere.example.org/telegram/webhook"},
        {"allowed_updates": ["message"]},
        {"allowed_updates": None},
        {"max_connections": 1},
    ],
)
async def test_a_webhook_that_differs_is_set_anew(
    webhook: OwnWebhook, telegram: Hooked, other: dict[str, Any]
) -> None:
    """In whatever."""
    telegram.info = {name: text for name, text in (OURS | other).items() if text is not None}
    assert not await webhook.look()
    assert 1 == len(telegram.sent("setWebhook"))


async def test_a_webhook_whose_secret_may_be_another_is_set_once(
    webhook: OwnWebhook, telegram: Hooked
) -> None:
    """Telegram was refused, and does not tell the secret; refused again it is something else."""
    telegram.info = OURS | {
        "pending_update_count": 2,
        "last_error_date": int(time.time()),
        "last_error_message": "Wrong response from the webhook: 403 Forbidden",
    }
    for _ in range(3):
        await webhook.look()
    assert 1 == len(telegram.sent("setWebhook"))


async def test_a_webhook_that_somebody_takes_is_told_and_set_again(
    webhook: OwnWebhook, telegram: Hooked, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever removed it."""
    telegram.info = OURS
    await webhook.look()
    telegram.info = NONE
    with caplog.at_level(logging.WARNING, "tgauth.bot"):
        await webhook.look()
    assert ["webhook.taken"] == [record.message for record in caplog.records]
    assert 1 == len(telegram.sent("setWebhook"))


@pytest.mark.parametrize(
    ("age", "pending", "is_trouble"), [(0, 3, True), (0, 0, False), (3600, 3, False)]
)
async def test_what_telegram_cannot_deliver_is_in_the_status(  # noqa: PLR0913 - fixtures
    webhook: OwnWebhook,
    telegram: Hooked,
    statuses: Statuses,
    age: int,
    pending: int,
    *,
    is_trouble: bool,
) -> None:
    """While it waits and the trouble is recent."""
    telegram.info = OURS | {
        "pending_update_count": pending,
        "last_error_date": int(time.time()) - age,
        "last_error_message": "Connection timed out",
    }
    assert is_trouble != await webhook.look()
    assert is_trouble == (
        statuses == [f"Telegram cannot deliver {pending} updates here: Connection timed out"]
    )


async def test_an_address_that_telegram_does_not_take_is_told_once(
    webhook: OwnWebhook, telegram: Hooked, statuses: Statuses, caplog: pytest.LogCaptureFixture
) -> None:
    """It is no outage: only a setting helps (core.telegram.org/bots/webhooks)."""
    telegram.refusal = "Bad Request: bad webhook: An HTTPS URL must be provided for webhook"
    with caplog.at_level(logging.WARNING, "tgauth.bot"):
        for _ in range(2):
            keeping = asyncio.create_task(webhook.keep())
            await asyncio.sleep(0.1)
            keeping.cancel()
            await asyncio.gather(keeping, return_exceptions=True)
    assert ["webhook.rejected"] == [record.message for record in caplog.records]
    assert 2 == len(telegram.sent("setWebhook"))
    [status] = statuses
    assert status.endswith("an https url must be provided for webhook")


def test_an_address_prints_no_secret() -> None:
    """Wherever it is printed."""
    assert ADDRESS.secret not in f"{ADDRESS} {ADDRESS!r}"
