"""Promises of the end of a browser's login: the browser that began it, once, and nobody else."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import chain, combinations
from pathlib import Path

import pytest
from anyio import create_task_group
from tests.browser_logins import (
    MESSAGE,
    VISITOR,
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
)
from tests.builders import (
    ALICE,
    APPROVAL_TTL,
    BOB,
    Clock,
    Ids,
    a_begun_login,
    a_deployment,
)

from tgauth.domain.approval import Denial, derive_stream
from tgauth.domain.audit import AuditEvent
from tgauth.domain.errors import (
    ApprovalUnknown,
    CodeAlreadySpent,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginNotApproved,
    NetworkBlocked,
    OtherAccountActive,
    OtherBrowser,
    PersonBanned,
    PersonNotAllowed,
    SessionEnded,
    TgauthError,
)
from tgauth.domain.instants import HOUR, MINUTE
from tgauth.domain.login import LoginState
from tgauth.domain.person import AllowList
from tgauth.domain.session import Visitor
from tgauth.flows.account import end_every_session
from tgauth.flows.approve_in_chat import Answered
from tgauth.flows.ban_person import ban_person
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.chat_sessions import Ending, end_from_chat, log_out_everywhere
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.exchange_code import exchange_code
from tgauth.flows.finish_browser_login import continue_as_current
from tgauth.flows.identify import identify_by_cookie, identify_by_token
from tgauth.flows.keyring import Keyring
from tgauth.store import Store, audit, bans, persons

pytestmark = pytest.mark.anyio

Count = Callable[[str], Awaitable[int]]


async def bobs_cookie(deployment: Deployment, *, browser: str = "secret-1") -> str:
    """Log Bob in in a browser; return the secret of its session cookie."""
    login = await begun(deployment, browser=browser)
    await opened(deployment, login, update_id=900, telegram_id=BOB)
    right = right_number(deployment, login)
    await answered(deployment, login, right, update_id=901, telegram_id=BOB)
    return (await finished(deployment, login, browser=the_browser(browser))).secret


async def test_the_browser_that_began_is_logged_in(
    deployment: Deployment, keyring: Keyring
) -> None:
    """With a session of its own, and a code that its application turns into a token."""
    login = await begun(deployment, state="from the application")
    await opened(deployment, login)
    await answered(deployment, login, right_number(deployment, login))
    done = await finished(deployment, login)
    assert "from the application" == done.state_parameter
    person = (await identify_by_cookie(deployment, done.secret)).person
    assert ALICE == person.profile.telegram_id
    assert done.session.visitor == VISITOR
    code = done.callback_code or ""
    grant = await exchange_code(deployment, keyring, code, visitor=Visitor())
    assert grant.access_token
    with pytest.raises(CodeAlreadySpent):
        await exchange_code(deployment, keyring, code, visitor=Visitor())


async def test_without_an_application_there_is_no_code(without_callback: Deployment) -> None:
    """The browser ends on the account page."""
    done = await finished(without_callback, await approved(without_callback))
    assert done.callback_code is None


async def test_no_other_browser_finishes_it(deployment: Deployment, count: Count) -> None:
    """Neither one that has another name, nor one that is logged in as the person itself."""
    login = await approved(deployment)
    with pytest.raises(OtherBrowser):
        await finished(deployment, login, browser=the_browser("another"))
    hers = await finished(
        deployment,
        await approved(deployment, browser="hers", update_id=50),
        browser=the_browser("hers"),
    )
    elsewhere = the_browser("hers", session_secret=hers.secret)
    with pytest.raises(OtherBrowser):
        await finished(deployment, login, browser=elsewhere)
    with pytest.raises(OtherBrowser):
        await continue_as_current(deployment, login.id, browser=elsewhere)
    assert 1 == await count("sessions")


THINGS = ("handle", "stream", "login id", "number")


@pytest.mark.parametrize(
    "held",
    [
        *chain.from_iterable(combinations(THINGS, number) for number in range(1, 5)),
    ],
    ids=" and ".join,
)
async def test_nothing_finishes_a_login_without_the_cookie(
    deployment: Deployment, count: Count, held: tuple[str, ...]
) -> None:
    """Handle, stream, address and number are each no cookie, nor are any of them together.

    Each is presented as the browser's name, and as the login's: in every way that fits together.
    """
    login = await approved(deployment)
    worth = {
        "handle": handle_of(deployment, login),
        "stream": derive_stream(deployment.master_key, login.id),
        "login id": login.id,
        "number": str(right_number(deployment, login)),
    }
    values = [worth[name] for name in held]
    for name in (*values, "".join(values), ".".join(values)):
        for target in (*values, login.id):
            with pytest.raises((OtherBrowser, ApprovalUnknown)):
                await finished(deployment, replace(login, id=target), browser=the_browser(name))
    assert 0 == await count("sessions")
    await finished(deployment, login)  # the cookie does


async def test_the_cookie_alone_finishes_nothing(deployment: Deployment) -> None:
    """Without somebody's approval it is worth nothing, and with a denial as little."""
    login = await begun(deployment)
    with pytest.raises(LoginNotApproved):
        await finished(deployment, login)
    await opened(deployment, login)
    with pytest.raises(LoginNotApproved):
        await finished(deployment, login)
    await answered(deployment, login, None)
    with pytest.raises(LoginDenied):
        await finished(deployment, login)


