"""Promises of delivery: the same link however often it is sent, and none that has expired."""

import pytest
from tests.builders import ALICE, BOB, LIFETIME, Clock, a_begun_login, a_profile, chat_code_of

from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Notice, owe
from tgauth.flows.deliver_messages import due_messages, settle_message
from tgauth.flows.deployment import Deployment
from tgauth.store import Store, outbox

pytestmark = pytest.mark.anyio


async def test_the_link_is_the_same_each_time_it_is_sent(deployment: Deployment) -> None:
    """A message that is sent again after a crash carries the very same link."""
    login = await a_begun_login(deployment)
    [[first], _] = await due_messages(deployment, most=9)
    [[second], _] = await due_messages(deployment, most=9)
    expected = f"https://login.example.org/auth/callback?code={chat_code_of(deployment, login)}"
    assert (expected, expected) == (first.link, second.link)
    assert (Notice.LOGIN_LINK, LIFETIME) == (first.notice, first.lifetime)


@pytest.mark.parametrize(
    ("wait", "notice", "lifetime"),
    [
        (LIFETIME - SECOND, Notice.LOGIN_LINK, SECOND),
        (LIFETIME - 1, Notice.LOGIN_LINK, 1),
        (LIFETIME, Notice.TOO_LATE, 0),
        (LIFETIME + 1, Notice.TOO_LATE, 0),
    ],
)
async def test_a_link_that_expired_while_it_waited_becomes_an_apology(
    deployment: Deployment, clock: Clock, wait: int, notice: Notice, lifetime: int
) -> None:
    """Nobody is sent a link that is worth nothing, and what is left of it is said."""
    await a_begun_login(deployment)
    clock.advance(wait)
    [[due], _] = await due_messages(deployment, most=9)
    assert (notice, lifetime) == (due.notice, due.lifetime)
    assert (notice is Notice.LOGIN_LINK) == (due.link is not None)


async def test_other_notices_carry_no_link(deployment: Deployment, store: Store) -> None:
    """A notice that is not about a login is sent as it is."""
    async with store.writing() as connection:
        await outbox.add(connection, owe(Notice.HELP, chat_id=ALICE, now=deployment.now()))
    [[due], _] = await due_messages(deployment, most=9)
    assert (Notice.HELP, None, 0) == (due.notice, due.link, due.lifetime)


async def test_what_was_settled_is_not_due_again(deployment: Deployment) -> None:
    """A message that Telegram accepted is sent no more."""
    await a_begun_login(deployment)
    [[due], _] = await due_messages(deployment, most=9)
    await settle_message(deployment, due.outgoing.sent(message_id=5, now=deployment.now()))
    assert ([], None) == await due_messages(deployment, most=9)


async def test_a_postponed_message_says_when_it_is_due(
    deployment: Deployment, clock: Clock
) -> None:
    """Whoever sends knows how long to sleep."""
    await a_begun_login(deployment)
    [[due], _] = await due_messages(deployment, most=9)
    await settle_message(deployment, due.outgoing.postponed(now=clock()))
    assert ([], clock() + SECOND) == await due_messages(deployment, most=9)
    clock.advance(SECOND)
    [[again], _] = await due_messages(deployment, most=9)
    assert (due.link, 1) == (again.link, again.outgoing.attempts)


async def test_no_more_are_taken_than_asked_for(deployment: Deployment) -> None:
    """The oldest come first."""
    for number, telegram_id in enumerate((ALICE, BOB, 3), start=1):
        await a_begun_login(deployment, update_id=number, profile=a_profile(telegram_id))
    due, _ = await due_messages(deployment, most=2)
    assert [ALICE, BOB] == [one.outgoing.chat_id for one in due]


async def test_a_due_message_prints_no_code(deployment: Deployment) -> None:
    """Its link holds a code, so it never reaches a log by printing it."""
    login = await a_begun_login(deployment)
    [[due], _] = await due_messages(deployment, most=9)
    code = chat_code_of(deployment, login)
    assert code in str(due.link)
    assert code not in f"{due!r} {due}"
