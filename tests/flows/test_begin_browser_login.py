"""Promises of a login's page: one browser looks at it, and no network begins too many."""

from dataclasses import replace
from pathlib import Path

import pytest
from anyio import create_task_group, fail_after
from tests.browser_logins import (
    VISITOR,
    approved,
    begun,
    finished,
    handle_of,
    kept,
    opened,
    right_number,
    the_browser,
)
from tests.builders import (
    ALICE,
    APPROVAL_TTL,
    Clock,
    Ids,
    a_begun_login,
    a_deployment,
    chat_code_of,
)

from tgauth.domain.approval import NETWORK_BLOCK_LIFETIME, derive_stream
from tgauth.domain.code import hash_of
from tgauth.domain.errors import ApprovalUnknown, NetworkBlocked, OtherBrowser, TooManyLogins
from tgauth.domain.instants import DAY, HOUR, MINUTE, SECOND
from tgauth.domain.login import Standing
from tgauth.domain.session import Visitor
from tgauth.flows.begin_browser_login import Wish, begin_browser_login, show_browser_login
from tgauth.flows.browser_sessions import Browser
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.finish_browser_login import continue_as_current
from tgauth.flows.follow_browser_logins import Signal, follow_browser_logins
from tgauth.flows.identify import identify_by_cookie
from tgauth.store import Store, blocked_networks, bot_account

pytestmark = pytest.mark.anyio

LIMIT = 3


@pytest.fixture
def strict(deployment: Deployment) -> Deployment:
    """Return an installation in which a network begins few logins."""
    return replace(deployment, browser_logins_per_minute=LIMIT)


async def block(deployment: Deployment, network: str, *, until: int) -> None:
    """Block a network."""
    async with deployment.store.writing() as connection:
        await blocked_networks.block(connection, network, until=until)


async def test_the_page_shows_how_to_approve_it(deployment: Deployment) -> None:
    """The link's handle, the number, and whom to write to once the bot has told who it is."""
    login = await begun(deployment, state="from the application")
    page = await show_browser_login(deployment, login.id, browser=the_browser())
    assert (Standing.PENDING, False, None, None) == (
        page.standing,
        page.is_opened,
        page.bot,
        page.current,
    )
    assert handle_of(deployment, login) == page.handle
    assert right_number(deployment, login) == page.number
    async with deployment.store.writing() as connection:
        account = bot_account.BotAccount(telegram_id=4242, username="example_bot")
        await bot_account.save(connection, account)
        renamed = replace(account, username="other_bot")
        await bot_account.save(connection, renamed)
        assert renamed == await bot_account.get(connection)
    page = await show_browser_login(deployment, login.id, browser=the_browser())
    assert "other_bot" == page.bot


async def test_looking_changes_nothing(deployment: Deployment, clock: Clock) -> None:
    """However often: a browser that fetches pages beforehand, or a refresh, spends nothing."""
    login = await approved(deployment)
    before = await kept(deployment, login)
    for _ in range(3):
        clock.advance(SECOND)
        page = await show_browser_login(deployment, login.id, browser=the_browser())
        assert Standing.APPROVED == page.standing
    assert before == await kept(deployment, login)


@pytest.mark.parametrize("browser", [None, the_browser("another"), Browser(name="")], ids=repr)
async def test_no_other_browser_looks_at_it(
    deployment: Deployment, browser: Browser | None
) -> None:
    """Who has its address alone learns neither handle nor number."""
    login = await begun(deployment)
    with pytest.raises(OtherBrowser):
        await show_browser_login(deployment, login.id, browser=browser)


async def test_a_login_that_is_not_there_is_unknown(deployment: Deployment) -> None:
    """So is one that began in the chat."""
    with pytest.raises(ApprovalUnknown):
        await show_browser_login(deployment, "nope", browser=the_browser())


async def test_what_is_shown_prints_no_secret(deployment: Deployment) -> None:
    """In whatever log it ends up."""
    login = await begun(deployment)
    page = await show_browser_login(deployment, login.id, browser=the_browser())
    for secret in (page.handle, page.stream, str(page.number)):
        assert secret not in repr(page).replace(login.id, "")


