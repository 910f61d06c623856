"""Promises of the audit log: who did what, when and from where; exactly when it was done."""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from tests.builders import (
    ALICE,
    BOB,
    LIFETIME,
    Clock,
    a_begun_login,
    a_browser,
    a_profile,
    asked,
    chat_code_of,
)

from tgauth.domain.audit import BY_OPERATOR, Actor, AuditEntry, AuditEvent, Doer, Outcome
from tgauth.domain.errors import (
    CodeAlreadySpent,
    CodeExpired,
    CodeUnknown,
    PersonBanned,
    StoreUnavailable,
    TgauthError,
)
from tgauth.domain.instants import DAY, HOUR, MINUTE, SECOND
from tgauth.domain.person import AllowList, Person
from tgauth.domain.session import Visitor
from tgauth.flows.account import (
    delete_account,
    end_every_session,
    end_own_session,
    export_data,
    note_export,
)
from tgauth.flows.ban_person import ban_person, unban_person
from tgauth.flows.begin_chat_login import begin_chat_login
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.chat_sessions import end_from_chat, log_out_everywhere
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.exchange_code import Grant, exchange_code
from tgauth.flows.keyring import Keyring, Keys, rotate_keys
from tgauth.flows.limit_failures import note_failure
from tgauth.flows.receive_update import receive_update
from tgauth.flows.sweep import sweep
from tgauth.oidc.keys import SigningKey
from tgauth.store import Store, audit, persons
from tgauth.store.audit import Wanted

pytestmark = pytest.mark.anyio

PHONE = Visitor(device="Firefox, Android", address="192.0.2.1")
SERVER = Visitor(device=None, address="198.51.100.7")
SIGNER = SigningKey.generate()
KEYRING = Keyring(signer=SIGNER, keys=(SIGNER,))


async def log_of(deployment: Deployment) -> list[AuditEntry]:
    """Return the whole log."""
    async with deployment.store.reading() as connection:
        return await audit.newest(connection, Wanted(), most=1000)


async def events_of(deployment: Deployment) -> list[str]:
    """Return what happened, in order."""
    return [entry.event.value for entry in await log_of(deployment)]


async def alice(deployment: Deployment) -> Person:
    """Return Alice's account."""
    async with deployment.store.reading() as connection:
        person = await persons.find(connection, ALICE)
    assert person is not None
    return person


async def log_in(deployment: Deployment, update_id: int = 1, **browser: Any) -> Continuation:
    """Let Alice log in on her phone."""
    login = await a_begun_login(deployment, update_id=update_id)
    return await continue_in_browser(
        deployment,
        chat_code_of(deployment, login),
        browser=a_browser(f"browser-{update_id}", visitor=PHONE, **browser),
        switch=False,
    )


async def exchange(deployment: Deployment, code: str | None) -> Grant:
    """Let the application bring a code."""
    return await exchange_code(deployment, KEYRING, code or "", visitor=SERVER)


async def send_login(deployment: Deployment, update_id: int, **fields: Any) -> None:
    """Let somebody send /login, whatever comes of it."""
    asking = asked(update_id, at=deployment.now(), **fields)
    await receive_update(deployment, asking.key, "{}")
    await begin_chat_login(deployment, asking)


async def test_a_login_is_told_from_its_wish_to_its_token(deployment: Deployment) -> None:
    """Who, for which application, in which session, and from where: three entries."""
    outcome = await log_in(deployment)
    grant = await exchange(deployment, outcome.callback_code)
    person = await alice(deployment)
    whole: dict[str, Any] = {
        "at": deployment.now(),
        "subject": person.subject,
        "telegram_id": ALICE,
    }
    about: dict[str, Any] = {"client_id": "shop", "login_id": outcome.login_id}
    session: dict[str, Any] = {"session_id": grant.session_id}
    assert [
        AuditEntry(id=1, event=AuditEvent.PERSON_JOINED, actor=Actor.PERSON, **whole),
        AuditEntry(id=2, event=AuditEvent.LOGIN_BEGUN, actor=Actor.PERSON, **whole, **about),
        AuditEntry(
            id=3,
            event=AuditEvent.LOGIN_REDEEMED,
            actor=Actor.PERSON,
            address="192.0.2.1",
            device="Firefox, Android",
            **whole,
            **about,
            **session,
        ),
        AuditEntry(
            id=4,
            event=AuditEvent.CODE_EXCHANGED,
            actor=Actor.APPLICATION,
            address="198.51.100.7",
            **whole,
            **about,
            **session,
        ),
    ] == await log_of(deployment)


