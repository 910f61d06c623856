"""Promises of the row modules: what is kept comes back the same."""

import sqlite3
from dataclasses import replace
from typing import Any

import pytest
from tests.builders import (
    ALICE,
    BOB,
    LIFETIME,
    NOW,
    RULES,
    a_code,
    a_login,
    a_person,
    a_profile,
    a_session,
    an_outgoing,
)

from tgauth.domain.approval import Approval, Denial
from tgauth.domain.code import CodeKind
from tgauth.domain.failures import Failures
from tgauth.domain.instants import CLOCK_TOLERANCE, HOUR, MINUTE
from tgauth.domain.login import Door, LoginState
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Visitor
from tgauth.store import (
    Store,
    approvals,
    bans,
    codes,
    failures,
    logins,
    outbox,
    persons,
    sessions,
    signing_keys,
)
from tgauth.store.signing_keys import SealedKey

pytestmark = pytest.mark.anyio

ALICES = "subject-of-alice"


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


def a_sealed_key(kid: str, *, created_at: int = NOW, **fields: Any) -> SealedKey:
    """Build a signing key's row."""
    chosen = {"algorithm": "ES256", "public_jwk": "{}", "private_jwe": "sealed"}
    return SealedKey(kid=kid, created_at=created_at, **chosen | fields)


async def test_signing_keys_come_back_oldest_first(store: Store) -> None:
    """With from when on they sign, and until when they verify."""
    keys = [
        a_sealed_key("b", signs_from=NOW + 5, expires_at=NOW + 9),
        a_sealed_key("a", created_at=NOW + 1),
    ]
    async with store.writing() as connection:
        for key in reversed(keys):
            await signing_keys.save(connection, key)
    async with store.reading() as connection:
        assert keys == await signing_keys.all_of(connection)


async def test_saving_a_signing_key_again_keeps_its_end_alone(store: Store) -> None:
    """A key is what it was made: only when it expires may change."""
    key = a_sealed_key("a")
    changed = replace(key, private_jwe="other", signs_from=NOW + 1, expires_at=NOW + 5)
    async with store.writing() as connection:
        await signing_keys.save(connection, key)
        await signing_keys.save(connection, changed)
        assert [replace(key, expires_at=NOW + 5)] == await signing_keys.all_of(connection)


async def test_sweeping_keys_deletes_what_expired(store: Store) -> None:
    """From the very instant on; a key in use has no end and is never swept."""
    async with store.writing() as connection:
        for kid, expires_at in (("a", NOW - 1), ("b", NOW), ("c", NOW + 1), ("d", None)):
            await signing_keys.save(connection, a_sealed_key(kid, expires_at=expires_at))
        assert 2 == await signing_keys.sweep(connection, now=NOW)
        assert ["c", "d"] == [key.kid for key in await signing_keys.all_of(connection)]


async def test_a_ban_is_about_a_telegram_id_known_here_or_not(store: Store) -> None:
    """The first moment of a ban stays, and lifting it tells whether there was one."""
    async with store.writing() as connection:
        assert await bans.get(connection, ALICE) is None
        assert await bans.add(connection, ALICE, now=NOW)
        assert not await bans.add(connection, ALICE, now=NOW + 5)
        assert NOW == await bans.get(connection, ALICE)
        assert await bans.add(connection, -5, now=NOW + 6)
        assert {-5: NOW + 6, ALICE: NOW} == await bans.page(connection, after=-9, most=9)
        assert await bans.remove(connection, ALICE)
        assert not await bans.remove(connection, ALICE)
        assert {-5: NOW + 6} == await bans.page(connection, after=-9, most=9)


async def test_a_banned_person_comes_back_banned(store: Store) -> None:
    """By each way to find them, also where the ban came first; nobody else is banned by it."""
    bob = a_person("subject-of-bob", profile=a_profile(BOB))
    async with store.writing() as connection:
        await bans.add(connection, ALICE, now=NOW + 3)
        await persons.save(connection, a_person())
        await persons.save(connection, bob)
        banned = a_person(banned_at=NOW + 3)
        assert banned == await persons.get(connection, "subject-of-alice")
        assert banned == await persons.find(connection, ALICE)
        assert bob == await persons.find(connection, BOB)
        assert [banned, bob] == await persons.page(connection, after=0, most=9)
        await persons.save(connection, replace(banned, banned_at=None))
        assert banned == await persons.get(connection, "subject-of-alice")