async def test_a_network_begins_so_many_in_a_minute_and_no_more(
    strict: Deployment, clock: Clock
) -> None:
    """Whatever its browsers are called; it has all of them back after the minute."""
    for number in range(LIMIT):
        await begun(strict, browser=f"browser {number}")
        clock.advance(SECOND)
    with pytest.raises(TooManyLogins):
        await begun(strict, browser="one more")
    clock.advance(MINUTE - LIMIT * SECOND - 1)
    with pytest.raises(TooManyLogins):
        await begun(strict)
    clock.advance(1)
    await begun(strict)


async def test_nobody_looks_up_where_a_refused_login_came_from(strict: Deployment) -> None:
    """A look costs a file that is opened: whoever begins far too many pays for none."""
    looked: list[str] = []

    async def locate(address: str) -> str:
        looked.append(address)
        return "Graz"

    wish = Wish(browser="browser", visitor=VISITOR)
    login, *_ = [await begin_browser_login(strict, wish, locate=locate) for _ in range(LIMIT)]
    with pytest.raises(TooManyLogins):
        await begin_browser_login(strict, wish, locate=locate)
    assert LIMIT == len(looked)
    _, approval = await kept(strict, login)
    assert approval is not None
    assert "Graz" == approval.place


async def test_another_network_is_not_held_up(strict: Deployment) -> None:
    """IPv6 counts by its /64, since one person has all of that."""
    for number in range(LIMIT):
        await begun(strict, visitor=Visitor(address=f"2001:db8::{number}"))
    with pytest.raises(TooManyLogins):
        await begun(strict, visitor=Visitor(address="2001:db8::ffff"))
    await begun(strict, visitor=Visitor(address="2001:db8:0:1::1"))


async def test_two_processes_count_together(
    strict: Deployment, database: Path, clock: Clock
) -> None:
    """The rows are what is counted, so a restart forgets nothing either."""
    for _ in range(LIMIT):
        await begun(strict)
    async with Store.open(database) as store:
        other = a_deployment(store, now=clock, new_id=Ids(), browser_logins_per_minute=LIMIT)
        with pytest.raises(TooManyLogins):
            await begun(other)


async def test_begins_at_the_same_moment_are_all_counted(strict: Deployment) -> None:
    """Whoever sends many at once gets no more than one after the other."""
    refused: list[int] = []

    async def begins() -> None:
        try:
            await begun(strict)
        except TooManyLogins as error:
            refused.append(error.wait)

    async with create_task_group() as tasks:
        for _ in range(4 * LIMIT):
            tasks.start_soon(begins)
    assert [MINUTE] * 3 * LIMIT == refused


async def test_who_begins_too_many_keeps_no_writer_waiting(strict: Deployment) -> None:
    """The refusal comes while somebody else writes."""
    for _ in range(LIMIT):
        await begun(strict)
    async with strict.store.writing():
        with fail_after(5), pytest.raises(TooManyLogins):
            await begun(strict)


async def test_a_blocked_network_begins_nothing_and_finishes_nothing(
    deployment: Deployment, clock: Clock
) -> None:
    """Not even what was approved before; and it is over to the millisecond."""
    login = await approved(deployment)
    await block(deployment, "203.0.113.7", until=clock.now + SECOND)
    with pytest.raises(NetworkBlocked):
        await begun(deployment)
    with pytest.raises(NetworkBlocked):
        await finished(deployment, login)
    await begun(deployment, visitor=Visitor(address="203.0.113.8"))
    clock.advance(SECOND - 1)
    with pytest.raises(NetworkBlocked) as caught:
        await begun(deployment)
    assert 1 == caught.value.wait
    clock.advance(1)
    await begun(deployment)
    await finished(deployment, login)


async def test_a_blocked_network_still_uses_links_from_the_chat(
    deployment: Deployment, clock: Clock
) -> None:
    """Whoever shares it with somebody who was disowned has a way to log in meanwhile."""
    await block(deployment, "203.0.113.7", until=clock.now + HOUR)
    code = chat_code_of(deployment, await a_begun_login(deployment))
    done = await continue_in_browser(deployment, code, browser=the_browser(), switch=False)
    assert ALICE == (await identify_by_cookie(deployment, done.secret)).person.profile.telegram_id