async def test_a_link_exchanged_directly_is_told_so(deployment: Deployment) -> None:
    """The application redeemed the login, not the person's browser."""
    login = await a_begun_login(deployment)
    await exchange(deployment, chat_code_of(deployment, login))
    last = (await log_of(deployment))[-1]
    assert (AuditEvent.LOGIN_REDEEMED, Actor.APPLICATION) == (last.event, last.actor)


async def test_pressing_again_is_told_once(deployment: Deployment) -> None:
    """The same answer given again is no second login."""
    login = await a_begun_login(deployment)
    for _ in range(3):
        await continue_in_browser(
            deployment, chat_code_of(deployment, login), browser=a_browser(), switch=False
        )
    assert 1 == (await events_of(deployment)).count("login.redeemed")


async def test_a_newer_login_replaces_the_older_in_the_log_too(deployment: Deployment) -> None:
    """By the id of the one that is worth nothing any more."""
    first = await a_begun_login(deployment, update_id=1)
    second = await a_begun_login(deployment, update_id=2)
    assert [
        ("login.begun", first.id),
        ("login.replaced", first.id),
        ("login.begun", second.id),
    ] == [(entry.event.value, entry.login_id) for entry in (await log_of(deployment))[1:]]


async def test_what_is_rolled_back_was_never_written(deployment: Deployment) -> None:
    """An entry is there exactly when its effect is."""
    await a_begun_login(deployment, update_id=1)
    before = await log_of(deployment)
    asking = asked(2)
    await receive_update(deployment, asking.key, "{}")
    broken = replace(deployment, new_id=_no_more_ids)
    with pytest.raises(RuntimeError, match="no more"):
        await begin_chat_login(broken, asking)
    assert before == await log_of(deployment)


def _no_more_ids() -> str:
    raise RuntimeError("no more")


async def test_who_may_not_log_in_leaves_one_entry_an_hour(
    deployment: Deployment, clock: Clock
) -> None:
    """However often they try; how often is counted."""
    closed = replace(deployment, allow=AllowList(everyone=False, telegram_ids=frozenset({BOB})))
    for number in range(50):
        await send_login(closed, number)
        clock.advance(MINUTE)
    [entry] = await log_of(deployment)
    assert (AuditEvent.LOGIN_REFUSED, "not_allowed", 50) == (
        entry.event,
        entry.reason,
        entry.number,
    )
    assert (ALICE, None) == (entry.telegram_id, entry.subject)
    assert Outcome.REFUSED == entry.event.outcome
    clock.advance(10 * MINUTE)
    await send_login(closed, 60)
    assert [50, 1] == [one.number for one in await log_of(deployment)]


async def test_each_person_and_reason_is_counted_by_itself(deployment: Deployment) -> None:
    """Nobody's entry hides another's."""
    closed = replace(deployment, allow=AllowList(everyone=False, telegram_ids=frozenset({BOB})))
    impatient = replace(deployment, logins_per_minute=1)
    await send_login(closed, 1)
    await send_login(impatient, 2)
    for number in (3, 4):
        await send_login(impatient, number)
    await send_login(closed, 5, profile=a_profile(3003))
    refused = [one for one in await log_of(deployment) if one.event is AuditEvent.LOGIN_REFUSED]
    assert [(ALICE, "not_allowed", 1), (ALICE, "too_many", 2), (3003, "not_allowed", 1)] == [
        (one.telegram_id, one.reason, one.number) for one in refused
    ]


async def test_a_clock_that_was_set_back_begins_a_new_entry(
    deployment: Deployment, clock: Clock
) -> None:
    """What seems to come from the future is nothing to count with."""
    closed = replace(deployment, allow=AllowList(everyone=False, telegram_ids=frozenset({BOB})))
    await send_login(closed, 1)
    clock.advance(-DAY)
    await send_login(closed, 2)
    assert [1, 1] == [one.number for one in await log_of(deployment)]


