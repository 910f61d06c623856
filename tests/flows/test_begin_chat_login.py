"""Promises of `/login`: one answer for each update, and a link only for who may have one."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.builders import (
    ALICE,
    BOB,
    LIFETIME,
    NOW,
    Clock,
    a_begun_login,
    a_client,
    a_deployment,
    a_key,
    a_profile,
    an_outgoing,
    asked,
    chat_code_of,
)

from tgauth.domain.code import CodeKind, hash_of
from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import DAY, HOUR, MINUTE, SECOND
from tgauth.domain.login import LoginRequest, LoginState
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import AllowList, TelegramProfile
from tgauth.flows.ban_person import ban_person, unban_person
from tgauth.flows.begin_chat_login import answer_with, begin_chat_login
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import receive_update
from tgauth.store import Store, codes, inbox, logins, outbox, persons

pytestmark = pytest.mark.anyio


Count = Callable[[str], Awaitable[int]]


async def ask(
    deployment: Deployment, *, at: int, profile: TelegramProfile | None = None
) -> LoginRequest | Notice | None:
    """Send `/login` as update 1."""
    asking = asked(1, profile=profile, at=at)
    await receive_update(deployment, asking.key, "{}")
    return await begin_chat_login(deployment, asking)


async def ask_again(deployment: Deployment, update_id: int, telegram_id: int = ALICE) -> object:
    """Send `/login` now, as this update; return the notice, or "login"."""
    profile = a_profile(telegram_id)
    asking = asked(update_id, profile=profile, at=deployment.now())
    await receive_update(deployment, asking.key, "{}")
    outcome = await begin_chat_login(deployment, asking)
    return "login" if isinstance(outcome, LoginRequest) else outcome


async def test_a_login_its_code_and_its_message_come_together(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Whoever may log in gets an approved login, a code that is stored as hash, and a message."""
    login = await ask(deployment, at=clock())
    assert isinstance(login, LoginRequest)
    assert LoginState.APPROVED == login.state
    assert clock() + LIFETIME == login.expires_at
    async with store.reading() as connection:
        assert login == await logins.get(connection, login.id)
        code = await codes.get(connection, hash_of(chat_code_of(deployment, login)))
        assert code is not None
        assert (CodeKind.CHAT, login.id, login.expires_at, "shop", None) == (
            code.kind,
            code.login_id,
            code.expires_at,
            code.client_id,
            code.spent_at,
        )
        expected = an_outgoing(id=1, notice=Notice.LOGIN_LINK, login_id=login.id, language="en")
        assert expected == await outbox.get(connection, 1)
        closing = replace(expected, id=2, notice=Notice.LOGIN_CLOSED, not_before=login.expires_at)
        assert closing == await outbox.get(connection, 2)
        assert await outbox.get(connection, 3) is None
        update = await inbox.get(connection, a_key())
        assert update is not None
        assert (UpdateState.DONE, None) == (update.state, update.payload)


async def test_one_update_is_one_login_however_often_it_is_handled(
    deployment: Deployment, clock: Clock, count: Count
) -> None:
    """A repeat after a crash has no effect: the first one had them all."""
    await ask(deployment, at=clock())
    for _ in range(3):
        assert await ask(deployment, at=clock()) is None
    assert [1, 1, 2] == [await count(table) for table in ("logins", "codes", "outbox")]


async def test_an_update_that_was_never_stored_has_no_effect(
    deployment: Deployment, clock: Clock, count: Count
) -> None:
    """What is not in the inbox is not handled: it could be handled twice."""
    outcome = await begin_chat_login(deployment, asked(at=clock()))
    assert outcome is None
    assert 0 == await count("logins")


@pytest.mark.parametrize("allowed", [frozenset({ALICE}), frozenset({ALICE, BOB})])
async def test_who_is_on_the_list_gets_a_login(
    deployment: Deployment, clock: Clock, allowed: frozenset[int]
) -> None:
    """The list names them: they get a login."""
    allow = AllowList(everyone=False, telegram_ids=allowed)
    outcome = await ask(replace(deployment, allow=allow), at=clock())
    assert isinstance(outcome, LoginRequest)


