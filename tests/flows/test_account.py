"""Promises of the own account: seen, ended, taken along and deleted by whoever owns it."""

import pytest
from tests import browser_logins as steps
from tests.builders import (
    ALICE,
    BOB,
    Clock,
    a_begun_login,
    a_browser,
    a_key,
    a_profile,
    asked,
    chat_code_of,
)

from tgauth.domain.errors import CodeUnknown, SessionEnded
from tgauth.domain.instants import SECOND
from tgauth.domain.login import LoginState
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import Person
from tgauth.domain.session import Visitor
from tgauth.flows.account import (
    delete_account,
    end_every_session,
    end_own_session,
    export_data,
    living_sessions,
)
from tgauth.flows.ban_person import ban_person, unban_person
from tgauth.flows.begin_chat_login import begin_chat_login
from tgauth.flows.block_approvals import block_approvals
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.finish_browser_login import continue_as_current
from tgauth.flows.personal_data import document_of
from tgauth.flows.receive_update import fail_update, receive_update
from tgauth.store import persons, sessions

pytestmark = pytest.mark.anyio

VISITOR = Visitor(device="Firefox, Linux", address="192.0.2.1")


async def log_in(deployment: Deployment, number: int, *, telegram_id: int = ALICE) -> Continuation:
    """Log somebody in in a browser of their own."""
    profile = a_profile(telegram_id, username=f"user{telegram_id}")
    login = await a_begun_login(deployment, update_id=number, profile=profile)
    code = chat_code_of(deployment, login)
    browser = a_browser(f"browser-{number}", visitor=VISITOR)
    return await continue_in_browser(deployment, code, browser=browser, switch=False)


async def park(deployment: Deployment, number: int, telegram_id: int) -> None:
    """Let somebody send what nobody can handle."""
    key = a_key(number, f"message:{telegram_id}:{number}:0")
    await receive_update(deployment, key, f'{{"words of": {telegram_id}}}')
    for _ in range(3):
        await fail_update(deployment, key, chat_id=telegram_id)


async def the_person(deployment: Deployment, telegram_id: int = ALICE) -> Person:
    """Return an account that is there."""
    async with deployment.store.reading() as connection:
        person = await persons.find(connection, telegram_id)
    assert person is not None
    return person


async def test_living_sessions_are_ones_own_and_newest_first(
    deployment: Deployment, clock: Clock
) -> None:
    """Those that ended are not among them."""
    began = []
    for number in (1, 2, 3):
        clock.advance(SECOND)
        began.append(await log_in(deployment, number))
    await log_in(deployment, 4, telegram_id=BOB)
    person = await the_person(deployment)
    await end_own_session(deployment, person, began[1].session.id)
    expected = [began[2].session, began[0].session]
    assert expected == await living_sessions(deployment, person)


async def test_ending_a_session_ends_that_one(deployment: Deployment, clock: Clock) -> None:
    """At once, and a second time there is nothing to end."""
    began, other = [await log_in(deployment, number) for number in (1, 2)]
    person = await the_person(deployment)
    clock.advance(SECOND)
    await end_own_session(deployment, person, began.session.id)
    async with deployment.store.reading() as connection:
        ended = await sessions.get(connection, began.session.id)
        assert other.session == await sessions.get(connection, other.session.id)
    assert ended is not None
    assert clock() == ended.ended_at
    with pytest.raises(SessionEnded):
        await end_own_session(deployment, person, began.session.id)


async def test_an_idle_session_cannot_be_ended_any_more(
    deployment: Deployment, clock: Clock
) -> None:
    """It has ended by itself."""
    began = await log_in(deployment, 1)
    clock.advance(deployment.sessions.idle_lifetime)
    with pytest.raises(SessionEnded):
        await end_own_session(deployment, await the_person(deployment), began.session.id)


async def test_nobody_ends_anothers_session(deployment: Deployment) -> None:
    """Who guesses its id is answered as if there were none."""
    await log_in(deployment, 1)
    his = await log_in(deployment, 2, telegram_id=BOB)
    person = await the_person(deployment)
    for session_id in (his.session.id, "unknown", ""):
        with pytest.raises(SessionEnded):
            await end_own_session(deployment, person, session_id)
    assert [his.session] == await living_sessions(deployment, await the_person(deployment, BOB))


async def test_logging_out_everywhere_ends_every_session(deployment: Deployment) -> None:
    """Of that person; and it says how many there were."""
    for number in (1, 2, 3):
        await log_in(deployment, number)
    his = await log_in(deployment, 4, telegram_id=BOB)
    person = await the_person(deployment)
    assert 3 == await end_every_session(deployment, person)
    assert [] == await living_sessions(deployment, person)
    assert 0 == await end_every_session(deployment, person)
    assert [his.session] == await living_sessions(deployment, await the_person(deployment, BOB))


