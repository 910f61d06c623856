"""Promises of delivery: the same link however often it is sent, and what became of it."""

from dataclasses import replace

import pytest
from tests.builders import (
    ALICE,
    BOB,
    LIFETIME,
    Clock,
    a_begun_login,
    a_browser,
    a_profile,
    an_outgoing,
    asked,
    chat_code_of,
)

from tgauth.domain.instants import SECOND
from tgauth.domain.login import LoginRequest, LoginState, Standing
from tgauth.domain.outgoing import Notice, Outgoing, owe
from tgauth.domain.session import Visitor
from tgauth.flows.chat_sessions import show_sessions
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deliver_messages import (
    DueMessage,
    LoginLink,
    LoginOutcome,
    SessionList,
    due_messages,
    settle_messages,
)
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.receive_update import receive_update
from tgauth.store import Store, logins, outbox

pytestmark = pytest.mark.anyio


async def the_only(deployment: Deployment) -> DueMessage:
    """Return the one message that is due."""
    [[due], _] = await due_messages(deployment, most=9)
    return due


async def send(deployment: Deployment, *, message_id: int = 500) -> DueMessage:
    """Send the one message that is due, as Telegram accepts it."""
    due = await the_only(deployment)
    said = replace(due.outgoing, notice=due.notice)
    await settle_messages(deployment, [said.sent(message_id=message_id, now=deployment.now())])
    return due


async def promise(deployment: Deployment, message: Outgoing) -> None:
    """Owe a message."""
    async with deployment.store.writing() as connection:
        await outbox.add(connection, message)


def link_in(due: DueMessage) -> LoginLink:
    """Return the link that a message holds."""
    assert isinstance(due.content, LoginLink)
    return due.content


async def test_the_link_is_the_same_each_time_it_is_sent(deployment: Deployment) -> None:
    """A message that is sent again after a crash carries the very same link."""
    login = await a_begun_login(deployment)
    first, second = await the_only(deployment), await the_only(deployment)
    expected = f"https://login.example.org/auth/callback?code={chat_code_of(deployment, login)}"
    assert LoginLink(url=expected, lifetime=LIFETIME) == first.content
    assert first == second
    assert (Notice.LOGIN_LINK, None, False) == (first.notice, first.target, first.is_pointless)


@pytest.mark.parametrize(
    ("wait", "lifetime"),
    [
        (LIFETIME - SECOND, SECOND),
        (LIFETIME - 1, 1),
        (LIFETIME, None),
        (LIFETIME + 1, None),
    ],
)
async def test_a_link_that_expired_while_it_waited_becomes_an_apology(
    deployment: Deployment, clock: Clock, wait: int, lifetime: int | None
) -> None:
    """Nobody is sent a link that is worth nothing, and what is left of it is said."""
    await a_begun_login(deployment)
    clock.advance(wait)
    due = await the_only(deployment)
    if lifetime is None:
        assert (Notice.TOO_LATE, None) == (due.notice, due.content)
    else:
        assert (Notice.LOGIN_LINK, lifetime) == (due.notice, link_in(due).lifetime)


async def test_a_link_without_its_login_becomes_an_apology(deployment: Deployment) -> None:
    """Whatever became of the login, the person hears something."""
    await promise(deployment, an_outgoing(notice=Notice.LOGIN_LINK))
    assert Notice.TOO_LATE == (await the_only(deployment)).notice


async def test_a_question_without_its_login_says_that_it_is_over(deployment: Deployment) -> None:
    """Whoever opened the link hears something, and can approve nothing."""
    await promise(deployment, an_outgoing(notice=Notice.APPROVAL))
    due = await the_only(deployment)
    assert (Notice.APPROVAL_OVER, None) == (due.notice, due.content)


async def test_other_notices_carry_nothing_beyond(deployment: Deployment) -> None:
    """A notice that is not about a login is sent as it is."""
    message = owe(Notice.HELP, chat_id=ALICE, language="ru", now=deployment.now())
    await promise(deployment, message)
    expected = DueMessage(outgoing=replace(message, id=1), notice=Notice.HELP)
    assert expected == await the_only(deployment)


