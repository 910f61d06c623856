"""Promises of the page's button: spent once, repeatable by the same browser, never a takeover."""

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
    chat_code_of,
)

from tgauth.domain.code import CALLBACK_CODE_LIFETIME
from tgauth.domain.errors import (
    CodeAlreadySpent,
    CodeExpired,
    CodeMisused,
    CodeUnknown,
    LoginDenied,
    LoginReplaced,
    OtherAccountActive,
    PersonBanned,
    PersonNotAllowed,
    SessionEnded,
)
from tgauth.domain.instants import SECOND
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import AllowList
from tgauth.domain.session import Visitor
from tgauth.flows.ban_person import ban_person, unban_person
from tgauth.flows.browser_sessions import Continuation
from tgauth.flows.continue_in_browser import Offer, continue_in_browser, show_offer
from tgauth.flows.deployment import Deployment
from tgauth.flows.end_session import end_session
from tgauth.flows.identify import identify_by_cookie
from tgauth.store import Store, outbox, sessions

pytestmark = pytest.mark.anyio


async def press(
    deployment: Deployment,
    code: str,
    *,
    browser: str = "browser-1",
    secret: str | None = None,
    switch: bool = False,
) -> Continuation:
    """Press the button."""
    return await continue_in_browser(
        deployment, code, browser=a_browser(browser, session_secret=secret), switch=switch
    )


async def look(
    deployment: Deployment, code: str, *, browser: str = "browser-1", secret: str | None = None
) -> Offer:
    """Open the page."""
    return await show_offer(deployment, code, browser=a_browser(browser, session_secret=secret))


@pytest.fixture
async def code(deployment: Deployment) -> str:
    """Return the code of a login that Alice asked for."""
    return chat_code_of(deployment, await a_begun_login(deployment))


@pytest.fixture
async def secret_of_bob(deployment: Deployment) -> str:
    """Return the cookie's secret of a browser in which Bob is logged in."""
    login = await a_begun_login(deployment, update_id=77, profile=a_profile(BOB, username="bob"))
    return (await press(deployment, chat_code_of(deployment, login), browser="bob's")).secret


async def test_the_press_begins_a_session_and_gives_a_callback_code(
    deployment: Deployment, code: str
) -> None:
    """The browser is logged in as the person who asked, and the application gets a code."""
    outcome = await press(deployment, code)
    identity = await identify_by_cookie(deployment, outcome.secret)
    assert "@alice" == identity.person.label
    assert outcome.session == identity.session
    assert outcome.callback_code not in {None, code}


async def test_without_an_application_there_is_no_callback_code(
    without_callback: Deployment,
) -> None:
    """The browser ends on the account page."""
    code = chat_code_of(without_callback, await a_begun_login(without_callback))
    outcome = await press(without_callback, code)
    repeated = await press(without_callback, code)
    assert (None, None) == (outcome.callback_code, repeated.callback_code)


@pytest.mark.parametrize("with_cookie", [False, True])
@pytest.mark.parametrize("wait", [0, CALLBACK_CODE_LIFETIME - 1])
async def test_the_same_browser_may_repeat_its_press(
    deployment: Deployment, code: str, clock: Clock, wait: int, *, with_cookie: bool
) -> None:
    """A double click, or an answer that was lost, leads to the very same place."""
    first = await press(deployment, code)
    clock.advance(wait)
    second = await press(deployment, code, secret=first.secret if with_cookie else None)
    assert first == second


@pytest.mark.parametrize("wait", [CALLBACK_CODE_LIFETIME, CALLBACK_CODE_LIFETIME + SECOND])
async def test_a_repeat_ends_with_the_callback_codes_life(
    deployment: Deployment, code: str, clock: Clock, wait: int
) -> None:
    """Later than that the press is an ordinary second one."""
    await press(deployment, code)
    clock.advance(wait)
    with pytest.raises(CodeAlreadySpent):
        await press(deployment, code)


async def test_another_browser_cannot_repeat_it(deployment: Deployment, code: str) -> None:
    """Whoever saw the link later gets nothing for it."""
    await press(deployment, code)
    with pytest.raises(CodeAlreadySpent):
        await press(deployment, code, browser="browser-2")


async def test_a_repeat_after_logging_out_does_not_log_in_again(
    deployment: Deployment, code: str
) -> None:
    """An ended session is not handed out a second time."""
    first = await press(deployment, code)
    await end_session(deployment, first.secret)
    with pytest.raises(CodeAlreadySpent):
        await press(deployment, code)