async def test_who_is_not_on_the_list_gets_a_polite_answer_and_no_account(
    deployment: Deployment, store: Store, clock: Clock, count: Count
) -> None:
    """Nothing is kept of them but the message that is owed, and the update is settled."""
    allow = AllowList(everyone=False, telegram_ids=frozenset({BOB}))
    outcome = await ask(replace(deployment, allow=allow), at=clock())
    assert outcome is Notice.NOT_ALLOWED
    tables = ("persons", "logins", "codes", "outbox")
    assert [0, 0, 0, 1] == [await count(table) for table in tables]
    async with store.reading() as connection:
        expected = an_outgoing(id=1, notice=Notice.NOT_ALLOWED, language="en")
        assert expected == await outbox.get(connection, 1)
        assert await inbox.due(connection, now=clock()) is None


@pytest.mark.parametrize(
    ("age", "late"),
    [
        (-SECOND, False),
        (0, False),
        (LIFETIME - SECOND, False),
        (LIFETIME, False),
        (LIFETIME + 1, True),
        (LIFETIME + SECOND, True),
    ],
)
async def test_who_asked_too_long_ago_gets_no_link(
    deployment: Deployment, clock: Clock, count: Count, age: int, *, late: bool
) -> None:
    """A question older than a code's lifetime is answered with an apology instead of a code."""
    outcome = await ask(deployment, at=clock() - age)
    assert late == (outcome is Notice.TOO_LATE)
    assert (0 if late else 1) == await count("codes")


async def test_a_person_keeps_their_subject_whatever_they_are_called(
    deployment: Deployment, store: Store, clock: Clock, count: Count
) -> None:
    """The account follows the Telegram id; name and username are only its newest ones."""
    first = await a_begun_login(deployment, update_id=1)
    clock.advance(SECOND)
    renamed = a_profile(first_name="Al", username="someone_else", last_name=None)
    second = await a_begun_login(deployment, update_id=2, profile=renamed)
    assert first.subject == second.subject
    assert 1 == await count("persons")
    async with store.reading() as connection:
        person = await persons.find(connection, ALICE)
        assert person is not None
        assert (renamed, clock() - SECOND, clock()) == (
            person.profile,
            person.created_at,
            person.updated_at,
        )


async def test_a_username_that_moved_on_is_another_person(
    deployment: Deployment, count: Count
) -> None:
    """Whoever took over a username gets an account of their own."""
    first = await a_begun_login(deployment, update_id=1)
    second = await a_begun_login(deployment, update_id=2, profile=a_profile(BOB))
    assert first.subject != second.subject
    assert 2 == await count("persons")


async def test_two_questions_are_two_logins_with_two_codes(
    deployment: Deployment, count: Count
) -> None:
    """Each `/login` gets a link of its own."""
    first = await a_begun_login(deployment, update_id=1)
    second = await a_begun_login(deployment, update_id=2)
    assert chat_code_of(deployment, first) != chat_code_of(deployment, second)
    assert 2 == await count("codes")


async def test_an_answer_is_promised_once(deployment: Deployment, count: Count) -> None:
    """Settling an update by a message is repeatable as well."""
    await receive_update(deployment, asked().key, "{}")
    for _ in range(3):
        await answer_with(deployment, asked(), Notice.HELP)
    assert 1 == await count("outbox")


async def test_an_answer_that_is_owed_is_not_promised_again(
    deployment: Deployment, store: Store, count: Count
) -> None:
    """A flood of questions gets few answers; another question, or another chat, gets its own."""
    for number in range(1, 5):
        await receive_update(deployment, asked(number).key, "{}")
        await answer_with(deployment, asked(number), Notice.HELP)
    assert 1 == await count("outbox")
    other = asked(5, profile=a_profile(BOB))
    for asking, notice in ((other, Notice.HELP), (asked(6), Notice.GREETING)):
        await receive_update(deployment, asking.key, "{}")
        await answer_with(deployment, asking, notice)
    assert 3 == await count("outbox")
    async with store.writing() as connection:
        first = await outbox.get(connection, 1)
        assert first is not None
        await outbox.save(connection, first.sent(message_id=1, now=NOW))
    await receive_update(deployment, asked(7).key, "{}")
    await answer_with(deployment, asked(7), Notice.HELP)
    assert 4 == await count("outbox")