async def test_people_are_listed_a_page_at_a_time(store: Store) -> None:
    """By Telegram id, each exactly once, whatever the size of the page."""
    ids = (7, 3, 900719925474099, 5)
    async with store.writing() as connection:
        for number in ids:
            await persons.save(connection, a_person(f"s{number}", profile=a_profile(number)))
        found, after = [], 0
        while page := await persons.page(connection, after=after, most=3):
            assert len(page) <= 3
            found += [person.profile.telegram_id for person in page]
            after = found[-1]
    assert sorted(ids) == found


async def test_a_removed_person_is_gone_alone(store: Store) -> None:
    """Other accounts stay."""
    bob = a_person("subject-of-bob", profile=a_profile(BOB))
    async with store.writing() as connection:
        for person in (a_person(), bob):
            await persons.save(connection, person)
        await persons.remove(connection, "subject-of-alice")
        assert [bob] == await persons.page(connection, after=0, most=9)


async def test_failures_of_an_address_come_back(store: Store) -> None:
    """The newest count replaces the one before; each address has its own."""
    some = Failures(address="192.0.2.1", began_at=NOW, number=3)
    more = Failures(address="192.0.2.1", began_at=NOW + 5, number=1)
    other = Failures(address="2001:db8::/64", began_at=NOW, number=9)
    async with store.writing() as connection:
        assert await failures.get(connection, "192.0.2.1") is None
        for one in (some, other, more):
            await failures.save(connection, one)
        assert more == await failures.get(connection, "192.0.2.1")
        assert other == await failures.get(connection, "2001:db8::/64")


async def test_sweeping_failures_spares_what_is_new(store: Store) -> None:
    """Windows that began before the given instant go, a batch at a time, oldest first."""
    async with store.writing() as connection:
        for number in range(1, 6):
            one = Failures(address=f"192.0.2.{number}", began_at=NOW + number, number=1)
            await failures.save(connection, one)
        assert 2 == await failures.sweep(connection, before=NOW + 4, most=2)
        assert await failures.get(connection, "192.0.2.3") is not None
        swept = [await failures.sweep(connection, before=NOW + 4, most=2) for _ in range(2)]
        rows = await connection.run("SELECT address FROM failures ORDER BY began_at")
    assert [1, 0] == swept
    assert ["192.0.2.4", "192.0.2.5"] == [row["address"] for row in rows]


@pytest.mark.usefixtures("_alice")
async def test_a_session_remembers_from_where_and_until_when(store: Store) -> None:
    """Device, address and both ends survive being stored; a later use moves one of them."""
    session = a_session(
        "session-2",
        secret_hash=None,
        visitor=Visitor(device="Firefox, Linux", address="192.0.2.1"),
    )
    used = session.seen(RULES, now=NOW + HOUR)
    async with store.writing() as connection:
        await sessions.save(connection, session)
        assert session == await sessions.get(connection, "session-2")
        await sessions.save(connection, replace(used, visitor=Visitor(), expires_at=1))
        assert used == await sessions.get(connection, "session-2")
        assert used != session


@pytest.mark.usefixtures("_alice")
async def test_living_sessions_are_those_that_the_domain_calls_alive(store: Store) -> None:
    """To the millisecond at both ends, newest first, and of that person alone."""
    at = NOW + HOUR
    await keep_sessions_in_every_state(store, at)
    async with store.reading() as connection:
        living = await sessions.living(connection, "subject-of-alice", now=at)
        every = await sessions.of_person(connection, "subject-of-alice")
    assert ["newest", "last idle ms", "last ms", "session-1"] == [one.id for one in living]
    assert {one.id for one in every if one.lives_at(at)} == {one.id for one in living}
    assert [one.created_at for one in every] == sorted(one.created_at for one in every)
    assert 7 == len(every)


