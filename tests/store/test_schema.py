"""Promises of the schema: the database refuses what the domain does not know."""

import re
import sqlite3
from enum import StrEnum
from pathlib import Path

import pytest
from tests.builders import NOW

from tgauth.domain.approval import Denial
from tgauth.domain.audit import Actor, AuditEvent
from tgauth.domain.code import CodeKind
from tgauth.domain.incoming import UpdateState
from tgauth.domain.login import Door, LoginState
from tgauth.domain.outgoing import Notice
from tgauth.store import Store

pytestmark = pytest.mark.anyio

#: (table, column) → the enum that its CHECK repeats.
ENUMS: dict[tuple[str, str], type[StrEnum]] = {
    ("logins", "door"): Door,
    ("logins", "state"): LoginState,
    ("approvals", "denial"): Denial,
    ("codes", "kind"): CodeKind,
    ("inbox", "state"): UpdateState,
    ("outbox", "notice"): Notice,
    ("audit", "event"): AuditEvent,
    ("audit", "actor"): Actor,
}

PERSON = "INSERT INTO persons VALUES ('s', 1, 'A', NULL, NULL, NULL, 0, 0)"
LOGIN = """
    INSERT INTO logins (id, door, client_id, subject, state, created_at, expires_at, redeemed_at)
    VALUES ('l', {door}, 'shop', {subject}, {state}, 0, 1, {redeemed_at})
"""
BROWSER_LOGIN = """
    INSERT INTO logins (id, door, client_id, state, created_at, expires_at, browser)
    VALUES ('b', 'browser', 'shop', 'pending', 0, 1, {browser})
"""
APPROVAL = """
    INSERT INTO approvals (
        login_id, handle_hash, stream_hash, created_at, network, opened_by, opened_at, denial
    ) VALUES ({login_id}, 'h', 's', 0, '192.0.2.1', {opened_by}, {opened_at}, {denial})
"""
INBOX = """
    INSERT INTO inbox (update_id, identity, payload, state, received_at, attempts, not_before)
    VALUES (1, 'x', {payload}, {state}, 0, 0, 0)
"""

#: Rows that contradict themselves.
IMPOSSIBLE = {
    "an unknown door": LOGIN.format(
        door="'window'", subject="'s'", state="'pending'", redeemed_at="NULL"
    ),
    "expired as a stored state": LOGIN.format(
        door="'chat'", subject="'s'", state="'expired'", redeemed_at="NULL"
    ),
    "redeemed at no time": LOGIN.format(
        door="'chat'", subject="'s'", state="'redeemed'", redeemed_at="NULL"
    ),
    "pending but redeemed": LOGIN.format(
        door="'chat'", subject="'s'", state="'pending'", redeemed_at="1"
    ),
    "approved for nobody": LOGIN.format(
        door="'chat'", subject="NULL", state="'approved'", redeemed_at="NULL"
    ),
    "replaced but redeemed": LOGIN.format(
        door="'chat'", subject="'s'", state="'replaced'", redeemed_at="1"
    ),
    "a login of somebody unknown": LOGIN.format(
        door="'chat'", subject="'t'", state="'approved'", redeemed_at="NULL"
    ),
    "a login in a browser that has no name": BROWSER_LOGIN.format(browser="NULL"),
    "a question about no login": APPROVAL.format(
        login_id="'nope'", opened_by="NULL", opened_at="NULL", denial="NULL"
    ),
    "a question opened at no time": APPROVAL.format(
        login_id="'a'", opened_by="1", opened_at="NULL", denial="NULL"
    ),
    "a question answered by nobody": APPROVAL.format(
        login_id="'a'", opened_by="NULL", opened_at="NULL", denial="'wrong_number'"
    ),
    "a question denied for no known reason": APPROVAL.format(
        login_id="'a'", opened_by="1", opened_at="0", denial="'whim'"
    ),
    "a second account of the bot": "INSERT INTO bot_account VALUES (2, 1, 'tgauth_bot')",
    "done but not erased": INBOX.format(payload="'{}'", state="'done'"),
    "waiting without content": INBOX.format(payload="NULL", state="'waiting'"),
    "an unknown state of an update": INBOX.format(payload="'{}'", state="'lost'"),
    "a code without a login": "INSERT INTO codes VALUES ('h', 'chat', 'shop', 'nope', 1, NULL)",
    "a text as a number": "INSERT INTO persons VALUES ('t', 'x', 'A', NULL, NULL, NULL, 0, 0)",
    "a session of somebody unknown": (
        "INSERT INTO sessions VALUES ('x', 't', 'shop', NULL, NULL, NULL, 0, 1, 0, 1, NULL)"
    ),
    "a session that was never seen": (
        "INSERT INTO sessions VALUES ('x', 's', 'shop', NULL, NULL, NULL, 0, 1, NULL, 1, NULL)"
    ),
    "a ban at no time": "INSERT INTO bans VALUES (1, NULL)",
    "failures without a number": "INSERT INTO failures VALUES ('192.0.2.1', 0, NULL)",
    "a change of a message of no number": (
        "INSERT INTO outbox (chat_id, notice, edits, created_at, attempts, not_before) "
        "VALUES (1, 'sessions', 'x', 0, 0, 0)"
    ),
    "a second master key": "INSERT INTO master_key VALUES (2, 'x')",
}