@pytest.mark.parametrize("language", ["ru", "pt-br", None])
async def test_the_language_of_who_asks_is_kept(
    deployment: Deployment, store: Store, language: str | None
) -> None:
    """Whatever is sent later, a refusal or what became of a link, speaks it."""
    await a_begun_login(deployment, profile=a_profile(language=language))
    asking = asked(2, profile=a_profile(language=language))
    await receive_update(deployment, asking.key, "{}")
    await answer_with(deployment, asking, Notice.HELP)
    async with store.reading() as connection:
        rows = await connection.run("SELECT language FROM outbox")
    assert [language] * 3 == [row["language"] for row in rows]


async def test_a_newer_link_replaces_the_earlier_one(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Only the newest is good, and the message of the earlier one says so now."""
    first = await a_begun_login(deployment, update_id=1)
    clock.advance(SECOND)
    second = await a_begun_login(deployment, update_id=2)
    async with store.reading() as connection:
        expected = replace(first, state=LoginState.REPLACED, decided_at=clock())
        assert expected == await logins.get(connection, first.id)
        assert second == await logins.get(connection, second.id)
        closings = [await outbox.get(connection, number) for number in (2, 4)]
    assert [clock(), second.expires_at] == [one.not_before for one in closings if one]


async def test_nobody_replaces_anothers_link(deployment: Deployment, store: Store) -> None:
    """Each person has one open link."""
    first = await a_begun_login(deployment, update_id=1)
    second = await a_begun_login(deployment, update_id=2, profile=a_profile(BOB))
    async with store.reading() as connection:
        assert first == await logins.get(connection, first.id)
        assert second == await logins.get(connection, second.id)


async def test_a_link_to_another_client_is_not_replaced(
    deployment: Deployment, store: Store
) -> None:
    """Each client is logged in to by itself."""
    first = await a_begun_login(deployment, update_id=1)
    other = replace(deployment, client=a_client(id="another"))
    await a_begun_login(other, update_id=2)
    async with store.reading() as connection:
        assert first == await logins.get(connection, first.id)


@pytest.mark.parametrize("state", [LoginState.DENIED, LoginState.REDEEMED])
async def test_what_was_decided_is_not_replaced(
    deployment: Deployment, store: Store, state: LoginState
) -> None:
    """A login that is over stays as it is, and its message is left alone."""
    first = await a_begun_login(deployment, update_id=1)
    redeemed_at = NOW if state is LoginState.REDEEMED else None
    over = replace(first, state=state, redeemed_at=redeemed_at)
    async with store.writing() as connection:
        await logins.save(connection, over)
    await a_begun_login(deployment, update_id=2)
    async with store.reading() as connection:
        assert over == await logins.get(connection, first.id)
        closing = await outbox.get(connection, 2)
    assert closing is not None
    assert first.expires_at == closing.not_before


async def test_a_refused_question_replaces_nothing(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Who asked too late, or too often, keeps the link that they have."""
    few = replace(deployment, logins_per_minute=1)
    first = await a_begun_login(few, update_id=1)
    assert Notice.TOO_MANY == await ask_again(few, 2)
    late = asked(3, at=clock() - LIFETIME - 1)
    await receive_update(few, late.key, "{}")
    assert Notice.TOO_LATE == await begin_chat_login(few, late)
    async with store.reading() as connection:
        assert first == await logins.get(connection, first.id)


async def test_so_many_logins_a_minute_and_not_one_more(
    deployment: Deployment, clock: Clock, count: Count
) -> None:
    """Exactly the set number; the refusal is a message and nothing else."""
    outcomes = []
    for number in range(1, 8):
        outcomes.append(await ask_again(deployment, number))
        clock.advance(SECOND)
    assert ["login"] * 5 + [Notice.TOO_MANY] * 2 == outcomes
    tables = ("logins", "codes", "outbox", "persons")
    assert [5, 5, 11, 1] == [await count(table) for table in tables]


@pytest.mark.parametrize(
    ("wait", "expected"),
    [(MINUTE - 1, Notice.TOO_MANY), (MINUTE, "login"), (MINUTE + 1, "login")],
)
async def test_the_limit_is_about_the_last_minute(
    deployment: Deployment, clock: Clock, wait: int, expected: object
) -> None:
    """To the millisecond after the first of them; refused questions do not prolong it."""
    few = replace(deployment, logins_per_minute=2)
    began = clock()
    assert "login" == await ask_again(few, 1)
    clock.advance(SECOND)
    assert "login" == await ask_again(few, 2)
    clock.advance(SECOND)
    assert Notice.TOO_MANY == await ask_again(few, 3)
    clock.now = began + wait
    assert expected == await ask_again(few, 4)


async def test_one_persons_limit_is_nobody_elses(deployment: Deployment) -> None:
    """Others log in as ever."""
    few = replace(deployment, logins_per_minute=1)
    assert "login" == await ask_again(few, 1)
    assert Notice.TOO_MANY == await ask_again(few, 2)
    assert "login" == await ask_again(few, 3, BOB)


async def test_the_limit_outlives_a_restart(
    deployment: Deployment, database: Path, clock: Clock
) -> None:
    """It is counted from what is stored, by whatever process."""
    for number in range(1, 6):
        assert "login" == await ask_again(deployment, number)
    async with Store.open(database) as second:
        other = a_deployment(second, now=clock, new_id=deployment.new_id)
        assert Notice.TOO_MANY == await ask_again(other, 6)


async def test_questions_at_the_same_moment_are_all_counted(
    deployment: Deployment, database: Path, clock: Clock, store: Store
) -> None:
    """Whatever races in two processes: so many logins, one of them open, and the rest refused."""
    async with Store.open(database) as second:
        other = a_deployment(second, now=clock, new_id=deployment.new_id)
        outcomes = await asyncio.gather(
            *(ask_again(one, number) for number, one in enumerate([deployment, other] * 6))
        )
    assert (5, 7) == (outcomes.count("login"), outcomes.count(Notice.TOO_MANY))
    async with store.reading() as connection:
        rows = await connection.run("SELECT state FROM logins ORDER BY state")
    assert ["approved"] + ["replaced"] * 4 == [row["state"] for row in rows]


async def test_a_clock_that_was_set_back_locks_nobody_out(
    deployment: Deployment, clock: Clock
) -> None:
    """Logins from the future are no reason to wait until the clock has caught up."""
    few = replace(deployment, logins_per_minute=1)
    assert "login" == await ask_again(few, 1)
    clock.advance(-HOUR)
    assert "login" == await ask_again(few, 2)
    assert Notice.TOO_MANY == await ask_again(few, 3)


@pytest.mark.parametrize("known", [False, True])
async def test_who_is_banned_gets_the_polite_answer(
    deployment: Deployment, count: Count, *, known: bool
) -> None:
    """Known here or not; nothing new is kept of them, and lifting the ban lets them in."""
    if known:
        assert "login" == await ask_again(deployment, 1)
    before = [await count(table) for table in ("persons", "logins", "codes")]
    assert await ban_person(deployment, ALICE)
    assert Notice.NOT_ALLOWED == await ask_again(deployment, 2)
    assert "login" == await ask_again(deployment, 3, BOB)
    assert [n + 1 for n in before] == [await count(t) for t in ("persons", "logins", "codes")]
    assert await unban_person(deployment, ALICE)
    assert "login" == await ask_again(deployment, 4)


async def test_who_is_banned_is_not_told_of_anything_else(
    deployment: Deployment, clock: Clock
) -> None:
    """Neither that they were late nor that they were too many times."""
    few = replace(deployment, logins_per_minute=0)
    await ban_person(few, ALICE)
    assert Notice.NOT_ALLOWED == await ask_again(few, 1)
    late = asked(2, at=clock() - DAY)
    await receive_update(few, late.key, "{}")
    assert Notice.NOT_ALLOWED == await begin_chat_login(few, late)
