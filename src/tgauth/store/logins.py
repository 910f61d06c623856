"""Rows of `logins`."""

from typing import Final

from tgauth.domain.code import CALLBACK_CODE_LIFETIME
from tgauth.domain.instants import CLOCK_TOLERANCE, Instant
from tgauth.domain.login import Door, LoginRequest, LoginState
from tgauth.store.connection import Connection, Row
from tgauth.store.wakeups import Topic

COLUMNS: Final = (
    "id, door, client_id, subject, state, created_at, expires_at, decided_at, redeemed_at, "
    "session_id, browser"
)
SELECT: Final = f"SELECT {COLUMNS} FROM logins WHERE id = :id"
UPSERT: Final = f"""
    INSERT INTO logins ({COLUMNS}) VALUES (
        :id, :door, :client_id, :subject, :state, :created_at, :expires_at, :decided_at,
        :redeemed_at, :session_id, :browser
    )
    ON CONFLICT (id) DO UPDATE SET
        subject = excluded.subject,
        state = excluded.state,
        expires_at = excluded.expires_at,
        decided_at = excluded.decided_at,
        redeemed_at = excluded.redeemed_at,
        session_id = excluded.session_id,
        browser = excluded.browser
"""
SELECT_OPEN: Final = f"""
    SELECT {COLUMNS} FROM logins
    WHERE subject = :subject AND (:client_id IS NULL OR client_id = :client_id)
    AND state IN ('pending', 'approved') AND expires_at > :now
"""
WITHDRAW_ALL: Final = """
    UPDATE logins SET state = 'denied', decided_at = :now
    WHERE state IN ('pending', 'approved') AND expires_at > :now
    RETURNING id
"""
# Those from the future do not count: the clock was set back, and its return may be far away.
COUNT_SINCE: Final = f"""
    SELECT count(*) AS number FROM logins
    WHERE subject = :subject AND created_at > :since AND created_at <= :now + {CLOCK_TOLERANCE}
    AND door = 'chat'
"""
EXPIRE_OPEN: Final = """
    UPDATE logins SET expires_at = :now
    WHERE state IN ('pending', 'approved') AND expires_at > :now
"""
# A press that came a moment ago may be repeated by the browser that made it. A moment is what the
# clock says, and a code of that press lives a little longer than its login may.
FORGET_BROWSERS: Final = """
    UPDATE logins SET browser = NULL
    WHERE state = 'redeemed' AND browser IS NOT NULL AND expires_at > :since
"""
SELECT_BY_SUBJECT: Final = f"""
    SELECT {COLUMNS} FROM logins WHERE subject = :subject ORDER BY created_at, id
"""
SELECT_RECENT: Final = f"""
    SELECT {COLUMNS} FROM logins WHERE subject = :subject
    ORDER BY created_at DESC, id LIMIT :most
"""
SELECT_BY_SESSION: Final = f"SELECT {COLUMNS} FROM logins WHERE session_id = :session_id"
SWEEP: Final = """
    DELETE FROM logins WHERE id IN (
        SELECT id FROM logins WHERE expires_at < :before ORDER BY expires_at LIMIT :most
    )
    RETURNING id
"""
# Anybody can begin logins in browsers, from ever more networks, and nobody looks back at these.
# Told which index, since SQLite would rather look up all of nobody's logins and sort them.
SWEEP_UNASKED: Final = """
    DELETE FROM logins WHERE id IN (
        SELECT id FROM logins INDEXED BY logins_of_nobody
        WHERE subject IS NULL AND expires_at < :before AND NOT EXISTS (
            SELECT 1 FROM approvals WHERE login_id = logins.id AND opened_by IS NOT NULL
        )
        ORDER BY expires_at LIMIT :most
    )
    RETURNING id
"""


async def get(connection: Connection, login_id: str) -> LoginRequest | None:
    """Return the login with this id."""
    row = await connection.one(SELECT, {"id": login_id})
    return login_of(row) if row else None


async def save(connection: Connection, login: LoginRequest) -> None:
    """Add a login, or keep what became of it."""
    await connection.run(
        UPSERT,
        {
            "id": login.id,
            "door": login.door,
            "client_id": login.client_id,
            "subject": login.subject,
            "state": login.state,
            "created_at": login.created_at,
            "expires_at": login.expires_at,
            "decided_at": login.decided_at,
            "redeemed_at": login.redeemed_at,
            "session_id": login.session_id,
            "browser": login.browser,
        },
    )
    if login.door is Door.BROWSER:
        connection.announced.add(Topic.APPROVAL)


async def still_open(
    connection: Connection, *, subject: str, client_id: str | None, now: Instant
) -> list[LoginRequest]:
    """Return the logins of a person that could still be redeemed, to one client or to any."""
    rows = await connection.run(
        SELECT_OPEN, {"subject": subject, "client_id": client_id, "now": now}
    )
    return [login_of(row) for row in rows]


async def withdraw_all(connection: Connection, *, now: Instant) -> list[str]:
    """Deny every login that could still be redeemed, whoever's it is; return their ids."""
    return [row["id"] for row in await connection.run(WITHDRAW_ALL, {"now": now})]


async def count_since(connection: Connection, subject: str, *, since: Instant, now: Instant) -> int:
    """Return how many logins a person began in the chat after `since`."""
    row = await connection.one(COUNT_SINCE, {"subject": subject, "since": since, "now": now})
    return row["number"] if row else 0


async def of_person(connection: Connection, subject: str) -> list[LoginRequest]:
    """Return every login of a person that is still kept, oldest first."""
    return [login_of(row) for row in await connection.run(SELECT_BY_SUBJECT, {"subject": subject})]


async def recent(connection: Connection, subject: str, *, most: int) -> list[LoginRequest]:
    """Return the newest logins of a person, newest first."""
    rows = await connection.run(SELECT_RECENT, {"subject": subject, "most": most})
    return [login_of(row) for row in rows]


async def of_session(connection: Connection, session_id: str) -> LoginRequest | None:
    """Return the login that began a session."""
    row = await connection.one(SELECT_BY_SESSION, {"session_id": session_id})
    return login_of(row) if row else None


async def expire_open(connection: Connection, *, now: Instant) -> None:
    """Let every login that could still be redeemed, or redeemed again, have expired now."""
    await connection.run(EXPIRE_OPEN, {"now": now})
    await connection.run(FORGET_BROWSERS, {"since": now - CALLBACK_CODE_LIFETIME})
    connection.announced.add(Topic.APPROVAL)


async def sweep(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of logins that expired long ago, with their codes; return how many."""
    return len(await connection.run(SWEEP, {"before": before, "most": most}))


async def sweep_unasked(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of logins that expired and that nobody was ever asked about."""
    return len(await connection.run(SWEEP_UNASKED, {"before": before, "most": most}))


def login_of(row: Row) -> LoginRequest:
    """Return what a row with these columns means."""
    return LoginRequest(
        id=row["id"],
        door=Door(row["door"]),
        client_id=row["client_id"],
        subject=row["subject"],
        state=LoginState(row["state"]),
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        decided_at=row["decided_at"],
        redeemed_at=row["redeemed_at"],
        session_id=row["session_id"],
        browser=row["browser"],
    )
