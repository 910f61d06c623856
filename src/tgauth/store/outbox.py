"""Rows of `outbox`: what the bot owes, from the promise to Telegram's acceptance."""

from typing import Final

from tgauth.domain.instants import CLOCK_TOLERANCE, Instant
from tgauth.domain.outgoing import EDIT_PATIENCE, Notice, Outgoing
from tgauth.store.connection import Connection, Row
from tgauth.store.wakeups import Topic

COLUMNS: Final = (
    "id, chat_id, notice, language, login_id, edits, created_at, attempts, not_before, sent_at, "
    "message_id, given_up_at, reason"
)
INSERT: Final = """
    INSERT INTO outbox (
        chat_id, notice, language, login_id, edits, created_at, attempts, not_before
    ) VALUES (
        :chat_id, :notice, :language, :login_id, :edits, :created_at, :attempts, :not_before
    )
"""
SELECT: Final = f"SELECT {COLUMNS} FROM outbox WHERE id = :id"
# Whether a row is the change of an earlier message.
_OWED_EDITS: Final = f"(owed.notice = '{Notice.LOGIN_CLOSED}' OR owed.edits IS NOT NULL)"
_EARLIER_EDITS: Final = f"(earlier.notice = '{Notice.LOGIN_CLOSED}' OR earlier.edits IS NOT NULL)"
# What was promised in the future is due as well: then the clock was set back.
# One answer and one change for each chat at a time: Telegram counts by chat, and answers stay in
# order. What changes a message waits for the messages before it, but holds up none: it may be due
# in minutes only. Whoever asked comes first; a change has its turn when it has waited for a while.
SELECT_DUE: Final = f"""
    SELECT {COLUMNS} FROM outbox AS owed
    WHERE id IN (
        SELECT id FROM outbox
        WHERE sent_at IS NULL AND given_up_at IS NULL AND not_before <= :now
        UNION
        SELECT id FROM outbox
        WHERE sent_at IS NULL AND given_up_at IS NULL AND created_at > :now + {CLOCK_TOLERANCE}
    ) AND NOT EXISTS (
        SELECT 1 FROM outbox AS earlier
        WHERE earlier.sent_at IS NULL AND earlier.given_up_at IS NULL
        AND earlier.chat_id = owed.chat_id AND earlier.id < owed.id
        AND (NOT {_EARLIER_EDITS} OR ({_OWED_EDITS} AND earlier.not_before <= :now))
    )
    ORDER BY CASE WHEN {_OWED_EDITS} THEN not_before + {EDIT_PATIENCE} ELSE created_at END, id
    LIMIT :most
"""
# A change of an earlier message answers nobody who asks anew.
SELECT_OWED: Final = """
    SELECT id FROM outbox
    WHERE sent_at IS NULL AND given_up_at IS NULL AND chat_id = :chat_id AND notice = :notice
    AND edits IS NULL AND (:login_id IS NULL OR login_id = :login_id)
    LIMIT 1
"""
SELECT_NEXT_TIME: Final = """
    SELECT min(not_before) AS instant FROM outbox
    WHERE sent_at IS NULL AND given_up_at IS NULL AND not_before > :now
"""
# A link that expired while it waited was sent as an apology instead: that stays as it is.
SELECT_LINK_MESSAGE: Final = f"""
    SELECT message_id FROM outbox
    WHERE login_id = :login_id AND notice IN ('{Notice.LOGIN_LINK}', '{Notice.APPROVAL}')
    AND sent_at IS NOT NULL
    ORDER BY id DESC LIMIT 1
"""
# A list whose change is owed already says the truth when that is sent.
SELECT_LISTS: Final = f"""
    SELECT {COLUMNS} FROM outbox AS list
    WHERE chat_id = :chat_id AND notice = '{Notice.SESSIONS}' AND edits IS NULL
    AND message_id IS NOT NULL AND NOT EXISTS (
        SELECT 1 FROM outbox AS owed
        WHERE owed.sent_at IS NULL AND owed.given_up_at IS NULL
        AND owed.chat_id = list.chat_id AND owed.edits = list.message_id
    )
    ORDER BY id DESC LIMIT :most
"""
HASTEN: Final = f"""
    UPDATE outbox SET not_before = :now
    WHERE login_id = :login_id AND notice = '{Notice.LOGIN_CLOSED}'
    AND sent_at IS NULL AND given_up_at IS NULL AND not_before > :now
"""
POSTPONE: Final = f"""
    UPDATE outbox SET not_before = :until
    WHERE login_id = :login_id AND notice = '{Notice.LOGIN_CLOSED}'
    AND sent_at IS NULL AND given_up_at IS NULL AND not_before > :now
"""
SELECT_CLOSING: Final = f"""
    SELECT id FROM outbox
    WHERE login_id = :login_id AND notice = '{Notice.LOGIN_CLOSED}' AND edits = :message_id
    AND sent_at IS NULL AND given_up_at IS NULL
    LIMIT 1
"""
HASTEN_ALL: Final = f"""
    UPDATE outbox SET not_before = :now
    WHERE notice = '{Notice.LOGIN_CLOSED}'
    AND sent_at IS NULL AND given_up_at IS NULL AND not_before > :now
"""
BRING_FORWARD: Final = """
    UPDATE outbox SET not_before = not_before - :by
    WHERE sent_at IS NULL AND given_up_at IS NULL AND not_before > :now
"""
UPDATE: Final = """
    UPDATE outbox SET
        notice = :notice, attempts = :attempts, not_before = :not_before, sent_at = :sent_at,
        message_id = :message_id, given_up_at = :given_up_at, reason = :reason
    WHERE id = :id
"""
SWEEP: Final = """
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox
        WHERE created_at < :before AND (sent_at IS NOT NULL OR given_up_at IS NOT NULL)
        ORDER BY created_at LIMIT :most
    )
    RETURNING id
"""
SELECT_BY_CHAT: Final = f"SELECT {COLUMNS} FROM outbox WHERE chat_id = :chat_id ORDER BY id"
FORGET: Final = "DELETE FROM outbox WHERE chat_id = :chat_id"