async def test_a_replay_is_told_once_for_each_login_and_reason(
    deployment: Deployment, clock: Clock
) -> None:
    """However often a used code is tried, and whoever it is tried by."""
    outcome = await log_in(deployment)
    await exchange(deployment, outcome.callback_code)
    before = len(await log_of(deployment))
    for _ in range(5):
        with pytest.raises(CodeAlreadySpent):
            await exchange(deployment, outcome.callback_code)
    [entry] = (await log_of(deployment))[before:]
    assert (AuditEvent.CODE_REFUSED, Actor.APPLICATION) == (entry.event, entry.actor)
    assert ("code_already_spent", "198.51.100.7") == (entry.reason, entry.address)
    assert (outcome.login_id, ALICE) == (entry.login_id, entry.telegram_id)
    clock.advance(HOUR)
    late = chat_code_of(deployment, await a_begun_login(deployment, update_id=2))
    clock.advance(LIFETIME)
    for _ in range(2):
        with pytest.raises(CodeExpired):
            await exchange(deployment, late)
    assert 2 == (await events_of(deployment)).count("code.refused")


async def test_replays_at_the_same_moment_are_told_once(deployment: Deployment) -> None:
    """Whoever comes second finds it told."""
    login = await a_begun_login(deployment)
    code = chat_code_of(deployment, login)
    outcomes = await asyncio.gather(
        *(exchange(deployment, code) for _ in range(20)), return_exceptions=True
    )
    assert 19 == sum(isinstance(one, CodeAlreadySpent) for one in outcomes)
    assert 1 == (await events_of(deployment)).count("code.refused")


async def test_a_replay_in_a_browser_is_told_as_the_persons(deployment: Deployment) -> None:
    """With the browser that it came from."""
    login = await a_begun_login(deployment)
    code = chat_code_of(deployment, login)
    await continue_in_browser(deployment, code, browser=a_browser("one"), switch=False)
    with pytest.raises(CodeAlreadySpent):
        await continue_in_browser(
            deployment, code, browser=a_browser("two", visitor=PHONE), switch=False
        )
    entry = (await log_of(deployment))[-1]
    assert (AuditEvent.CODE_REFUSED, Actor.PERSON, PHONE.address, PHONE.device) == (
        entry.event,
        entry.actor,
        entry.address,
        entry.device,
    )


async def test_a_used_code_brought_again_takes_no_lock(deployment: Deployment) -> None:
    """Once it is told, trying it again only reads."""
    login = await a_begun_login(deployment)
    code = chat_code_of(deployment, login)
    await exchange(deployment, code)
    with suppress(CodeAlreadySpent):
        await exchange(deployment, code)
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(CodeAlreadySpent):
        await exchange(deployment, code)


async def test_a_refusal_that_cannot_be_written_stays_a_refusal(deployment: Deployment) -> None:
    """On a full disk the caller is told what is wrong with the code, not with the disk."""
    login = await a_begun_login(deployment)
    code = chat_code_of(deployment, login)
    await exchange(deployment, code)
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(CodeAlreadySpent):
        await exchange(deployment, code)


async def test_guesses_are_never_written_one_by_one(deployment: Deployment) -> None:
    """A code that nobody gave out leaves no entry, whatever it looks like."""
    for code in ("x" * 43, "nonsense", ""):
        with pytest.raises(CodeUnknown):
            await exchange(deployment, code)
        with pytest.raises(CodeUnknown):
            await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
    assert [] == await log_of(deployment)


async def test_an_address_that_reaches_its_limit_is_told_once_a_minute(
    deployment: Deployment, clock: Clock
) -> None:
    """By what it is counted under, and not for each failure."""
    few = replace(deployment, failures_per_minute=4)
    for _ in range(3):
        await note_failure(few, "2001:db8::1")
    assert [] == await log_of(few)
    for _ in range(9):
        await note_failure(few, "2001:db8::2")
    [entry] = await log_of(few)
    assert (AuditEvent.ADDRESS_LIMITED, Actor.SYSTEM) == (entry.event, entry.actor)
    assert ("2001:db8::/64", 4) == (entry.address, entry.number)
    clock.advance(MINUTE)
    for _ in range(5):
        await note_failure(few, "2001:db8::3")
    assert 2 == len(await log_of(few))


