"""Promises of pages that wait: whatever becomes of a login wakes them, and looking does not."""

from collections.abc import Awaitable, Callable

import pytest
from tests import browser_logins as steps
from tests.builders import ALICE, Clock

from tgauth.domain.approval import derive_stream
from tgauth.domain.code import hash_of
from tgauth.domain.instants import CLOCK_TOLERANCE, HOUR
from tgauth.domain.login import LoginRequest, Standing
from tgauth.flows.account import delete_account, end_every_session
from tgauth.flows.begin_browser_login import show_browser_login
from tgauth.flows.deciding import watch_clock
from tgauth.flows.deployment import Deployment
from tgauth.flows.follow_browser_logins import follow_browser_logins
from tgauth.store import Topic, approvals, persons

pytestmark = pytest.mark.anyio

Happening = Callable[[Deployment, Clock, LoginRequest], Awaitable[object]]


async def leave(deployment: Deployment, _: Clock, __: LoginRequest) -> None:
    """Let Alice leave everywhere."""
    async with deployment.store.reading() as connection:
        person = await persons.find(connection, ALICE)
    assert person is not None
    await end_every_session(deployment, person)


async def delete(deployment: Deployment, _: Clock, __: LoginRequest) -> None:
    """Delete Alice's account."""
    async with deployment.store.reading() as connection:
        person = await persons.find(connection, ALICE)
    assert person is not None
    await delete_account(deployment, person)


async def set_back(deployment: Deployment, clock: Clock, _: LoginRequest) -> None:
    """Set the clock back, for somebody to notice."""
    clock.step(-HOUR)
    await watch_clock(deployment)


#: What happens to a login, and whether it is approved before.
HAPPENINGS: dict[str, tuple[bool, Happening]] = {
    "it is opened": (False, lambda where, _, login: steps.opened(where, login)),
    "it is answered": (False, lambda where, _, login: steps.answered(where, login, None)),
    "it is finished": (True, lambda where, _, login: steps.finished(where, login)),
    "its person leaves": (True, leave),
    "its person goes": (True, delete),
    "the clock is set back": (True, set_back),
}


@pytest.mark.parametrize("name", HAPPENINGS)
async def test_whatever_becomes_of_a_login_wakes_its_page(
    deployment: Deployment, clock: Clock, name: str
) -> None:
    """In whichever process it waits."""
    is_approved, happens = HAPPENINGS[name]
    login = await (steps.approved if is_approved else steps.begun)(deployment)
    if name == "it is answered":
        await steps.opened(deployment, login)
    rung: list[str] = []
    with deployment.store.wakeups.listening({Topic.APPROVAL: lambda: rung.append(name)}):
        await happens(deployment, clock, login)
    assert rung


async def test_looking_wakes_nobody(deployment: Deployment) -> None:
    """A page that is woken looks, and must not wake itself."""
    login = await steps.approved(deployment)
    rung: list[str] = []
    with deployment.store.wakeups.listening({Topic.APPROVAL: lambda: rung.append("woken")}):
        await show_browser_login(deployment, login.id, browser=steps.the_browser())
        await follow_browser_logins(deployment, {hash_of("a stream"): None})
    assert [] == rung


async def test_a_page_is_told_that_its_login_is_gone(deployment: Deployment) -> None:
    """Whatever it knew of it."""
    gone = hash_of("a stream of a login that was swept away")
    for knows in (None, False, True):
        assert {gone: None} == await follow_browser_logins(deployment, {gone: knows})


async def nothing(_: Deployment, __: Clock, ___: LoginRequest) -> None:
    """Let it wait."""


async def last_moment(_: Deployment, clock: Clock, login: LoginRequest) -> None:
    """Let the last millisecond come in which it can be approved."""
    clock.advance(login.expires_at - clock.now - 1)


async def expiry(_: Deployment, clock: Clock, login: LoginRequest) -> None:
    """Let it expire, and not a millisecond more."""
    clock.advance(login.expires_at - clock.now)


#: How a login stands, what happens then, and what a page knew before to whom that is news.
NEWS: list[tuple[str, Happening, list[bool | None]]] = [
    ("begun", nothing, [None, True]),
    ("opened", nothing, [None, False]),
    ("begun", last_moment, [None, True]),
    ("opened", last_moment, [None, False]),
    ("begun", expiry, [None, False, True]),
    ("opened", expiry, [None, False, True]),
    ("approved", nothing, [None, False, True]),
    ("denied", nothing, [None, False, True]),
]


@pytest.mark.parametrize(("how", "happens", "to_whom"), NEWS)
async def test_a_page_is_told_what_it_does_not_know(
    deployment: Deployment,
    clock: Clock,
    how: str,
    happens: Happening,
    to_whom: list[bool | None],
) -> None:
    """And nothing is read for those that wait and know it, which are most of them."""
    login = await steps.begun(deployment)
    if how != "begun":
        await steps.opened(deployment, login)
    if how == "approved":
        await steps.answered(deployment, login, steps.right_number(deployment, login))
    if how == "denied":
        await steps.answered(deployment, login, None)
    await happens(deployment, clock, login)
    name = hash_of(derive_stream(deployment.master_key, login.id))
    everything = await follow_browser_logins(deployment, {name: None})
    assert everything[name] is not None
    for knows in (None, False, True):
        found = await follow_browser_logins(deployment, {name: knows})
        assert (everything if knows in to_whom else {}) == found


async def test_a_login_from_the_future_is_news(deployment: Deployment) -> None:
    """It has expired, by the same rule as everywhere: the clock was set back, and nobody looked."""
    login = await steps.begun(deployment)
    name = hash_of(derive_stream(deployment.master_key, login.id))
    latest = login.created_at - CLOCK_TOLERANCE
    for now, standing in ((latest, Standing.PENDING), (latest - 1, Standing.EXPIRED)):
        async with deployment.store.reading() as connection:
            found = await approvals.followed(connection, {name: False}, now=now)
        assert standing is login.standing_at(now)
        assert (standing is Standing.EXPIRED) is (name in found)
