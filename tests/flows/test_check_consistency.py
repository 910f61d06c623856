"""Promises of the look through the whole store: what is wrong is found, and nothing else."""

# ruff: noqa: ASYNC240 - a few bytes, in a test

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from tests.browser_logins import approved, begun, finished, opened
from tests.builders import (
    ALICE,
    NOW,
    Clock,
    a_begun_login,
    a_browser,
    a_deployment,
    chat_code_of,
)
from tests.store.test_backup import damage
from tests.store.whole import FOREIGN, make, make_first_version, make_foreign

from tgauth.flows.ban_person import ban_person
from tgauth.flows.check_consistency import Checked, check_consistency
from tgauth.flows.continue_in_browser import continue_in_browser
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys, rotate_keys
from tgauth.store import Store
from tgauth.store.access import StoreMissing
from tgauth.store.impossible import RULES
from tgauth.store.master_key import load_master_key

pytestmark = pytest.mark.anyio

#: A rule, and what breaks it in a store in which Alice has logged in through both doors, and waits
#: at each for another time.
BREAKERS = {
    "logins that end before they begin": "UPDATE logins SET expires_at = created_at",
    "logins that were decided on, with no moment of it": "UPDATE logins SET decided_at = NULL",
    "logins that wait for a decision which they have": (
        "UPDATE logins SET state = 'pending' WHERE state = 'approved'"
    ),
    "logins that were not redeemed and have a session": (
        "UPDATE logins SET session_id = (SELECT id FROM sessions) WHERE state = 'approved'"
    ),
    "logins that began another person's session": (
        "UPDATE sessions SET subject = (SELECT subject FROM persons WHERE telegram_id = 7)"
    ),
    "logins that began another application's session": "UPDATE sessions SET client_id = 'other'",
    "sessions that two logins began": ("UPDATE logins SET session_id = (SELECT id FROM sessions)"),
    "codes that were spent on a login which was not redeemed": "UPDATE codes SET spent_at = 1",
    "logins that were redeemed with none of their codes": "UPDATE codes SET spent_at = NULL",
    "codes for another application than their login": "UPDATE codes SET client_id = 'other'",
    "codes that can be spent when their login has expired": (
        "UPDATE codes SET expires_at = expires_at + 1"
    ),
    "codes for the chat of a login that began in a browser": (
        "UPDATE logins SET door = 'browser', browser = 'x' WHERE door = 'chat'"
    ),
    "logins that began in a browser, with nothing that is asked for them": (
        "DELETE FROM approvals WHERE opened_by IS NULL"
    ),
    "logins that began in a chat, with something that is asked for them": (
        "UPDATE logins SET door = 'chat' WHERE door = 'browser'"
    ),
    "logins that began in a browser and gave way to a newer one": (
        "UPDATE logins SET state = 'replaced' WHERE door = 'browser' AND state = 'pending'"
    ),
    "logins that began in a browser and were denied for no reason, or not and for one": (
        "UPDATE approvals SET denial = 'withdrawn'"
    ),
    "logins that were approved by somebody else than who was asked": (
        "UPDATE approvals SET opened_by = 7 WHERE opened_by IS NOT NULL"
    ),
    "sessions that end before they begin": "UPDATE sessions SET idle_expires_at = seen_at",
    "living sessions of somebody who is banned": f"INSERT INTO bans VALUES ({ALICE}, 1)",
    "messages that were sent and given up on": (
        "UPDATE outbox SET sent_at = 1, given_up_at = 1, reason = 'x'"
    ),
    "messages that were given up on for no reason": "UPDATE outbox SET given_up_at = 1",
    "links that belong to no login": (
        "UPDATE outbox SET login_id = NULL WHERE notice = 'login_link'"
    ),
    "questions that belong to no login": (
        "UPDATE outbox SET login_id = NULL WHERE notice = 'approval'"
    ),
    "updates that were tried too often and still wait": (
        "UPDATE inbox SET state = 'waiting', payload = '{}', attempts = 3"
    ),
    "signing keys beside a newer one, and not on their way out": (
        "UPDATE signing_keys SET expires_at = NULL"
    ),
    "windows of failures in which none failed": "INSERT INTO failures VALUES ('192.0.2.1', 1, 0)",
}


@pytest.fixture
async def lived_in(database: Path, clock: Clock) -> Path:
    """Make a store in which people have logged in and keys have been rotated."""
    await make(database, "ann")
    key = database.with_name("tgauth.db.key")
    async with Store.open(database) as store:
        master_key = await load_master_key(store, key, may_create=False)
        deployment = a_deployment(store, now=clock, master_key=master_key)
        await Keys(deployment).current()
        await rotate_keys(deployment, at_once=False)
        await log_in(deployment)
        await a_begun_login(deployment, update_id=2)
        await finished(deployment, await approved(deployment, update_id=10))
        await approved(deployment, update_id=20)
        await begun(deployment)
        assert await opened(deployment, await begun(deployment), update_id=30)
        async with store.writing() as connection:
            await connection.run("UPDATE persons SET telegram_id = 7 WHERE username = 'ann'")
    return database


async def log_in(deployment: Deployment) -> None:
    """Log Alice in."""
    login = await a_begun_login(deployment)
    code = chat_code_of(deployment, login)
    await continue_in_browser(deployment, code, browser=a_browser("browser"), switch=False)


async def found_in(database: Path) -> dict[str, Checked]:
    """Return what is found, by name."""
    key = database.with_name("tgauth.db.key")
    return {one.name: one async for one in check_consistency(database, key, now=NOW + 1)}


async def break_it(database: Path, statement: str) -> None:
    """Change a store as tgauth never does."""
    async with Store.open(database) as store, store.writing() as connection:
        await connection.run("PRAGMA defer_foreign_keys = ON")
        await connection.run(statement)


