"""The audit log: which events are written down, and what an entry of one says.

Its names are a contract with whoever searches for them (docs/audit.md): one may be added, none
changes its meaning.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from tgauth.domain.instants import HOUR, Instant
from tgauth.domain.session import Visitor

#: Refusals of one kind for one person within so long are one entry that counts them: whoever floods
#: the bot must not fill the log.
COUNTED_TOGETHER_FOR: Final = 1 * HOUR


class AuditEvent(StrEnum):
    """What is written down."""

    LOGIN_BEGUN = "login.begun"
    LOGIN_REFUSED = "login.refused"
    LOGIN_REPLACED = "login.replaced"
    LOGIN_WITHDRAWN = "login.withdrawn"
    LOGIN_REDEEMED = "login.redeemed"
    CODE_EXCHANGED = "code.exchanged"
    CODE_REFUSED = "code.refused"
    SESSION_ENDED = "session.ended"
    PERSON_JOINED = "person.joined"
    PERSON_EXPORTED = "person.exported"
    PERSON_REMOVED = "person.removed"
    PERSON_BANNED = "person.banned"
    PERSON_UNBANNED = "person.unbanned"
    ADDRESS_LIMITED = "address.limited"
    KEY_CREATED = "key.created"
    KEYS_ROTATED = "keys.rotated"
    MASTER_KEY_RENEWED = "master_key.renewed"

    @property
    def outcome(self) -> "Outcome":
        """Whether something was done, or was refused."""
        return Outcome.REFUSED if self in _REFUSALS else Outcome.DONE


_REFUSALS: Final = frozenset(
    {AuditEvent.LOGIN_REFUSED, AuditEvent.CODE_REFUSED, AuditEvent.ADDRESS_LIMITED}
)


class Actor(StrEnum):
    """Who did it, or asked for it in vain."""

    PERSON = "person"
    APPLICATION = "application"
    OPERATOR = "operator"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True, kw_only=True)
class Doer:
    """Who does something that several may do, and from where.

    Attributes:
        actor: Who.
        visitor: From where; nowhere for what comes through a chat or a terminal.
    """

    actor: Actor
    visitor: Visitor = field(default_factory=Visitor)


BY_PERSON: Final = Doer(actor=Actor.PERSON)
BY_OPERATOR: Final = Doer(actor=Actor.OPERATOR)
BY_SYSTEM: Final = Doer(actor=Actor.SYSTEM)


class Outcome(StrEnum):
    """What became of it."""

    DONE = "done"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One entry. It never holds a code, a token or a secret, nor a name.

    Attributes:
        id: Its place in the log; none until stored.
        at: When it happened.
        event: What happened.
        actor: Who did it.
        reason: Which kind of it, by a code that does not change, where there are several.
        subject: The account that it is about.
        telegram_id: The same by its Telegram id.
        client_id: The application that it is about.
        login_id: The login that it is about.
        session_id: The session that it is about.
        address: The network address that it came from.
        device: The browser and system that it came from, in words.
        number: How many of it there were.
    """

    id: int | None = None
    at: Instant
    event: AuditEvent
    actor: Actor
    reason: str | None = None
    subject: str | None = None
    telegram_id: int | None = None
    client_id: str | None = None
    login_id: str | None = None
    session_id: str | None = None
    address: str | None = None
    device: str | None = None
    number: int = 1
