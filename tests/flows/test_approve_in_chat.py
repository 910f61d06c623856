"""Promises of the question in the chat: who is asked, what an answer does, and how often."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from tests.browser_logins import (
    MESSAGE,
    answered,
    approved,
    begun,
    finished,
    handle_of,
    kept,
    opened,
    received,
    right_number,
    the_browser,
    wrong_number,
)
from tests.builders import ALICE, APPROVAL_TTL, BOB, Clock, asked

from tgauth.domain.approval import (
    FAILURES_BEFORE_PAUSE,
    Denial,
    derive_numbers,
    derive_stream,
)
from tgauth.domain.audit import AuditEvent
from tgauth.domain.instants import DAY, HOUR, SECOND
from tgauth.domain.login import LoginRequest, LoginState, Standing
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import AllowList
from tgauth.flows.approve_in_chat import Answer, Answered, answer_approval, open_approval
from tgauth.flows.ban_person import ban_person
from tgauth.flows.begin_chat_login import begin_chat_login
from tgauth.flows.block_approvals import block_approvals
from tgauth.flows.deliver_messages import LoginOutcome, Question, due_messages, settle_messages
from tgauth.flows.deployment import Deployment
from tgauth.flows.finish_browser_login import continue_as_current
from tgauth.flows.receive_update import receive_update
from tgauth.store import audit

pytestmark = pytest.mark.anyio

Count = Callable[[str], Awaitable[int]]

NOBODY = AllowList(everyone=False)


async def told(deployment: Deployment, *, message_id: int = MESSAGE) -> list[tuple[int, Notice]]:
    """Return what is due, by chat, and let it be sent."""
    due, _ = await due_messages(deployment, most=50)
    now = deployment.now()
    sent = [one.outgoing.sent(message_id=message_id, now=now) for one in due]
    await settle_messages(deployment, sent)
    return [(one.outgoing.chat_id, one.notice) for one in due if not one.is_pointless]


async def events(deployment: Deployment, telegram_id: int = ALICE) -> list[AuditEvent]:
    """Return what is written down about somebody."""
    async with deployment.store.reading() as connection:
        return [one.event for one in await audit.of_person(connection, telegram_id)]


async def wrong_answers(deployment: Deployment, number: int, *, first: int = 0) -> None:
    """Let Alice pick wrong numbers for logins of their own."""
    for each in range(first, first + number):
        login = await begun(deployment)
        await opened(deployment, login, update_id=1000 + each)
        wrong = wrong_number(deployment, login)
        became = await answered(deployment, login, wrong, update_id=2000 + each)
        assert became is Answered.WRONG_NUMBER


async def test_opening_the_link_asks_and_approves_nothing(
    deployment: Deployment, clock: Clock
) -> None:
    """The question shows who asks and since when, with numbers to pick from."""
    login = await begun(deployment)
    clock.advance(7 * SECOND)
    assert login == await opened(deployment, login)
    state, approval = await kept(deployment, login)
    assert state == login
    assert approval is not None
    assert ALICE == approval.opened_by
    [message], closing = await due_messages(deployment, most=9)
    question = message.content
    assert isinstance(question, Question)
    assert ("Firefox, Linux", "203.0.113.7", "Graz", 7 * SECOND) == (
        question.visitor.device,
        question.network,
        question.place,
        question.age,
    )
    # In the order in which they were drawn: any other one could tell which is right.
    assert derive_numbers(deployment.master_key, login.id).offered == question.numbers
    assert str(right_number(deployment, login)) not in repr(question).replace(login.id, "")
    assert login.expires_at == closing


async def test_a_login_is_never_younger_than_new(deployment: Deployment, clock: Clock) -> None:
    """Where the clock was corrected by less than counts as a step."""
    login = await begun(deployment)
    clock.step(-SECOND // 2)
    await opened(deployment, login)
    [message], _ = await due_messages(deployment, most=9)
    assert isinstance(message.content, Question)
    assert 0 == message.content.age


async def test_a_second_opener_is_told_and_changes_nothing(
    deployment: Deployment, count: Count
) -> None:
    """Whoever gets the link from somebody else, by a screen or a forwarded message."""
    login = await begun(deployment)
    await opened(deployment, login)
    before = await kept(deployment, login)
    await told(deployment)
    outcome = await opened(deployment, login, update_id=2, telegram_id=BOB)
    assert Notice.APPROVAL_TAKEN == outcome
    assert before == await kept(deployment, login)
    assert [(BOB, Notice.APPROVAL_TAKEN)] == await told(deployment)
    right = right_number(deployment, login)
    became = await answered(deployment, login, right, update_id=3, telegram_id=BOB)
    assert became is Answered.TOO_LATE
    assert before == await kept(deployment, login)
    assert 0 == await count("persons")


async def test_opening_it_twice_asks_again(deployment: Deployment, clock: Clock) -> None:
    """The question may be far up in the chat by now; nothing else is different."""
    login = await begun(deployment)
    await opened(deployment, login, update_id=1)
    before = await kept(deployment, login)
    assert [(ALICE, Notice.APPROVAL)] == await told(deployment)
    clock.advance(SECOND)
    assert login == await opened(deployment, login, update_id=2)
    assert login == await opened(deployment, login, update_id=3)
    assert before == await kept(deployment, login)
    assert [(ALICE, Notice.APPROVAL)] == await told(deployment)
    assert [AuditEvent.LOGIN_OPENED] == await events(deployment)


async def test_opening_it_twice_asks_again_while_another_question_is_owed(
    deployment: Deployment,
) -> None:
    """Somebody logs in in two browsers, and Telegram is slow: each link has its own answer."""
    login, other = await begun(deployment), await begun(deployment, browser="secret-2")
    await opened(deployment, login, update_id=1)
    assert [(ALICE, Notice.APPROVAL)] == await told(deployment)
    await opened(deployment, other, update_id=2)
    await opened(deployment, login, update_id=3)
    await opened(deployment, login, update_id=4)
    asked_about = []
    while (due := (await due_messages(deployment, most=9))[0]) != []:
        asked_about += [one.content.login_id for one in due if isinstance(one.content, Question)]
        await told(deployment)
    assert [other.id, login.id] == asked_about


async def test_each_question_is_changed_once_at_the_end(deployment: Deployment) -> None:
    """Also the older one of two, and where that one is answered."""
    login = await begun(deployment)
    for number in (0, 1):
        await opened(deployment, login, update_id=number)
        await told(deployment, message_id=MESSAGE + number)
    assert Answered.DECLINED is await answered(deployment, login, None)
    changed: list[int | None] = []
    while (due := (await due_messages(deployment, most=9))[0]) != []:
        changed += [one.target for one in due]
        await told(deployment)
    assert len(changed) == len(set(changed))
    assert {MESSAGE, MESSAGE + 1} == set(changed)


async def test_who_was_never_asked_is_asked_when_they_come_again(deployment: Deployment) -> None:
    """The bot was blocked when it wanted to ask: there is no question that could be changed."""
    login = await begun(deployment)
    await opened(deployment, login, update_id=1)
    now = deployment.now()
    due, _ = await due_messages(deployment, most=9)
    await settle_messages(
        deployment, [one.outgoing.given_up(reason="blocked", now=now) for one in due]
    )
    assert login == await opened(deployment, login, update_id=2)
    assert [(ALICE, Notice.APPROVAL)] == await told(deployment)


async def test_the_same_update_opens_once(deployment: Deployment, count: Count) -> None:
    """Telegram hands it over again after a crash."""
    login = await begun(deployment)
    asking = await received(deployment, 1)
    handle = handle_of(deployment, login)
    assert login == await open_approval(deployment, asking, handle)
    assert await open_approval(deployment, asking, handle) is None
    assert 2 == await count("outbox")


async def test_the_right_number_approves(deployment: Deployment) -> None:
    """An account begins with it, and the chat hears at once and when it is used."""
    login = await approved(deployment)
    state, approval = await kept(deployment, login)
    assert state is not None
    assert approval is not None
    assert (LoginState.APPROVED, None) == (state.state, approval.denial)
    assert [
        AuditEvent.LOGIN_OPENED,
        AuditEvent.PERSON_JOINED,
        AuditEvent.LOGIN_APPROVED,
    ] == await events(deployment)


@pytest.mark.parametrize("denial", [Denial.DECLINED, Denial.WRONG_NUMBER])
async def test_anything_else_denies(deployment: Deployment, count: Count, denial: Denial) -> None:
    """One wrong number ends it: a guess is no knowledge. Nobody becomes an account by it."""
    login = await begun(deployment)
    await opened(deployment, login)
    number = wrong_number(deployment, login) if denial is Denial.WRONG_NUMBER else None
    assert Answered(denial.value) is await answered(deployment, login, number)
    state, approval = await kept(deployment, login)
    assert state is not None
    assert approval is not None
    assert (LoginState.DENIED, denial) == (state.state, approval.denial)
    right = right_number(deployment, login)
    assert Answered.TOO_LATE is await answered(deployment, login, right, update_id=201)
    assert 0 == await count("persons")
    assert [AuditEvent.LOGIN_OPENED, AuditEvent.LOGIN_DENIED] == await events(deployment)


@pytest.mark.parametrize("number", [0, 9, 100, -1, 10**9])
async def test_a_number_that_was_not_offered_denies(deployment: Deployment, number: int) -> None:
    """Whoever makes up a button's content gets no more tries than anybody."""
    login = await begun(deployment)
    await opened(deployment, login)
    assert Answered.WRONG_NUMBER is await answered(deployment, login, number)
    state, _ = await kept(deployment, login)
    assert state is not None
    assert LoginState.DENIED == state.state


