"""Promises of pages that wait: whatever becomes of a login wakes them, and looking does not."""

from collections.abc import Awaitable, Callable

import pytest
from tests import browser_logins as steps
from tests.builders import ALICE, Clock

from tgauth.domain.code import hash_of
from tgauth.domain.instants import HOUR
from tgauth.domain.login import LoginRequest
from tgauth.flows.account import delete_account, end_every_session
from tgauth.flows.begin_browser_login import show_browser_login
from tgauth.flows.deciding import watch_clock
from tgauth.flows.deployment import Deployment
from tgauth.flows.follow_browser_logins import follow_browser_logins
from tgauth.store import Topic, persons

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
        await follow_browser_logins(deployment, [hash_of("a stream")])
    assert [] == rung
