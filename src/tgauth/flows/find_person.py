"""Find somebody by what an operator knows of them."""

from dataclasses import dataclass
from typing import Final

from tgauth.domain.instants import Instant
from tgauth.domain.login import LoginRequest
from tgauth.domain.person import Person
from tgauth.domain.session import Session
from tgauth.flows.deployment import Deployment
from tgauth.store import bans, logins, persons, sessions

#: So many logins are worth a look.
_RECENT: Final = 10
#: What SQLite can compare an id with.
_LARGEST: Final = 2**63 - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """Somebody, with what an operator wants to see.

    Attributes:
        person: The account.
        sessions: Where they are logged in, newest first.
        logins: Their last logins, newest first.
    """

    person: Person
    sessions: list[Session]
    logins: list[LoginRequest]


def telegram_id_of(text: str) -> int | None:
    """Return the Telegram id that a text is, if it is one."""
    if not (text.isascii() and text.isdecimal()):
        return None
    number = int(text) if len(text) < len(str(_LARGEST)) else 0
    return number or None


async def find_account(deployment: Deployment, text: str) -> Person | None:
    """Return the one account that a Telegram id or a subject belongs to.

    A username will not do: it changes hands.
    """
    telegram_id = telegram_id_of(text)
    async with deployment.store.reading() as connection:
        found = await persons.find(connection, telegram_id) if telegram_id is not None else None
        return found or await persons.get(connection, text)


async def find_persons(deployment: Deployment, text: str) -> list[PersonRecord]:
    """Return everybody whom a Telegram id, a subject or a username may mean."""
    account = await find_account(deployment, text)
    now = deployment.now()
    async with deployment.store.reading() as connection:
        found = [account] if account else await persons.named(connection, text.removeprefix("@"))
        return [
            PersonRecord(
                person=one,
                sessions=await sessions.living(connection, one.subject, now=now),
                logins=await logins.recent(connection, one.subject, most=_RECENT),
            )
            for one in found
        ]


async def banned_since(deployment: Deployment, telegram_id: int) -> Instant | None:
    """Return when a Telegram id was banned, with an account or without, if it is."""
    async with deployment.store.reading() as connection:
        return await bans.get(connection, telegram_id)