async def test_what_was_settled_is_not_due_again(deployment: Deployment, clock: Clock) -> None:
    """A message that Telegram accepted is sent no more; its change is due later."""
    await a_begun_login(deployment)
    await send(deployment)
    assert ([], clock() + LIFETIME) == await due_messages(deployment, most=9)


async def test_a_postponed_message_says_when_it_is_due(
    deployment: Deployment, clock: Clock
) -> None:
    """Whoever sends knows how long to sleep."""
    await a_begun_login(deployment)
    due = await the_only(deployment)
    await settle_messages(deployment, [due.outgoing.postponed(now=clock())])
    assert ([], clock() + SECOND) == await due_messages(deployment, most=9)
    clock.advance(SECOND)
    again = await the_only(deployment)
    assert (link_in(due).url, 1) == (link_in(again).url, again.outgoing.attempts)


async def test_no_more_are_taken_than_asked_for(deployment: Deployment) -> None:
    """The oldest come first."""
    for number, telegram_id in enumerate((ALICE, BOB, 3), start=1):
        await a_begun_login(deployment, update_id=number, profile=a_profile(telegram_id))
    due, _ = await due_messages(deployment, most=2)
    assert [ALICE, BOB] == [one.outgoing.chat_id for one in due]


async def test_a_due_message_prints_no_code(deployment: Deployment) -> None:
    """Its link holds a code, so it never reaches a log by printing it."""
    login = await a_begun_login(deployment)
    due = await the_only(deployment)
    code = chat_code_of(deployment, login)
    assert code in link_in(due).url
    assert code not in f"{due!r} {due} {due.content!r} {due.content}"


async def sent_link(deployment: Deployment) -> LoginRequest:
    """Let Alice ask for a link, and send it."""
    login = await a_begun_login(deployment)
    await send(deployment)
    return login


async def outcome_of(deployment: Deployment) -> LoginOutcome:
    """Return what the one change that is due says; it changes the link's message."""
    due = await the_only(deployment)
    assert (Notice.LOGIN_CLOSED, 500, False) == (due.notice, due.target, due.is_pointless)
    assert isinstance(due.content, LoginOutcome)
    return due.content


@pytest.mark.parametrize(("wait", "due"), [(LIFETIME - 1, False), (LIFETIME, True)])
async def test_a_link_that_nobody_used_is_said_to_have_expired(
    deployment: Deployment, clock: Clock, wait: int, *, due: bool
) -> None:
    """At the very millisecond, with nobody writing anything."""
    await sent_link(deployment)
    clock.advance(wait)
    if due:
        assert LoginOutcome(standing=Standing.EXPIRED, session=None) == await outcome_of(deployment)
    else:
        assert ([], clock() + 1) == await due_messages(deployment, most=9)


async def test_a_used_link_names_its_session(deployment: Deployment) -> None:
    """So that its owner sees from where, and can end it."""
    login = await sent_link(deployment)
    browser = a_browser(visitor=Visitor(device="Firefox, Linux", address="192.0.2.1"))
    code = chat_code_of(deployment, login)
    session = (await continue_in_browser(deployment, code, browser=browser, switch=False)).session
    expected = LoginOutcome(standing=Standing.REDEEMED, session=session)
    assert expected == await outcome_of(deployment)


async def test_a_used_link_says_that_its_session_has_ended(
    deployment: Deployment, clock: Clock
) -> None:
    """Whoever logged out before the message was changed is told the truth."""
    code = chat_code_of(deployment, await sent_link(deployment))
    outcome = await continue_in_browser(deployment, code, browser=a_browser(), switch=False)
    clock.advance(SECOND)
    await end_session(deployment, outcome.secret)
    ended = replace(outcome.session, ended_at=clock())
    expected = LoginOutcome(standing=Standing.REDEEMED, session=ended)
    assert expected == await outcome_of(deployment)


async def test_a_replaced_link_is_said_to_be_replaced(deployment: Deployment) -> None:
    """At once; and the newer link comes as a message of its own."""
    await sent_link(deployment)
    await a_begun_login(deployment, update_id=2)
    [newer, changed], _ = await due_messages(deployment, most=9)
    assert LoginOutcome(standing=Standing.REPLACED, session=None) == changed.content
    assert (500, None) == (changed.target, newer.target)
    assert Notice.LOGIN_LINK == newer.notice


