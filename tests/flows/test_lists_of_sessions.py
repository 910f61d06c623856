"""Promises of the lists in the chat: what has ended, wherever that was, is listed no more."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.builders import (
    ALICE,
    BOB,
    a_begun_login,
    a_browser,
    a_profile,
    an_outgoing,
    asked,
    chat_code_of,
)

from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import Person
from tgauth.flows.account import end_every_session, end_own_session
from tgauth.flows.ban_person import ban_person
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.chat_sessions import end_from_chat, log_out_everywhere
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deliver_messages import DueMessage, SessionList, due_messages, settle_messages
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.receive_update import receive_update
from tgauth.store import outbox, persons

pytestmark = pytest.mark.anyio

LIST = 77


async def log_in(deployment: Deployment, number: int, *, telegram_id: int = ALICE) -> Continuation:
    """Log somebody in in a browser, with nothing owed to them afterwards."""
    login = await a_begun_login(deployment, update_id=number, profile=a_profile(telegram_id))
    outcome = await continue_in_browser(
        deployment,
        chat_code_of(deployment, login),
        browser=a_browser(f"browser-{number}"),
        switch=False,
    )
    async with deployment.store.writing() as connection:
        await outbox.forget(connection, telegram_id)
    return outcome


async def send_list(deployment: Deployment, message_id: int = LIST, chat_id: int = ALICE) -> None:
    """Send somebody the list of their sessions."""
    listed = an_outgoing(notice=Notice.SESSIONS, chat_id=chat_id, language="ru")
    async with deployment.store.writing() as connection:
        await outbox.add(connection, listed)
    for due in await changes(deployment):
        sent = due.outgoing.sent(message_id=message_id, now=deployment.now())
        await settle_messages(deployment, [sent])


async def changes(deployment: Deployment) -> list[DueMessage]:
    """Return what is due."""
    due, _ = await due_messages(deployment, most=99)
    return due


async def the_change(deployment: Deployment) -> DueMessage:
    """Send what comes before it, and return the change of the list."""
    for _ in range(3):
        due = await changes(deployment)
        found = [one for one in due if one.outgoing.edits == LIST]
        if found:
            [change] = found
            return change
        sent = [one.outgoing.sent(message_id=1, now=deployment.now()) for one in due]
        await settle_messages(deployment, sent)
    raise AssertionError("no list is changed")


async def alice(deployment: Deployment) -> Person:
    """Return Alice's account."""
    async with deployment.store.reading() as connection:
        person = await persons.find(connection, ALICE)
    assert person is not None
    return person


async def by_the_cookie(deployment: Deployment, ended: Continuation) -> None:
    """Log out in the browser itself."""
    await end_session(deployment, ended.secret)


async def by_the_account_page(deployment: Deployment, ended: Continuation) -> None:
    """End it from another browser."""
    await end_own_session(deployment, await alice(deployment), ended.session.id)


async def by_the_used_link(deployment: Deployment, ended: Continuation) -> None:
    """Press "That wasn't me" under another message."""
    asking = asked(90)
    await receive_update(deployment, asking.key, "{}")
    await end_from_chat(deployment, asking, ended.session.id, message_id=5, in_list=False)


async def by_logging_in_again(deployment: Deployment, ended: Continuation) -> None:
    """Log in in the same browser: one browser, one session."""
    login = await a_begun_login(deployment, update_id=91)
    browser = a_browser("the same", session_secret=ended.secret)
    code = chat_code_of(deployment, login)
    await continue_in_browser(deployment, code, browser=browser, switch=False)


ONE: dict[str, Callable[[Deployment, Continuation], Awaitable[None]]] = {
    "in its browser": by_the_cookie,
    "on the account page": by_the_account_page,
    "under the used link": by_the_used_link,
    "by a new login in its browser": by_logging_in_again,
}


@pytest.mark.parametrize("way", ONE)
async def test_a_session_that_ends_is_taken_from_the_list(deployment: Deployment, way: str) -> None:
    """By a change of that message, in its language, put together when it is sent."""
    first, second = await log_in(deployment, 1), await log_in(deployment, 2)
    await send_list(deployment)
    await ONE[way](deployment, first)
    change = await the_change(deployment)
    assert (LIST, "ru") == (change.target, change.outgoing.language)
    assert isinstance(change.content, SessionList)
    assert second.session.id in {one.id for one in change.content.sessions}
    assert first.session.id not in {one.id for one in change.content.sessions}


@pytest.mark.parametrize("way", ["by /logout", "on the account page", "by a ban"])
async def test_a_list_is_empty_when_all_have_ended(deployment: Deployment, way: str) -> None:
    """Whoever ended them."""
    await log_in(deployment, 1)
    await send_list(deployment)
    if way == "by /logout":
        asking = asked(90)
        await receive_update(deployment, asking.key, "{}")
        await log_out_everywhere(deployment, asking)
    elif way == "by a ban":
        await ban_person(deployment, ALICE)
    else:
        await end_every_session(deployment, await alice(deployment))
    assert SessionList(sessions=()) == (await the_change(deployment)).content


async def test_a_press_in_a_list_changes_it_once_and_the_others_too(
    deployment: Deployment,
) -> None:
    """The one under which somebody pressed, and the ones above it; each once."""
    began = await log_in(deployment, 1)
    for message_id in (71, 72, 73):
        await send_list(deployment, message_id)
    asking = asked(90)
    await receive_update(deployment, asking.key, "{}")
    await end_from_chat(deployment, asking, began.session.id, message_id=72, in_list=True)
    async with deployment.store.reading() as connection:
        owed = [one for one in await outbox.of_chat(connection, ALICE) if one.sent_at is None]
    assert [71, 72, 73] == sorted(one.edits for one in owed if one.edits is not None)


async def test_nobody_elses_list_is_touched(deployment: Deployment) -> None:
    """Nor one of long ago, when there are newer ones: a press makes that one true."""
    hers = await log_in(deployment, 1)
    await log_in(deployment, 2, telegram_id=BOB)
    await send_list(deployment, 60, chat_id=BOB)
    for message_id in (71, 72, 73, 74):
        await send_list(deployment, message_id)
    await end_session(deployment, hers.secret)
    async with deployment.store.reading() as connection:
        his = [one for one in await outbox.of_chat(connection, BOB) if one.sent_at is None]
        owed = [one for one in await outbox.of_chat(connection, ALICE) if one.sent_at is None]
    assert [] == his
    assert [72, 73, 74] == sorted(one.edits for one in owed if one.edits is not None)


async def test_a_list_that_is_about_to_be_changed_is_not_owed_again(
    deployment: Deployment,
) -> None:
    """It will be true when it is sent, whatever ends meanwhile."""
    first, second = await log_in(deployment, 1), await log_in(deployment, 2)
    await send_list(deployment)
    await end_session(deployment, first.secret)
    await end_session(deployment, second.secret)
    [change] = await changes(deployment)
    assert SessionList(sessions=()) == change.content
    done = replace(change.outgoing, not_before=deployment.now() - SECOND)
    await settle_messages(deployment, [done.sent(message_id=LIST, now=deployment.now())])
    assert [] == await changes(deployment)