async def test_an_answer_without_a_question_changes_nothing(deployment: Deployment) -> None:
    """Who knows the login's public id and guesses the number was never asked."""
    login = await begun(deployment)
    right = right_number(deployment, login)
    assert Answered.TOO_LATE is await answered(deployment, login, right)
    ghost = replace(login, id="nope")
    assert Answered.TOO_LATE is await answered(deployment, ghost, right, update_id=201)
    assert login == (await kept(deployment, login))[0]


async def test_the_same_answer_counts_once(deployment: Deployment, count: Count) -> None:
    """Telegram hands it over again after a crash."""
    login = await begun(deployment)
    await opened(deployment, login)
    right = right_number(deployment, login)
    asking = await received(deployment, 200)
    answer = Answer(login_id=login.id, number=right, message_id=MESSAGE)
    assert Answered.APPROVED is await answer_approval(deployment, asking, answer)
    before, messages = await kept(deployment, login), await count("outbox")
    assert await answer_approval(deployment, asking, answer) is None
    assert (before, messages) == (await kept(deployment, login), await count("outbox"))


@pytest.mark.parametrize("banned", [True, False])
async def test_who_may_not_log_in_is_not_asked(deployment: Deployment, *, banned: bool) -> None:
    """Nor told whether the link is good; a stranger's link may be opened by somebody else then."""
    shut = deployment if banned else replace(deployment, allow=NOBODY)
    if banned:
        await ban_person(deployment, ALICE)
    login = await begun(deployment)
    assert Notice.NOT_ALLOWED == await opened(shut, login)
    asking = await received(shut, 2)
    assert Notice.NOT_ALLOWED == await open_approval(shut, asking, "A" * 22)
    assert login == await opened(deployment, login, update_id=3, telegram_id=BOB)