async def busy_days(deployment: Deployment, clock: Clock) -> None:
    """Let Alice and Bob leave rows of every kind."""
    for first, telegram_id in ((10, ALICE), (20, BOB)):
        await log_in(deployment, first, telegram_id=telegram_id)
        clock.advance(SECOND)
        ended = await log_in(deployment, first + 1, telegram_id=telegram_id)
        person = await the_person(deployment, telegram_id)
        await end_own_session(deployment, person, ended.session.id)
        profile = a_profile(telegram_id, username=f"user{telegram_id}")
        for number in (first + 2, first + 3):
            await a_begun_login(deployment, update_id=number, profile=profile)
        await park(deployment, first + 4, telegram_id)


async def test_an_export_holds_all_that_is_kept_about_a_person(
    deployment: Deployment, clock: Clock
) -> None:
    """Account, sessions, logins, messages, and what they sent that nobody could handle."""
    await busy_days(deployment, clock)
    person = await the_person(deployment)
    data = await export_data(deployment, person)
    assert person == data.person
    assert [False, True] == [one.ended_at is not None for one in data.sessions]
    assert [VISITOR] * 2 == [one.visitor for one in data.sessions]
    assert [
        LoginState.REDEEMED,
        LoginState.REDEEMED,
        LoginState.REPLACED,
        LoginState.APPROVED,
    ] == [one.state for one in data.logins]
    assert [Notice.LOGIN_LINK, Notice.LOGIN_CLOSED] * 4 + [Notice.FAILED] == [
        one.notice for one in data.messages
    ]
    assert [f'{{"words of": {ALICE}}}'] == [one.payload for one in data.unhandled]


async def test_an_export_holds_nothing_of_others(deployment: Deployment, clock: Clock) -> None:
    """What it names is that person's, and it is all of the rows that are."""
    await busy_days(deployment, clock)
    hers, his = [
        await export_data(deployment, await the_person(deployment, one)) for one in (ALICE, BOB)
    ]
    for data in (hers, his):
        own = data.person
        assert {own.subject} == {one.subject for one in data.sessions}
        assert {own.subject} == {one.subject for one in data.logins}
        assert {own.profile.telegram_id} == {one.chat_id for one in data.messages}
        assert {own.profile.telegram_id} == {one.telegram_id for one in data.audit}
    for table, number in (
        ("sessions", len(hers.sessions + his.sessions)),
        ("logins", len(hers.logins + his.logins)),
        ("outbox", len(hers.messages + his.messages)),
        ("audit", len(hers.audit + his.audit)),
        ("inbox WHERE payload IS NOT NULL", len(hers.unhandled + his.unhandled)),
    ):
        async with deployment.store.reading() as connection:
            [row] = await connection.run(f"SELECT count(*) AS number FROM {table}")
        assert (table, row["number"]) == (table, number)


async def test_exporting_changes_nothing(deployment: Deployment, clock: Clock) -> None:
    """It reads, and can be repeated."""
    await busy_days(deployment, clock)
    person = await the_person(deployment)
    first = await export_data(deployment, person)
    assert first == await export_data(deployment, person)


async def rows_with(deployment: Deployment, needles: list[str]) -> set[str]:
    """Return the tables that hold one of these texts in any column of any row."""
    found = set()
    async with deployment.store.reading() as connection:
        tables = await connection.run("SELECT name FROM sqlite_master WHERE type = 'table'")
        for table in (row["name"] for row in tables):
            for row in await connection.run(f"SELECT * FROM {table}"):
                cells = [str(cell) for cell in row]
                if any(needle in cell for needle in needles for cell in cells):
                    found.add(table)
    return found


async def test_deleting_an_account_leaves_no_trace_of_it(
    deployment: Deployment, clock: Clock
) -> None:
    """In no column of no table, except that an update was handled, for two days; others stay.

    And except which subject was removed: an application may ask about it.
    """
    await busy_days(deployment, clock)
    person = await the_person(deployment)
    his = await export_data(deployment, await the_person(deployment, BOB))
    data = await export_data(deployment, person)
    needles = [
        person.subject,
        str(ALICE),
        *(one.id for one in data.sessions),
        *(one.id for one in data.logins),
    ]
    kinds = {"persons", "sessions", "logins", "codes", "outbox", "inbox", "audit"}
    assert kinds == await rows_with(deployment, needles)
    await delete_account(deployment, person)
    assert {"inbox", "audit"} == await rows_with(deployment, needles)
    needles.remove(person.subject)
    assert {"inbox"} == await rows_with(deployment, needles)
    async with deployment.store.reading() as connection:
        left = await connection.run(
            "SELECT state, payload FROM inbox WHERE identity LIKE :of",
            {"of": f"message:{ALICE}:%"},
        )
    assert {("done", None)} == {tuple(row) for row in left}
    assert his == await export_data(deployment, await the_person(deployment, BOB))


