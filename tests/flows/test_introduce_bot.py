"""Promises of the bot's introduction to the other processes: kept, and written only when new."""

from dataclasses import replace

import pytest

from tgauth.flows.deployment import Deployment
from tgauth.flows.introduce_bot import introduce_bot, name_of_bot
from tgauth.store import Store, bot_account
from tgauth.store.bot_account import BotAccount

pytestmark = pytest.mark.anyio

ME = BotAccount(telegram_id=1000, username="tgauth_bot")


async def test_an_account_is_kept_when_it_is_another_one(
    deployment: Deployment, store: Store
) -> None:
    """The first, one with another name, and one with another id."""
    renamed = replace(ME, username="other_bot")
    for account in (ME, renamed, replace(renamed, telegram_id=1001), ME):
        assert await introduce_bot(deployment, account)
        async with store.reading() as connection:
            assert account == await bot_account.get(connection)


async def test_pages_learn_the_name(deployment: Deployment) -> None:
    """As soon as it is told, and nothing before."""
    assert await name_of_bot(deployment) is None
    await introduce_bot(deployment, ME)
    assert ME.username == await name_of_bot(deployment)


async def test_an_account_that_is_known_takes_no_turn_among_the_writers(
    deployment: Deployment, store: Store
) -> None:
    """Every start brings it: nothing is written, so a store that only reads is enough."""
    assert await introduce_bot(deployment, ME)
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    assert not await introduce_bot(deployment, ME)
