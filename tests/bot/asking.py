"""Logins that browsers began, and how they are opened and answered in the chat."""

from typing import Any

from telegram import Update
from tests.builders import ALICE, a_profile, a_tap, asked

from tgauth.domain.approval import derive_handle, derive_numbers
from tgauth.domain.login import LoginRequest
from tgauth.domain.session import Visitor
from tgauth.flows.approve_in_chat import Answer, Answered, answer_approval, open_approval
from tgauth.flows.begin_browser_login import Wish, begin_browser_login
from tgauth.flows.browser_sessions import Browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.finish_browser_login import finish_browser_login
from tgauth.flows.receive_update import receive_update
from tgauth.store import Store, logins

VISITOR = Visitor(device="Firefox, Linux", address="203.0.113.7")
BROWSER = Browser(name="browser-1", visitor=VISITOR)
#: The message that taps are under.
QUESTION = 77


async def a_waiting_login(deployment: Deployment, **fields: Any) -> LoginRequest:
    """Let a browser begin a login."""
    chosen: dict[str, Any] = {"browser": BROWSER.name, "visitor": VISITOR}
    return await begin_browser_login(deployment, Wish(**chosen | fields))


async def an_asked_login(
    deployment: Deployment,
    *,
    telegram_id: int = ALICE,
    update_id: int = 1,
    language: str = "en",
    **fields: Any,
) -> LoginRequest:
    """Let a browser begin a login, and somebody open its link."""
    login = await a_waiting_login(deployment, **fields)
    profile = a_profile(telegram_id, language=language)
    opening = asked(update_id, profile=profile, at=deployment.now())
    await receive_update(deployment, opening.key, "{}")
    assert login == await open_approval(deployment, opening, handle_of(deployment, login))
    return login


async def answer(
    deployment: Deployment, login: LoginRequest, number: int | None, *, update_id: int = 50
) -> Answered | None:
    """Let Alice answer, through the inbox as in production."""
    answering = asked(update_id, at=deployment.now())
    await receive_update(deployment, answering.key, "{}")
    return await answer_approval(
        deployment, answering, Answer(login_id=login.id, number=number, message_id=QUESTION)
    )


async def an_approved_login(deployment: Deployment, **fields: Any) -> LoginRequest:
    """Let a browser begin a login, and Alice approve it."""
    login = await an_asked_login(deployment, **fields)
    await answer(deployment, login, right_number(deployment, login))
    return login


async def finish(deployment: Deployment, login: LoginRequest) -> str:
    """Let the browser finish an approved login; return the session's id."""
    done = await finish_browser_login(deployment, login.id, browser=BROWSER, switch=False)
    return done.session.id


def handle_of(deployment: Deployment, login: LoginRequest) -> str:
    """Return what the deep link of a login holds."""
    return derive_handle(deployment.master_key, login.id)


def right_number(deployment: Deployment, login: LoginRequest) -> int:
    """Return the number that the page shows."""
    return derive_numbers(deployment.master_key, login.id).right


def wrong_number(deployment: Deployment, login: LoginRequest) -> int:
    """Return a number that the chat offers and the page does not show."""
    numbers = derive_numbers(deployment.master_key, login.id)
    return next(one for one in numbers.offered if one != numbers.right)


def picking(login: LoginRequest, number: int, **fields: Any) -> Update:
    """Build the update of a tap on a number."""
    return a_tap(f"pick:{login.id}:{number}", message_id=QUESTION, **fields)


async def state_of(store: Store, login: LoginRequest) -> str:
    """Return what is stored of a login's state."""
    async with store.reading() as connection:
        found = await logins.get(connection, login.id)
    assert found is not None
    return found.state.value
