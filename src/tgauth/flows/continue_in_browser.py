"""The page behind the bot's link, and the press of its button."""

from dataclasses import dataclass

from tgauth.domain.code import CodeKind
from tgauth.domain.errors import TgauthError
from tgauth.domain.instants import Instant
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.auditing import Trail
from tgauth.flows.browser_sessions import (
    Browser,
    Continuation,
    continuation,
    current_session,
    make_room,
    new_session,
    note_redeemed,
    other_person,
    repeatable,
    require_switch,
)
from tgauth.flows.deciding import decide, judge
from tgauth.flows.deployment import Deployment
from tgauth.flows.spending import Presented, look_up, redeem_login, require_allowed
from tgauth.store import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What the page offers.

    Attributes:
        person: Who would be logged in.
        other: Who is logged in in this browser instead, if somebody else is.
    """

    person: Person
    other: Person | None


async def show_offer(deployment: Deployment, text: str, *, browser: Browser) -> Offer:
    """Say whom a code would log in, spending nothing.

    Args:
        deployment: The installation.
        text: The code.
        browser: The browser that asks.

    Raises:
        TgauthError: The code would not be accepted now, with the reason.
    """
    return await judge(deployment, _offer, text, browser)


async def _offer(
    connection: Connection, deployment: Deployment, text: str, browser: Browser
) -> Offer:
    now = deployment.now()
    presented = await look_up(connection, text)
    require_allowed(deployment, presented.person)
    if await _repeatable(connection, presented, browser, now) is None:
        presented.code.spend(kinds={CodeKind.CHAT}, client_id=deployment.client.id, now=now)
        presented.login.require_redeemable(now)
    current = await current_session(connection, browser, now=now)
    other = await other_person(connection, current, presented.person)
    return Offer(person=presented.person, other=other)


async def continue_in_browser(
    deployment: Deployment,
    text: str,
    *,
    browser: Browser,
    switch: bool,
) -> Continuation:
    """Spend a chat code in a browser.

    The same press twice has the same outcome as once, as long as the callback code lives.

    Args:
        deployment: The installation.
        text: The code.
        browser: The browser.
        switch: Whether the person asked to leave another account for this one.

    Raises:
        OtherAccountActive: Another account is logged in here, and `switch` is false.
        TgauthError: The code or the login cannot be redeemed now. Nothing was written.
    """
    with Trail(deployment) as trail:
        try:
            return await decide(deployment, _continue, trail, text, browser, switch=switch)
        except TgauthError as refusal:
            await trail.note_refused_code(text, browser.doer, refusal)
            raise


async def _continue(  # noqa: PLR0913 - a connection and a trail beside what it is about
    connection: Connection,
    deployment: Deployment,
    trail: Trail,
    text: str,
    browser: Browser,
    *,
    switch: bool,
) -> Continuation:
    now = deployment.now()
    presented = await look_up(connection, text)
    login, person = presented.login, presented.person
    await require_switch(connection, browser, person, switch=switch, now=now)
    repeated = await _repeatable(connection, presented, browser, now)
    if repeated is not None:
        return continuation(deployment, repeated, login)
    await make_room(connection, trail, browser, person, now=now)
    session = new_session(deployment, login, person, browser)
    await redeem_login(deployment, connection, presented, session, browser=browser.name)
    await note_redeemed(deployment, connection, trail, login, session, person, browser)
    return continuation(deployment, session, login)


async def _repeatable(
    connection: Connection, presented: Presented, browser: Browser, now: Instant
) -> Session | None:
    if presented.code.kind is not CodeKind.CHAT:
        return None
    return await repeatable(connection, presented.login, browser, now=now)
