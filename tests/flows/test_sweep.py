"""Promises of the sweep: what is over goes after a while, a little at a time, and nothing else."""

from collections.abc import Awaitable, Callable

import pytest
from tests import browser_logins as steps
from tests.builders import (
    ALICE,
    APPROVAL_TTL,
    LIFETIME,
    NOW,
    Clock,
    a_begun_login,
    a_browser,
    a_code,
    a_key,
    a_login,
    a_person,
    a_session,
    an_outgoing,
    chat_code_of,
)

from tgauth.domain.approval import BLOCK_LIFETIME, NETWORK_BLOCK_LIFETIME
from tgauth.domain.errors import CodeUnknown
from tgauth.domain.failures import Failures
from tgauth.domain.instants import DAY, HOUR, MINUTE
from tgauth.domain.login import LoginState
from tgauth.domain.outgoing import Notice
from tgauth.flows.block_approvals import block_approvals
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.identify import identify_by_cookie
from tgauth.flows.limit_failures import note_failure
from tgauth.flows.receive_update import dismiss_update, fail_update, receive_update
from tgauth.flows.sweep import sweep
from tgauth.store import (
    Store,
    blocked_networks,
    codes,
    failures,
    inbox,
    logins,
    outbox,
    persons,
    sessions,
)

pytestmark = pytest.mark.anyio

Count = Callable[[str], Awaitable[int]]


async def sweep_all(deployment: Deployment) -> int:
    """Sweep until nothing is left to sweep; return how often that was."""
    number = 1
    while await sweep(deployment):
        number += 1
    return number


@pytest.mark.parametrize(("age", "kept"), [(2 * DAY, True), (2 * DAY + 1, False)])
async def test_settled_updates_are_remembered_for_two_days(
    deployment: Deployment, store: Store, clock: Clock, age: int, *, kept: bool
) -> None:
    """Longer than Telegram can repeat them; what waits is never swept."""
    for number in (1, 2, 3):
        await receive_update(deployment, a_key(number), "{}")
    await dismiss_update(deployment, a_key(1))
    for _ in range(3):
        await fail_update(deployment, a_key(3), chat_id=None)
    clock.advance(age)
    assert not await sweep(deployment)
    async with store.reading() as connection:
        assert kept == (await inbox.get(connection, a_key(1)) is not None)
        assert await inbox.get(connection, a_key(2)) is not None
        assert kept == (await inbox.get(connection, a_key(3)) is not None)


@pytest.mark.parametrize(("age", "kept"), [(7 * DAY, True), (7 * DAY + 1, False)])
async def test_settled_messages_are_kept_for_a_week(
    deployment: Deployment, store: Store, clock: Clock, age: int, *, kept: bool
) -> None:
    """For the operator to look into; what is owed is never swept."""
    async with store.writing() as connection:
        for _ in range(3):
            await outbox.add(connection, an_outgoing())
        first, second = [await outbox.get(connection, number) for number in (1, 2)]
        assert first is not None
        assert second is not None
        await outbox.save(connection, first.sent(message_id=1, now=NOW))
        await outbox.save(connection, second.given_up(reason="x", now=NOW))
    clock.advance(age)
    assert not await sweep(deployment)
    async with store.reading() as connection:
        left = [await outbox.get(connection, number) is not None for number in (1, 2, 3)]
    assert [kept, kept, True] == left


@pytest.mark.parametrize("state", LoginState)
@pytest.mark.parametrize(("age", "kept"), [(7 * DAY, True), (7 * DAY + 1, False)])
async def test_a_login_is_kept_for_a_week_after_it_expired(  # noqa: PLR0913 - fixtures
    deployment: Deployment,
    store: Store,
    clock: Clock,
    state: LoginState,
    age: int,
    *,
    kept: bool,
) -> None:
    """Whatever became of it, with its codes."""
    async with store.writing() as connection:
        await persons.save(connection, a_person())
        await sessions.save(connection, a_session())
        await logins.save(connection, a_login(state))
        await codes.save(connection, a_code())
        await outbox.add(connection, an_outgoing(notice=Notice.LOGIN_CLOSED, login_id="login-1"))
    clock.advance(LIFETIME + age)
    assert not await sweep(deployment)
    async with store.reading() as connection:
        assert kept == (await logins.get(connection, "login-1") is not None)
        assert kept == (await codes.get(connection, a_code().hash) is not None)
        assert await sessions.get(connection, "session-1") is not None
        assert await persons.get(connection, "subject-of-alice") is not None


@pytest.mark.parametrize(("age", "kept"), [(37 * DAY, True), (37 * DAY + 1, False)])
@pytest.mark.parametrize("ended", [False, True])
async def test_a_session_is_kept_for_a_week_after_its_lifetime(  # noqa: PLR0913 - fixtures
    deployment: Deployment, store: Store, clock: Clock, age: int, *, kept: bool, ended: bool
) -> None:
    """Also one that ended before: its owner can still see it."""
    session = a_session(ended_at=NOW if ended else None)
    async with store.writing() as connection:
        await persons.save(connection, a_person())
        await sessions.save(connection, session)
    clock.advance(age)
    assert not await sweep(deployment)
    async with store.reading() as connection:
        assert kept == (await sessions.get(connection, "session-1") is not None)


