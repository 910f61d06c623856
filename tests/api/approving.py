"""What a person does in the chat about a login that began in a browser."""

import re
import secrets

import httpx
from tests.builders import ALICE, a_profile, asked

from tgauth.domain.approval import derive_handle, derive_numbers
from tgauth.flows.approve_in_chat import Answer, Answered, answer_approval, open_approval
from tgauth.flows.deployment import Deployment
from tgauth.flows.receive_update import receive_update
from tgauth.store import bot_account
from tgauth.store.bot_account import BotAccount

BOT = "shop_login_bot"


async def introduce(deployment: Deployment) -> None:
    """Let the bot tell who it is, as it does when it has reached Telegram."""
    account = BotAccount(telegram_id=5, username=BOT)
    await deployment.store.write(bot_account.save, account)


async def begin(
    browser: httpx.AsyncClient, *, state: str | None = None, as_another: bool = False
) -> httpx.Response:
    """Open the login page, and follow it to the page of the login."""
    params = {} if state is None else {"state": state}
    begun = await browser.get("/login", params=params)
    assert 303 == begun.status_code
    return await browser.get(
        begun.headers["location"], params={"account": "another"} if as_another else {}
    )


def login_of(page: httpx.Response) -> str:
    """Return the id of the login that a page is about."""
    found = re.search(r"/login/([0-9a-f]{32})", str(page.url))
    assert found is not None
    return found[1]


async def open_in_chat(
    deployment: Deployment, login_id: str, *, telegram_id: int = ALICE, name: str = "alice"
) -> None:
    """Open the deep link."""
    asking = asked(
        secrets.randbelow(2**31),
        profile=a_profile(telegram_id, username=name),
        at=deployment.now(),
    )
    await receive_update(deployment, asking.key, "{}")
    await open_approval(deployment, asking, derive_handle(deployment.master_key, login_id))


async def answer(
    deployment: Deployment,
    login_id: str,
    *,
    telegram_id: int = ALICE,
    name: str = "alice",
    number: int | None = None,
) -> Answered | None:
    """Open the deep link and pick a number; none: the right one; 0: decline."""
    await open_in_chat(deployment, login_id, telegram_id=telegram_id, name=name)
    right = derive_numbers(deployment.master_key, login_id).right
    asking = asked(
        secrets.randbelow(2**31),
        profile=a_profile(telegram_id, username=name),
        at=deployment.now(),
    )
    await receive_update(deployment, asking.key, "{}")
    picked = Answer(
        login_id=login_id,
        number=None if number == 0 else number or right,
        message_id=77,
    )
    return await answer_approval(deployment, asking, picked)