async def keep_sessions_in_every_state(store: Store, at: int) -> None:
    """Keep sessions of Alice that are alive or dead at an instant, and one of Bob."""
    async with store.writing() as connection:
        await persons.save(connection, a_person("subject-of-bob", profile=a_profile(BOB)))
        for session in (
            a_session("last ms", secret_hash=None, expires_at=at + 1, created_at=NOW + 1),
            a_session("over", secret_hash=None, expires_at=at, created_at=NOW + 2),
            a_session("last idle ms", secret_hash=None, idle_expires_at=at + 1, created_at=NOW + 3),
            a_session("idle", secret_hash=None, idle_expires_at=at, created_at=NOW + 4),
            a_session("ended", secret_hash=None, ended_at=NOW, created_at=NOW + 5),
            a_session("newest", secret_hash=None, created_at=NOW + 6),
            a_session("bob's", secret_hash=None, subject="subject-of-bob"),
        ):
            await sessions.save(connection, session)


@pytest.mark.usefixtures("_alice")
async def test_ending_all_ends_those_that_live(store: Store) -> None:
    """Of that person; what was over keeps its own end, and doing it again ends none."""
    at = NOW + HOUR
    await keep_sessions_in_every_state(store, at)
    async with store.writing() as connection:
        assert 4 == await sessions.end_all(connection, "subject-of-alice", now=at)
        assert 0 == await sessions.end_all(connection, "subject-of-alice", now=at)
        assert [] == await sessions.living(connection, "subject-of-alice", now=at)
        every = {one.id: one.ended_at for one in await sessions.of_person(connection, ALICES)}
        bobs = await sessions.get(connection, "bob's")
    assert {
        "session-1": at,
        "last ms": at,
        "over": None,
        "last idle ms": at,
        "idle": None,
        "ended": NOW,
        "newest": at,
    } == every
    assert bobs is not None
    assert bobs.ended_at is None


@pytest.mark.usefixtures("_alice")
async def test_sweeping_sessions_spares_what_may_live(store: Store) -> None:
    """By their lifetime, a batch at a time, oldest first."""
    async with store.writing() as connection:
        for number in range(1, 5):
            session = a_session(f"s{number}", secret_hash=None, expires_at=NOW + number)
            await sessions.save(connection, session)
        assert 2 == await sessions.sweep(connection, before=NOW + 4, most=2)
        assert await sessions.get(connection, "s3") is not None
        swept = [await sessions.sweep(connection, before=NOW + 4, most=2) for _ in range(2)]
        left = await sessions.of_person(connection, ALICES)
    assert [1, 0] == swept
    assert ["s4", "session-1"] == sorted(one.id for one in left)


@pytest.mark.usefixtures("_alice")
async def test_an_open_login_is_one_that_can_still_be_redeemed(store: Store) -> None:
    """Pending or approved, not expired, and to the same client."""
    async with store.writing() as connection:
        await persons.save(connection, a_person("subject-of-bob", profile=a_profile(BOB)))
        for state in LoginState:
            await logins.save(connection, a_login(state, id=str(state)))
        await logins.save(connection, a_login(id="elsewhere", client_id="other"))
        await logins.save(connection, a_login(id="bob's", subject="subject-of-bob"))
        found = {
            wait: {
                login.id
                for login in await logins.still_open(
                    connection, subject=ALICES, client_id="shop", now=NOW + wait
                )
            }
            for wait in (0, LIFETIME - 1, LIFETIME)
        }
    both = {"pending", "approved"}
    assert {0: both, LIFETIME - 1: both, LIFETIME: set()} == found


@pytest.mark.usefixtures("_alice")
async def test_logins_are_counted_within_the_asked_time(store: Store) -> None:
    """After an instant and not on it, in whatever state, of that person alone."""
    async with store.writing() as connection:
        await persons.save(connection, a_person("subject-of-bob", profile=a_profile(BOB)))
        for number, state in enumerate(LoginState):
            await logins.save(connection, a_login(state, id=state, created_at=NOW + number))
        await logins.save(connection, a_login(id="bob's", subject="subject-of-bob"))
        counted = [
            await logins.count_since(connection, ALICES, since=NOW + since, now=NOW + 9)
            for since in (-1, 0, 3, 4)
        ]
    assert [5, 4, 1, 0] == counted


@pytest.mark.parametrize(
    ("back", "expected"), [(0, 1), (CLOCK_TOLERANCE, 1), (CLOCK_TOLERANCE + 1, 0), (HOUR, 0)]
)
@pytest.mark.usefixtures("_alice")
async def test_a_login_from_the_future_does_not_count(
    store: Store, back: int, expected: int
) -> None:
    """After the clock was set back nobody is locked out until it has caught up."""
    now = NOW - back
    async with store.writing() as connection:
        await logins.save(connection, a_login())
        number = await logins.count_since(connection, ALICES, since=now - MINUTE, now=now)
    assert expected == number


