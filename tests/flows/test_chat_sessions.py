"""Promises of /sessions and /logout: one's own sessions alone, and each tap counts once."""

from dataclasses import replace

import pytest
from tests.builders import (
    ALICE,
    BOB,
    Clock,
    a_begun_login,
    a_browser,
    a_profile,
    an_outgoing,
    asked,
    chat_code_of,
)

from tgauth.domain.errors import LoginDenied
from tgauth.domain.instants import SECOND
from tgauth.domain.login import LoginState
from tgauth.domain.outgoing import Notice, Outgoing
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.account import end_every_session
from tgauth.flows.ban_person import ban_person, unban_person
from tgauth.flows.begin_chat_login import Asked
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.chat_sessions import Ending, end_from_chat, log_out_everywhere, show_sessions
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import receive_update
from tgauth.store import Store, inbox, logins, outbox, persons, sessions

pytestmark = pytest.mark.anyio

MESSAGE = 77


async def log_in(
    deployment: Deployment, *, number: int = 1, telegram_id: int = ALICE
) -> Continuation:
    """Log somebody in in a browser of their own, with nothing owed to them afterwards."""
    login = await a_begun_login(deployment, update_id=number, profile=a_profile(telegram_id))
    code = chat_code_of(deployment, login)
    browser = a_browser(f"browser-{number}")
    outcome = await continue_in_browser(deployment, code, browser=browser, switch=False)
    async with deployment.store.writing() as connection:
        await outbox.forget(connection, telegram_id)
    return outcome


async def received(deployment: Deployment, number: int, *, telegram_id: int = ALICE) -> Asked:
    """Let an update of somebody be received, and return what it asks."""
    asking = asked(number, profile=a_profile(telegram_id, language="ru"), at=deployment.now())
    await receive_update(deployment, asking.key, "{}")
    return asking


async def owed(deployment: Deployment) -> list[Outgoing]:
    """Return what is owed, without its numbers."""
    async with deployment.store.reading() as connection:
        rows = await connection.run("SELECT id FROM outbox ORDER BY id")
        found = [await outbox.get(connection, row["id"]) for row in rows]
    return [replace(one, id=None) for one in found if one]


async def kept(deployment: Deployment, session: Session) -> Session:
    """Return a session as it is kept now."""
    async with deployment.store.reading() as connection:
        found = await sessions.get(connection, session.id)
    assert found is not None
    return found


def a_notice(deployment: Deployment, notice: Notice, **fields: object) -> Outgoing:
    """Build what Alice is owed now."""
    now = deployment.now()
    return an_outgoing(notice=notice, language="ru", created_at=now, not_before=now, **fields)


async def test_the_list_is_promised_once_for_each_question(deployment: Deployment) -> None:
    """It is repeatable, and settles the update."""
    asking = await received(deployment, 9)
    for _ in range(3):
        await show_sessions(deployment, asking)
    assert [a_notice(deployment, Notice.SESSIONS)] == await owed(deployment)
    async with deployment.store.reading() as connection:
        assert await inbox.due(connection, now=deployment.now()) is None


async def test_a_list_that_is_being_changed_is_no_answer(deployment: Deployment) -> None:
    """Who asks anew gets a new list, although a change of an old one is owed still."""
    began = await log_in(deployment)
    asking = await received(deployment, 8)
    await end_from_chat(deployment, asking, began.session.id, message_id=MESSAGE, in_list=True)
    await show_sessions(deployment, await received(deployment, 9))
    changed = a_notice(deployment, Notice.SESSIONS, edits=MESSAGE)
    assert [changed, a_notice(deployment, Notice.SESSIONS)] == await owed(deployment)


async def test_logging_out_everywhere_ends_all_of_ones_own(
    deployment: Deployment, clock: Clock
) -> None:
    """And of nobody else; the update counts once."""
    hers = [await log_in(deployment, number=number) for number in (1, 2)]
    his = await log_in(deployment, number=3, telegram_id=BOB)
    clock.advance(SECOND)
    asking = await received(deployment, 9)
    assert 2 == await log_out_everywhere(deployment, asking)
    assert await log_out_everywhere(deployment, asking) is None
    assert [clock()] * 2 == [(await kept(deployment, one.session)).ended_at for one in hers]
    assert (await kept(deployment, his.session)).ended_at is None
    assert [a_notice(deployment, Notice.LOGGED_OUT)] == await owed(deployment)