@pytest.mark.parametrize("banned", [True, False])
async def test_who_may_not_log_in_any_more_cannot_answer(
    deployment: Deployment, count: Count, *, banned: bool
) -> None:
    """The operator's list is asked again with the answer."""
    login = await begun(deployment)
    await opened(deployment, login)
    if banned:
        await ban_person(deployment, ALICE)
    shut = deployment if banned else replace(deployment, allow=NOBODY)
    right = right_number(deployment, login)
    assert Answered.NOT_ALLOWED is await answered(shut, login, right)
    assert login == (await kept(deployment, login))[0]
    assert 0 == await count("persons")


@pytest.mark.parametrize("handle", ["", "A" * 22, "A" * 21, "x" * 5000, "é" * 22, "login-1"])
async def test_a_link_that_nobody_gave_out_asks_nothing(
    deployment: Deployment, count: Count, handle: str
) -> None:
    """Whatever it holds; neither a login's id nor its stream is a handle."""
    login = await begun(deployment)
    guesses = (handle, login.id, derive_stream(deployment.master_key, login.id))
    for number, guess in enumerate(guesses):
        asking = await received(deployment, number)
        assert Notice.APPROVAL_UNKNOWN == await open_approval(deployment, asking, guess)
    assert 1 == await count("outbox")  # a flood of guesses gets one answer
    assert [] == await events(deployment)


async def test_three_wrong_or_ignored_questions_pause_for_an_hour(
    deployment: Deployment, clock: Clock
) -> None:
    """Counted from when they were opened; then they are asked again."""
    ignored = await begun(deployment)
    await opened(deployment, ignored)
    began = clock.now
    clock.advance(APPROVAL_TTL)
    await wrong_answers(deployment, 1)
    login = await begun(deployment)
    assert login == await opened(deployment, login, update_id=1)
    await answered(deployment, login, wrong_number(deployment, login), update_id=2)
    login = await begun(deployment)
    assert Notice.APPROVALS_PAUSED == await opened(deployment, login, update_id=3)
    _, approval = await kept(deployment, login)
    assert approval is not None
    assert approval.opened_by is None
    clock.advance(began + HOUR - 1 - clock.now)
    login = await begun(deployment)
    assert Notice.APPROVALS_PAUSED == await opened(deployment, login, update_id=4)
    clock.advance(1)
    assert login == await opened(deployment, login, update_id=5)