@pytest.mark.parametrize(("table", "column"), ENUMS)
async def test_each_check_names_exactly_the_values_of_its_enum(
    store: Store, table: str, column: str
) -> None:
    """The database and the domain know the same values, in the same order."""
    async with store.reading() as connection:
        [row] = await connection.run(
            "SELECT sql FROM sqlite_master WHERE name = :table", {"table": table}
        )
    [allowed] = re.findall(rf"CHECK \({column} IN \(([^)]*)\)\)", row["sql"])
    assert [member.value for member in ENUMS[table, column]] == re.findall(r"'([\w.]+)'", allowed)


async def test_no_check_on_values_is_without_its_enum(store: Store) -> None:
    """A new column with a list of values has to be compared here as well."""
    async with store.reading() as connection:
        rows = await connection.run("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    found = {
        (row["name"], column)
        for row in rows
        for column in re.findall(r"(\w+) TEXT[^,]*CHECK \(\1 IN", row["sql"])
    }
    assert set(ENUMS) == found


@pytest.mark.parametrize("case", IMPOSSIBLE)
async def test_rows_that_contradict_themselves_are_refused(store: Store, case: str) -> None:
    """Whatever the code does, such a row cannot be stored."""
    async with store.writing() as connection:
        await connection.run(PERSON)
        await connection.run(
            "INSERT INTO logins (id, door, client_id, state, created_at, expires_at, browser) "
            "VALUES ('a', 'browser', 'shop', 'pending', 0, 1, 'x')"
        )
    with pytest.raises(sqlite3.IntegrityError):
        async with store.writing() as connection:
            await connection.run(IMPOSSIBLE[case])


@pytest.mark.parametrize("state", LoginState)
async def test_every_state_of_a_login_can_be_stored(store: Store, state: LoginState) -> None:
    """The checks refuse no row that the domain makes."""
    redeemed_at = str(NOW) if state is LoginState.REDEEMED else "NULL"
    async with store.writing() as connection:
        await connection.run(PERSON)
        await connection.run(
            LOGIN.format(door="'chat'", subject="'s'", state=f"'{state}'", redeemed_at=redeemed_at)
        )


async def test_the_schema_is_the_one_in_the_snapshot(store: Store) -> None:
    """A released schema changes only by a new migration: compare, then renew the snapshot."""
    async with store.reading() as connection:
        rows = await connection.run(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' "
            "ORDER BY name"
        )
    actual = ";\n".join(row["sql"] for row in rows) + ";\n"
    snapshot = Path(__file__).with_name("schema.sql")
    assert snapshot.read_text("utf-8") == actual


async def test_every_table_is_strict(store: Store) -> None:
    """No column takes a value of another type."""
    async with store.reading() as connection:
        rows = await connection.run(
            "SELECT name, strict FROM pragma_table_list "
            "WHERE schema = 'main' AND name NOT LIKE 'sqlite_%'"
        )
    assert [] == [row["name"] for row in rows if not row["strict"]]
    assert len(rows) == 17


async def test_every_reference_has_an_index(store: Store) -> None:
    """Deleting a row never searches a whole table for what refers to it."""
    async with store.reading() as connection:
        references = await connection.run(
            'SELECT m.name AS "table", f."from" AS "column" FROM sqlite_master m, '
            "pragma_foreign_key_list(m.name) f WHERE m.type = 'table'"
        )
        indexed = await connection.run(
            'SELECT m.name AS "table", c.name AS "column" FROM sqlite_master m, '
            "pragma_index_list(m.name) i, pragma_index_info(i.name) c "
            "WHERE m.type = 'table' AND c.seqno = 0"
        )
    missing = {tuple(row) for row in references} - {tuple(row) for row in indexed}
    assert set() == missing
