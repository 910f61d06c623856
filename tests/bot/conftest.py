"""A bot in front of a Telegram that the test holds in its hand."""

from collections.abc import AsyncIterator

import pytest
from telegram import Bot
from tests.builders import TOKEN
from tests.fakes import FakeTelegram


@pytest.fixture
def telegram() -> FakeTelegram:
    """Return a Telegram that accepts everything."""
    return FakeTelegram()


@pytest.fixture
async def bot(telegram: FakeTelegram, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bot]:
    """Return an initialized bot that speaks to it."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")
    async with Bot(TOKEN, request=telegram, get_updates_request=telegram) as opened:
        yield opened
