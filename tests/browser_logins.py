"""Logins that begin in a browser, step by step, through the inbox as in production."""

from typing import Any

from tests.builders import ALICE, a_browser, a_profile, asked

from tgauth.domain.approval import Approval, derive_handle, derive_numbers
from tgauth.domain.code import hash_of
from tgauth.domain.login import LoginRequest
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Visitor
from tgauth.flows.approve_in_chat import Answer, Answered, answer_approval, open_approval
from tgauth.flows.begin_browser_login import Wish, begin_browser_login
from tgauth.flows.begin_chat_login import Asked
from tgauth.flows.browser_sessions import Browser, Continuation
from tgauth.flows.deployment import Deployment
from tgauth.flows.finish_browser_login import finish_browser_login
from tgauth.flows.receive_update import receive_update
from tgauth.store import approvals, logins

#: Where the browser that begins is, and how a person recognises it.
VISITOR = Visitor(device="Firefox, Linux", address="203.0.113.7")
#: The question's message in the chat.
MESSAGE = 77


def the_browser(name: str = "secret-1", **fields: Any) -> Browser:
    """Build a browser with a name of its own."""
    return a_browser(hash_of(name), **{"visitor": VISITOR} | fields)


async def begun(
    deployment: Deployment,
    *,
    browser: str = "secret-1",
    visitor: Visitor = VISITOR,
    state: str | None = None,
) -> LoginRequest:
    """Let a browser begin a login."""
    wish = Wish(browser=hash_of(browser), visitor=visitor, place="Graz", state_parameter=state)
    return await begin_browser_login(deployment, wish)


def handle_of(deployment: Deployment, login: LoginRequest) -> str:
    """Return what stands in the link that the page shows."""
    return derive_handle(deployment.master_key, login.id)


def right_number(deployment: Deployment, login: LoginRequest) -> int:
    """Return the number that the page shows."""
    return derive_numbers(deployment.master_key, login.id).right


def wrong_number(deployment: Deployment, login: LoginRequest) -> int:
    """Return one of the others."""
    numbers = derive_numbers(deployment.master_key, login.id)
    return next(number for number in numbers.offered if number != numbers.right)


async def received(
    deployment: Deployment, update_id: int, *, telegram_id: int = ALICE, **fields: Any
) -> Asked:
    """Let an update of somebody be received."""
    asking = asked(update_id, profile=a_profile(telegram_id, **fields), at=deployment.now())
    await receive_update(deployment, asking.key, "{}")
    return asking


async def opened(
    deployment: Deployment, login: LoginRequest, *, update_id: int = 100, telegram_id: int = ALICE
) -> LoginRequest | Notice | None:
    """Let somebody open a login's link."""
    asking = await received(deployment, update_id, telegram_id=telegram_id)
    return await open_approval(deployment, asking, handle_of(deployment, login))


async def answered(
    deployment: Deployment,
    login: LoginRequest,
    number: int | None,
    *,
    update_id: int = 200,
    telegram_id: int = ALICE,
) -> Answered | None:
    """Let somebody press a button under a question."""
    asking = await received(deployment, update_id, telegram_id=telegram_id)
    answer = Answer(login_id=login.id, number=number, message_id=MESSAGE)
    return await answer_approval(deployment, asking, answer)


async def approved(
    deployment: Deployment, *, browser: str = "secret-1", update_id: int = 100
) -> LoginRequest:
    """Let a browser begin a login, and Alice approve it."""
    login = await begun(deployment, browser=browser)
    assert await opened(deployment, login, update_id=update_id) == login
    right = right_number(deployment, login)
    became = await answered(deployment, login, right, update_id=update_id + 1)
    assert became is Answered.APPROVED
    return login


async def finished(
    deployment: Deployment,
    login: LoginRequest,
    *,
    browser: Browser | None = None,
    switch: bool = False,
) -> Continuation:
    """Let the browser that began a login finish it."""
    return await finish_browser_login(
        deployment, login.id, browser=browser or the_browser(), switch=switch
    )


async def kept(
    deployment: Deployment, login: LoginRequest
) -> tuple[LoginRequest | None, Approval | None]:
    """Return what is kept of a login by now."""
    async with deployment.store.reading() as connection:
        found = await logins.get(connection, login.id)
        return found, await approvals.get(connection, login.id)