async def test_the_same_press_twice_is_as_once(
    deployment: Deployment, clock: Clock, count: Count
) -> None:
    """A double click, or an answer that was lost; for a minute, and in the same browser alone."""
    login = await approved(deployment)
    first = await finished(deployment, login)
    with pytest.raises(OtherBrowser):
        await finished(deployment, login, browser=the_browser("another"))
    clock.advance(MINUTE - 1)
    again = await finished(deployment, login)
    assert (first.secret, first.callback_code, first.session) == (
        again.secret,
        again.callback_code,
        again.session,
    )
    # The cookie of the first answer may have arrived or not.
    here = the_browser(session_secret=first.secret)
    assert first.secret == (await finished(deployment, login, browser=here)).secret
    assert 1 == await count("sessions")
    clock.advance(1)
    with pytest.raises(LoginAlreadyRedeemed):
        await finished(deployment, login)


async def test_a_press_is_not_repeated_for_a_session_that_ended(deployment: Deployment) -> None:
    """Whoever logged out is not logged in again by going back."""
    login = await approved(deployment)
    done = await finished(deployment, login)
    await end_session(deployment, done.secret)
    with pytest.raises(LoginAlreadyRedeemed):
        await finished(deployment, login)


async def test_an_approval_is_good_to_the_last_millisecond(
    deployment: Deployment, clock: Clock
) -> None:
    """And not a millisecond longer, whether it came early or late."""
    in_time = await approved(deployment, browser="secret-3")
    early, late = await begun(deployment), await begun(deployment, browser="secret-2")
    await opened(deployment, early, update_id=1)
    await answered(deployment, early, right_number(deployment, early), update_id=2)
    await opened(deployment, late, update_id=3)
    clock.advance(APPROVAL_TTL - 1)
    await answered(deployment, late, right_number(deployment, late), update_id=4)
    await finished(deployment, in_time, browser=the_browser("secret-3"))
    clock.advance(1)
    with pytest.raises(LoginExpired):
        await finished(deployment, early)
    clock.advance(MINUTE - 2)
    await finished(deployment, late, browser=the_browser("secret-2"))


async def test_an_approval_expires_before_the_browser_comes_back(
    deployment: Deployment, clock: Clock, count: Count
) -> None:
    """Then nobody is logged in, and the person is told in the chat that it expired."""
    login = await begun(deployment)
    await opened(deployment, login)
    clock.advance(APPROVAL_TTL - 1)
    await answered(deployment, login, right_number(deployment, login))
    clock.advance(MINUTE)
    with pytest.raises(LoginExpired):
        await finished(deployment, login)
    assert 0 == await count("sessions")


async def test_who_may_not_log_in_any_more_does_not(deployment: Deployment, count: Count) -> None:
    """The list is asked again with the last step; a ban withdraws what was approved."""
    login = await approved(deployment)
    shut = replace(deployment, allow=AllowList(everyone=False))
    with pytest.raises(PersonNotAllowed):
        await finished(shut, login)
    await ban_person(deployment, ALICE)
    with pytest.raises(LoginDenied):
        await finished(deployment, login)
    _, approval = await kept(deployment, login)
    assert approval is not None
    assert Denial.WITHDRAWN == approval.denial
    assert 0 == await count("sessions")


@pytest.mark.parametrize("way", ["chat", "account"])
async def test_leaving_everywhere_withdraws_what_was_approved(
    deployment: Deployment, way: str
) -> None:
    """Whoever wants to be logged in nowhere is not logged in a moment later."""
    login = await approved(deployment)
    if way == "chat":
        await log_out_everywhere(deployment, await received(deployment, 700))
    else:
        async with deployment.store.reading() as connection:
            person = await persons.find(connection, ALICE)
        assert person is not None
        await end_every_session(deployment, person)
    with pytest.raises(LoginDenied):
        await finished(deployment, login)
    state, approval = await kept(deployment, login)
    assert state is not None
    assert approval is not None
    assert (LoginState.DENIED, Denial.WITHDRAWN) == (state.state, approval.denial)