async def test_questions_that_are_open_count_as_not_answered(deployment: Deployment) -> None:
    """Many at a time are no more tries; each can be asked again, and an answer makes room."""
    waiting = [await begun(deployment) for _ in range(FAILURES_BEFORE_PAUSE + 1)]
    *asked_about, late = waiting
    for again in (0, 100):
        for number, login in enumerate(asked_about, start=again):
            assert login == await opened(deployment, login, update_id=number)
    assert Notice.APPROVALS_PAUSED == await opened(deployment, late, update_id=300)
    right = right_number(deployment, asked_about[0])
    assert await answered(deployment, asked_about[0], right, update_id=301) is Answered.APPROVED
    assert late == await opened(deployment, late, update_id=302)


async def test_a_pause_is_ones_own(deployment: Deployment) -> None:
    """Others are asked as before."""
    await wrong_answers(deployment, FAILURES_BEFORE_PAUSE)
    login = await begun(deployment)
    assert login == await opened(deployment, login, update_id=1, telegram_id=BOB)


async def test_who_declines_is_not_paused(deployment: Deployment) -> None:
    """It is what they should do, and says nothing against the next login of their own."""
    for number in range(FAILURES_BEFORE_PAUSE + 1):
        login = await begun(deployment)
        assert login == await opened(deployment, login, update_id=1000 + number)
        await answered(deployment, login, None, update_id=2000 + number)


async def test_a_clock_that_was_set_back_pauses_nobody_for_ever(
    deployment: Deployment, clock: Clock
) -> None:
    """What was answered wrongly in a future that was none does not count."""
    await wrong_answers(deployment, FAILURES_BEFORE_PAUSE)
    clock.step(-10 * DAY)
    login = await begun(deployment)
    assert login == await opened(deployment, login, update_id=1)


async def test_who_wants_no_requests_gets_none_for_a_day(
    deployment: Deployment, clock: Clock
) -> None:
    """To the millisecond; and the same press twice counts once."""
    asking = await received(deployment, 1)
    assert await block_approvals(deployment, asking, blocked=True, message_id=MESSAGE)
    assert not await block_approvals(deployment, asking, blocked=True, message_id=MESSAGE)
    assert [(ALICE, Notice.APPROVALS_BLOCKED)] == await told(deployment)
    clock.advance(DAY - 1)
    login = await begun(deployment)
    assert Notice.APPROVALS_BLOCKED == await opened(deployment, login, update_id=2)
    clock.advance(1)
    assert login == await opened(deployment, login, update_id=3)


async def test_who_wants_no_requests_declines_those_that_are_open(
    deployment: Deployment, clock: Clock
) -> None:
    """Their buttons are still there to be tapped; what was answered or is over stays as it is."""
    done, over = await approved(deployment), await begun(deployment)
    await opened(deployment, over, update_id=300)
    clock.advance(APPROVAL_TTL)
    login = await begun(deployment)
    await opened(deployment, login, update_id=301)
    await told(deployment)
    before = [await kept(deployment, one) for one in (done, over)]
    asking = await received(deployment, 302)
    await block_approvals(deployment, asking, blocked=True, message_id=MESSAGE)
    right = right_number(deployment, login)
    assert await answered(deployment, login, right, update_id=303) is Answered.TOO_LATE
    state, approval = await kept(deployment, login)
    assert state is not None
    assert approval is not None
    assert (LoginState.DENIED, Denial.DECLINED) == (state.state, approval.denial)
    assert before == [await kept(deployment, one) for one in (done, over)]
    assert Notice.LOGIN_CLOSED in [notice for _, notice in await told(deployment)]
    assert 1 == (await events(deployment)).count(AuditEvent.LOGIN_DENIED)


async def test_who_wants_requests_again_gets_them(deployment: Deployment) -> None:
    """At once."""
    for number, blocked in enumerate((True, False), start=1):
        asking = await received(deployment, number)
        await block_approvals(deployment, asking, blocked=blocked, message_id=MESSAGE)
    login = await begun(deployment)
    assert login == await opened(deployment, login, update_id=3)
    assert [AuditEvent.APPROVALS_BLOCKED] * 2 == (await events(deployment))[:2]


