"""Writing the audit log: in the very transaction of what it tells of."""

from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

from tgauth.domain.audit import AuditEntry, AuditEvent, Doer
from tgauth.domain.errors import (
    CodeAlreadySpent,
    CodeExpired,
    CodeMisused,
    CodeRevoked,
    CodeUnknown,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginNotApproved,
    LoginReplaced,
    PersonBanned,
    PersonNotAllowed,
    StoreUnavailable,
    TgauthError,
)
from tgauth.domain.login import Door
from tgauth.domain.person import Person
from tgauth.flows.deployment import Deployment
from tgauth.flows.spending import Presented, look_up
from tgauth.measures.catalogue import LOGINS, SESSIONS_ENDED
from tgauth.store import Connection, audit

#: Why a code that we once gave out is refused. A code that nobody gave out is a guess: those are
#: counted by address, and never written one by one.
REFUSED_CODES: Final = (
    CodeAlreadySpent,
    CodeExpired,
    CodeMisused,
    CodeRevoked,
    LoginAlreadyRedeemed,
    LoginDenied,
    LoginExpired,
    LoginNotApproved,
    LoginReplaced,
    PersonBanned,
    PersonNotAllowed,
)


#: What becomes of logins, as the metrics name it.
_OUTCOMES: Final = {
    AuditEvent.LOGIN_BEGUN: "begun",
    AuditEvent.LOGIN_REFUSED: "refused",
    AuditEvent.LOGIN_REPLACED: "replaced",
    AuditEvent.LOGIN_WITHDRAWN: "withdrawn",
    AuditEvent.LOGIN_REDEEMED: "redeemed",
    AuditEvent.LOGIN_OPENED: "opened",
    AuditEvent.LOGIN_APPROVED: "approved",
    AuditEvent.LOGIN_DENIED: "denied",
}


class Trail:
    """What one flow writes into the audit log, and what is counted of it.

    Around the transaction: leaving it without an exception means that it was committed.
    """

    __slots__ = ("_deployment", "_door", "_entries")

    def __init__(self, deployment: Deployment, *, door: Door = Door.CHAT) -> None:
        self._deployment = deployment
        self._door = door
        self._entries: list[tuple[Door, AuditEntry]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            return
        measures = self._deployment.measures
        for door, entry in self._entries:
            outcome = _OUTCOMES.get(entry.event)
            if outcome is not None:
                measures.count(LOGINS, door.value, outcome)
            elif entry.event is AuditEvent.SESSION_ENDED:
                measures.count(SESSIONS_ENDED, entry.actor.value, number=entry.number)

    async def note(
        self,
        connection: Connection,
        event: AuditEvent,
        by: Doer,
        person: Person | None = None,
        *,
        door: Door | None = None,
        **more: Any,
    ) -> None:
        """Write an entry.

        Args:
            connection: The transaction that does what it tells of.
            event: What happened.
            by: Who did it, and from where.
            person: Whom it is about, if anybody with an account.
            door: Where the login that it is about began, if not at the trail's own.
            more: What else the entry says, by its fields.
        """
        entry = self._entry(event, by, person, door=door or self._door, **more)
        await audit.add(connection, entry)

    async def count(
        self,
        connection: Connection,
        event: AuditEvent,
        by: Doer,
        person: Person | None = None,
        **more: Any,
    ) -> None:
        """Write what somebody may do ever so often: an hour of it is one entry. See `note`."""
        entry = self._entry(event, by, person, door=self._door, **more)
        await audit.count(connection, entry)

    async def note_refused_code(self, text: str, by: Doer, why: TgauthError) -> None:
        """Write that a code was refused, where it is one that we once gave out.

        Of each login the first refusal of a kind is written, in a transaction of its own: a refusal
        has no effects. Whoever brings a used code again and again keeps no writer waiting.

        Args:
            text: The code.
            by: Who brought it.
            why: Why it was refused.
        """
        if not isinstance(why, REFUSED_CODES):
            return
        store = self._deployment.store
        # A full disk is readiness's to tell; the caller is told what was wrong with the code.
        with suppress(StoreUnavailable, CodeUnknown):
            presented = await store.read(_not_noted, text, why.code)
            if presented is not None:
                entry = self._entry(
                    AuditEvent.CODE_REFUSED,
                    by,
                    presented.person,
                    door=self._door,
                    client_id=presented.login.client_id,
                    login_id=presented.login.id,
                    reason=why.code,
                )
                await store.write(audit.add_once, entry)

    def _entry(
        self, event: AuditEvent, by: Doer, person: Person | None, *, door: Door, **more: Any
    ) -> AuditEntry:
        if person is not None:
            more = {
                "subject": person.subject,
                "telegram_id": person.profile.telegram_id,
            } | more
        entry = AuditEntry(
            at=self._deployment.now(),
            event=event,
            actor=by.actor,
            **{"address": by.visitor.address, "device": by.visitor.device} | more,
        )
        self._entries.append((door, entry))
        return entry


async def _not_noted(connection: Connection, text: str, reason: str) -> Presented | None:
    presented = await look_up(connection, text)
    if await audit.has_refused_code(connection, presented.login.id, reason):
        return None
    return presented