async def test_another_accounts_session_gives_way_only_on_request(
    deployment: Deployment,
) -> None:
    """A login that somebody else prepared must not swap the account of whoever sits there."""
    his = await bobs_cookie(deployment)
    login = await approved(deployment)
    here = the_browser(session_secret=his)
    with pytest.raises(OtherAccountActive):
        await finished(deployment, login, browser=here)
    assert (await identify_by_cookie(deployment, his)).person.profile.telegram_id == BOB
    done = await finished(deployment, login, browser=here, switch=True)
    assert (await identify_by_cookie(deployment, done.secret)).person.profile.telegram_id == ALICE
    with pytest.raises(SessionEnded):
        await identify_by_cookie(deployment, his)


async def test_whoever_is_logged_in_here_continues_with_one_press(deployment: Deployment) -> None:
    """Nobody is asked in the chat; the session before gives way, and the log says how it was."""
    his = await bobs_cookie(deployment)
    login = await begun(deployment, state="from the application")
    here = the_browser(session_secret=his)
    done = await continue_as_current(deployment, login.id, browser=here)
    assert "from the application" == done.state_parameter
    person = (await identify_by_cookie(deployment, done.secret)).person
    assert BOB == person.profile.telegram_id
    with pytest.raises(SessionEnded):
        await identify_by_cookie(deployment, his)
    again = await continue_as_current(deployment, login.id, browser=here)
    assert done.secret == again.secret
    async with deployment.store.reading() as connection:
        found = [
            (one.event, one.reason)
            for one in await audit.of_person(connection, BOB)
            if one.login_id == login.id
        ]
    assert [(AuditEvent.LOGIN_APPROVED, "session"), (AuditEvent.LOGIN_REDEEMED, None)] == found


@pytest.mark.parametrize("secret", [None, "a guess"])
async def test_nobody_continues_who_is_not_logged_in(
    deployment: Deployment, secret: str | None
) -> None:
    """Also whose session has ended, or who may not log in any more."""
    login = await begun(deployment)
    with pytest.raises(SessionEnded):
        await continue_as_current(deployment, login.id, browser=the_browser(session_secret=secret))
    his = await bobs_cookie(deployment, browser="his")
    login = await begun(deployment, browser="his")
    here = the_browser("his", session_secret=his)
    with pytest.raises(PersonNotAllowed):
        await continue_as_current(
            replace(deployment, allow=AllowList(everyone=False)), login.id, browser=here
        )
    await end_session(deployment, his)
    with pytest.raises(SessionEnded):
        await continue_as_current(deployment, login.id, browser=here)


async def test_nobody_continues_who_was_banned(deployment: Deployment) -> None:
    """A ban ends their sessions; and where one is left all the same, the bans are asked again."""
    his = await bobs_cookie(deployment)
    login = await begun(deployment)
    here = the_browser(session_secret=his)
    await deployment.store.write(bans.add, BOB, now=deployment.now())
    with pytest.raises(PersonBanned):
        await continue_as_current(deployment, login.id, browser=here)
    await deployment.store.write(bans.remove, BOB)
    await ban_person(deployment, BOB)
    with pytest.raises(SessionEnded):
        await continue_as_current(deployment, login.id, browser=here)


async def test_nobody_continues_with_what_was_decided_or_has_expired(
    deployment: Deployment, clock: Clock
) -> None:
    """A denial stays one, whoever is logged in there."""
    his = await bobs_cookie(deployment)
    here = the_browser(session_secret=his)
    denied = await begun(deployment)
    await opened(deployment, denied, update_id=1)
    await answered(deployment, denied, None, update_id=2)
    expired = await begun(deployment)
    clock.advance(APPROVAL_TTL)
    for login in (denied, expired):
        with pytest.raises(TgauthError) as caught:
            await continue_as_current(deployment, login.id, browser=here)
        assert caught.value.code in {"login_already_decided", "login_expired"}
    assert (await identify_by_cookie(deployment, his)).person.profile.telegram_id == BOB


async def disown(deployment: Deployment, done: Continuation, *, update_id: int = 800) -> Ending:
    """Let Alice say that a login was not hers."""
    asking = await received(deployment, update_id)
    ending = await end_from_chat(
        deployment, asking, done.session.id, message_id=MESSAGE, in_list=False
    )
    assert ending is not None
    return ending


