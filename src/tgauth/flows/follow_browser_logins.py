"""Pages hear of what becomes of their logins."""

from collections.abc import Mapping
from dataclasses import dataclass

from tgauth.domain.instants import Instant
from tgauth.domain.login import Standing
from tgauth.flows.deciding import judge
from tgauth.flows.deployment import Deployment
from tgauth.store import Connection, approvals


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """What a page is told of its login; it holds nothing that permits anything.

    Attributes:
        standing: How it stands.
        is_opened: Whether somebody is asked in the chat by now.
        expires_at: When it will have expired.
    """

    standing: Standing
    is_opened: bool
    expires_at: Instant


async def follow_browser_logins(
    deployment: Deployment, known: Mapping[str, bool | None]
) -> dict[str, Signal | None]:
    """Say what has changed of logins that pages wait for, in one look.

    Args:
        deployment: The installation.
        known: By the hashes of their streams' names: whether somebody is asked in the chat, as far
            as is known of a login that waits; none: nothing is known of it.

    Returns:
        How those stand that stand otherwise; none where no stream has that name, or its login is
        gone.

    Raises:
        StoreUnavailable: The store cannot be read.
    """
    return await judge(deployment, _follow, known)


async def _follow(
    connection: Connection, deployment: Deployment, known: Mapping[str, bool | None]
) -> dict[str, Signal | None]:
    now = deployment.now()
    found = await approvals.followed(connection, known, now=now)
    signals: dict[str, Signal | None] = dict.fromkeys(found)
    for stream_hash, change in found.items():
        if change is not None:
            login, is_opened = change
            signals[stream_hash] = Signal(
                standing=login.standing_at(now), is_opened=is_opened, expires_at=login.expires_at
            )
    return signals
