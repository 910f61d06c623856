"""Rows that no flow can have written: each statement is one rule of the domain, turned around.

They say nothing that a clock which was set back could explain. What SQLite itself keeps (CHECKs,
references, STRICT types) is not repeated here.
"""

from dataclasses import dataclass
from typing import Final

from tgauth.domain.incoming import ATTEMPTS
from tgauth.domain.instants import Instant
from tgauth.store.connection import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is never so.

    Attributes:
        text: What a row that breaks it is: "logins that …".
        sql: Selects the ids of those rows as `id`.
    """

    text: str
    sql: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """A rule that is broken.

    Attributes:
        text: What is so and cannot be.
        number: How many rows.
        example: The id of one of them.
    """

    text: str
    number: int
    example: str


RULES: Final = (
    Rule(
        # One that is open is ended at the moment to which the clock was set back.
        text="logins that end before they begin",
        sql="""
            SELECT id FROM logins
            WHERE expires_at <= created_at AND state NOT IN ('pending', 'approved')
        """,
    ),
    Rule(
        text="logins that were decided on, with no moment of it",
        sql="SELECT id FROM logins WHERE state <> 'pending' AND decided_at IS NULL",
    ),
    Rule(
        text="logins that wait for a decision which they have",
        sql="SELECT id FROM logins WHERE state = 'pending' AND decided_at IS NOT NULL",
    ),
    Rule(
        text="logins that were not redeemed and have a session",
        sql="SELECT id FROM logins WHERE state <> 'redeemed' AND session_id IS NOT NULL",
    ),
    Rule(
        text="logins that began another person's session",
        sql="""
            SELECT logins.id FROM logins JOIN sessions ON sessions.id = logins.session_id
            WHERE sessions.subject <> logins.subject
        """,
    ),
    Rule(
        text="logins that began another application's session",
        sql="""
            SELECT logins.id FROM logins JOIN sessions ON sessions.id = logins.session_id
            WHERE sessions.client_id <> logins.client_id
        """,
    ),
    Rule(
        text="sessions that two logins began",
        sql="""
            SELECT session_id AS id FROM logins WHERE session_id IS NOT NULL
            GROUP BY session_id HAVING count(*) > 1
        """,
    ),
    Rule(
        text="codes that were spent on a login which was not redeemed",
        sql="""
            SELECT codes.login_id AS id FROM codes JOIN logins ON logins.id = codes.login_id
            WHERE codes.spent_at IS NOT NULL AND logins.state <> 'redeemed'
        """,
    ),
    Rule(
        text="logins that were redeemed with none of their codes",
        sql="""
            SELECT id FROM logins WHERE state = 'redeemed' AND door = 'chat' AND NOT EXISTS (
                SELECT 1 FROM codes WHERE codes.login_id = logins.id
                AND codes.kind = 'chat' AND codes.spent_at IS NOT NULL
            )
        """,
    ),
    Rule(
        text="codes for another application than their login",
        sql="""
            SELECT codes.login_id AS id FROM codes JOIN logins ON logins.id = codes.login_id
            WHERE codes.client_id <> logins.client_id
        """,
    ),
    Rule(
        text="codes that can be spent when their login has expired",
        sql="""
            SELECT codes.login_id AS id FROM codes JOIN logins ON logins.id = codes.login_id
            WHERE codes.kind = 'chat' AND codes.spent_at IS NULL
            AND codes.expires_at > logins.expires_at
        """,
    ),
    Rule(
        text="codes for the chat of a login that began in a browser",
        sql="""
            SELECT codes.login_id AS id FROM codes JOIN logins ON logins.id = codes.login_id
            WHERE codes.kind = 'chat' AND logins.door = 'browser'
        """,
    ),
    Rule(
        text="logins that began in a browser, with nothing that is asked for them",
        sql="""
            SELECT id FROM logins WHERE door = 'browser'
            AND NOT EXISTS (SELECT 1 FROM approvals WHERE approvals.login_id = logins.id)
        """,
    ),
    Rule(
        text="logins that began in a chat, with something that is asked for them",
        sql="""
            SELECT id FROM logins WHERE door = 'chat'
            AND EXISTS (SELECT 1 FROM approvals WHERE approvals.login_id = logins.id)
        """,
    ),
    Rule(
        text="logins that began in a browser and gave way to a newer one",
        sql="SELECT id FROM logins WHERE door = 'browser' AND state = 'replaced'",
    ),
    Rule(
        text="logins that began in a browser and were denied for no reason, or not and for one",
        sql="""
            SELECT logins.id FROM logins JOIN approvals ON approvals.login_id = logins.id
            WHERE (logins.state = 'denied') <> (approvals.denial IS NOT NULL)
        """,
    ),
    Rule(
        # One that is redeemed may have been approved by whoever was logged in there already.
        text="logins that were approved by somebody else than who was asked",
        sql="""
            SELECT logins.id FROM logins
            JOIN approvals ON approvals.login_id = logins.id
            JOIN persons ON persons.subject = logins.subject
            WHERE logins.state = 'approved' AND approvals.opened_by IS NOT persons.telegram_id
        """,
    ),
    Rule(
        text="sessions that end before they begin",
        sql="""
            SELECT id FROM sessions
            WHERE expires_at <= created_at OR idle_expires_at <= seen_at
        """,
    ),
    Rule(
        text="living sessions of somebody who is banned",
        sql="""
            SELECT sessions.id FROM sessions
            JOIN persons ON persons.subject = sessions.subject
            JOIN bans ON bans.telegram_id = persons.telegram_id
            WHERE sessions.ended_at IS NULL
            AND sessions.expires_at > :now AND sessions.idle_expires_at > :now
        """,
    ),
    Rule(
        text="messages that were sent and given up on",
        sql="SELECT id FROM outbox WHERE sent_at IS NOT NULL AND given_up_at IS NOT NULL",
    ),
    Rule(
        text="messages that were given up on for no reason",
        sql="SELECT id FROM outbox WHERE (given_up_at IS NULL) <> (reason IS NULL)",
    ),
    Rule(
        text="links that belong to no login",
        sql="SELECT id FROM outbox WHERE notice = 'login_link' AND login_id IS NULL",
    ),
    Rule(
        text="questions that belong to no login",
        sql="SELECT id FROM outbox WHERE notice = 'approval' AND login_id IS NULL",
    ),
    Rule(
        text="updates that were tried too often and still wait",
        sql=f"SELECT sequence AS id FROM inbox WHERE state = 'waiting' AND attempts >= {ATTEMPTS}",
    ),
    Rule(
        text="signing keys beside a newer one, and not on their way out",
        sql="""
            SELECT kid AS id FROM signing_keys WHERE expires_at IS NULL
            AND 1 < (SELECT count(*) FROM signing_keys WHERE expires_at IS NULL)
        """,
    ),
    Rule(
        text="windows of failures in which none failed",
        sql="SELECT address AS id FROM failures WHERE number < 1",
    ),
)


async def broken_rules(connection: Connection, *, now: Instant) -> list[Broken]:
    """Return every rule that some row breaks."""
    found = []
    for rule in RULES:
        row = await connection.one(
            f"SELECT count(*) AS number, min(id) AS example FROM ({rule.sql})", {"now": now}
        )
        if row is not None and row["number"]:
            found.append(Broken(text=rule.text, number=row["number"], example=str(row["example"])))
    return found