async def test_nobody_is_blocked_where_no_address_is_known(deployment: Deployment) -> None:
    """Behind a proxy that names no visitor, everybody comes from there."""
    nowhere = Visitor(device="Firefox, Linux", address="unknown")
    browser = replace(the_browser(), visitor=nowhere)
    done = await finished(deployment, await approved(deployment), browser=browser)
    assert Ending.ENDED is await disown(deployment, done)
    await begun(deployment, visitor=nowhere)


async def test_that_was_not_me_ends_it_and_blocks_where_it_came_from(
    deployment: Deployment, keyring: Keyring, clock: Clock
) -> None:
    """Session, tokens, and for an hour every login from there; it is all in the log."""
    done = await finished(deployment, await approved(deployment))
    assert Ending.ENDED is await disown(deployment, done)
    with pytest.raises(SessionEnded):
        await identify_by_cookie(deployment, done.secret)
    with pytest.raises(TgauthError):
        await exchange_code(deployment, keyring, done.callback_code or "", visitor=Visitor())
    with pytest.raises(NetworkBlocked):
        await begun(deployment)
    await begun(deployment, visitor=Visitor(address="198.51.100.1"))
    clock.advance(HOUR - 1)
    with pytest.raises(NetworkBlocked):
        await begun(deployment)
    clock.advance(1)
    await begun(deployment)
    async with deployment.store.reading() as connection:
        entries = await audit.of_person(connection, ALICE)
    assert [
        (AuditEvent.SESSION_DISOWNED, None),
        (AuditEvent.ADDRESS_BLOCKED, "203.0.113.7"),
        (AuditEvent.SESSION_ENDED, None),
    ] == [
        (one.event, one.address)
        for one in entries
        if one.event.value.startswith(("session.", "address."))
    ]


async def test_that_was_not_me_withdraws_what_else_was_approved(deployment: Deployment) -> None:
    """Whoever had several approved is not let in from another network.

    What somebody is asked, and their own link from the chat, is as it was.
    """
    done = await finished(deployment, await approved(deployment))
    other = await approved(deployment, browser="secret-2", update_id=300)
    asked_about = await begun(deployment, browser="secret-3")
    await opened(deployment, asked_about, update_id=400)
    link = await a_begun_login(deployment, update_id=500)
    await disown(deployment, done)
    elsewhere = the_browser("secret-2", visitor=Visitor(address="198.51.100.1"))
    with pytest.raises(LoginDenied):
        await finished(deployment, other, browser=elsewhere)
    _, approval = await kept(deployment, other)
    assert approval is not None
    assert Denial.WITHDRAWN == approval.denial
    assert [asked_about, link] == [(await kept(deployment, one))[0] for one in (asked_about, link)]


async def test_that_was_not_me_ends_its_tokens(deployment: Deployment, keyring: Keyring) -> None:
    """What the application was given for it is worth nothing from that moment on."""
    done = await finished(deployment, await approved(deployment))
    code = done.callback_code or ""
    token = (await exchange_code(deployment, keyring, code, visitor=Visitor())).access_token
    assert (await identify_by_token(deployment, keyring, token)).session == done.session
    await disown(deployment, done)
    with pytest.raises(SessionEnded):
        await identify_by_token(deployment, keyring, token)


async def test_saying_it_again_blocks_no_longer(deployment: Deployment, clock: Clock) -> None:
    """Nobody keeps a network that others share blocked with one session, nor fills the log."""
    done = await finished(deployment, await approved(deployment))
    assert Ending.ENDED is await disown(deployment, done)
    clock.advance(HOUR - 1)
    for number in range(5):
        assert Ending.ENDED_BEFORE is await disown(deployment, done, update_id=900 + number)
    with pytest.raises(NetworkBlocked):
        await begun(deployment)
    clock.advance(1)
    await begun(deployment)
    assert Ending.ENDED_BEFORE is await disown(deployment, done, update_id=950)
    await begun(deployment)
    async with deployment.store.reading() as connection:
        entries = await audit.of_person(connection, ALICE)
    disowned = [one.number for one in entries if one.event is AuditEvent.SESSION_DISOWNED]
    assert 1 == len([one for one in entries if one.event is AuditEvent.ADDRESS_BLOCKED])
    assert 3 > len(disowned)
    assert 7 == sum(disowned)


async def test_what_ended_a_moment_ago_blocks_for_the_rest_of_the_hour(
    deployment: Deployment, clock: Clock
) -> None:
    """Whoever logs out everywhere first, and then says that one of them was not theirs."""
    done = await finished(deployment, await approved(deployment))
    await log_out_everywhere(deployment, await received(deployment, 790))
    clock.advance(10 * MINUTE)
    assert Ending.ENDED_BEFORE is await disown(deployment, done)
    clock.advance(HOUR - 10 * MINUTE - 1)
    with pytest.raises(NetworkBlocked):
        await begun(deployment)
    clock.advance(1)
    await begun(deployment)


