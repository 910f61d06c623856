"""Promises of `/login`: one answer for each update, and a link only for who may have one."""

from dataclasses import replace

import pytest
from tests.builders import (
    ALICE,
    BOB,
    LIFETIME,
    Clock,
    a_begun_login,
    a_key,
    a_profile,
    an_outgoing,
    chat_code_of,
)

from tgauth.domain.code import CodeKind, hash_of
from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import SECOND
from tgauth.domain.login import LoginRequest, LoginState
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import AllowList, TelegramProfile
from tgauth.flows.begin_chat_login import answer_with, begin_chat_login
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import receive_update
from tgauth.store import Store, codes, inbox, logins, outbox, persons

pytestmark = pytest.mark.anyio


async def count(store: Store, table: str) -> int:
    """Return the number of rows of a table."""
    async with store.reading() as connection:
        [row] = await connection.run(f"SELECT count(*) AS number FROM {table}")
    return int(row["number"])


async def ask(
    deployment: Deployment, *, asked_at: int, profile: TelegramProfile | None = None
) -> LoginRequest | Notice | None:
    """Send `/login` as update 1."""
    await receive_update(deployment, a_key(), "{}")
    return await begin_chat_login(
        deployment, a_key(), chat_id=ALICE, profile=profile or a_profile(), asked_at=asked_at
    )


async def test_a_login_its_code_and_its_message_come_together(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Whoever may log in gets an approved login, a code that is stored as hash, and a message."""
    login = await ask(deployment, asked_at=clock())
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
        expected = an_outgoing(id=1, notice=Notice.LOGIN_LINK, login_id=login.id)
        assert expected == await outbox.get(connection, 1)
        update = await inbox.get(connection, a_key())
        assert update is not None
        assert (UpdateState.DONE, None) == (update.state, update.payload)


async def test_one_update_is_one_login_however_often_it_is_handled(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """A repeat after a crash has no effect: the first one had them all."""
    await ask(deployment, asked_at=clock())
    for _ in range(3):
        assert await ask(deployment, asked_at=clock()) is None
    assert [1, 1, 1] == [await count(store, table) for table in ("logins", "codes", "outbox")]


async def test_an_update_that_was_never_stored_has_no_effect(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """What is not in the inbox is not handled: it could be handled twice."""
    outcome = await begin_chat_login(
        deployment, a_key(), chat_id=ALICE, profile=a_profile(), asked_at=clock()
    )
    assert outcome is None
    assert 0 == await count(store, "logins")


@pytest.mark.parametrize("allowed", [frozenset({ALICE}), frozenset({ALICE, BOB})])
async def test_who_is_on_the_list_gets_a_login(
    deployment: Deployment, clock: Clock, allowed: frozenset[int]
) -> None:
    """The list names them: they get a login."""
    allow = AllowList(everyone=False, telegram_ids=allowed)
    outcome = await ask(replace(deployment, allow=allow), asked_at=clock())
    assert isinstance(outcome, LoginRequest)


async def test_who_is_not_on_the_list_gets_a_polite_answer_and_no_account(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Nothing is kept of them but the message that is owed, and the update is settled."""
    allow = AllowList(everyone=False, telegram_ids=frozenset({BOB}))
    outcome = await ask(replace(deployment, allow=allow), asked_at=clock())
    assert outcome is Notice.NOT_ALLOWED
    tables = ("persons", "logins", "codes", "outbox")
    assert [0, 0, 0, 1] == [await count(store, table) for table in tables]
    async with store.reading() as connection:
        assert an_outgoing(id=1, notice=Notice.NOT_ALLOWED) == await outbox.get(connection, 1)
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
    deployment: Deployment, store: Store, clock: Clock, age: int, *, late: bool
) -> None:
    """A question older than a code's lifetime is answered with an apology instead of a code."""
    outcome = await ask(deployment, asked_at=clock() - age)
    assert late == (outcome is Notice.TOO_LATE)
    assert (0 if late else 1) == await count(store, "codes")


async def test_a_person_keeps_their_subject_whatever_they_are_called(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """The account follows the Telegram id; name and username are only its newest ones."""
    first = await a_begun_login(deployment, update_id=1)
    clock.advance(SECOND)
    renamed = a_profile(first_name="Al", username="someone_else", last_name=None)
    second = await a_begun_login(deployment, update_id=2, profile=renamed)
    assert first.subject == second.subject
    assert 1 == await count(store, "persons")
    async with store.reading() as connection:
        person = await persons.find(connection, ALICE)
        assert person is not None
        assert (renamed, clock() - SECOND, clock()) == (
            person.profile,
            person.created_at,
            person.updated_at,
        )


async def test_a_username_that_moved_on_is_another_person(
    deployment: Deployment, store: Store
) -> None:
    """Whoever took over a username gets an account of their own."""
    first = await a_begun_login(deployment, update_id=1)
    second = await a_begun_login(deployment, update_id=2, profile=a_profile(BOB))
    assert first.subject != second.subject
    assert 2 == await count(store, "persons")


async def test_two_questions_are_two_logins_with_two_codes(
    deployment: Deployment, store: Store
) -> None:
    """Each `/login` gets a link of its own."""
    first = await a_begun_login(deployment, update_id=1)
    second = await a_begun_login(deployment, update_id=2)
    assert chat_code_of(deployment, first) != chat_code_of(deployment, second)
    assert 2 == await count(store, "codes")


async def test_an_answer_is_promised_once(deployment: Deployment, store: Store) -> None:
    """Settling an update by a message is repeatable as well."""
    await receive_update(deployment, a_key(), "{}")
    for _ in range(3):
        await answer_with(deployment, a_key(), Notice.HELP, chat_id=ALICE)
    assert 1 == await count(store, "outbox")
