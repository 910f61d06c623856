"""Promises of what is counted: what happened, once it is committed, and in whole seconds' names."""

from dataclasses import replace

import pytest
from tests import browser_logins as steps
from tests.builders import (
    ALICE,
    LIFETIME,
    NOW,
    Clock,
    a_begun_login,
    a_browser,
    a_key,
    a_login,
    a_person,
    a_stored_update,
    an_outgoing,
    asked,
    chat_code_of,
)
from tests.fakes import Remembered

from tgauth.domain.errors import CodeAlreadySpent, CodeUnknown, StoreUnavailable
from tgauth.domain.instants import MINUTE, SECOND
from tgauth.domain.login import Door
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Visitor
from tgauth.flows.account import end_every_session
from tgauth.flows.ban_person import ban_person
from tgauth.flows.begin_chat_login import begin_chat_login
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deliver_messages import due_messages, settle_messages
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.keyring import Keyring
from tgauth.flows.limit_failures import note_failure
from tgauth.flows.look_at_depths import look_at_depths
from tgauth.flows.receive_update import fail_update, receive_update
from tgauth.measures.catalogue import LOGIN_OUTCOMES
from tgauth.oidc.keys import SigningKey
from tgauth.store import Store, inbox, logins, outbox, persons
from tgauth.store.depths import Depths

pytestmark = pytest.mark.anyio

SIGNER = SigningKey.generate()
KEYRING = Keyring(signer=SIGNER, keys=(SIGNER,))


@pytest.fixture
def measures() -> Remembered:
    """Return what is counted."""
    return Remembered()


@pytest.fixture
def counting(deployment: Deployment, measures: Remembered) -> Deployment:
    """Return an installation that counts."""
    return replace(deployment, measures=measures)


def logins_of(measures: Remembered, door: Door = Door.CHAT) -> dict[str, float]:
    """Return how many logins there were, by outcome."""
    return {
        key[2]: number
        for key, number in measures.counted.items()
        if key[:2] == ("tgauth_logins_total", door.value)
    }


async def test_each_outcome_of_a_login_is_counted(
    counting: Deployment, measures: Remembered
) -> None:
    """Begun, replaced, redeemed, withdrawn, refused: each time and once."""
    few = replace(counting, logins_per_minute=3)
    await a_begun_login(few, update_id=1)
    login = await a_begun_login(few, update_id=2)
    for _ in range(3):
        await continue_in_browser(few, chat_code_of(few, login), browser=a_browser(), switch=False)
    await a_begun_login(few, update_id=3)
    refused = asked(4)
    await receive_update(few, refused.key, "{}")
    for _ in range(2):
        await begin_chat_login(few, refused)
    async with counting.store.reading() as connection:
        person = await persons.find(connection, ALICE)
    assert person is not None
    await end_every_session(few, person)
    assert {"begun": 3, "replaced": 1, "redeemed": 1, "withdrawn": 1, "refused": 1} == logins_of(
        measures
    )
    assert 1 == measures.counted["tgauth_sessions_ended_total", "person"]


async def test_each_outcome_of_a_browsers_login_is_counted(
    counting: Deployment, measures: Remembered
) -> None:
    """By its own door, also where both are withdrawn together; what cannot be is left out."""
    wrong = await steps.begun(counting)
    for number in (1, 2):
        await steps.opened(counting, wrong, update_id=number)
    await steps.opened(counting, wrong, update_id=3, telegram_id=7)
    await steps.answered(counting, wrong, None, update_id=4)
    used = await steps.approved(counting, update_id=10)
    for _ in range(2):
        await steps.finished(counting, used)
    await steps.approved(counting, update_id=20)
    await a_begun_login(counting, update_id=30)
    async with counting.store.reading() as connection:
        person = await persons.find(connection, ALICE)
    assert person is not None
    await end_every_session(counting, person)
    found = logins_of(measures, Door.BROWSER)
    assert {
        "begun": 3,
        "opened": 3,
        "refused": 1,
        "denied": 1,
        "approved": 2,
        "redeemed": 1,
        "withdrawn": 1,
    } == found
    assert set(found) == set(LOGIN_OUTCOMES["browser"])
    assert {"begun": 1, "withdrawn": 1} == logins_of(measures)


async def test_the_end_of_sessions_is_counted_by_who_ended_them(
    counting: Deployment, measures: Remembered
) -> None:
    """As many as there were."""
    for number in (1, 2):
        login = await a_begun_login(counting, update_id=number)
        code = chat_code_of(counting, login)
        await continue_in_browser(counting, code, browser=a_browser(str(number)), switch=False)
    await ban_person(counting, ALICE)
    assert 2 == measures.counted["tgauth_sessions_ended_total", "operator"]


async def test_what_was_not_committed_is_not_counted(
    counting: Deployment, measures: Remembered
) -> None:
    """What fails in the middle, or on a full disk, replaces and begins no login."""
    await a_begun_login(counting, update_id=1)
    asking = asked(2)
    await receive_update(counting, asking.key, "{}")
    with pytest.raises(RuntimeError, match="no more"):
        await begin_chat_login(replace(counting, new_id=_no_more_ids), asking)
    await counting.store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        await begin_chat_login(counting, asking)
    assert {"begun": 1} == logins_of(measures)