async def test_another_account_is_never_replaced_silently(
    deployment: Deployment, code: str, secret_of_bob: str
) -> None:
    """Where somebody else is logged in the press is refused, and nothing changes."""
    with pytest.raises(OtherAccountActive):
        await press(deployment, code, secret=secret_of_bob)
    assert "@bob" == (await identify_by_cookie(deployment, secret_of_bob)).person.label
    offer = await look(deployment, code, secret=secret_of_bob)
    assert offer.other is not None
    assert ("@alice", "@bob") == (offer.person.label, offer.other.label)


async def test_switching_ends_the_other_account_here(
    deployment: Deployment, code: str, secret_of_bob: str
) -> None:
    """Who asks to switch is logged in, and the other session is ended with its tokens."""
    outcome = await press(deployment, code, secret=secret_of_bob, switch=True)
    assert "@alice" == (await identify_by_cookie(deployment, outcome.secret)).person.label
    with pytest.raises(SessionEnded):
        await identify_by_cookie(deployment, secret_of_bob)


async def test_repeating_a_switch_works(
    deployment: Deployment, code: str, secret_of_bob: str
) -> None:
    """Also where the answer to the first press was lost, and the old cookie is still there."""
    first = await press(deployment, code, secret=secret_of_bob, switch=True)
    assert first == await press(deployment, code, secret=secret_of_bob, switch=True)


async def test_a_failed_switch_ends_nothing(
    deployment: Deployment, code: str, secret_of_bob: str, clock: Clock
) -> None:
    """A code that is not good any more costs nobody their session."""
    clock.advance(LIFETIME)
    with pytest.raises(CodeExpired):
        await press(deployment, code, secret=secret_of_bob, switch=True)
    assert "@bob" == (await identify_by_cookie(deployment, secret_of_bob)).person.label


async def test_the_own_account_needs_no_switch(deployment: Deployment, code: str) -> None:
    """Who is logged in already just goes on, with a new session."""
    first = await press(deployment, code)
    login = await a_begun_login(deployment, update_id=2)
    second = await press(deployment, chat_code_of(deployment, login), secret=first.secret)
    assert first.session.id != second.session.id
    assert first.secret != second.secret


@pytest.mark.parametrize(
    ("wait", "good"), [(LIFETIME - 1, True), (LIFETIME, False), (LIFETIME + SECOND, False)]
)
async def test_the_link_expires_to_the_millisecond(
    deployment: Deployment, code: str, clock: Clock, wait: int, *, good: bool
) -> None:
    """Page and button agree on it."""
    clock.advance(wait)
    if good:
        await look(deployment, code)
        await press(deployment, code)
    else:
        with pytest.raises(CodeExpired):
            await look(deployment, code)
        with pytest.raises(CodeExpired):
            await press(deployment, code)


async def test_who_was_taken_off_the_list_is_refused(deployment: Deployment, code: str) -> None:
    """On the page and at the press."""
    banned = replace(deployment, allow=AllowList(everyone=False))
    with pytest.raises(PersonNotAllowed):
        await look(banned, code)
    with pytest.raises(PersonNotAllowed):
        await press(banned, code)


async def test_showing_spends_nothing(deployment: Deployment, code: str, store: Store) -> None:
    """However often the page is looked at, not a byte of the store changes."""
    async with store.reading() as connection:
        [before] = await connection.run("PRAGMA data_version")
    for browser in map(str, range(100)):
        await look(deployment, code, browser=browser)
    async with store.reading() as connection:
        [after] = await connection.run("PRAGMA data_version")
    assert before[0] == after[0]
    await press(deployment, code)


async def test_the_page_of_a_repeat_is_shown_to_its_own_browser(
    deployment: Deployment, code: str
) -> None:
    """Going back after the press shows the same page, which the press still answers."""
    await press(deployment, code)
    await look(deployment, code)
    with pytest.raises(CodeAlreadySpent):
        await look(deployment, code, browser="browser-2")


async def test_the_page_offers_only_what_the_press_accepts(
    deployment: Deployment, code: str, clock: Clock
) -> None:
    """A minute after the press there is nothing to repeat, and the page says so."""
    await press(deployment, code)
    clock.advance(CALLBACK_CODE_LIFETIME)
    with pytest.raises(CodeAlreadySpent):
        await look(deployment, code)


async def test_a_callback_code_is_not_for_the_page(deployment: Deployment, code: str) -> None:
    """A code is never accepted for anything but its own kind, not even by the same browser."""
    outcome = await press(deployment, code)
    with pytest.raises(CodeMisused):
        await press(deployment, outcome.callback_code or "")