@pytest.mark.parametrize("known", [False, True])
async def test_who_is_logged_in_nowhere_is_told_so(deployment: Deployment, *, known: bool) -> None:
    """Known here or not."""
    if known:
        await log_in(deployment)
        await log_out_everywhere(deployment, await received(deployment, 8))
        async with deployment.store.writing() as connection:
            await outbox.forget(connection, ALICE)
    assert 0 == await log_out_everywhere(deployment, await received(deployment, 9))
    assert [a_notice(deployment, Notice.NOT_LOGGED_IN)] == await owed(deployment)


async def test_logging_out_by_the_lists_button_changes_the_list(deployment: Deployment) -> None:
    """Instead of sending another message."""
    await log_in(deployment)
    asking = await received(deployment, 9)
    assert 1 == await log_out_everywhere(deployment, asking, message_id=MESSAGE)
    expected = a_notice(deployment, Notice.SESSIONS, edits=MESSAGE)
    assert [expected] == await owed(deployment)


async def test_a_button_of_the_list_ends_its_session(deployment: Deployment, clock: Clock) -> None:
    """That one alone, and the list is changed."""
    ended, other = [await log_in(deployment, number=number) for number in (1, 2)]
    clock.advance(SECOND)
    asking = await received(deployment, 9)
    outcome = await end_from_chat(
        deployment, asking, ended.session.id, message_id=MESSAGE, in_list=True
    )
    assert Ending.ENDED == outcome
    assert clock() == (await kept(deployment, ended.session)).ended_at
    assert (await kept(deployment, other.session)).ended_at is None
    expected = a_notice(deployment, Notice.SESSIONS, edits=MESSAGE)
    assert [expected] == await owed(deployment)


async def test_the_button_under_a_used_link_ends_its_session(
    deployment: Deployment, clock: Clock
) -> None:
    """The session ends ("this was not me"), and that message is changed to say so."""
    began = await log_in(deployment)
    clock.advance(SECOND)
    asking = await received(deployment, 9)
    outcome = await end_from_chat(
        deployment, asking, began.session.id, message_id=MESSAGE, in_list=False
    )
    assert Ending.ENDED == outcome
    assert clock() == (await kept(deployment, began.session)).ended_at
    expected = a_notice(deployment, Notice.LOGIN_CLOSED, edits=MESSAGE, login_id=began.login_id)
    assert [expected] == await owed(deployment)


@pytest.mark.parametrize("in_list", [False, True])
async def test_the_same_tap_counts_once(
    deployment: Deployment, clock: Clock, *, in_list: bool
) -> None:
    """A repeat after a crash has no effect: the first one had them all."""
    began = await log_in(deployment)
    asking = await received(deployment, 9)
    outcomes, at = [], clock()
    for _ in range(2):
        outcomes.append(
            await end_from_chat(
                deployment, asking, began.session.id, message_id=MESSAGE, in_list=in_list
            )
        )
        clock.advance(SECOND)
    assert [Ending.ENDED, None] == outcomes
    assert at == (await kept(deployment, began.session)).ended_at
    assert 1 == len(await owed(deployment))


@pytest.mark.parametrize("in_list", [False, True])
@pytest.mark.parametrize("end", ["ended", "idle"])
async def test_a_second_tap_says_that_it_had_ended_before(
    deployment: Deployment, clock: Clock, end: str, *, in_list: bool
) -> None:
    """By a tap or by itself; the message is brought up to date all the same."""
    began = await log_in(deployment)
    at = clock()
    if end == "ended":
        async with deployment.store.writing() as connection:
            await sessions.end_all(connection, began.session.subject, now=at)
        clock.advance(SECOND)
    else:
        clock.advance(deployment.sessions.idle_lifetime)
    asking = await received(deployment, 9)
    outcome = await end_from_chat(
        deployment, asking, began.session.id, message_id=MESSAGE, in_list=in_list
    )
    assert Ending.ENDED_BEFORE == outcome
    if end == "ended":
        assert at == (await kept(deployment, began.session)).ended_at
    assert [MESSAGE] == [one.edits for one in await owed(deployment)]


