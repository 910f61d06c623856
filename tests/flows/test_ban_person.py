"""Promises of bans: by Telegram id, known or not, and logged out at once."""

import pytest
from tests.builders import (
    ALICE,
    BOB,
    Clock,
    a_begun_login,
    a_browser,
    a_profile,
    chat_code_of,
)

from tgauth.domain.errors import SessionEnded
from tgauth.domain.instants import SECOND
from tgauth.flows.ban_person import ban_person, unban_person
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.identify import identify_by_cookie
from tgauth.store import bans, sessions

pytestmark = pytest.mark.anyio


async def log_in(deployment: Deployment, number: int, telegram_id: int) -> Continuation:
    """Log somebody in in a browser of their own."""
    login = await a_begun_login(deployment, update_id=number, profile=a_profile(telegram_id))
    code = chat_code_of(deployment, login)
    browser = a_browser(f"browser-{number}")
    return await continue_in_browser(deployment, code, browser=browser, switch=False)


async def test_a_ban_ends_every_session_of_that_person(
    deployment: Deployment, clock: Clock
) -> None:
    """And of nobody else."""
    hers = [await log_in(deployment, number, ALICE) for number in (1, 2)]
    his = await log_in(deployment, 3, BOB)
    clock.advance(SECOND)
    assert await ban_person(deployment, ALICE)
    async with deployment.store.reading() as connection:
        for one in hers:
            kept = await sessions.get(connection, one.session.id)
            assert kept is not None
            assert clock() == kept.ended_at
    for one in hers:
        with pytest.raises(SessionEnded):
            await identify_by_cookie(deployment, one.secret)
    await identify_by_cookie(deployment, his.secret)


async def test_banning_twice_keeps_the_first_moment(deployment: Deployment, clock: Clock) -> None:
    """It tells whether the ban is new."""
    assert await ban_person(deployment, ALICE)
    began = clock()
    clock.advance(SECOND)
    assert not await ban_person(deployment, ALICE)
    async with deployment.store.reading() as connection:
        assert began == await bans.get(connection, ALICE)


async def test_a_ban_of_somebody_unknown_makes_no_account(deployment: Deployment) -> None:
    """The id alone is kept."""
    assert await ban_person(deployment, BOB)
    async with deployment.store.reading() as connection:
        assert [] == await connection.run("SELECT * FROM persons")
        assert {BOB: deployment.now()} == await bans.page(connection, after=0, most=9)


async def test_lifting_a_ban_tells_whether_there_was_one(deployment: Deployment) -> None:
    """And lets the person log in again."""
    assert not await unban_person(deployment, ALICE)
    await ban_person(deployment, ALICE)
    assert await unban_person(deployment, ALICE)
    assert not await unban_person(deployment, ALICE)
    await log_in(deployment, 1, ALICE)
