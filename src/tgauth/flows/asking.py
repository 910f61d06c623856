"""Who may be asked about a login that began in a browser."""

from tgauth.domain.approval import (
    BLOCK_LIFETIME,
    FAILURES_BEFORE_PAUSE,
    PAUSE_WINDOW,
    Approval,
    looks_like_a_name,
)
from tgauth.domain.code import hash_of
from tgauth.domain.instants import time_left
from tgauth.domain.login import LoginRequest, Standing
from tgauth.domain.outgoing import Notice
from tgauth.domain.person import Person
from tgauth.flows.begin_chat_login import Asked
from tgauth.flows.deployment import Deployment
from tgauth.store import Connection, approvals, bans, logins


async def find_question(
    connection: Connection, handle: str
) -> tuple[Approval | None, LoginRequest | None]:
    """Find what a link means, and its login; nothing for what nobody gave out."""
    if not looks_like_a_name(handle):
        return None, None
    approval = await approvals.by_handle(connection, hash_of(handle))
    login = await logins.get(connection, approval.login_id) if approval else None
    return approval, login


async def why_not_asked(  # noqa: PLR0911, PLR0913, PLR0917 - one for each reason, in the order that tells least
    deployment: Deployment,
    connection: Connection,
    asked: Asked,
    known: Person | None,
    approval: Approval | None,
    login: LoginRequest | None,
) -> Notice | None:
    """Say what somebody is told instead of being asked, if they are not to be asked.

    Args:
        deployment: The installation.
        connection: The write transaction.
        asked: Who opened the link.
        known: Their account, where there is one.
        approval: What the link means, if anything.
        login: Its login.
    """
    now, telegram_id = deployment.now(), asked.profile.telegram_id
    if not await may_log_in(deployment, connection, asked, known):
        return Notice.NOT_ALLOWED
    blocked_until = await approvals.blocked_until(connection, telegram_id)
    if time_left(blocked_until, longest=BLOCK_LIFETIME, now=now):
        return Notice.APPROVALS_BLOCKED
    if approval is None or login is None:
        return Notice.APPROVAL_UNKNOWN
    if login.standing_at(now) is not Standing.PENDING:
        return Notice.APPROVAL_OVER
    if approval.opened_by is not None and approval.opened_by != telegram_id:
        return Notice.APPROVAL_TAKEN
    failed = await approvals.count_failed(
        connection, telegram_id, login.id, since=now - PAUSE_WINDOW, now=now
    )
    if failed >= FAILURES_BEFORE_PAUSE:
        return Notice.APPROVALS_PAUSED
    return None


async def may_log_in(
    deployment: Deployment, connection: Connection, asked: Asked, known: Person | None
) -> bool:
    """Ask the operator's list, and the bans; again at every step: they may have changed."""
    telegram_id = asked.profile.telegram_id
    banned_at = known.banned_at if known else await bans.get(connection, telegram_id)
    return banned_at is None and deployment.allow.permits(telegram_id)
