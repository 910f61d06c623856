"""Rows of `audit`: what was done, by whom and from where."""

from dataclasses import dataclass
from typing import Final

from tgauth.domain.audit import COUNTED_TOGETHER_FOR, Actor, AuditEntry, AuditEvent
from tgauth.domain.instants import Instant
from tgauth.store.connection import Connection, Row

COLUMNS: Final = (
    "at, event, actor, reason, subject, telegram_id, client_id, login_id, session_id, address, "
    "device, number"
)
INSERT: Final = f"""
    INSERT INTO audit ({COLUMNS}) VALUES (
        :at, :event, :actor, :reason, :subject, :telegram_id, :client_id, :login_id, :session_id,
        :address, :device, :number
    )
"""
INSERT_ONCE: Final = f"{INSERT} ON CONFLICT DO NOTHING RETURNING id"
# One from the future is none to count with: the clock was set back.
COUNT_AGAIN: Final = f"""
    UPDATE audit SET number = number + :number WHERE id = (
        SELECT id FROM audit
        WHERE telegram_id = :telegram_id AND event = :event AND actor = :actor
        AND coalesce(reason, '') = coalesce(:reason, '')
        AND at > :at - {COUNTED_TOGETHER_FOR} AND at <= :at
        ORDER BY id DESC LIMIT 1
    )
    RETURNING id
"""
SELECT_REFUSED_CODE: Final = """
    SELECT id FROM audit
    WHERE event = 'code.refused' AND login_id = :login_id AND reason = :reason
"""
SELECT_BY_PERSON: Final = f"""
    SELECT id, {COLUMNS} FROM audit WHERE telegram_id = :telegram_id ORDER BY id
"""
# What was done about an account is kept without the person. What a ban leaves outlives the account,
# as the ban itself does.
FORGET: Final = f"""
    UPDATE audit SET
        subject = NULL, telegram_id = NULL, login_id = NULL, session_id = NULL, address = NULL,
        device = NULL
    WHERE id IN (
        SELECT id FROM audit WHERE telegram_id = :telegram_id
        AND event NOT IN ('{AuditEvent.PERSON_BANNED}', '{AuditEvent.PERSON_UNBANNED}')
        LIMIT :most
    )
    RETURNING id
"""
SWEEP: Final = """
    DELETE FROM audit WHERE id IN (
        SELECT id FROM audit WHERE at < :before ORDER BY at LIMIT :most
    )
    RETURNING id
"""
SELECT_NEWEST_ID: Final = "SELECT coalesce(max(id), 0) AS id FROM audit"
SELECT_DATA_VERSION: Final = "PRAGMA data_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which entries somebody wants to see.

    Attributes:
        telegram_id: Those about this person alone.
        subject: Those about this account alone; beside `telegram_id` either of them will do.
        events: Those of these kinds alone; none: of every kind.
        since: Those from this moment on alone.
        until: Those before this moment alone.
        after: Those behind this place in the log alone.
    """

    telegram_id: int | None = None
    subject: str | None = None
    events: tuple[AuditEvent, ...] = ()
    since: Instant | None = None
    until: Instant | None = None
    after: int = 0


async def add(connection: Connection, entry: AuditEntry) -> None:
    """Write an entry."""
    await connection.run(INSERT, _parameters(entry))


async def add_once(connection: Connection, entry: AuditEntry) -> bool:
    """Write the entry of a refused code, unless its login has one of the same reason; say which."""
    return await connection.one(INSERT_ONCE, _parameters(entry)) is not None


async def count(connection: Connection, entry: AuditEntry) -> None:
    """Write an entry, or count it with one of its kind that the person has from a moment ago."""
    if await connection.one(COUNT_AGAIN, _parameters(entry)) is None:
        await add(connection, entry)


async def has_refused_code(connection: Connection, login_id: str, reason: str) -> bool:
    """Say whether it was written that a code of this login was refused for this reason."""
    row = await connection.one(SELECT_REFUSED_CODE, {"login_id": login_id, "reason": reason})
    return row is not None


async def of_person(connection: Connection, telegram_id: int) -> list[AuditEntry]:
    """Return every entry about a person, oldest first."""
    rows = await connection.run(SELECT_BY_PERSON, {"telegram_id": telegram_id})
    return [_entry(row) for row in rows]


async def newest(connection: Connection, wanted: Wanted, *, most: int) -> list[AuditEntry]:
    """Return the newest entries that are wanted, oldest of them first."""
    return [*reversed(await _selected(connection, wanted, order="DESC", most=most))]


async def next_ones(connection: Connection, wanted: Wanted, *, most: int) -> list[AuditEntry]:
    """Return the entries that are wanted and come first behind `wanted.after`."""
    return await _selected(connection, wanted, order="ASC", most=most)


async def _selected(
    connection: Connection, wanted: Wanted, *, order: str, most: int
) -> list[AuditEntry]:
    conditions = ["id > :after"]
    if wanted.telegram_id is not None or wanted.subject is not None:
        conditions.append("(telegram_id = :telegram_id OR subject = :subject)")
    if wanted.since is not None:
        conditions.append("at >= :since")
    if wanted.until is not None:
        conditions.append("at < :until")
    if wanted.events:
        # Our own enum's values.
        conditions.append(f"event IN ({', '.join(repr(one.value) for one in wanted.events)})")
    rows = await connection.run(
        f"SELECT id, {COLUMNS} FROM audit WHERE {' AND '.join(conditions)} "
        f"ORDER BY id {order} LIMIT :most",
        {
            "after": wanted.after,
            "telegram_id": wanted.telegram_id,
            "subject": wanted.subject,
            "since": wanted.since,
            "until": wanted.until,
            "most": most,
        },
    )
    return [_entry(row) for row in rows]


async def newest_id(connection: Connection) -> int:
    """Return the last place in the log that is taken."""
    row = await connection.one(SELECT_NEWEST_ID)
    return row["id"] if row else 0


async def data_version(connection: Connection) -> int:
    """Return a number that changes whenever somebody else commits (sqlite.org/pragma.html)."""
    row = await connection.one(SELECT_DATA_VERSION)
    return int(row["data_version"]) if row else 0


async def forget(connection: Connection, telegram_id: int, *, most: int) -> int:
    """Keep what was done about a person, but not about whom; return how many entries that were."""
    return len(await connection.run(FORGET, {"telegram_id": telegram_id, "most": most}))


async def sweep(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of entries that are old; return how many."""
    return len(await connection.run(SWEEP, {"before": before, "most": most}))


def _parameters(entry: AuditEntry) -> dict[str, str | int | None]:
    return {
        "at": entry.at,
        "event": entry.event,
        "actor": entry.actor,
        "reason": entry.reason,
        "subject": entry.subject,
        "telegram_id": entry.telegram_id,
        "client_id": entry.client_id,
        "login_id": entry.login_id,
        "session_id": entry.session_id,
        "address": entry.address,
        "device": entry.device,
        "number": entry.number,
    }


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        id=row["id"],
        at=row["at"],
        event=AuditEvent(row["event"]),
        actor=Actor(row["actor"]),
        reason=row["reason"],
        subject=row["subject"],
        telegram_id=row["telegram_id"],
        client_id=row["client_id"],
        login_id=row["login_id"],
        session_id=row["session_id"],
        address=row["address"],
        device=row["device"],
        number=row["number"],
    )