async def test_a_callback_code_is_not_for_another_browsers_page(
    deployment: Deployment, code: str
) -> None:
    """Whoever catches a callback code cannot open our page with it."""
    outcome = await press(deployment, code)
    for action in (
        look(deployment, outcome.callback_code or "", browser="b-2"),
        press(deployment, outcome.callback_code or "", browser="b-2"),
    ):
        with pytest.raises(CodeMisused):
            await action


async def test_what_is_no_code_is_unknown(deployment: Deployment) -> None:
    """On the page and at the press."""
    with pytest.raises(CodeUnknown):
        await look(deployment, "A" * 43)
    with pytest.raises(CodeUnknown):
        await press(deployment, "A" * 43)


async def test_an_outcome_prints_no_secret(deployment: Deployment, code: str) -> None:
    """Neither the cookie's secret nor the callback code reach a log by printing it."""
    outcome = await press(deployment, code)
    printed = f"{outcome!r} {outcome}"
    assert outcome.secret not in printed
    assert str(outcome.callback_code) not in printed


async def test_a_replaced_link_is_refused_as_such(deployment: Deployment, code: str) -> None:
    """On the page and at the press: a newer link is in the chat, and that one works."""
    newer = await a_begun_login(deployment, update_id=2)
    with pytest.raises(LoginReplaced):
        await look(deployment, code)
    with pytest.raises(LoginReplaced):
        await press(deployment, code)
    await look(deployment, chat_code_of(deployment, newer))
    await press(deployment, chat_code_of(deployment, newer))


async def test_a_used_link_is_not_replaced(deployment: Deployment, code: str) -> None:
    """The repeat of a press stays good, although a newer link is there."""
    first = await press(deployment, code)
    await a_begun_login(deployment, update_id=2)
    assert first == await press(deployment, code)


async def test_who_was_banned_is_refused(deployment: Deployment, code: str) -> None:
    """On the page and at the press; the ban has withdrawn the link for good."""
    assert await ban_person(deployment, ALICE)
    with pytest.raises(PersonBanned):
        await look(deployment, code)
    with pytest.raises(PersonBanned):
        await press(deployment, code)
    assert await unban_person(deployment, ALICE)
    with pytest.raises(LoginDenied):
        await press(deployment, code)


async def test_the_press_changes_the_links_message_now(
    deployment: Deployment, code: str, clock: Clock, store: Store
) -> None:
    """The chat says at once that the link was used, and not only when it expires."""
    clock.advance(SECOND)
    await press(deployment, code)
    async with store.reading() as connection:
        closing = await outbox.get(connection, 2)
    assert closing is not None
    assert (Notice.LOGIN_CLOSED, clock()) == (closing.notice, closing.not_before)


async def test_a_refused_press_changes_no_message(
    deployment: Deployment, code: str, secret_of_bob: str, store: Store
) -> None:
    """Nothing was used, so nothing is said."""
    with pytest.raises(OtherAccountActive):
        await press(deployment, code, secret=secret_of_bob)
    async with store.reading() as connection:
        [row] = await connection.run(
            "SELECT not_before FROM outbox WHERE notice = 'login_closed' AND chat_id = :chat",
            {"chat": ALICE},
        )
    assert deployment.now() + LIFETIME == row["not_before"]


async def test_the_session_remembers_the_browser(deployment: Deployment, code: str) -> None:
    """Its owner recognises it, and its idle time begins with the press."""
    visitor = Visitor(device="Firefox, Linux", address="192.0.2.1")
    browser = a_browser(visitor=visitor)
    outcome = await continue_in_browser(deployment, code, browser=browser, switch=False)
    async with deployment.store.reading() as connection:
        kept = await sessions.get(connection, outcome.session.id)
    assert kept is not None
    rules = deployment.sessions
    assert (visitor, deployment.now(), deployment.now() + rules.idle_lifetime) == (
        kept.visitor,
        kept.seen_at,
        kept.idle_expires_at,
    )
    assert deployment.now() + rules.lifetime == kept.expires_at


async def test_an_idle_session_is_nobodys(
    deployment: Deployment, secret_of_bob: str, clock: Clock
) -> None:
    """Whoever was logged in here and idle for too long needs no switch any more."""
    clock.advance(deployment.sessions.idle_lifetime)
    login = await a_begun_login(deployment, update_id=3)
    await press(deployment, chat_code_of(deployment, login), secret=secret_of_bob)


async def test_a_browser_prints_no_secret(secret_of_bob: str) -> None:
    """Neither the cookie's secret nor the hash that names it reach a log by printing it."""
    browser = a_browser("name-of-it", session_secret=secret_of_bob)
    assert secret_of_bob not in f"{browser!r} {browser}"
    assert "name-of-it" not in f"{browser!r} {browser}"