async def add(connection: Connection, message: Outgoing) -> None:
    """Promise a message."""
    await connection.run(
        INSERT,
        {
            "chat_id": message.chat_id,
            "notice": message.notice,
            "language": message.language,
            "login_id": message.login_id,
            "edits": message.edits,
            "created_at": message.created_at,
            "attempts": message.attempts,
            "not_before": message.not_before,
        },
    )
    connection.announced.add(Topic.OUTBOX)


async def is_owed(
    connection: Connection, *, chat_id: int, notice: Notice, login_id: str | None = None
) -> bool:
    """Say whether a chat is owed such a message already, as one of its own (about one login)."""
    row = await connection.one(
        SELECT_OWED, {"chat_id": chat_id, "notice": notice, "login_id": login_id}
    )
    return row is not None


async def get(connection: Connection, message_id: int) -> Outgoing | None:
    """Return the promised message with this id."""
    row = await connection.one(SELECT, {"id": message_id})
    return _message(row) if row else None


async def due(connection: Connection, *, now: Instant, most: int) -> list[Outgoing]:
    """Return the oldest of what is to be sent now: for each chat one answer and one change."""
    return [_message(row) for row in await connection.run(SELECT_DUE, {"now": now, "most": most})]


async def next_time(connection: Connection, *, now: Instant) -> Instant | None:
    """Return the next instant after `now` at which a message becomes due, if any."""
    row = await connection.one(SELECT_NEXT_TIME, {"now": now})
    return None if row is None else row["instant"]


async def save(connection: Connection, message: Outgoing) -> None:
    """Keep what became of a message."""
    await connection.run(
        UPDATE,
        {
            "id": message.id,
            "notice": message.notice,
            "attempts": message.attempts,
            "not_before": message.not_before,
            "sent_at": message.sent_at,
            "message_id": message.message_id,
            "given_up_at": message.given_up_at,
            "reason": message.reason,
        },
    )


async def link_message(connection: Connection, login_id: str) -> int | None:
    """Return the message in the chat that holds a login's link, once it was sent."""
    row = await connection.one(SELECT_LINK_MESSAGE, {"login_id": login_id})
    return None if row is None else row["message_id"]


async def lists_in(connection: Connection, chat_id: int, *, most: int) -> list[Outgoing]:
    """Return the newest lists of sessions that a chat was sent and whose change is not owed."""
    rows = await connection.run(SELECT_LISTS, {"chat_id": chat_id, "most": most})
    return [_message(row) for row in rows]


async def hasten(connection: Connection, login_id: str, *, now: Instant) -> None:
    """Let the message with a login's link be changed now: the link is worth nothing any more."""
    await connection.run(HASTEN, {"login_id": login_id, "now": now})
    connection.announced.add(Topic.OUTBOX)


async def postpone(connection: Connection, login_id: str, *, until: Instant, now: Instant) -> None:
    """Let the messages about a login's end be changed later: it has been given more time."""
    await connection.run(POSTPONE, {"login_id": login_id, "until": until, "now": now})
    connection.announced.add(Topic.OUTBOX)


async def is_to_close(connection: Connection, login_id: str, message_id: int) -> bool:
    """Say whether this very message will be changed at the end of its login."""
    row = await connection.one(SELECT_CLOSING, {"login_id": login_id, "message_id": message_id})
    return row is not None


async def hasten_all(connection: Connection, *, now: Instant) -> None:
    """Let every message with a link be changed now: none of them is worth anything any more."""
    await connection.run(HASTEN_ALL, {"now": now})
    connection.announced.add(Topic.OUTBOX)


async def bring_forward(connection: Connection, *, by: int, now: Instant) -> None:
    """Let all that is due later be due so many milliseconds earlier."""
    await connection.run(BRING_FORWARD, {"by": by, "now": now})
    connection.announced.add(Topic.OUTBOX)


async def sweep(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of messages that were settled long ago; return how many."""
    return len(await connection.run(SWEEP, {"before": before, "most": most}))


async def of_chat(connection: Connection, chat_id: int) -> list[Outgoing]:
    """Return all that was said and is owed to a chat and still kept, oldest first."""
    return [_message(row) for row in await connection.run(SELECT_BY_CHAT, {"chat_id": chat_id})]


async def forget(connection: Connection, chat_id: int) -> None:
    """Delete all that was ever said or owed to a chat."""
    await connection.run(FORGET, {"chat_id": chat_id})


def _message(row: Row) -> Outgoing:
    return Outgoing(
        id=row["id"],
        chat_id=row["chat_id"],
        notice=Notice(row["notice"]),
        language=row["language"],
        login_id=row["login_id"],
        edits=row["edits"],
        created_at=row["created_at"],
        attempts=row["attempts"],
        not_before=row["not_before"],
        sent_at=row["sent_at"],
        message_id=row["message_id"],
        given_up_at=row["given_up_at"],
        reason=row["reason"],
    )