@pytest.mark.parametrize(("age", "kept"), [(MINUTE, True), (MINUTE + 1, False)])
async def test_failures_are_forgotten_with_their_window(
    deployment: Deployment, store: Store, clock: Clock, age: int, *, kept: bool
) -> None:
    """Nobody's address is kept longer than it is needed."""
    await note_failure(deployment, "192.0.2.1")
    clock.advance(age)
    assert not await sweep(deployment)
    async with store.reading() as connection:
        assert kept == (await failures.get(connection, "192.0.2.1") is not None)


async def test_a_sessions_login_is_swept_before_it(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """The session goes on living without it, and its old link is unknown."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    began = await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
    clock.advance(4 * DAY)
    await identify_by_cookie(deployment, began.secret)
    clock.advance(4 * DAY)
    await sweep_all(deployment)
    async with store.reading() as connection:
        assert await logins.get(connection, began.login_id) is None
        assert await sessions.get(connection, began.session.id) is not None
    await identify_by_cookie(deployment, began.secret)
    with pytest.raises(CodeUnknown):
        await continue_in_browser(deployment, code, browser=a_browser(), switch=False)


async def test_what_is_young_is_spared(deployment: Deployment, count: Count) -> None:
    """A sweep in the midst of everything deletes nothing."""
    code = chat_code_of(deployment, await a_begun_login(deployment, update_id=1))
    await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
    await a_begun_login(deployment, update_id=2)
    await note_failure(deployment, "192.0.2.1")
    tables = ("inbox", "outbox", "logins", "codes", "sessions", "failures", "persons")
    before = [await count(table) for table in tables]
    assert not await sweep(deployment)
    assert before == [await count(table) for table in tables]
    assert 0 not in before


@pytest.mark.parametrize("table", ["inbox", "outbox", "logins", "sessions", "failures"])
async def test_much_is_swept_in_small_batches(
    deployment: Deployment, store: Store, clock: Clock, count: Count, table: str
) -> None:
    """A hundred at a time, and it says whether more may be left."""
    await write_many(store, table, 250)
    clock.advance(100 * DAY)
    left = []
    for more in (True, True, False, False):
        assert more == await sweep(deployment)
        left.append(await count(table))
    assert [150, 50, 0, 0] == left


async def write_many(store: Store, table: str, number: int) -> None:
    """Write rows of one kind that are of no use any more, some day."""
    async with store.writing() as connection:
        await persons.save(connection, a_person())
        for n in range(1, number + 1):
            match table:
                case "inbox":
                    await inbox.add(connection, a_key(n), "{}", now=NOW)
                    await inbox.finish(connection, a_key(n))
                case "outbox":
                    await outbox.add(connection, an_outgoing())
                    await outbox.save(connection, an_outgoing(id=n).sent(message_id=n, now=NOW))
                case "logins":
                    await logins.save(connection, a_login(id=f"login-{n}"))
                case "sessions":
                    await sessions.save(connection, a_session(f"session-{n}", secret_hash=None))
                case _:
                    window = Failures(address=f"address-{n}", began_at=NOW, number=1)
                    await failures.save(connection, window)


async def test_a_person_and_a_ban_are_never_swept(
    deployment: Deployment, store: Store, clock: Clock, count: Count
) -> None:
    """However long ago they were here: their subject stays theirs."""
    async with store.writing() as connection:
        await persons.save(connection, a_person())
        await connection.run(f"INSERT INTO bans VALUES ({ALICE}, {NOW})")
    clock.advance(10_000 * DAY)
    assert 1 == await sweep_all(deployment)
    assert [1, 1] == [await count(table) for table in ("persons", "bans")]


@pytest.mark.parametrize(("age", "kept"), [(7 * DAY, 1), (7 * DAY + 1, 0)])
async def test_what_was_asked_goes_with_its_login(
    deployment: Deployment, clock: Clock, count: Count, age: int, kept: int
) -> None:
    """A week after it expired, for who was asked to see."""
    await steps.opened(deployment, await steps.begun(deployment))
    clock.advance(APPROVAL_TTL + age)
    await sweep_all(deployment)
    assert (kept, kept) == (await count("logins"), await count("approvals"))


@pytest.mark.parametrize(("age", "kept"), [(HOUR, 1), (HOUR + 1, 0)])
async def test_what_nobody_was_asked_about_goes_within_the_hour(
    deployment: Deployment, clock: Clock, count: Count, age: int, kept: int
) -> None:
    """Whoever begins logins by the thousand fills no disk; a page that was left open hears so."""
    await steps.begun(deployment)
    clock.advance(APPROVAL_TTL + age)
    await sweep_all(deployment)
    assert (kept, kept) == (await count("logins"), await count("approvals"))


async def test_blocks_are_forgotten_when_they_are_over(
    deployment: Deployment, clock: Clock, count: Count
) -> None:
    """A person's wish after its day, a network's block after its hour."""
    asking = await steps.received(deployment, 1)
    await block_approvals(deployment, asking, blocked=True, message_id=1)
    async with deployment.store.writing() as connection:
        until = clock.now + NETWORK_BLOCK_LIFETIME
        await blocked_networks.block(connection, "203.0.113.7", until=until)
    for wait, left in (
        (NETWORK_BLOCK_LIFETIME, (1, 1)),
        (1, (1, 0)),
        (BLOCK_LIFETIME - NETWORK_BLOCK_LIFETIME - 1, (1, 0)),
        (1, (0, 0)),
    ):
        clock.advance(wait)
        await sweep_all(deployment)
        assert left == (await count("approval_blocks"), await count("blocked_networks"))
