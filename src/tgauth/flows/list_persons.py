"""List everybody, however many there are."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from tgauth.domain.instants import Instant
from tgauth.domain.person import Person
from tgauth.flows.deployment import Deployment
from tgauth.store import bans, persons

#: So many are held at once.
PAGE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """Somebody with an account, or banned before they had one.

    Attributes:
        telegram_id: Their Telegram id.
        person: Their account, if there is one.
        banned_at: When they were banned, if they are.
    """

    telegram_id: int
    person: Person | None
    banned_at: Instant | None


async def list_persons(
    deployment: Deployment, *, only_banned: bool = False
) -> AsyncIterator[list[Listed]]:
    """Give a page of people after the other, by Telegram id.

    Args:
        deployment: The installation.
        only_banned: Whether to list who is banned, with or without an account, and nobody else.
    """
    after, page = 0, [Listed(telegram_id=0, person=None, banned_at=None)]
    while page:
        page = await (_banned if only_banned else _everybody)(deployment, after)
        if page:
            yield page
            after = page[-1].telegram_id


async def _everybody(deployment: Deployment, after: int) -> list[Listed]:
    async with deployment.store.reading() as connection:
        found = await persons.page(connection, after=after, most=PAGE)
    return [
        Listed(telegram_id=one.profile.telegram_id, person=one, banned_at=one.banned_at)
        for one in found
    ]


async def _banned(deployment: Deployment, after: int) -> list[Listed]:
    async with deployment.store.reading() as connection:
        found = await bans.page(connection, after=after, most=PAGE)
        return [
            Listed(
                telegram_id=telegram_id,
                person=await persons.find(connection, telegram_id),
                banned_at=banned_at,
            )
            for telegram_id, banned_at in found.items()
        ]