async def _one_of_ones_own(deployment: Deployment, began: Continuation) -> None:
    person = await alice(deployment)
    await end_own_session(deployment, person, began.session.id, by=_on_the_phone())


async def _all_of_ones_own(deployment: Deployment, _: Continuation) -> None:
    await end_every_session(deployment, await alice(deployment), by=_on_the_phone())


async def _log_out(deployment: Deployment, began: Continuation) -> None:
    await end_session(deployment, began.secret, by=_on_the_phone())


async def _one_from_the_chat(deployment: Deployment, began: Continuation) -> None:
    asking = asked(90)
    await receive_update(deployment, asking.key, "{}")
    await end_from_chat(deployment, asking, began.session.id, message_id=1, in_list=False)


async def _all_from_the_chat(deployment: Deployment, _: Continuation) -> None:
    asking = asked(91)
    await receive_update(deployment, asking.key, "{}")
    await log_out_everywhere(deployment, asking)


async def _another_login_there(deployment: Deployment, began: Continuation) -> None:
    await log_in(deployment, 92 + len(await log_of(deployment)), session_secret=began.secret)


async def _a_ban(deployment: Deployment, _: Continuation) -> None:
    await ban_person(deployment, ALICE)


def _on_the_phone() -> Doer:
    return Doer(actor=Actor.PERSON, visitor=PHONE)


@pytest.mark.parametrize(
    ("end", "actor", "reason", "address"),
    [
        (_one_of_ones_own, Actor.PERSON, None, PHONE.address),
        (_all_of_ones_own, Actor.PERSON, "everywhere", PHONE.address),
        (_log_out, Actor.PERSON, None, PHONE.address),
        (_one_from_the_chat, Actor.PERSON, None, None),
        (_all_from_the_chat, Actor.PERSON, "everywhere", None),
        (_another_login_there, Actor.PERSON, "new_login", PHONE.address),
        (_a_ban, Actor.OPERATOR, "everywhere", None),
    ],
)
async def test_every_end_of_a_session_says_who_ended_it(
    deployment: Deployment,
    end: Callable[[Deployment, Continuation], Awaitable[None]],
    actor: Actor,
    reason: str | None,
    address: str | None,
) -> None:
    """Once, and a second time not at all: it had ended."""
    began = await log_in(deployment)
    for _ in range(2):
        with suppress(TgauthError, sqlite3.IntegrityError):
            await end(deployment, began)
    [entry] = [one for one in await log_of(deployment) if one.event is AuditEvent.SESSION_ENDED]
    assert (actor, reason, address, ALICE) == (
        entry.actor,
        entry.reason,
        entry.address,
        entry.telegram_id,
    )


async def test_leaving_everywhere_tells_of_the_links_too(deployment: Deployment) -> None:
    """Each by its login."""
    login = await a_begun_login(deployment)
    await end_every_session(deployment, await alice(deployment))
    entry = (await log_of(deployment))[-1]
    assert (AuditEvent.LOGIN_WITHDRAWN, login.id) == (entry.event, entry.login_id)


async def test_a_ban_is_told_once_and_its_end_too(deployment: Deployment) -> None:
    """Also of somebody who was never here."""
    for _ in range(2):
        await ban_person(deployment, BOB)
        with suppress(PersonBanned):
            await send_login(deployment, 1, profile=a_profile(BOB))
    for _ in range(2):
        await unban_person(deployment, BOB)
    assert ["person.banned", "login.refused", "person.unbanned"] == await events_of(deployment)
    assert {BOB} == {entry.telegram_id for entry in await log_of(deployment)}
    assert Actor.OPERATOR == (await log_of(deployment))[-1].actor


async def test_keys_are_told_without_anything_of_them(deployment: Deployment) -> None:
    """The first one, and each rotation, with its kind."""
    await Keys(deployment).current()
    await Keys(deployment).current()
    await rotate_keys(deployment, at_once=False)
    await rotate_keys(deployment, at_once=True)
    assert [
        ("key.created", "system", None),
        ("keys.rotated", "operator", "overlapping"),
        ("keys.rotated", "operator", "at_once"),
    ] == [(one.event.value, one.actor.value, one.reason) for one in await log_of(deployment)]