async def test_a_store_that_was_used_is_all_right(lived_in: Path) -> None:
    """Each look is named."""
    found = await found_in(lived_in)
    names = ["integrity", "references", "schema", "master key", "signing keys", "rows"]
    assert names == list(found)
    assert [] == [one for one in found.values() if not one.is_good]
    assert "2, and each opens" == found["signing keys"].text


def test_every_rule_has_what_breaks_it() -> None:
    """Or the next promise would be empty for one."""
    assert set(BREAKERS) == {rule.text for rule in RULES}


@pytest.mark.parametrize("text", BREAKERS)
async def test_a_row_that_tgauth_cannot_have_written_is_found(lived_in: Path, text: str) -> None:
    """With the rule, and an example."""
    await break_it(lived_in, BREAKERS[text])
    key = lived_in.with_name("tgauth.db.key")
    broken = [
        one.text
        async for one in check_consistency(lived_in, key, now=NOW + 1)
        if one.name == "rows" and not one.is_good
    ]
    assert any(text in one and "like " in one for one in broken)


async def test_a_ban_by_the_command_breaks_no_rule(lived_in: Path, clock: Clock) -> None:
    """It ends the sessions."""
    async with Store.open(lived_in) as store:
        await ban_person(a_deployment(store, now=clock), ALICE)
    assert (await found_in(lived_in))["rows"].is_good


async def test_a_row_that_refers_to_nothing_is_found(lived_in: Path) -> None:
    """By its table."""
    async with Store.open(lived_in) as store:
        await store._writer.execute_fetchall("PRAGMA foreign_keys = OFF")
        await store._writer.execute_fetchall("DELETE FROM persons")
    found = (await found_in(lived_in))["references"]
    assert not found.is_good
    assert "rows of logins, sessions refer to none" in found.text


async def test_a_key_that_does_not_belong_here_is_found(lived_in: Path) -> None:
    """And one that is missing; the rest is looked at all the same."""
    key = lived_in.with_name("tgauth.db.key")
    key.write_text("b" * 64)
    found = await found_in(lived_in)
    assert "belongs to another store" in found["master key"].text
    assert not found["master key"].is_good
    assert "bbb" not in str(found)
    key.unlink()
    found = await found_in(lived_in)
    assert not found["master key"].is_good
    assert found["rows"].is_good
    assert "signing keys" not in found


async def test_a_signing_key_that_does_not_open_is_found(lived_in: Path) -> None:
    """By its id."""
    await break_it(lived_in, "UPDATE signing_keys SET private_jwe = 'x.y.z'")
    found = (await found_in(lived_in))["signing keys"]
    assert not found.is_good
    assert "cannot be opened" in found.text


async def test_a_signing_key_under_anothers_name_is_found(lived_in: Path) -> None:
    """It would sign tokens that nobody can verify by their `kid`."""
    await break_it(lived_in, "UPDATE signing_keys SET kid = kid || 'x' WHERE expires_at IS NULL")
    found = (await found_in(lived_in))["signing keys"]
    assert not found.is_good
    assert "x cannot be opened" in found.text


async def test_an_index_that_misses_rows_is_found(lived_in: Path) -> None:
    """Each page can be read, and yet a search would find other rows than are there."""
    remove_behind_its_indices(lived_in, "outbox")
    found = (await found_in(lived_in))["integrity"]
    assert not found.is_good
    assert "index" in found.text
    assert "docs/backup.md" in found.text


def remove_behind_its_indices(path: Path, table: str) -> None:
    """Remove a row of a table while SQLite knows of no index of it."""
    this = "FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = ?"
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        indices = raw.execute(f"SELECT * {this}", (table,)).fetchall()
        raw.execute("PRAGMA writable_schema = ON")
        raw.execute(f"DELETE {this}", (table,))
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute(f"DELETE FROM {table} WHERE id = (SELECT max(id) FROM {table})")
        raw.execute("PRAGMA writable_schema = ON")
        raw.executemany("INSERT INTO sqlite_master VALUES (?, ?, ?, ?, ?)", indices)


async def test_damage_is_found(database: Path) -> None:
    """In one page, or in all of the file."""
    await make(database, *(f"name-{number}" for number in range(500)))
    damage(database)
    assert not all(one.is_good for one in (await found_in(database)).values())
    database.write_bytes(b"rubbish " * 1000)
    found = (await found_in(database))["store"]
    assert not found.is_good
    assert "docs/backup.md" in found.text


async def test_an_older_schema_is_no_fault(database: Path) -> None:
    """The next start migrates it. Rows are not judged."""
    make_first_version(database)
    found = await found_in(database)
    assert found["schema"].is_good
    assert "rows" not in found


async def test_a_newer_schema_is_told(lived_in: Path) -> None:
    """What stands in it may be anything: nothing else is looked at."""
    with closing(sqlite3.connect(lived_in)) as connection:
        connection.execute("PRAGMA user_version = 99")
    found = await found_in(lived_in)
    assert ["schema"] == list(found)
    assert not found["schema"].is_good


@pytest.mark.parametrize("change", FOREIGN)
async def test_a_schema_that_tgauth_did_not_make_is_found(lived_in: Path, change: str) -> None:
    """Before anything of it is run: nothing else is looked at."""
    make_foreign(lived_in, change)
    found = await found_in(lived_in)
    assert ["schema"] == list(found)
    assert not found["schema"].is_good
    assert FOREIGN[change].told in found["schema"].text


async def test_a_missing_store_is_an_error(database: Path) -> None:
    """There is nothing to look through."""
    with pytest.raises(StoreMissing):
        await found_in(database)