async def test_a_clock_that_was_set_back_blocks_nobody_for_ever(
    deployment: Deployment, clock: Clock
) -> None:
    """An end that is further away than any wish can be is none."""
    asking = await received(deployment, 1)
    await block_approvals(deployment, asking, blocked=True, message_id=MESSAGE)
    clock.step(-10 * DAY)
    login = await begun(deployment)
    assert login == await opened(deployment, login, update_id=2)


async def test_presses_for_no_requests_are_one_entry_an_hour(deployment: Deployment) -> None:
    """Whoever presses the button ever so often, or makes presses up, fills no log."""
    for number in range(5):
        asking = await received(deployment, number + 1, telegram_id=BOB)
        await block_approvals(deployment, asking, blocked=True, message_id=MESSAGE)
    async with deployment.store.reading() as connection:
        [entry] = await audit.of_person(connection, BOB)
    assert (AuditEvent.APPROVALS_BLOCKED, "for_a_day", 5) == (
        entry.event,
        entry.reason,
        entry.number,
    )


async def test_refusals_are_one_entry_an_hour(deployment: Deployment) -> None:
    """Whoever opens links ever so often fills no log."""
    login = await begun(deployment)
    await opened(deployment, login)
    for number in range(5):
        await opened(deployment, login, update_id=300 + number, telegram_id=BOB)
    async with deployment.store.reading() as connection:
        [entry] = await audit.of_person(connection, BOB)
    assert (AuditEvent.LOGIN_REFUSED, "approval_taken", 5) == (
        entry.event,
        entry.reason,
        entry.number,
    )


async def test_the_question_says_what_became_of_it(deployment: Deployment, clock: Clock) -> None:
    """At once when it is answered, and again when the browser has used it."""
    login = await begun(deployment)
    await opened(deployment, login)
    await told(deployment)
    await answered(deployment, login, right_number(deployment, login))
    [message], _ = await due_messages(deployment, most=9)
    assert isinstance(message.content, LoginOutcome)
    assert (Standing.APPROVED, None, MESSAGE) == (
        message.content.standing,
        message.content.session,
        message.target,
    )
    await told(deployment)
    clock.advance(SECOND)
    done = await finished(deployment, login)
    [message], _ = await due_messages(deployment, most=9)
    assert isinstance(message.content, LoginOutcome)
    assert (Standing.REDEEMED, done.session) == (message.content.standing, message.content.session)


async def test_the_question_says_that_nobody_answered(deployment: Deployment, clock: Clock) -> None:
    """When its time is over, without anybody's doing."""
    await opened(deployment, await begun(deployment))
    await told(deployment)
    clock.advance(APPROVAL_TTL)
    [message], _ = await due_messages(deployment, most=9)
    assert isinstance(message.content, LoginOutcome)
    assert (Standing.EXPIRED, MESSAGE) == (message.content.standing, message.target)


async def test_a_chat_is_told_nothing_of_anothers_session(deployment: Deployment) -> None:
    """Alice is asked, and whoever sits there continues as Bob: his session is not hers to see."""
    bobs = await begun(deployment, browser="his")
    await opened(deployment, bobs, update_id=1, telegram_id=BOB)
    right = right_number(deployment, bobs)
    await answered(deployment, bobs, right, update_id=2, telegram_id=BOB)
    his = await finished(deployment, bobs, browser=the_browser("his"))
    login = await begun(deployment, browser="his")
    await opened(deployment, login, update_id=3)
    await told(deployment)
    here = the_browser("his", session_secret=his.secret)
    done = await continue_as_current(deployment, login.id, browser=here)
    due, _ = await due_messages(deployment, most=9)
    [outcome] = [one.content for one in due if one.outgoing.chat_id == ALICE]
    assert isinstance(outcome, LoginOutcome)
    assert (Standing.DENIED, Denial.WITHDRAWN, None) == (
        outcome.standing,
        outcome.denial,
        outcome.session,
    )
    assert done.session.id not in repr(outcome)


async def test_a_link_in_the_chat_is_no_answer_to_a_question(deployment: Deployment) -> None:
    """Neither door takes the other's place: /login replaces no login of a browser."""
    login = await approved(deployment)
    asking = asked(500, at=deployment.now())
    await receive_update(deployment, asking.key, "{}")
    link = await begin_chat_login(deployment, asking)
    assert isinstance(link, LoginRequest)
    state, _ = await kept(deployment, login)
    assert state is not None
    assert LoginState.APPROVED == state.state
