"""Promises of the row modules: what is kept comes back the same."""

import sqlite3
from dataclasses import replace

import pytest
from tests.builders import (
    ALICE,
    BOB,
    NOW,
    a_code,
    a_key,
    a_login,
    a_person,
    a_profile,
    a_session,
    a_stored_update,
    an_outgoing,
)

from tgauth.domain.code import CodeKind
from tgauth.domain.incoming import UpdateState
from tgauth.domain.instants import SECOND
from tgauth.domain.login import LoginState
from tgauth.domain.outgoing import Notice
from tgauth.store import Store, codes, inbox, logins, outbox, persons, sessions, signing_keys
from tgauth.store.signing_keys import SealedKey

pytestmark = pytest.mark.anyio


@pytest.fixture
async def _alice(store: Store) -> None:
    """Keep Alice and one session of hers, which other rows refer to."""
    async with store.writing() as connection:
        await persons.save(connection, a_person())
        await sessions.save(connection, a_session())


async def test_a_person_is_found_by_subject_and_by_telegram_id(store: Store) -> None:
    """An account comes back whole by both of its names, and nobody else does."""
    async with store.writing() as connection:
        await persons.save(connection, a_person())
    async with store.reading() as connection:
        assert a_person() == await persons.get(connection, "subject-of-alice")
        assert a_person() == await persons.find(connection, ALICE)
        assert await persons.get(connection, "nobody") is None
        assert await persons.find(connection, BOB) is None


async def test_a_persons_newest_profile_replaces_the_old_one(store: Store) -> None:
    """Saving again keeps the subject, the Telegram id and the first moment."""
    changed = a_person(
        profile=a_profile(first_name="Al", last_name=None, username=None, language=None),
        updated_at=NOW + 5,
    )
    async with store.writing() as connection:
        await persons.save(connection, a_person())
        await persons.save(connection, changed)
        assert changed == await persons.get(connection, "subject-of-alice")


async def test_two_accounts_never_share_a_telegram_id(store: Store) -> None:
    """The Telegram id names one account: a second one is refused by the database itself."""
    async with store.writing() as connection:
        await persons.save(connection, a_person())
    with pytest.raises(sqlite3.IntegrityError):
        async with store.writing() as connection:
            await persons.save(connection, a_person("another subject"))


@pytest.mark.usefixtures("_alice")
async def test_a_session_is_found_by_id_and_by_secret(store: Store) -> None:
    """A session comes back whole by both of its names."""
    session = a_session()
    async with store.reading() as connection:
        assert session == await sessions.get(connection, "session-1")
        assert session == await sessions.find(connection, session.secret_hash or "")
        assert await sessions.find(connection, "other") is None


@pytest.mark.usefixtures("_alice")
async def test_saving_an_ended_session_keeps_its_end(store: Store) -> None:
    """The end of a session is kept, and nothing else about it changes."""
    ended = a_session().end(now=NOW + 5)
    async with store.writing() as connection:
        await sessions.save(connection, replace(ended, client_id="ignored"))
        assert ended == await sessions.get(connection, "session-1")


@pytest.mark.usefixtures("_alice")
@pytest.mark.parametrize("state", LoginState)
async def test_a_login_of_each_state_comes_back(store: Store, state: LoginState) -> None:
    """Every state survives being stored."""
    async with store.writing() as connection:
        await logins.save(connection, a_login(state))
    async with store.reading() as connection:
        assert a_login(state) == await logins.get(connection, "login-1")
        assert await logins.get(connection, "login-2") is None


@pytest.mark.usefixtures("_alice")
async def test_saving_a_login_again_keeps_what_became_of_it(store: Store) -> None:
    """The new state is kept; door, client and times of its beginning stay."""
    redeemed = a_login().redeem(session_id="session-1", browser="b", now=NOW + 9)
    async with store.writing() as connection:
        await logins.save(connection, a_login())
        await logins.save(connection, replace(redeemed, client_id="ignored"))
        assert redeemed == await logins.get(connection, "login-1")


