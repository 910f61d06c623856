"""What the bot owes somebody: named here, put into words when it is sent."""

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from tgauth.domain.instants import DAY, SECOND, Instant

#: Waiting times between attempts at one message; the last one repeats.
RETRY_DELAYS: Final = (
    1 * SECOND,
    2 * SECOND,
    5 * SECOND,
    10 * SECOND,
    15 * SECOND,
)

#: Nobody wants an answer to what they asked yesterday; Telegram itself keeps updates for a day.
GIVE_UP_AFTER: Final = 1 * DAY

#: Who asks waits for the answer; a change of an earlier message can wait so long for its turn. As
#: long as Telegram takes for 900: the links of a burst are over together, and who asks then waits.
EDIT_PATIENCE: Final = 30 * SECOND

#: A message whose sending fails in a way that nobody foresaw is tried this often.
ODD_FAILURES: Final = 3


class Notice(StrEnum):
    """The kinds of message."""

    LOGIN_LINK = "login_link"
    #: Not a message but a change of one: the link was used, replaced, or has expired; or the
    #: question was answered, or nobody did in time.
    LOGIN_CLOSED = "login_closed"
    #: The question who began a login, and the numbers to pick from; LOGIN_CLOSED changes it, too.
    APPROVAL = "approval"
    APPROVAL_UNKNOWN = "approval_unknown"
    APPROVAL_OVER = "approval_over"
    APPROVAL_TAKEN = "approval_taken"
    APPROVALS_PAUSED = "approvals_paused"
    APPROVALS_BLOCKED = "approvals_blocked"
    APPROVALS_ALLOWED = "approvals_allowed"
    GREETING = "greeting"
    HELP = "help"
    NOT_ALLOWED = "not_allowed"
    PRIVATE_ONLY = "private_only"
    FORWARDED = "forwarded"
    TOO_LATE = "too_late"
    TOO_MANY = "too_many"
    SESSIONS = "sessions"
    LOGGED_OUT = "logged_out"
    NOT_LOGGED_IN = "not_logged_in"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """One message that is owed.

    Attributes:
        id: Its place in the order; none until stored.
        chat_id: The chat that it goes to.
        notice: What it says.
        language: The language that its reader speaks, as Telegram names it (IETF tag).
        login_id: The login that it is about.
        edits: The message that it changes, where it is none of its own.
        created_at: Since when somebody waits for it: when it was promised, and for a login's link
            when the /login came.
        attempts: How often sending it failed.
        not_before: Not to be tried earlier.
        sent_at: When Telegram accepted it.
        message_id: Telegram's id of it.
        given_up_at: When it was given up on.
        reason: Why it was given up on.
    """

    id: int | None = None
    chat_id: int
    notice: Notice
    language: str | None = None
    login_id: str | None = None
    edits: int | None = None
    created_at: Instant
    attempts: int = 0
    not_before: Instant
    sent_at: Instant | None = None
    message_id: int | None = None
    given_up_at: Instant | None = None
    reason: str | None = None

    def sent(self, *, message_id: int, now: Instant) -> "Outgoing":
        """Return this message as accepted by Telegram."""
        return replace(self, sent_at=now, message_id=message_id)

    def postponed(self, *, now: Instant, wait: int | None = None) -> "Outgoing":
        """Return this message for a later attempt, or given up on after a day.

        Args:
            now: The current instant.
            wait: Milliseconds that Telegram asked to wait; none: by our own schedule.
        """
        if now - self.created_at >= GIVE_UP_AFTER:
            return self.given_up(reason="undeliverable for a day", now=now)
        if wait is None:
            wait = RETRY_DELAYS[min(self.attempts, len(RETRY_DELAYS) - 1)]
        return replace(self, attempts=self.attempts + 1, not_before=now + wait)

    def failed(self, *, reason: str, now: Instant) -> "Outgoing":
        """Return this message for a later attempt, or given up on when it keeps failing oddly."""
        if self.attempts + 1 >= ODD_FAILURES:
            return self.given_up(reason=reason, now=now)
        return self.postponed(now=now)

    def given_up(self, *, reason: str, now: Instant) -> "Outgoing":
        """Return this message as never to be sent."""
        return replace(self, given_up_at=now, reason=reason)


def owe(  # noqa: PLR0913 - each is one column of a promise
    notice: Notice,
    *,
    chat_id: int,
    language: str | None,
    now: Instant,
    login_id: str | None = None,
    edits: int | None = None,
    not_before: Instant | None = None,
) -> Outgoing:
    """Promise a message, due at once unless `not_before` says otherwise."""
    return Outgoing(
        chat_id=chat_id,
        notice=notice,
        language=language,
        login_id=login_id,
        edits=edits,
        created_at=now,
        not_before=now if not_before is None else not_before,
    )