@pytest.mark.parametrize("in_list", [False, True])
@pytest.mark.parametrize("known", [False, True])
async def test_nobody_ends_anothers_session(
    deployment: Deployment, *, known: bool, in_list: bool
) -> None:
    """Whoever forges a button with a session that is not theirs learns nothing and ends nothing."""
    hers = await log_in(deployment)
    if known:
        await log_in(deployment, number=2, telegram_id=BOB)
    asking = await received(deployment, 9, telegram_id=BOB)
    outcome = await end_from_chat(
        deployment, asking, hers.session.id, message_id=MESSAGE, in_list=in_list
    )
    assert Ending.ENDED_BEFORE == outcome
    assert hers.session == await kept(deployment, hers.session)
    # His own list is brought up to date; of her login nothing is said to him.
    expected = [Notice.SESSIONS] if in_list else []
    assert expected == [one.notice for one in await owed(deployment)]


@pytest.mark.parametrize("in_list", [False, True])
async def test_a_session_that_is_gone_had_ended_before(
    deployment: Deployment, *, in_list: bool
) -> None:
    """An old button, long after everything was swept; and whatever else its data says."""
    await log_in(deployment)
    for number, session_id in enumerate(("swept", "", "' OR 1 = 1 --"), start=7):
        asking = await received(deployment, number)
        outcome = await end_from_chat(
            deployment, asking, session_id, message_id=MESSAGE, in_list=in_list
        )
        assert Ending.ENDED_BEFORE == outcome


async def test_a_session_whose_login_was_swept_can_be_ended(deployment: Deployment) -> None:
    """A session outlives its login's row: the button under the old message still ends it."""
    began = await log_in(deployment)
    async with deployment.store.writing() as connection:
        await logins.sweep(connection, before=deployment.now() * 2, most=9)
    asking = await received(deployment, 9)
    outcome = await end_from_chat(
        deployment, asking, began.session.id, message_id=MESSAGE, in_list=False
    )
    assert Ending.ENDED == outcome
    assert deployment.now() == (await kept(deployment, began.session)).ended_at
    assert [] == await owed(deployment)


async def test_logging_out_everywhere_withdraws_the_links_that_wait(
    deployment: Deployment, store: Store, clock: Clock
) -> None:
    """Whoever held the phone for a moment keeps no way in; and the chat says so at once."""
    login = await a_begun_login(deployment, update_id=50)
    asking = asked(51, at=clock())
    await receive_update(deployment, asking.key, "{}")
    assert 0 == await log_out_everywhere(deployment, asking)
    with pytest.raises(LoginDenied):
        await continue_in_browser(
            deployment, chat_code_of(deployment, login), browser=a_browser("b"), switch=False
        )
    async with store.reading() as connection:
        owed = await outbox.due(connection, now=clock(), most=9)
        rows = await connection.run("SELECT not_before FROM outbox WHERE notice = 'login_closed'")
    assert [clock()] == [row["not_before"] for row in rows]
    assert owed


async def test_every_way_of_leaving_withdraws_the_links(deployment: Deployment) -> None:
    """The account page's button, and a ban."""
    for number, leave in enumerate((_leave, _ban), start=60):
        login = await a_begun_login(deployment, update_id=number)
        async with deployment.store.reading() as connection:
            person = await persons.get(connection, login.subject or "")
        assert person is not None
        await leave(deployment, person)
        async with deployment.store.reading() as connection:
            found = await logins.get(connection, login.id)
        assert found is not None
        assert LoginState.DENIED == found.state
        await unban_person(deployment, person.profile.telegram_id)


async def _leave(deployment: Deployment, person: Person) -> None:
    await end_every_session(deployment, person)


async def _ban(deployment: Deployment, person: Person) -> None:
    await ban_person(deployment, person.profile.telegram_id)