@pytest.mark.parametrize("back", [HOUR, 400 * DAY])
async def test_a_clock_that_was_set_back_blocks_nobody_for_ever(
    deployment: Deployment, clock: Clock, back: int
) -> None:
    """An end that is further away than any block can be is none."""
    await block(deployment, "203.0.113.7", until=clock.now + NETWORK_BLOCK_LIFETIME)
    clock.step(-back)
    await begun(deployment)


async def test_a_clock_that_was_set_back_leaves_room(strict: Deployment, clock: Clock) -> None:
    """What began in a future that was none counts for nobody."""
    for _ in range(LIMIT):
        await begun(strict)
    clock.step(-DAY)
    await begun(strict)


async def test_a_clock_that_was_set_back_ends_what_waited(
    deployment: Deployment, clock: Clock
) -> None:
    """Pending and approved: how long they have lived nobody can tell. They stay ended."""
    waiting, good = await begun(deployment), await approved(deployment)
    clock.step(-HOUR)
    for step in (0, HOUR, -HOUR, 2 * HOUR):
        clock.step(step)
        for login in (waiting, good):
            page = await show_browser_login(deployment, login.id, browser=the_browser())
            assert Standing.EXPIRED == page.standing


async def test_a_page_knows_who_is_logged_in_here_already(deployment: Deployment) -> None:
    """By the browser's own session, while it lives."""
    done = await finished(deployment, await approved(deployment))
    login = await begun(deployment)
    here = the_browser(session_secret=done.secret)
    page = await show_browser_login(deployment, login.id, browser=here)
    assert page.current is not None
    assert ALICE == page.current.profile.telegram_id
    assert page.person is None
    await continue_as_current(deployment, login.id, browser=here)
    page = await show_browser_login(deployment, login.id, browser=here)
    assert page.person is not None
    assert page.current is None  # that session gave way to a new one


async def test_a_page_hears_how_its_login_stands_and_nothing_else(
    deployment: Deployment, clock: Clock
) -> None:
    """By the stream's name; a name that nobody gave out means nothing."""
    login = await begun(deployment)
    name = hash_of(derive_stream(deployment.master_key, login.id))
    until = clock.now + APPROVAL_TTL

    async def heard() -> Signal:
        guess = hash_of("a guess")
        found = await follow_browser_logins(deployment, {name: None, guess: None})
        assert {name, guess} == set(found)
        assert found[guess] is None
        signal = found[name]
        assert signal is not None
        return signal

    assert Signal(standing=Standing.PENDING, is_opened=False, expires_at=until) == await heard()
    await opened(deployment, login)
    assert Signal(standing=Standing.PENDING, is_opened=True, expires_at=until) == await heard()
    clock.advance(APPROVAL_TTL)
    assert Signal(standing=Standing.EXPIRED, is_opened=True, expires_at=until) == await heard()


async def test_many_pages_hear_in_one_look(deployment: Deployment) -> None:
    """More than any SQLite takes as parameters at once."""
    many = replace(deployment, browser_logins_per_minute=2000)
    names = [f"name {number}" for number in range(1200)]
    for at in (0, 600, 1199):
        login = await begun(many)
        names[at] = hash_of(derive_stream(many.master_key, login.id))
    found = await follow_browser_logins(many, dict.fromkeys(names))
    assert names == list(found)
    assert [0, 600, 1199] == [at for at, name in enumerate(names) if found[name] is not None]


async def test_what_the_browser_is_stays_with_its_login(deployment: Deployment) -> None:
    """What the question shows, and what the application gets back."""
    login = await begun(deployment, state="from the application")
    _, approval = await kept(deployment, login)
    assert approval is not None
    assert (VISITOR, "203.0.113.7", "Graz", "from the application") == (
        approval.visitor,
        approval.network,
        approval.place,
        approval.state_parameter,
    )
