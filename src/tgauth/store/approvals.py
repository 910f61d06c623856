"""Rows of `approvals`, and of who wants to be asked for none."""

import json
from collections.abc import Mapping
from typing import Final

from tgauth.domain.approval import Approval, Denial
from tgauth.domain.instants import CLOCK_TOLERANCE, Instant
from tgauth.domain.login import LoginRequest
from tgauth.domain.session import Visitor
from tgauth.store.connection import Connection, Row
from tgauth.store.logins import login_of
from tgauth.store.wakeups import Topic

COLUMNS: Final = (
    "login_id, handle_hash, stream_hash, created_at, state_parameter, device, address, network, "
    "place, opened_by, opened_at, denial"
)
UPSERT: Final = f"""
    INSERT INTO approvals ({COLUMNS}) VALUES (
        :login_id, :handle_hash, :stream_hash, :created_at, :state_parameter, :device, :address,
        :network, :place, :opened_by, :opened_at, :denial
    )
    ON CONFLICT (login_id) DO UPDATE SET
        opened_by = excluded.opened_by,
        opened_at = excluded.opened_at,
        denial = excluded.denial
"""
SELECT: Final = f"SELECT {COLUMNS} FROM approvals WHERE login_id = :login_id"
SELECT_BY_HANDLE: Final = f"SELECT {COLUMNS} FROM approvals WHERE handle_hash = :handle_hash"
# Most pages wait, and know it: what they know is told apart here, before it is read. One parameter
# for all of them, as SQLite takes only so many.
SELECT_FOLLOWED: Final = f"""
    SELECT known.key AS stream_hash, approvals.opened_by, logins.* FROM json_each(:known) AS known
    LEFT JOIN approvals ON approvals.stream_hash = known.key
    LEFT JOIN logins ON logins.id = approvals.login_id
    WHERE logins.id IS NULL
    OR known.value IS NULL
    OR known.value <> (approvals.opened_by IS NOT NULL)
    OR logins.state <> 'pending'
    OR logins.expires_at <= :now
    OR logins.created_at > :now + {CLOCK_TOLERANCE}
"""
# Those from the future do not count: the clock was set back, and its return may be far away.
COUNT_BEGUN: Final = f"""
    SELECT count(*) AS number FROM approvals
    WHERE network = :network AND created_at > :since AND created_at <= :now + {CLOCK_TOLERANCE}
"""
# One that can still be answered counts as well, or many that are open at once would each be a try.
COUNT_FAILED: Final = f"""
    SELECT count(*) AS number FROM approvals
    JOIN logins ON logins.id = approvals.login_id
    WHERE approvals.opened_by = :telegram_id AND approvals.login_id <> :login_id
    AND approvals.opened_at > :since AND approvals.opened_at <= :now + {CLOCK_TOLERANCE}
    AND (approvals.denial = '{Denial.WRONG_NUMBER}' OR logins.state = 'pending')
"""
# Whoever opens links ever so often has many that are over: only the newest are looked at.
SELECT_OPEN: Final = f"""
    SELECT {COLUMNS} FROM approvals
    WHERE opened_by = :telegram_id AND opened_at > :since AND EXISTS (
        SELECT 1 FROM logins WHERE id = approvals.login_id AND state = 'pending'
    )
"""
SELECT_BY_PERSON: Final = f"""
    SELECT {COLUMNS} FROM approvals WHERE opened_by = :telegram_id ORDER BY opened_at, login_id
"""
WITHDRAW_ALL: Final = f"""
    UPDATE approvals SET denial = '{Denial.WITHDRAWN}' WHERE login_id IN (
        SELECT id FROM logins WHERE state IN ('pending', 'approved') AND expires_at > :now
    )
"""
# What somebody was asked and never approved belongs to nobody else …
FORGET_ASKED: Final = """
    DELETE FROM logins WHERE subject IS NULL AND id IN (
        SELECT login_id FROM approvals WHERE opened_by = :telegram_id
    )
"""
# … and what another account continued with afterwards is that one's.
FORGET_OPENED: Final = """
    UPDATE approvals SET opened_by = NULL, opened_at = NULL
    WHERE opened_by = :telegram_id
"""
SELECT_BLOCK: Final = """
    SELECT blocked_until FROM approval_blocks WHERE telegram_id = :telegram_id
"""
BLOCK: Final = """
    INSERT INTO approval_blocks (telegram_id, blocked_until) VALUES (:telegram_id, :blocked_until)
    ON CONFLICT (telegram_id) DO UPDATE SET blocked_until = excluded.blocked_until
"""
UNBLOCK: Final = "DELETE FROM approval_blocks WHERE telegram_id = :telegram_id"
SWEEP_BLOCKS: Final = """
    DELETE FROM approval_blocks WHERE telegram_id IN (
        SELECT telegram_id FROM approval_blocks
        WHERE blocked_until < :before ORDER BY blocked_until LIMIT :most
    )
    RETURNING telegram_id
"""