async def test_a_denied_login_is_said_to_be_denied(deployment: Deployment, clock: Clock) -> None:
    """Whoever denied it does not read that it expired."""
    login = await sent_link(deployment)
    async with deployment.store.writing() as connection:
        await logins.save(connection, replace(login, state=LoginState.DENIED))
        await outbox.hasten(connection, login.id, now=clock())
    assert LoginOutcome(standing=Standing.DENIED, session=None) == await outcome_of(deployment)


@pytest.mark.parametrize("fate", ["apology", "given up"])
async def test_where_no_link_was_sent_there_is_nothing_to_change(
    deployment: Deployment, clock: Clock, fate: str
) -> None:
    """It came too late, or the bot is blocked: the change is pointless."""
    await a_begun_login(deployment)
    if fate == "apology":
        clock.advance(LIFETIME)
        assert Notice.TOO_LATE == (await send(deployment)).notice
    else:
        link = (await the_only(deployment)).outgoing
        await settle_messages(deployment, [link.given_up(reason="blocked", now=clock())])
        clock.advance(LIFETIME)
    due = await the_only(deployment)
    assert (Notice.LOGIN_CLOSED, None, True) == (due.notice, due.target, due.is_pointless)


async def test_a_link_is_not_closed_before_its_time(deployment: Deployment) -> None:
    """A change that is due although the link is still good (a clock was set back) waits."""
    login = await sent_link(deployment)
    async with deployment.store.writing() as connection:
        await outbox.hasten(connection, login.id, now=deployment.now())
    assert ([], None) == await due_messages(deployment, most=9)
    async with deployment.store.reading() as connection:
        [still] = await outbox.due(connection, now=deployment.now(), most=9)
    assert (None, None) == (still.sent_at, still.given_up_at)


async def test_a_change_without_its_login_says_nothing(deployment: Deployment) -> None:
    """There is nothing that one could say of it."""
    await promise(deployment, an_outgoing(notice=Notice.LOGIN_CLOSED))
    assert ([], None) == await due_messages(deployment, most=9)


async def test_a_change_of_a_named_message_changes_that_one(
    deployment: Deployment, clock: Clock
) -> None:
    """The message under whose button somebody tapped, whichever was sent last."""
    login = await sent_link(deployment)
    clock.advance(LIFETIME)
    await send(deployment, message_id=500)
    message = an_outgoing(notice=Notice.LOGIN_CLOSED, login_id=login.id, edits=77)
    await promise(deployment, message)
    assert 77 == (await the_only(deployment)).target


async def test_the_list_of_sessions_is_true_when_it_is_sent(
    deployment: Deployment, clock: Clock
) -> None:
    """It is put together at the last moment, newest first, without what has ended."""
    began = []
    for number in (1, 2, 3):
        clock.advance(SECOND)
        code = chat_code_of(deployment, await a_begun_login(deployment, update_id=number))
        browser = a_browser(f"browser-{number}")
        began.append(await continue_in_browser(deployment, code, browser=browser, switch=False))
    async with deployment.store.writing() as connection:
        await outbox.forget(connection, ALICE)
    await receive_update(deployment, asked(9).key, "{}")
    await show_sessions(deployment, asked(9))
    await end_session(deployment, began[1].secret)
    due = await the_only(deployment)
    expected = SessionList(sessions=(began[2].session, began[0].session))
    assert (Notice.SESSIONS, expected, None) == (due.notice, due.content, due.target)


@pytest.mark.parametrize("edits", [None, 77])
async def test_the_list_of_somebody_unknown_is_empty(
    deployment: Deployment, store: Store, edits: int | None
) -> None:
    """They are told that they are logged in nowhere; a list that is changed is named."""
    async with store.writing() as connection:
        await outbox.add(connection, an_outgoing(notice=Notice.SESSIONS, edits=edits))
    due = await the_only(deployment)
    assert (SessionList(sessions=()), edits) == (due.content, due.target)
