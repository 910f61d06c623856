"""Promises of the clock: set back, it lets nothing live on, and brings nothing back to life."""

import logging

import pytest
from tests.builders import (
    BOB,
    LIFETIME,
    NOW,
    RULES,
    Clock,
    a_begun_login,
    a_browser,
    a_key,
    a_profile,
    a_session,
    an_outgoing,
    chat_code_of,
)

from tgauth.domain.clock import Reading
from tgauth.domain.errors import (
    CodeAlreadySpent,
    CodeExpired,
    SessionEnded,
    StoreUnavailable,
    TgauthError,
)
from tgauth.domain.instants import DAY, HOUR, MINUTE, SECOND
from tgauth.domain.login import Standing
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Visitor
from tgauth.flows.continue_in_browser import continue_in_browser, show_offer
from tgauth.flows.deciding import decide, judge, watch_clock
from tgauth.flows.deliver_messages import LoginOutcome, due_messages, settle_messages
from tgauth.flows.deployment import Deployment
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.identify import identify_by_cookie
from tgauth.flows.keyring import Keyring
from tgauth.flows.receive_update import next_update
from tgauth.store import Connection, Store, inbox, logins, outbox, sessions
from tgauth.store import clock as clock_rows

pytestmark = pytest.mark.anyio

LINK = "redeem the link"
PRESS = "press the button"
PAGE = "open the link's page"


async def tried(deployment: Deployment, keyring: Keyring, code: str, way: str) -> str:
    """Use a code in some way; return what came of it."""
    try:
        match way:
            case "redeem the link":
                await exchange_code(deployment, keyring, code, visitor=Visitor())
            case "press the button":
                await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
            case _:
                await show_offer(deployment, code, browser=a_browser())
    except TgauthError as error:
        return error.code
    return "good"


async def kept(store: Store) -> Reading | None:
    """Return the reading that is kept."""
    async with store.reading() as connection:
        return await clock_rows.get(connection)


@pytest.mark.parametrize("way", [LINK, PRESS, PAGE])
@pytest.mark.parametrize("back", [SECOND + 1, MINUTE, HOUR, 400 * DAY])
async def test_a_link_does_not_outlive_a_step_back(
    deployment: Deployment, keyring: Keyring, clock: Clock, way: str, back: int
) -> None:
    """How old it is nobody can tell any more; and no later step brings it back to life."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    clock.step(-back)
    assert CodeExpired.code == await tried(deployment, keyring, code, way)
    for step in (back, -back, -back, 3 * back):
        clock.step(step)
        for other in (LINK, PRESS, PAGE):
            assert CodeExpired.code == await tried(deployment, keyring, code, other)


@pytest.mark.parametrize("way", [LINK, PRESS, PAGE])
async def test_what_expired_by_a_step_forward_stays_expired(
    deployment: Deployment, keyring: Keyring, clock: Clock, way: str
) -> None:
    """Also where nothing but a refusal, which writes nothing itself, saw the clock in between."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    clock.step(HOUR)
    assert CodeExpired.code == await tried(deployment, keyring, code, way)
    clock.step(-HOUR)
    assert CodeExpired.code == await tried(deployment, keyring, code, way)


@pytest.mark.parametrize("step", [-SECOND, -1, 0, 1, SECOND])
async def test_a_small_correction_ends_nothing(
    deployment: Deployment, keyring: Keyring, clock: Clock, step: int
) -> None:
    """Clocks are corrected all the time."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    for number in range(2, 5):
        clock.advance(2 * SECOND)
        clock.step(step)
        await a_begun_login(deployment, update_id=number, profile=a_profile(BOB))
    assert "good" == await tried(deployment, keyring, code, LINK)


async def test_a_clock_that_is_behind_after_a_boot_ends_what_was_pending(
    deployment: Deployment, keyring: Keyring, clock: Clock
) -> None:
    """By however little: time has passed, and the clock says that none has."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    clock.boot(2)
    clock.step(-1)
    assert CodeExpired.code == await tried(deployment, keyring, code, LINK)


async def test_a_boot_alone_ends_nothing(
    deployment: Deployment, keyring: Keyring, clock: Clock
) -> None:
    """A login outlives it."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    clock.boot(2)
    clock.step(LIFETIME - 1)
    assert "good" == await tried(deployment, keyring, code, LINK)


async def test_a_new_link_is_good_after_a_step_back(
    deployment: Deployment, keyring: Keyring, clock: Clock
) -> None:
    """The one thing that people are told to do works, at once."""
    await a_begun_login(deployment)
    clock.step(-HOUR)
    login = await a_begun_login(deployment, update_id=2)
    assert NOW - HOUR == login.created_at
    assert "good" == await tried(deployment, keyring, chat_code_of(deployment, login), LINK)


async def test_a_press_is_not_repeated_across_a_step_back(
    deployment: Deployment, keyring: Keyring, clock: Clock
) -> None:
    """It may be for a moment only; and the callback code of the press is worth nothing either."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    pressed = await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
    clock.advance(2 * MINUTE)
    assert CodeAlreadySpent.code == await tried(deployment, keyring, code, PRESS)
    clock.step(-2 * MINUTE)
    assert CodeAlreadySpent.code == await tried(deployment, keyring, code, PRESS)
    assert pressed.callback_code is not None
    assert CodeExpired.code == await tried(deployment, keyring, pressed.callback_code, LINK)


