"""Pages hear of what becomes of their logins."""

from collections.abc import Sequence
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
    deployment: Deployment, stream_hashes: Sequence[str]
) -> dict[str, Signal]:
    """Say how logins stand, by the hashes of their streams' names, in one look.

    Raises:
        StoreUnavailable: The store cannot be read.
    """
    return await judge(deployment, _follow, stream_hashes)


async def _follow(
    connection: Connection, deployment: Deployment, stream_hashes: Sequence[str]
) -> dict[str, Signal]:
    now = deployment.now()
    found = await approvals.followed(connection, stream_hashes)
    return {
        stream_hash: Signal(
            standing=login.standing_at(now), is_opened=is_opened, expires_at=login.expires_at
        )
        for stream_hash, (login, is_opened) in found.items()
    }
