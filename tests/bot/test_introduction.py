"""Promises of the bot's introduction: pages learn its name, if need be from the second attempt."""

import asyncio

import anyio
import pytest
from telegram import Bot
from tests.fakes import USERNAME

from tgauth.bot import introduction
from tgauth.bot.introduction import introduce
from tgauth.flows.deployment import Deployment
from tgauth.store import Store, bot_account
from tgauth.store.bot_account import BotAccount

pytestmark = pytest.mark.anyio

ME = BotAccount(telegram_id=1000, username=USERNAME)


async def known(store: Store) -> BotAccount | None:
    """Return who the bot is by the store."""
    async with store.reading() as connection:
        return await bot_account.get(connection)


async def test_the_bot_is_known_by_what_telegram_tells(
    deployment: Deployment, bot: Bot, store: Store
) -> None:
    """Its id and its name."""
    assert await known(store) is None
    await introduce(deployment, bot)
    assert ME == await known(store)


async def test_a_store_that_refuses_is_tried_again_and_ends_nothing(
    deployment: Deployment, bot: Bot, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is full at the start has room later."""
    monkeypatch.setattr(introduction, "_STORE_PAUSE", 0.01)
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    introducing = asyncio.create_task(introduce(deployment, bot))
    await anyio.sleep(0.1)
    assert not introducing.done()
    assert await known(store) is None
    await store._writer.execute_fetchall("PRAGMA query_only = OFF")
    with anyio.fail_after(5):
        await introducing
    assert ME == await known(store)