@pytest.mark.usefixtures("_alice")
@pytest.mark.parametrize("kind", CodeKind)
async def test_a_code_of_each_kind_comes_back(store: Store, kind: CodeKind) -> None:
    """Every kind survives being stored, and spending it is kept."""
    code = a_code(kind=kind)
    async with store.writing() as connection:
        await logins.save(connection, a_login())
        await codes.save(connection, code)
        assert code == await codes.get(connection, code.hash)
        await codes.save(connection, replace(code, spent_at=NOW + 3, client_id="ignored"))
        assert a_code(kind=kind, spent_at=NOW + 3) == await codes.get(connection, code.hash)
        assert await codes.get(connection, "other") is None


@pytest.mark.parametrize("notice", Notice)
async def test_a_message_of_each_notice_comes_back(store: Store, notice: Notice) -> None:
    """Every kind of message survives being stored, and so does what became of it."""
    async with store.writing() as connection:
        await outbox.add(connection, an_outgoing(notice=notice))
        kept = await outbox.get(connection, 1)
        assert an_outgoing(id=1, notice=notice) == kept
        assert kept is not None
        for outcome in (
            kept.postponed(now=NOW),
            kept.sent(message_id=9, now=NOW + 1),
            kept.given_up(reason="blocked", now=NOW + 2),
        ):
            await outbox.save(connection, outcome)
            assert outcome == await outbox.get(connection, 1)
        assert await outbox.get(connection, 2) is None


async def test_messages_of_one_chat_stay_in_order(store: Store) -> None:
    """Of each chat only the oldest owed message is due, and a postponed one holds the rest."""
    async with store.writing() as connection:
        for chat_id in (ALICE, ALICE, BOB):
            await outbox.add(connection, an_outgoing(chat_id=chat_id))
        due = await outbox.due(connection, now=NOW, most=10)
        assert [1, 3] == [message.id for message in due]
        await outbox.save(connection, due[0].postponed(now=NOW))
        assert [3] == [one.id for one in await outbox.due(connection, now=NOW, most=10)]
        later = await outbox.due(connection, now=NOW + SECOND, most=10)
        assert [1, 3] == [one.id for one in later]
        await outbox.save(connection, later[0].sent(message_id=1, now=NOW))
        assert [2, 3] == [one.id for one in await outbox.due(connection, now=NOW, most=10)]
        assert [2] == [one.id for one in await outbox.due(connection, now=NOW, most=1)]


@pytest.mark.parametrize(
    ("now", "due", "next_time"),
    [(NOW - 1, [], NOW), (NOW, [1], None), (NOW + 1, [1], None)],
)
async def test_a_message_is_due_from_its_very_instant(
    store: Store, now: int, due: list[int], next_time: int | None
) -> None:
    """Up to the millisecond before it waits, and somebody can ask for how long."""
    async with store.writing() as connection:
        await outbox.add(connection, an_outgoing())
        assert due == [one.id for one in await outbox.due(connection, now=now, most=9)]
        assert next_time == await outbox.next_time(connection, now=now)


async def test_an_update_is_kept_once(store: Store) -> None:
    """The same update again is one row; another one under the same number is two."""
    async with store.writing() as connection:
        assert await inbox.add(connection, a_key(7, "message:1"), "{}", now=NOW)
        assert not await inbox.add(connection, a_key(7, "message:1"), "{}", now=NOW)
        assert await inbox.add(connection, a_key(7, "message:2"), "{}", now=NOW)
        [row] = await connection.run("SELECT count(*) AS number FROM inbox")
        assert 2 == row["number"]


async def test_an_update_comes_back(store: Store) -> None:
    """What Telegram handed over comes back as it was, until it is handled."""
    async with store.writing() as connection:
        await inbox.add(connection, a_key(), "{}", now=NOW)
        assert a_stored_update() == await inbox.get(connection, a_key())
        assert a_stored_update() == await inbox.due(connection, now=NOW)
        assert await inbox.get(connection, a_key(2)) is None