async def test_what_an_account_held_is_worth_nothing_once_it_is_deleted(
    deployment: Deployment,
) -> None:
    """An open link leads nowhere, and the bot does not send it either."""
    login = await a_begun_login(deployment)
    await delete_account(deployment, await the_person(deployment))
    with pytest.raises(CodeUnknown):
        await continue_in_browser(
            deployment, chat_code_of(deployment, login), browser=a_browser(), switch=False
        )


async def test_a_ban_outlives_the_account(deployment: Deployment) -> None:
    """Whoever was banned cannot get rid of it by being deleted."""
    await a_begun_login(deployment)
    await ban_person(deployment, ALICE)
    await delete_account(deployment, await the_person(deployment))
    asking = asked(2, at=deployment.now())
    await receive_update(deployment, asking.key, "{}")
    assert Notice.NOT_ALLOWED == await begin_chat_login(deployment, asking)
    assert await unban_person(deployment, ALICE)


async def test_who_logs_in_again_gets_a_new_account(deployment: Deployment) -> None:
    """With another subject: applications cannot tell that it is the same person."""
    first = await a_begun_login(deployment, update_id=1)
    await delete_account(deployment, await the_person(deployment))
    again = await a_begun_login(deployment, update_id=2)
    assert None not in {first.subject, again.subject}
    assert first.subject != again.subject


async def test_deleting_twice_is_as_good_as_once(deployment: Deployment) -> None:
    """A double click is no error."""
    await a_begun_login(deployment)
    person = await the_person(deployment)
    for _ in range(2):
        await delete_account(deployment, person)


async def asked_days(deployment: Deployment) -> tuple[str, str]:
    """Let Alice answer in every way, and Bob continue where she was asked; his login and hers."""
    await log_in(deployment, 1)
    hers = ""
    for number, answer in enumerate(("none", "decline", "wrong", "right"), start=10):
        login = await steps.begun(deployment)
        hers = login.id
        await steps.opened(deployment, login, update_id=number)
        picked = {
            "decline": None,
            "wrong": steps.wrong_number(deployment, login),
        }.get(answer, steps.right_number(deployment, login))
        if answer != "none":
            await steps.answered(deployment, login, picked, update_id=number + 10)
    his = await log_in(deployment, 2, telegram_id=BOB)
    shared = await steps.begun(deployment)
    await steps.opened(deployment, shared, update_id=30)
    here = steps.the_browser(session_secret=his.secret)
    await continue_as_current(deployment, shared.id, browser=here)
    asking = await steps.received(deployment, 31)
    await block_approvals(deployment, asking, blocked=True, message_id=1)
    return shared.id, hers


async def test_an_export_holds_what_somebody_was_asked(
    deployment: Deployment, clock: Clock
) -> None:
    """With what they were shown: never the whole address of a browser that may be another's."""
    shared, hers = await asked_days(deployment)
    data = await export_data(deployment, await the_person(deployment))
    document = document_of(data, issuer="https://login.example.org", now=clock())
    # The first was left open, and declined with the wish to be asked nothing.
    assert ["declined", "declined", "wrong_number", None, None] == [
        one["denial"] for one in document["asked"]
    ]
    assert [hers, shared] == [one["login_id"] for one in document["asked"]][-2:]
    assert {("Firefox, Linux", "203.0.113.7", "Graz")} == {
        (one["device"], one["network"], one["place"]) for one in document["asked"]
    }
    assert document["asked_nothing_until"] is not None
    assert shared not in {one["id"] for one in document["logins"]}
    assert hers in {one["id"] for one in document["logins"]}
    bobs = await export_data(deployment, await the_person(deployment, BOB))
    assert ([], None) == (bobs.asked, bobs.asked_nothing_until)


async def test_an_export_tells_of_another_browser_no_more_than_the_question_did(
    deployment: Deployment, clock: Clock
) -> None:
    """Its network: neither beside the question nor in the audit log does its address stand."""
    await log_in(deployment, 1)
    visitor = Visitor(device="Firefox, Linux", address="2001:db8::7")
    await steps.opened(deployment, await steps.begun(deployment, visitor=visitor))
    data = await export_data(deployment, await the_person(deployment))
    document = document_of(data, issuer="https://login.example.org", now=clock())
    [opened] = [one for one in document["audit"] if "login.opened" == one["event"]]
    assert ["2001:db8::/64"] == [one["network"] for one in document["asked"]]
    assert "2001:db8::/64" == opened["address"]
    assert "2001:db8::7" not in str(document)


async def test_deleting_an_account_forgets_what_it_was_asked(deployment: Deployment) -> None:
    """Whatever came of it; a login that somebody else continued with stays theirs."""
    shared, hers = await asked_days(deployment)
    await delete_account(deployment, await the_person(deployment))
    assert {"inbox"} == await rows_with(deployment, [str(ALICE), hers])
    bobs = await export_data(deployment, await the_person(deployment, BOB))
    assert shared in {one.id for one in bobs.logins}
    async with deployment.store.reading() as connection:
        [left] = await connection.run("SELECT login_id, opened_by, opened_at FROM approvals")
    assert (shared, None, None) == tuple(left)