async def save(connection: Connection, approval: Approval) -> None:
    """Add what is asked for a login, or keep what came of it."""
    await connection.run(
        UPSERT,
        {
            "login_id": approval.login_id,
            "handle_hash": approval.handle_hash,
            "stream_hash": approval.stream_hash,
            "created_at": approval.created_at,
            "state_parameter": approval.state_parameter,
            "device": approval.visitor.device,
            "address": approval.visitor.address,
            "network": approval.network,
            "place": approval.place,
            "opened_by": approval.opened_by,
            "opened_at": approval.opened_at,
            "denial": approval.denial,
        },
    )
    connection.announced.add(Topic.APPROVAL)


async def get(connection: Connection, login_id: str) -> Approval | None:
    """Return what is asked for a login, if it began in a browser."""
    return _maybe(await connection.one(SELECT, {"login_id": login_id}))


async def by_handle(connection: Connection, handle_hash: str) -> Approval | None:
    """Return what a deep link means."""
    return _maybe(await connection.one(SELECT_BY_HANDLE, {"handle_hash": handle_hash}))


async def followed(
    connection: Connection, known: Mapping[str, bool | None], *, now: Instant
) -> dict[str, tuple[LoginRequest, bool] | None]:
    """Return what has changed of the logins that streams are about.

    Args:
        connection: The store.
        known: By the hashes of their names: whether somebody is asked, as far as is known of a
            login that waits; none: nothing is known of it.
        now: When they are looked at.

    Returns:
        Each login that stands otherwise, and whether somebody is asked by now; none where no
        stream has that name, or its login is gone.
    """
    rows = await connection.run(SELECT_FOLLOWED, {"known": json.dumps(known), "now": now})
    return {
        row["stream_hash"]: None
        if row["id"] is None
        else (login_of(row), row["opened_by"] is not None)
        for row in rows
    }


async def count_begun(connection: Connection, network: str, *, since: Instant, now: Instant) -> int:
    """Return how many logins a network began in browsers after `since`."""
    row = await connection.one(COUNT_BEGUN, {"network": network, "since": since, "now": now})
    return row["number"] if row else 0


async def count_failed(
    connection: Connection, telegram_id: int, login_id: str, *, since: Instant, now: Instant
) -> int:
    """Return how many questions after `since` somebody answered wrongly, or not by now.

    Args:
        connection: The store.
        telegram_id: Who was asked.
        login_id: The login whose own question does not count.
        since: Those that were opened later.
        now: The current instant.
    """
    row = await connection.one(
        COUNT_FAILED,
        {"telegram_id": telegram_id, "login_id": login_id, "since": since, "now": now},
    )
    return row["number"] if row else 0


async def open_of(connection: Connection, telegram_id: int, *, since: Instant) -> list[Approval]:
    """Return what somebody opened after `since` and has not answered, expired or not."""
    rows = await connection.run(SELECT_OPEN, {"telegram_id": telegram_id, "since": since})
    return [_approval(row) for row in rows]


async def opened_by(connection: Connection, telegram_id: int) -> list[Approval]:
    """Return everything that somebody was asked and that is still kept, oldest first."""
    rows = await connection.run(SELECT_BY_PERSON, {"telegram_id": telegram_id})
    return [_approval(row) for row in rows]


async def withdraw_all(connection: Connection, *, now: Instant) -> None:
    """Say of each login that could still be redeemed that it was withdrawn."""
    await connection.run(WITHDRAW_ALL, {"now": now})


async def forget(connection: Connection, telegram_id: int) -> None:
    """Delete what somebody was asked, and what they wished about it."""
    for statement in (FORGET_ASKED, FORGET_OPENED, UNBLOCK):
        await connection.run(statement, {"telegram_id": telegram_id})
    connection.announced.add(Topic.APPROVAL)


async def blocked_until(connection: Connection, telegram_id: int) -> Instant | None:
    """Return until when somebody wants to be asked for nothing, if they ever said so."""
    row = await connection.one(SELECT_BLOCK, {"telegram_id": telegram_id})
    return row["blocked_until"] if row else None


async def block(connection: Connection, telegram_id: int, *, until: Instant) -> None:
    """Keep that somebody wants to be asked for nothing for a while."""
    await connection.run(BLOCK, {"telegram_id": telegram_id, "blocked_until": until})


async def unblock(connection: Connection, telegram_id: int) -> None:
    """Let somebody be asked again."""
    await connection.run(UNBLOCK, {"telegram_id": telegram_id})


async def sweep_blocks(connection: Connection, *, before: Instant, most: int) -> int:
    """Delete a batch of wishes that are over; return how many."""
    return len(await connection.run(SWEEP_BLOCKS, {"before": before, "most": most}))


def _maybe(row: Row | None) -> Approval | None:
    return _approval(row) if row else None


def _approval(row: Row) -> Approval:
    return Approval(
        login_id=row["login_id"],
        handle_hash=row["handle_hash"],
        stream_hash=row["stream_hash"],
        created_at=row["created_at"],
        state_parameter=row["state_parameter"],
        visitor=Visitor(device=row["device"], address=row["address"]),
        network=row["network"],
        place=row["place"],
        opened_by=row["opened_by"],
        opened_at=row["opened_at"],
        denial=Denial(row["denial"]) if row["denial"] else None,
    )