async def test_finishing_an_update_erases_it_once(store: Store) -> None:
    """The first to finish it hears yes; its content is gone, and nobody finishes it again."""
    async with store.writing() as connection:
        await inbox.add(connection, a_key(), '{"secret": 1}', now=NOW)
        assert await inbox.finish(connection, a_key())
        expected = a_stored_update(payload=None, state=UpdateState.DONE)
        assert expected == await inbox.get(connection, a_key())
        assert not await inbox.finish(connection, a_key())
        assert not await inbox.finish(connection, a_key(2))
        assert await inbox.due(connection, now=NOW) is None


@pytest.mark.parametrize("failures", [1, 2, 3])
async def test_what_became_of_a_failed_update_is_kept(store: Store, failures: int) -> None:
    """Attempts, waiting time and parking survive being stored."""
    update = a_stored_update()
    for _ in range(failures):
        update = update.failed(now=NOW)
    async with store.writing() as connection:
        await inbox.add(connection, a_key(), "{}", now=NOW)
        await inbox.save(connection, update)
        assert update == await inbox.get(connection, a_key())


async def test_an_update_that_waits_holds_up_no_other(store: Store) -> None:
    """A failed update waits for its time while those behind it go on."""
    async with store.writing() as connection:
        for number in (1, 2):
            await inbox.add(connection, a_key(number), "{}", now=NOW)
        await inbox.save(connection, a_stored_update().failed(now=NOW))
        assert a_stored_update(key=a_key(2)) == await inbox.due(connection, now=NOW)
        assert NOW == await inbox.next_time(connection)
        await inbox.finish(connection, a_key(2))
        assert await inbox.due(connection, now=NOW + SECOND - 1) is None
        assert NOW + SECOND == await inbox.next_time(connection)
        assert a_stored_update().failed(now=NOW) == await inbox.due(connection, now=NOW + SECOND)


async def test_sweeping_spares_what_waits_and_what_is_new(store: Store) -> None:
    """Only what was settled before the given instant goes, a batch at a time, oldest first."""
    async with store.writing() as connection:
        for number in range(1, 6):
            await inbox.add(connection, a_key(number), "{}", now=NOW + number)
        for number in (1, 2, 4, 5):
            await inbox.finish(connection, a_key(number))
        await inbox.sweep(connection, before=NOW + 5, most=2)
        rows = await connection.run("SELECT update_id FROM inbox ORDER BY update_id")
        assert [3, 4, 5] == [row["update_id"] for row in rows]
        await inbox.sweep(connection, before=NOW + 5, most=2)
        rows = await connection.run("SELECT update_id FROM inbox ORDER BY update_id")
        assert [3, 5] == [row["update_id"] for row in rows]


async def test_signing_keys_come_back_oldest_first(store: Store) -> None:
    """The newest key is the last one."""
    keys = [
        SealedKey(
            kid=kid, algorithm="ES256", public_jwk="{}", private_jwe="sealed", created_at=created
        )
        for kid, created in (("b", NOW), ("a", NOW + 1))
    ]
    async with store.writing() as connection:
        for key in reversed(keys):
            await signing_keys.add(connection, key)
    async with store.reading() as connection:
        assert keys == await signing_keys.all_of(connection)


@pytest.mark.usefixtures("_alice")
async def test_deleting_a_person_deletes_all_that_is_theirs(store: Store) -> None:
    """No row that names a person outlives the account."""
    async with store.writing() as connection:
        await logins.save(connection, a_login(LoginState.REDEEMED))
        await codes.save(connection, a_code())
        await outbox.add(connection, an_outgoing(notice=Notice.LOGIN_LINK, login_id="login-1"))
        await connection.run("DELETE FROM persons")
        for table in ("sessions", "logins", "codes", "outbox"):
            [row] = await connection.run(f"SELECT count(*) AS number FROM {table}")
            assert (table, 0) == (table, row["number"])
