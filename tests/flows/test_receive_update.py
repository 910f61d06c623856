"""Promises of the inbox: kept before confirmed, handed out in order, parked when poison."""

import pytest
from tests.builders import ALICE, NOW, Clock, a_key, a_stored_update, an_outgoing

from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Notice
from tgauth.flows.check_store import check_store
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import (
    dismiss_update,
    fail_update,
    next_update,
    receive_update,
)
from tgauth.store import Store, inbox, outbox

pytestmark = pytest.mark.anyio


async def test_an_update_is_handed_out_until_it_is_settled(deployment: Deployment) -> None:
    """Asking again gives the same one; once it is dismissed there is nothing left."""
    assert await receive_update(deployment, a_key(), "{}")
    assert not await receive_update(deployment, a_key(), "{}")
    assert (a_stored_update(), None) == await next_update(deployment)
    assert (a_stored_update(), None) == await next_update(deployment)
    await dismiss_update(deployment, a_key())
    assert (None, None) == await next_update(deployment)


async def test_a_dismissed_update_is_not_received_again(deployment: Deployment) -> None:
    """Telegram's repeat of what was handled long ago has no effect."""
    await receive_update(deployment, a_key(), "{}")
    await dismiss_update(deployment, a_key())
    assert not await receive_update(deployment, a_key(), "{}")
    assert (None, None) == await next_update(deployment)


async def test_updates_come_in_the_order_of_their_arrival(deployment: Deployment) -> None:
    """Telegram's numbers restart at random: arrival is what counts."""
    for number in (5, 3, 4):
        await receive_update(deployment, a_key(number), "{}")
    order = []
    while (update := (await next_update(deployment))[0]) is not None:
        order.append(update.key.update_id)
        await dismiss_update(deployment, update.key)
    assert [5, 3, 4] == order


async def test_poison_is_parked_at_the_third_failure_with_one_apology(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Twice it is tried again later; then it is parked, and whoever wrote it hears of it once."""
    await receive_update(deployment, a_key(), "{}")
    outcomes = []
    for _ in range(4):
        outcomes.append(await fail_update(deployment, a_key(), chat_id=ALICE, language="ru"))
        clock.advance(10 * SECOND)
    assert [False, False, True, False] == outcomes
    assert (None, None) == await next_update(deployment)
    async with store.reading() as connection:
        parked = await inbox.get(connection, a_key())
        assert parked is not None
        assert (UpdateState.PARKED, 3, "{}") == (parked.state, parked.attempts, parked.payload)
        [message] = await outbox.due(connection, now=clock(), most=9)
    then = NOW + 20 * SECOND
    expected = an_outgoing(
        id=1, notice=Notice.FAILED, language="ru", created_at=then, not_before=then
    )
    assert expected == message


async def test_poison_from_nowhere_gets_no_apology(deployment: Deployment, store: Store) -> None:
    """Where there is no private chat nothing is sent."""
    await receive_update(deployment, a_key(), "{}")
    for _ in range(3):
        await fail_update(deployment, a_key(), chat_id=None)
    async with store.reading() as connection:
        assert [] == await connection.run("SELECT * FROM outbox")


@pytest.mark.parametrize(("wait", "due"), [(SECOND - 1, False), (SECOND, True)])
async def test_a_failed_update_waits_and_says_how_long(
    deployment: Deployment, clock: Clock, wait: int, *, due: bool
) -> None:
    """Whoever hands out updates knows when to look again."""
    await receive_update(deployment, a_key(), "{}")
    await fail_update(deployment, a_key(), chat_id=None)
    clock.advance(wait)
    update, next_time = await next_update(deployment)
    assert due == (update is not None)
    assert (None if due else NOW + SECOND) == next_time


async def test_failing_what_is_settled_or_unknown_changes_nothing(deployment: Deployment) -> None:
    """Neither is parked."""
    await receive_update(deployment, a_key(), "{}")
    await dismiss_update(deployment, a_key())
    for key in (a_key(), a_key(2)):
        assert not await fail_update(deployment, key, chat_id=ALICE)


async def test_a_store_that_cannot_write_is_told(deployment: Deployment) -> None:
    """Nothing is confirmed to Telegram that was not kept."""
    await check_store(deployment)
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        await receive_update(deployment, a_key(), "{}")
    with pytest.raises(StoreUnavailable):
        await check_store(deployment)