async def test_taking_the_data_is_told_before_it_is_handed_out(deployment: Deployment) -> None:
    """Once an hour for each who takes it; where it cannot be written, nothing is handed out."""
    await a_begun_login(deployment)
    person = await alice(deployment)
    for _ in range(3):
        await note_export(deployment, person, by=_on_the_phone())
    await note_export(deployment, person, by=BY_OPERATOR)
    assert [("person", 3), ("operator", 1)] == [
        (one.actor.value, one.number)
        for one in await log_of(deployment)
        if one.event is AuditEvent.PERSON_EXPORTED
    ]
    await deployment.store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        await note_export(deployment, person)


async def test_of_a_deleted_account_only_what_was_done_is_kept(deployment: Deployment) -> None:
    """Not about whom, from where, or which login; that it was deleted keeps its subject alone."""
    began = await log_in(deployment)
    await exchange(deployment, began.callback_code)
    before = await log_of(deployment)
    person = await alice(deployment)
    await delete_account(deployment, person, by=_on_the_phone())
    *kept, last = await log_of(deployment)
    assert [
        AuditEntry(id=one.id, at=one.at, event=one.event, actor=one.actor, client_id=one.client_id)
        for one in before
    ] == kept
    assert last == AuditEntry(
        id=5,
        at=deployment.now(),
        event=AuditEvent.PERSON_REMOVED,
        actor=Actor.PERSON,
        subject=person.subject,
    )


async def test_a_ban_in_the_log_outlives_the_account(deployment: Deployment) -> None:
    """As the ban itself does."""
    await a_begun_login(deployment)
    person = await alice(deployment)
    await ban_person(deployment, ALICE)
    await delete_account(deployment, person, by=BY_OPERATOR)
    assert ["person.banned"] == [
        one.event.value for one in await log_of(deployment) if one.telegram_id == ALICE
    ]


async def test_however_long_the_log_of_an_account_is_all_of_it_is_forgotten(
    deployment: Deployment, store: Store
) -> None:
    """A little at a time, so that others get their turn."""
    await a_begun_login(deployment)
    entry = (await log_of(deployment))[-1]
    async with store.writing() as connection:
        for _ in range(1200):
            await audit.add(connection, entry)
    await delete_account(deployment, await alice(deployment))
    async with store.reading() as connection:
        assert [] == await audit.of_person(connection, ALICE)


async def test_an_export_holds_the_persons_entries_and_no_others(deployment: Deployment) -> None:
    """Oldest first."""
    await log_in(deployment)
    await a_begun_login(deployment, update_id=7, profile=a_profile(BOB))
    data = await export_data(deployment, await alice(deployment))
    assert ["person.joined", "login.begun", "login.redeemed"] == [
        one.event.value for one in data.audit
    ]


@pytest.mark.parametrize(("age", "kept"), [(30 * DAY, True), (30 * DAY + 1, False)])
async def test_the_log_is_kept_as_long_as_the_operator_says(
    deployment: Deployment, clock: Clock, age: int, *, kept: bool
) -> None:
    """To the millisecond, and deleted in small batches."""
    monthly = replace(deployment, audit_kept_for=30 * DAY)
    for _ in range(250):
        await rotate_keys(monthly, at_once=True)
    clock.advance(age)
    more = [await sweep(monthly) for _ in range(3)]
    assert [not kept, not kept, False] == more
    assert 250 * kept == len(await log_of(monthly))


async def test_no_entry_holds_a_secret(deployment: Deployment, clock: Clock) -> None:
    """Neither a code nor what a session's cookie holds."""
    began = await log_in(deployment)
    code = chat_code_of(deployment, await a_begun_login(deployment, update_id=2))
    grant = await exchange(deployment, began.callback_code)
    clock.advance(SECOND)
    for one in (code, began.callback_code):
        with suppress(TgauthError):
            await exchange(deployment, one)
    told = repr(await log_of(deployment))
    for secret in (code, str(began.callback_code), began.secret, grant.access_token):
        assert secret not in told
    assert "Alice" not in told
