"""A browser asks for a login, and looks at how it stands."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace

from tgauth.domain.approval import (
    NETWORK_BLOCK_LIFETIME,
    Approval,
    Denial,
    derive_handle,
    derive_numbers,
    derive_stream,
)
from tgauth.domain.code import hash_of
from tgauth.domain.errors import ApprovalUnknown, NetworkBlocked, OtherBrowser, TooManyLogins
from tgauth.domain.failures import counted_as
from tgauth.domain.instants import MINUTE, Instant, time_left
from tgauth.domain.login import Door, LoginRequest, Standing, begin_in_browser
from tgauth.domain.person import Person
from tgauth.domain.session import Visitor
from tgauth.flows.browser_sessions import Browser, current_session
from tgauth.flows.deciding import decide, judge
from tgauth.flows.deployment import Deployment
from tgauth.measures.catalogue import LOGINS
from tgauth.store import Connection, approvals, blocked_networks, bot_account, logins, persons

Locate = Callable[[str], Awaitable[str | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What a browser wants, and what is known of it.

    Attributes:
        browser: Hash of the secret that names the browser.
        visitor: How a person would recognise it.
        place: Where its address is, as a person reads it, where that is known.
        state_parameter: What the application wants to have back, if anything.
    """

    browser: str
    visitor: Visitor
    place: str | None = None
    state_parameter: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BrowserLogin:
    """How a login stands, for the page of the browser that began it.

    Attributes:
        login: The login.
        standing: How it stands now.
        denial: Why it was denied, if it was.
        is_opened: Whether somebody is asked in the chat by now.
        handle: What the deep link holds.
        stream: What its stream of events is named by.
        number: What to pick in the chat.
        state_parameter: What the application wants to have back, if anything.
        bot: The bot's username; none before it has reached Telegram for the first time.
        current: Who is logged in in this browser already, if anybody is.
        person: Who approved it, once somebody did.
    """

    login: LoginRequest
    standing: Standing
    denial: Denial | None
    is_opened: bool
    handle: str
    stream: str
    number: int
    state_parameter: str | None
    bot: str | None
    current: Person | None
    person: Person | None

    def __repr__(self) -> str:
        """Print no handle, stream or number."""
        return f"BrowserLogin({self.login.id}, {self.standing})"


async def begin_browser_login(
    deployment: Deployment, wish: Wish, *, locate: Locate | None = None
) -> LoginRequest:
    """Begin a login that waits for approval.

    Args:
        deployment: The installation.
        wish: What the browser wants.
        locate: Says where an address is, as a person reads it; asked for no login that is refused.

    Raises:
        NetworkBlocked: Somebody said of a login from this network that it was not them.
        TooManyLogins: The network began too many.
        StoreUnavailable: It was not kept.
    """
    # A look before the lock: whoever begins far too many must not keep the writers waiting.
    await judge(deployment, _require_room, wish)
    if locate is not None and wish.visitor.address is not None:
        wish = replace(wish, place=await locate(wish.visitor.address))
    login = await decide(deployment, _begin, wish)
    deployment.measures.count(LOGINS, Door.BROWSER.value, "begun")
    return login


async def _begin(connection: Connection, deployment: Deployment, wish: Wish) -> LoginRequest:
    await _require_room(connection, deployment, wish)
    now, key = deployment.now(), deployment.master_key
    login = begin_in_browser(
        login_id=deployment.new_id(),
        client_id=deployment.client.id,
        browser=wish.browser,
        lifetime=deployment.approval_lifetime,
        now=now,
    )
    await logins.save(connection, login)
    await approvals.save(
        connection,
        Approval(
            login_id=login.id,
            handle_hash=hash_of(derive_handle(key, login.id)),
            stream_hash=hash_of(derive_stream(key, login.id)),
            created_at=now,
            state_parameter=wish.state_parameter,
            visitor=wish.visitor,
            network=counted_as(wish.visitor.address or ""),
            place=wish.place,
        ),
    )
    return login


async def _require_room(connection: Connection, deployment: Deployment, wish: Wish) -> None:
    now, network = deployment.now(), counted_as(wish.visitor.address or "")
    await require_network(connection, network, now=now)
    begun = await approvals.count_begun(connection, network, since=now - MINUTE, now=now)
    if begun >= deployment.browser_logins_per_minute:
        raise TooManyLogins(MINUTE)


async def require_network(connection: Connection, network: str, *, now: Instant) -> None:
    """Let a network begin a login.

    Raises:
        NetworkBlocked: It is blocked for a while.
    """
    until = await blocked_networks.blocked_until(connection, network)
    left = time_left(until, longest=NETWORK_BLOCK_LIFETIME, now=now)
    if left:
        raise NetworkBlocked(left)


async def show_browser_login(
    deployment: Deployment, login_id: str, *, browser: Browser | None
) -> BrowserLogin:
    """Say how a login stands, to the browser that began it; changes nothing.

    Args:
        deployment: The installation.
        login_id: The login, from the page's address.
        browser: The browser, where it has a name at all.

    Raises:
        ApprovalUnknown: There is no such login.
        OtherBrowser: Another browser began it.
    """
    return await judge(deployment, _show, login_id, browser)


async def _show(
    connection: Connection, deployment: Deployment, login_id: str, browser: Browser | None
) -> BrowserLogin:
    login, approval = await own_login(connection, login_id, browser)
    now, key = deployment.now(), deployment.master_key
    session = await current_session(connection, browser, now=now) if browser else None
    account = await bot_account.get(connection)
    return BrowserLogin(
        login=login,
        standing=login.standing_at(now),
        denial=approval.denial,
        is_opened=approval.opened_by is not None,
        handle=derive_handle(key, login.id),
        stream=derive_stream(key, login.id),
        number=derive_numbers(key, login.id).right,
        state_parameter=approval.state_parameter,
        bot=account.username if account else None,
        current=await persons.get(connection, session.subject) if session else None,
        person=await persons.get(connection, login.subject) if login.subject else None,
    )


async def own_login(
    connection: Connection, login_id: str, browser: Browser | None
) -> tuple[LoginRequest, Approval]:
    """Find a login for the browser that began it.

    Raises:
        ApprovalUnknown: There is no such login.
        OtherBrowser: Another browser began it.
    """
    login = await logins.get(connection, login_id)
    approval = await approvals.get(connection, login_id)
    if login is None or approval is None:
        raise ApprovalUnknown
    if browser is None or login.browser != browser.name:
        raise OtherBrowser(login.id)
    return login, approval