async def test_a_list_of_sessions_blocks_nobody(deployment: Deployment) -> None:
    """Ending one's own session there says nothing against where it was."""
    done = await finished(deployment, await approved(deployment))
    asking = await received(deployment, 800)
    await end_from_chat(deployment, asking, done.session.id, message_id=1, in_list=True)
    await begun(deployment)


async def test_nobody_blocks_a_network_with_anothers_session(deployment: Deployment) -> None:
    """Who guesses a session's id ends and blocks nothing, with an account of their own or not."""
    await bobs_cookie(deployment, browser="his")
    done = await finished(deployment, await approved(deployment))
    asking = await received(deployment, 800, telegram_id=BOB)
    ending = await end_from_chat(
        deployment, asking, done.session.id, message_id=MESSAGE, in_list=False
    )
    assert Ending.ENDED_BEFORE is ending
    asking = await received(deployment, 801, telegram_id=3003)
    await end_from_chat(deployment, asking, done.session.id, message_id=MESSAGE, in_list=False)
    await identify_by_cookie(deployment, done.secret)
    await begun(deployment)


async def test_a_clock_that_was_set_back_blocks_nobody_for_ever(
    deployment: Deployment, clock: Clock
) -> None:
    """An hour is an hour, or none."""
    await disown(deployment, await finished(deployment, await approved(deployment)))
    clock.step(-2 * HOUR)
    await begun(deployment)


async def test_one_of_many_answers_counts_whatever_races(
    deployment: Deployment, database: Path, clock: Clock, count: Count
) -> None:
    """Forty presses at once, in two processes: one decides, and all others come too late."""
    login = await begun(deployment)
    await opened(deployment, login)
    right = right_number(deployment, login)
    outcomes: list[Answered | None] = []

    async def press(where: Deployment, number: int) -> None:
        picked = right if number % 2 else None
        outcomes.append(await answered(where, login, picked, update_id=1000 + number))

    async with Store.open(database) as store:
        other = a_deployment(store, now=clock, new_id=Ids())
        async with create_task_group() as tasks:
            for number in range(40):
                tasks.start_soon(press, (deployment, other)[number % 4 // 2], number)
    decided = [one for one in outcomes if one is not Answered.TOO_LATE]
    assert 40 == len(outcomes)
    assert decided in ([Answered.APPROVED], [Answered.DECLINED])
    state, _ = await kept(deployment, login)
    assert state is not None
    is_approved = decided == [Answered.APPROVED]
    assert (LoginState.APPROVED if is_approved else LoginState.DENIED) == state.state
    assert int(is_approved) == await count("persons")


async def test_one_of_many_openers_is_asked_whatever_races(
    deployment: Deployment, database: Path, clock: Clock
) -> None:
    """Twenty people who were all sent the same link, at two processes."""
    login = await begun(deployment)
    outcomes: list[object] = []

    async def opens(where: Deployment, number: int) -> None:
        who = 5000 + number
        outcomes.append(await opened(where, login, update_id=number, telegram_id=who))

    async with Store.open(database) as store:
        other = a_deployment(store, now=clock, new_id=Ids())
        async with create_task_group() as tasks:
            for number in range(20):
                tasks.start_soon(opens, (deployment, other)[number % 2], number)
    assert 1 == outcomes.count(login)
    assert {"approval_taken"} == {str(one) for one in outcomes if one != login}


async def test_one_session_begins_whatever_races(
    deployment: Deployment, database: Path, clock: Clock, count: Count
) -> None:
    """Forty presses of the browser that began, and of others: one session, and one code."""
    login = await approved(deployment)
    done: list[Continuation] = []
    refused: list[str] = []

    async def press(where: Deployment, browser: str) -> None:
        try:
            done.append(await finished(where, login, browser=the_browser(browser)))
        except TgauthError as error:
            refused.append(error.code)

    async with Store.open(database) as store:
        other = a_deployment(store, now=clock, new_id=Ids())
        async with create_task_group() as tasks:
            for number in range(40):
                browser = "secret-1" if number % 4 < 3 else "secret-2"
                tasks.start_soon(press, (deployment, other)[number % 2], browser)
    assert (30, ["other_browser"] * 10) == (len(done), refused)
    assert 1 == len({(one.secret, one.callback_code) for one in done})
    assert 1 == await count("sessions")
    assert 1 == await count("codes")
