"""The browser that began a login finishes it, once it is approved or by whom it knows already."""

from tgauth.domain.audit import AuditEvent
from tgauth.domain.errors import SessionEnded
from tgauth.domain.failures import counted_as
from tgauth.domain.login import Door, LoginRequest
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.auditing import Trail
from tgauth.flows.begin_browser_login import own_login, require_network
from tgauth.flows.browser_sessions import (
    Browser,
    Continuation,
    continuation,
    current_session,
    make_room,
    new_session,
    note_redeemed,
    repeatable,
    require_switch,
)
from tgauth.flows.deciding import decide
from tgauth.flows.deployment import Deployment
from tgauth.flows.spending import require_allowed
from tgauth.store import Connection, logins, outbox, persons, sessions


async def finish_browser_login(
    deployment: Deployment, login_id: str, *, browser: Browser, switch: bool
) -> Continuation:
    """Redeem an approved login in the browser that began it.

    The same press twice has the same outcome as once, as long as the callback code lives.

    Args:
        deployment: The installation.
        login_id: The login, from the page's address.
        browser: The browser.
        switch: Whether the person asked to leave another account for this one.

    Raises:
        ApprovalUnknown: There is no such login.
        OtherBrowser: Another browser began it.
        OtherAccountActive: Another account is logged in here, and `switch` is false.
        TgauthError: The login cannot be redeemed now. Nothing was written.
    """
    with Trail(deployment, door=Door.BROWSER) as trail:
        return await decide(deployment, _finish, trail, login_id, browser, switch=switch)


async def _finish(  # noqa: PLR0913 - a connection and a trail beside what it is about
    connection: Connection,
    deployment: Deployment,
    trail: Trail,
    login_id: str,
    browser: Browser,
    *,
    switch: bool,
) -> Continuation:
    now = deployment.now()
    login, approval = await own_login(connection, login_id, browser)
    person = await persons.get(connection, login.subject) if login.subject else None
    if person is not None:
        await require_switch(connection, browser, person, switch=switch, now=now)
    repeated = await repeatable(connection, login, browser, now=now)
    if repeated is not None:
        return continuation(deployment, repeated, login, approval.state_parameter)
    login.require_redeemable(now)
    # An approved login has a person (a CHECK of the table), whose deletion deletes it, too.
    assert person is not None  # noqa: S101 - for the type checker; see above
    session = await _redeem(deployment, connection, trail, login, person, browser)
    return continuation(deployment, session, login, approval.state_parameter)


async def continue_as_current(
    deployment: Deployment, login_id: str, *, browser: Browser
) -> Continuation:
    """Approve and redeem a login by the account that is logged in in this browser already.

    Args:
        deployment: The installation.
        login_id: The login, from the page's address.
        browser: The browser.

    Raises:
        ApprovalUnknown: There is no such login.
        OtherBrowser: Another browser began it.
        SessionEnded: Nobody is logged in here any more.
        TgauthError: The login cannot be approved now. Nothing was written.
    """
    with Trail(deployment, door=Door.BROWSER) as trail:
        return await decide(deployment, _continue_as_current, trail, login_id, browser)


async def _continue_as_current(
    connection: Connection,
    deployment: Deployment,
    trail: Trail,
    login_id: str,
    browser: Browser,
) -> Continuation:
    now = deployment.now()
    login, approval = await own_login(connection, login_id, browser)
    repeated = await repeatable(connection, login, browser, now=now)
    if repeated is not None:
        return continuation(deployment, repeated, login, approval.state_parameter)
    current = await current_session(connection, browser, now=now)
    person = await persons.get(connection, current.subject) if current else None
    if person is None:
        raise SessionEnded
    approved = login.approve(subject=person.subject, now=now)
    await trail.note(
        connection,
        AuditEvent.LOGIN_APPROVED,
        browser.doer,
        person,
        client_id=login.client_id,
        login_id=login.id,
        reason="session",
    )
    session = await _redeem(deployment, connection, trail, approved, person, browser)
    return continuation(deployment, session, login, approval.state_parameter)


async def _redeem(  # noqa: PLR0913, PLR0917 - a connection and a trail beside what it is about
    deployment: Deployment,
    connection: Connection,
    trail: Trail,
    login: LoginRequest,
    person: Person,
    browser: Browser,
) -> Session:
    now = deployment.now()
    require_allowed(deployment, person)
    await require_network(connection, counted_as(browser.visitor.address or ""), now=now)
    await make_room(connection, trail, browser, person, now=now)
    session = new_session(deployment, login, person, browser)
    redeemed = login.redeem(session_id=session.id, browser=browser.name, now=now)
    await sessions.save(connection, session)
    await logins.save(connection, redeemed)
    await outbox.hasten(connection, login.id, now=now)
    await note_redeemed(deployment, connection, trail, login, session, person, browser)
    return session