async def test_the_message_says_that_the_link_has_expired(
    deployment: Deployment, clock: Clock
) -> None:
    """Now, and not when the clock comes to where it would have."""
    login = await a_begun_login(deployment)
    [link], _ = await due_messages(deployment, most=9)
    await settle_messages(deployment, [link.outgoing.sent(message_id=77, now=clock())])
    clock.step(-HOUR)
    await watch_clock(deployment)
    [due], _ = await due_messages(deployment, most=9)
    assert (Notice.LOGIN_CLOSED, login.id, 77) == (due.notice, due.outgoing.login_id, due.target)
    assert LoginOutcome(standing=Standing.EXPIRED, session=None) == due.content


async def test_what_waits_for_its_next_attempt_waits_no_longer(
    deployment: Deployment, clock: Clock, store: Store
) -> None:
    """A message, and an update: half an hour set back is not half an hour to wait."""
    clock.advance(HOUR)
    await watch_clock(deployment)
    async with store.writing() as connection:
        await outbox.add(connection, an_outgoing(created_at=NOW, not_before=clock() + MINUTE))
        await inbox.add(connection, a_key(), "{}", now=NOW)
        stored = await inbox.get(connection, a_key())
        assert stored is not None
        await inbox.save(connection, stored.failed(now=clock() + MINUTE))
    _, update_due = await next_update(deployment)
    assert update_due is not None
    clock.step(-HOUR // 2)
    await watch_clock(deployment)
    assert ([], clock() + MINUTE) == await due_messages(deployment, most=9)
    assert (None, update_due - HOUR // 2) == await next_update(deployment)


async def test_a_session_that_had_ended_stays_so(
    deployment: Deployment, clock: Clock, store: Store
) -> None:
    """By its idle time or by its lifetime; one that lived goes on."""
    login = await a_begun_login(deployment)
    code = chat_code_of(deployment, login)
    over = await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
    subject = over.session.subject
    clock.advance(RULES.idle_lifetime)
    async with store.writing() as connection:
        lives = a_session(
            "lives", subject=subject, secret_hash=None, idle_expires_at=clock() + MINUTE
        )
        await sessions.save(connection, lives)
        short = a_session("short", subject=subject, secret_hash="other", expires_at=clock())
        await sessions.save(connection, short)
    with pytest.raises(SessionEnded):
        await identify_by_cookie(deployment, over.secret)
    clock.step(-HOUR)
    with pytest.raises(SessionEnded):
        await identify_by_cookie(deployment, over.secret)
    async with store.reading() as connection:
        ended = {one.id: one.ended_at for one in await sessions.of_person(connection, subject)}
    assert {over.session.id: clock(), "short": clock(), "lives": None} == ended


async def test_a_reading_is_kept_with_what_is_written_anyway(
    deployment: Deployment, clock: Clock, store: Store
) -> None:
    """At most once a second; and where nobody writes, once a minute."""
    await a_begun_login(deployment)
    first = await kept(store)
    assert clock.reading() == first
    clock.advance(SECOND - 1)
    await a_begun_login(deployment, update_id=2)
    assert first == await kept(store)
    clock.advance(1)
    await a_begun_login(deployment, update_id=3)
    second = clock.reading()
    assert second == await kept(store)
    clock.advance(MINUTE - 1)
    await watch_clock(deployment)
    assert second == await kept(store)
    clock.advance(1)
    await watch_clock(deployment)
    assert clock.reading() == await kept(store)


async def test_time_stands_still_for_whoever_decides(deployment: Deployment, clock: Clock) -> None:
    """What was looked at is what is decided by, should the clock be set at that very moment."""

    async def body(_: Connection, frozen: Deployment, number: int, *, name: str) -> object:
        before = frozen.now()
        clock.step(-HOUR)
        return before, frozen.now(), number, name

    await watch_clock(deployment)
    assert (NOW, NOW, 7, "x") == await decide(deployment, body, 7, name="x")
    assert (NOW - HOUR, NOW - HOUR, 8, "y") == await judge(deployment, body, 8, name="y")


async def test_a_step_is_told_once(
    deployment: Deployment, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """With its size; back is a warning."""
    caplog.set_level(logging.INFO, logger="tgauth")
    await watch_clock(deployment)
    for step in (HOUR, -90 * MINUTE):
        clock.step(step)
        await a_begun_login(deployment, update_id=abs(step))
        await watch_clock(deployment)
    told = [
        (one.levelname, one.getMessage(), getattr(one, "fields", None)) for one in caplog.records
    ]
    assert [
        ("INFO", "clock.stepped_forward", {"seconds": 3600.0}),
        ("WARNING", "clock.stepped_back", {"seconds": 5400.0}),
    ] == told


async def test_a_step_that_cannot_be_kept_lets_nobody_in(
    deployment: Deployment, keyring: Keyring, clock: Clock, store: Store
) -> None:
    """A full disk at that moment: unavailable, and expired once it can be written again."""
    code = chat_code_of(deployment, await a_begun_login(deployment))
    clock.step(-HOUR)
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    for way in (LINK, PRESS, PAGE):
        assert StoreUnavailable.code == await tried(deployment, keyring, code, way)
    await store._writer.execute_fetchall("PRAGMA query_only = OFF")
    assert CodeExpired.code == await tried(deployment, keyring, code, LINK)


async def test_a_login_that_was_redeemed_is_left_as_it_is(
    deployment: Deployment, keyring: Keyring, clock: Clock, store: Store
) -> None:
    """What is decided is decided, and its session goes on."""
    login = await a_begun_login(deployment)
    await exchange_code(deployment, keyring, chat_code_of(deployment, login), visitor=Visitor())
    async with store.reading() as connection:
        before = await logins.get(connection, login.id)
    clock.step(-HOUR)
    await watch_clock(deployment)
    async with store.reading() as connection:
        assert before == await logins.get(connection, login.id)
        person = await connection.one("SELECT subject FROM persons")
        assert person is not None
        assert 1 == len(await sessions.living(connection, person["subject"], now=clock()))