@pytest.mark.usefixtures("_alice")
async def test_a_login_is_found_by_its_session_and_its_person(store: Store) -> None:
    """The one that began it; and all of a person, oldest first."""
    redeemed = a_login(LoginState.REDEEMED, id="b", created_at=NOW + 1)
    earlier = a_login(LoginState.REPLACED, id="c")
    async with store.writing() as connection:
        await logins.save(connection, redeemed)
        await logins.save(connection, earlier)
        assert redeemed == await logins.of_session(connection, "session-1")
        assert await logins.of_session(connection, "session-2") is None
        assert [earlier, redeemed] == await logins.of_person(connection, ALICES)
        assert [] == await logins.of_person(connection, "subject-of-bob")


@pytest.mark.usefixtures("_alice")
async def test_sweeping_logins_takes_their_codes_along(store: Store) -> None:
    """Whatever their state, by when they expired, a batch at a time; the session stays."""
    async with store.writing() as connection:
        for number, state in enumerate(LoginState, start=1):
            login = a_login(state, id=f"l{number}", expires_at=NOW + number)
            await logins.save(connection, login)
            await codes.save(connection, a_code(login_id=login.id, hash=f"h{number}"))
        assert 3 == await logins.sweep(connection, before=NOW + 5, most=3)
        assert await logins.get(connection, "l4") is not None
        swept = [await logins.sweep(connection, before=NOW + 5, most=3) for _ in range(2)]
        left = await connection.run("SELECT login_id FROM codes")
        assert ["l5"] == [one.id for one in await logins.of_person(connection, ALICES)]
        assert a_session() == await sessions.get(connection, "session-1")
    assert [1, 0] == swept
    assert ["l5"] == [row["login_id"] for row in left]


@pytest.mark.usefixtures("_alice")
async def test_deleting_a_person_deletes_all_that_is_theirs(store: Store) -> None:
    """No row that names a person outlives the account."""
    async with store.writing() as connection:
        await logins.save(connection, a_login(LoginState.REDEEMED))
        await codes.save(connection, a_code())
        await outbox.add(connection, an_outgoing(notice=Notice.LOGIN_LINK, login_id="login-1"))
        await persons.remove(connection, ALICES)
        for table in ("sessions", "logins", "codes", "outbox"):
            [row] = await connection.run(f"SELECT count(*) AS number FROM {table}")
            assert (table, 0) == (table, row["number"])


@pytest.mark.parametrize("denial", [None, *Denial])
async def test_what_is_asked_for_a_login_comes_back(store: Store, denial: Denial | None) -> None:
    """By its login and by both of its names; saving it again keeps what came of it alone."""
    login = a_login(LoginState.PENDING, door=Door.BROWSER, subject=None, browser="browser-1")
    approval = Approval(
        login_id=login.id,
        handle_hash="handle",
        stream_hash="stream",
        created_at=NOW,
        state_parameter="state",
        visitor=Visitor(device="Firefox, Linux", address="203.0.113.7"),
        network="203.0.113.7",
        place="Graz",
    )
    answered = replace(approval, opened_by=ALICE, opened_at=NOW + 1, denial=denial)
    async with store.writing() as connection:
        await logins.save(connection, login)
        await approvals.save(connection, approval)
        assert approval == await approvals.get(connection, login.id)
        await approvals.save(connection, replace(answered, handle_hash="other", place="Wien"))
    async with store.reading() as connection:
        assert answered == await approvals.get(connection, login.id)
        assert answered == await approvals.by_handle(connection, "handle")
        assert [answered] == await approvals.opened_by(connection, ALICE)
        assert await approvals.by_handle(connection, "stream") is None
        known = {"stream": None, "handle": None}
        found = await approvals.followed(connection, known, now=NOW)
        assert {"stream": (login, True), "handle": None} == found
        told: dict[str, bool | None] = {"stream": True}
        assert {} == await approvals.followed(connection, told, now=NOW - CLOCK_TOLERANCE)
        before = await approvals.followed(connection, told, now=NOW - CLOCK_TOLERANCE - 1)
        assert {"stream": (login, True)} == before
        assert [] == await approvals.opened_by(connection, BOB)