def _no_more_ids() -> str:
    raise RuntimeError("no more")


async def test_exchanges_are_counted_by_their_outcome(
    counting: Deployment, measures: Remembered
) -> None:
    """By the stable code of a refusal."""
    code = chat_code_of(counting, await a_begun_login(counting))
    await exchange_code(counting, KEYRING, code, visitor=Visitor())
    with pytest.raises(CodeAlreadySpent):
        await exchange_code(counting, KEYRING, code, visitor=Visitor())
    for guess in ("x" * 43, "y"):
        with pytest.raises(CodeUnknown):
            await exchange_code(counting, KEYRING, guess, visitor=Visitor())
    assert {"exchanged": 1, "code_already_spent": 1, "code_unknown": 2} == {
        key[1]: number for key, number in measures.counted.items() if key[0] == "tgauth_codes_total"
    }


async def test_failed_attempts_are_counted(counting: Deployment, measures: Remembered) -> None:
    """Of all addresses together: none is named."""
    for address in ("192.0.2.1", "2001:db8::1"):
        await note_failure(counting, address)
    assert 2 == measures.counted["tgauth_failed_attempts_total",]


async def test_updates_are_counted_when_they_are_new(
    counting: Deployment, measures: Remembered
) -> None:
    """And when handling them failed, and when they were parked."""
    for _ in range(2):
        await receive_update(counting, a_key(), "{}")
    for _ in range(4):
        await fail_update(counting, a_key(), chat_id=None)
    name = "tgauth_updates_total"
    assert {(name, "received"): 1, (name, "failed"): 2, (name, "parked"): 1} == measures.counted


async def test_the_reply_to_a_login_is_timed_from_its_receipt(
    counting: Deployment, measures: Remembered, clock: Clock
) -> None:
    """Waiting in the inbox is part of it, and so is waiting in the outbox."""
    asking = asked(1, at=clock())
    await receive_update(counting, asking.key, "{}")
    clock.advance(3 * SECOND)
    await begin_chat_login(counting, asking)
    clock.advance(2 * SECOND)
    [[due], _] = await due_messages(counting, most=9)
    await settle_messages(counting, [due.outgoing.sent(message_id=5, now=counting.now())])
    assert {("tgauth_login_reply_seconds",): [5.0]} == measures.observed


async def test_messages_are_counted_by_what_became_of_them(
    counting: Deployment, measures: Remembered, store: Store
) -> None:
    """Only the link of a login is a reply to one."""
    async with store.writing() as connection:
        await outbox.add(connection, an_outgoing())
    [[due], _] = await due_messages(counting, most=9)
    for settled in (
        due.outgoing.postponed(now=NOW),
        due.outgoing.sent(message_id=5, now=NOW),
        due.outgoing.given_up(reason="blocked", now=NOW),
    ):
        await settle_messages(counting, [settled])
    name = "tgauth_messages_total"
    assert {(name, "postponed"): 1, (name, "sent"): 1, (name, "given_up"): 1} == measures.counted
    assert {} == measures.observed


async def test_what_waits_is_told_with_its_age(deployment: Deployment, clock: Clock) -> None:
    """Updates, messages that are owed now, changes that will be due, and open logins."""
    assert Depths(
        waiting=0, parked=0, waiting_for=0, owed=0, later=0, owed_for=0, logins=0
    ) == await look_at_depths(deployment)
    await a_begun_login(deployment)
    await receive_update(deployment, a_key(2), "{}")
    clock.advance(MINUTE)
    await receive_update(deployment, a_key(3), "{}")
    for _ in range(3):
        await fail_update(deployment, a_key(3), chat_id=None)
    assert Depths(
        waiting=1, parked=1, waiting_for=MINUTE, owed=1, later=1, owed_for=MINUTE, logins=1
    ) == await look_at_depths(deployment)
    # Postponing a message makes it no younger; a change is waited for from when it is due.
    [[due], _] = await due_messages(deployment, most=9)
    await settle_messages(deployment, [due.outgoing.postponed(now=clock(), wait=MINUTE)])
    assert MINUTE == (await look_at_depths(deployment)).owed_for
    await settle_messages(deployment, [due.outgoing.sent(message_id=5, now=clock())])
    clock.advance(LIFETIME - MINUTE + SECOND)
    depths = await look_at_depths(deployment)
    assert (1, 0, SECOND, 0) == (depths.owed, depths.later, depths.owed_for, depths.logins)


async def test_a_clock_that_was_set_back_makes_no_age_negative(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """What comes from the future has not waited."""
    async with store.writing() as connection:
        await persons.save(connection, a_person())
        await logins.save(connection, a_login())
        await outbox.add(connection, an_outgoing(notice=Notice.GREETING))
        await inbox.add(connection, a_stored_update().key, "{}", now=NOW)
    clock.advance(-MINUTE)
    depths = await look_at_depths(deployment)
    assert (1, 0) == (depths.waiting, depths.waiting_for)
    assert 0 == depths.owed_for
