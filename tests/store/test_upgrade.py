"""Promises of an upgrade: nothing that an earlier version kept is lost, and there is a way back."""

import asyncio
import json
import os
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import aiosqlite
import pytest
from tests.builders import (
    LIFETIME,
    MASTER_KEY,
    NOW,
    Clock,
    a_code,
    a_deployment,
    a_login,
    a_person,
    a_session,
    an_outgoing,
)
from tests.disks import fill, small_disk

from tgauth.domain.code import CodeKind, derive_code, hash_of
from tgauth.domain.errors import StoreUnavailable
from tgauth.domain.instants import DAY
from tgauth.domain.login import LoginState, Standing
from tgauth.domain.outgoing import Notice
from tgauth.domain.session import Visitor
from tgauth.flows.continue_in_browser import Browser, continue_in_browser
from tgauth.flows.deliver_messages import LoginOutcome, due_messages
from tgauth.store import Store, codes, logins, migrations, outbox, persons, sessions
from tgauth.store.migrations import DanglingReference, Migration, copy_of, shipped

pytestmark = pytest.mark.anyio

END = NOW + 30 * DAY
ALICES, BOBS = "subject-of-alice", "subject-of-bob"
HASH = hash_of("cookie secret")
CHAT_CODE = derive_code(MASTER_KEY, CodeKind.CHAT, "approved")

#: Opens a store, and is killed after so many statements.
KILLED = """
import asyncio, os, pathlib, signal, sys, aiosqlite
from tgauth.store import Store
execute, left = aiosqlite.Connection.execute_fetchall, int(sys.argv[2])
async def killing(self, sql, *parameters):
    global left
    left -= 1
    if left < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return await execute(self, sql, *parameters)
aiosqlite.Connection.execute_fetchall = killing
async def main():
    async with Store.open(pathlib.Path(sys.argv[1])):
        pass
asyncio.run(main())
print(int(sys.argv[2]) - left)
"""

#: What an installation of the first version may hold, in the columns of its schema.
ROWS: dict[str, list[tuple[Any, ...]]] = {
    "master_key": [(1, "fingerprint")],
    "probes": [(1, 42)],
    "persons": [
        ("subject-of-alice", 1001, "Alice", "Archer", "alice", "en", NOW, NOW),
        ("subject-of-bob", 1002, "Bob", None, None, None, NOW - 5, NOW - 1),
    ],
    "sessions": [
        ("session-1", "subject-of-alice", "shop", HASH, NOW, END, None),
        ("session-2", "subject-of-alice", "shop", None, NOW + 1, END + 1, NOW + 9),
        ("session-3", "subject-of-bob", "another", "hash-3", NOW - 60 * DAY, NOW - 30 * DAY, None),
    ],
    "logins": [
        (id_, "chat", "shop", *rest)
        for id_, *rest in (
            ("pending", ALICES, "pending", NOW, NOW + LIFETIME, None, None, None, None),
            ("nobody's", None, "pending", NOW, NOW + LIFETIME, None, None, None, None),
            ("approved", ALICES, "approved", NOW, NOW + LIFETIME, NOW, None, None, None),
            ("old", BOBS, "approved", 5, 6, 5, None, None, None),
            ("denied", BOBS, "denied", NOW, NOW + 9, NOW + 3, None, None, None),
            ("denied by nobody", None, "denied", NOW, NOW + 9, NOW + 3, None, None, None),
            ("redeemed", ALICES, "redeemed", NOW, NOW + LIFETIME, NOW, NOW + 7, "session-1", "b"),
            ("by api", ALICES, "redeemed", NOW, NOW + LIFETIME, NOW, NOW + 1, "session-2", None),
            ("its session is gone", BOBS, "redeemed", 1, 2, 1, 1, None, None),
        )
    ],
    "codes": [
        (hash_of(CHAT_CODE), "chat", "shop", "approved", NOW + LIFETIME, None),
        ("h1", "chat", "shop", "redeemed", NOW + LIFETIME, NOW + 7),
        ("h2", "callback", "shop", "redeemed", NOW + 60_007, None),
        ("h3", "callback", "shop", "by api", NOW + 60_001, NOW + 8),
        ("h4", "oidc", "another", "old", 6, None),
    ],
    "signing_keys": [
        ("kid-1", "ES256", "{}", "sealed", NOW - 9),
        ("kid-2", "ES256", "{}", "sealed as well", NOW),
    ],
    "inbox": [
        (3, 77, "message:1001:1:0", '{"a": 1}', "waiting", NOW, 1, NOW + 1000),
        (4, 78, "message:1001:2:0", None, "done", NOW, 0, NOW),
        (9, 5, "message:1002:1:0", "{}", "parked", NOW - 1, 3, NOW),
    ],
    "outbox": [
        (1, 1001, "login_link", "approved", NOW, 0, NOW, None, None, None, None),
        (2, 1001, "login_link", "redeemed", NOW, 1, NOW, NOW + 1, 501, None, None),
        (3, 1002, "login_link", "old", 5, 0, 5, None, None, 7, "blocked"),
        (5, 1002, "greeting", None, NOW, 2, NOW + 2000, None, None, None, None),
        (6, 1002, "help", None, NOW, 0, NOW, NOW, 502, None, None),
        (7, 1003, "not_allowed", None, NOW, 0, NOW, None, None, None, None),
        (8, -100, "private_only", None, NOW, 0, NOW, None, None, None, None),
        (9, 1001, "too_late", None, NOW, 0, NOW, None, None, None, None),
        (44, 1001, "failed", None, NOW, 0, NOW, None, None, None, None),
    ],
}


def write_first_version(database: Path, *, more: int = 0) -> None:
    """Write a new store as the first version did, by its own SQL; and so many more people."""
    for leftover in ("", "-wal", "-shm"):
        database.with_name(database.name + leftover).unlink(missing_ok=True)
    with closing(sqlite3.connect(database)) as raw:
        raw.execute("PRAGMA journal_mode = WAL")
        raw.execute("PRAGMA foreign_keys = ON")
        raw.executescript(shipped()[0].sql)
        raw.execute("PRAGMA user_version = 1")
        for table, rows in ROWS.items():
            marks = ", ".join("?" * len(rows[0]))
            raw.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
        raw.executemany(
            "INSERT INTO persons VALUES (?, ?, ?, NULL, NULL, NULL, 0, 0)",
            [(f"s{number}", 5000 + number, "A" * 1000) for number in range(more)],
        )
        raw.commit()
    database.chmod(0o600)


def content_of(database: Path) -> str:
    """Return the version, the schema and every row of a store."""
    with closing(sqlite3.connect(database)) as raw:
        [version] = raw.execute("PRAGMA user_version").fetchone()
        assert [("ok",)] == raw.execute("PRAGMA integrity_check").fetchall()
        assert [] == raw.execute("PRAGMA foreign_key_check").fetchall()
        return json.dumps([version, *raw.iterdump()])


def version_of(database: Path) -> int:
    """Return the version of a store's schema."""
    with closing(sqlite3.connect(database)) as raw:
        return int(raw.execute("PRAGMA user_version").fetchone()[0])


async def open_and_close(database: Path) -> None:
    """Open a store, as each process does when it starts."""
    async with Store.open(database):
        pass


@pytest.fixture
def old(database: Path) -> Path:
    """Return a store that the first version wrote."""
    write_first_version(database)
    return database


@pytest.mark.parametrize("table", ROWS)
async def test_an_upgrade_loses_no_row(old: Path, table: str) -> None:
    """Row by row, every column of the first version holds what it held."""
    with closing(sqlite3.connect(old)) as raw:
        names = [row[1] for row in raw.execute(f"PRAGMA table_info({table})")]
    await open_and_close(old)
    with closing(sqlite3.connect(old)) as raw:
        rows = raw.execute(f"SELECT {', '.join(names)} FROM {table} ORDER BY rowid").fetchall()
    assert ROWS[table] == rows
    assert shipped()[-1].number == version_of(old)


async def test_an_upgrade_keeps_what_refers_to_what(old: Path) -> None:
    """No reference dangles, and deleting a person still takes all along that is theirs."""
    await open_and_close(old)
    with closing(sqlite3.connect(old)) as raw:
        raw.execute("PRAGMA foreign_keys = ON")
        assert [] == raw.execute("PRAGMA foreign_key_check").fetchall()
        raw.execute("DELETE FROM persons WHERE subject = 'subject-of-alice'")
        left = {
            table: [row[0] for row in raw.execute(f"SELECT {key} FROM {table} ORDER BY {key}")]
            for table, key in (
                ("sessions", "id"),
                ("logins", "id"),
                ("codes", "hash"),
                ("outbox", "id"),
            )
        }
    assert {
        "sessions": ["session-3"],
        "logins": ["denied", "denied by nobody", "its session is gone", "nobody's", "old"],
        "codes": ["h4"],
        "outbox": [3, 5, 6, 7, 8, 9, 44],
    } == left


async def test_a_session_of_before_lives_on_as_it_was_promised(old: Path) -> None:
    """Nobody is logged out by the upgrade: its idle time is its lifetime until it is used."""
    async with Store.open(old) as store, store.reading() as connection:
        expected = a_session(visitor=Visitor(), expires_at=END, seen_at=NOW, idle_expires_at=END)
        assert expected == await sessions.get(connection, "session-1")


async def test_what_was_kept_before_is_understood(old: Path) -> None:
    """Logins of every state, codes, people and messages come back as the domain knows them."""
    async with Store.open(old) as store, store.reading() as connection:
        assert a_person() == await persons.get(connection, "subject-of-alice")
        for state in (LoginState.PENDING, LoginState.APPROVED, LoginState.REDEEMED):
            expected = a_login(state, id=state)
            if state is LoginState.REDEEMED:
                expected = a_login(state, id=state, redeemed_at=NOW + 7, browser="b")
            assert expected == await logins.get(connection, state)
        expected_code = a_code(hash=hash_of(CHAT_CODE), login_id="approved")
        assert expected_code == await codes.get(connection, hash_of(CHAT_CODE))
        link = an_outgoing(id=1, notice=Notice.LOGIN_LINK, login_id="approved")
        assert link == await outbox.get(connection, 1)
        assert 501 == await outbox.link_message(connection, "redeemed")


async def test_a_link_of_before_still_logs_in(old: Path, clock: Clock) -> None:
    """Who got it from the old version and taps it after the upgrade is logged in."""
    async with Store.open(old) as store:
        deployment = a_deployment(store, now=clock)
        outcome = await continue_in_browser(
            deployment, CHAT_CODE, browser=Browser(name="b"), switch=False
        )
    assert "approved" == outcome.login_id


async def test_a_link_of_before_is_told_of_when_it_expires(old: Path, clock: Clock) -> None:
    """The first version promised nobody that; of those that are over for long nothing is said."""
    with closing(sqlite3.connect(old)) as raw:
        raw.execute(
            "UPDATE outbox SET sent_at = ?, message_id = 500 WHERE login_id = 'approved'", (NOW,)
        )
        raw.execute(
            "UPDATE outbox SET sent_at = 5, message_id = 400, given_up_at = NULL, reason = NULL "
            "WHERE login_id = 'old'"
        )
        raw.execute("DELETE FROM outbox WHERE sent_at IS NULL")
        raw.commit()
    async with Store.open(old) as store:
        deployment = a_deployment(store, now=clock)
        assert ([], NOW + LIFETIME) == await due_messages(deployment, most=9)
        clock.advance(LIFETIME)
        [due], _ = await due_messages(deployment, most=9)
    assert (Notice.LOGIN_CLOSED, "approved") == (due.notice, due.outgoing.login_id)
    assert (1001, 500, False) == (due.outgoing.chat_id, due.target, due.is_pointless)
    assert LoginOutcome(standing=Standing.EXPIRED, session=None) == due.content


async def test_the_store_is_copied_before_it_is_changed(old: Path) -> None:
    """The copy is the whole store of before, for this account alone: the way back."""
    before = content_of(old)
    await open_and_close(old)
    copy = copy_of(old, 1)
    assert f"{old.name}.v1" == copy.name
    assert 0o600 == stat.S_IMODE(copy.stat().st_mode)
    assert before == content_of(copy)
    assert before != content_of(old)


async def test_going_back_to_the_copy_works(old: Path) -> None:
    """Put in the place of the store it is migrated anew, by the next upgrade."""
    await open_and_close(old)
    upgraded = content_of(old)
    copy_of(old, 1).replace(old)
    await open_and_close(old)
    assert upgraded == content_of(old)


async def test_half_a_copy_of_an_earlier_attempt_is_made_anew(old: Path) -> None:
    """Whatever stands in its place."""
    before = content_of(old)
    copy_of(old, 1).write_bytes(b"half a copy")
    await open_and_close(old)
    assert before == content_of(copy_of(old, 1))


async def test_nothing_is_copied_where_nothing_changes(database: Path) -> None:
    """Neither a new store nor one of this version leaves a copy behind."""
    for _ in range(2):
        await open_and_close(database)
    assert ["tgauth.db", "tgauth.db.lock", "tgauth.db.open"] == sorted(
        one.name for one in database.parent.iterdir()
    )


def with_another(sql: str) -> Callable[[], list[Migration]]:
    """Return the shipped migrations and one more."""
    known = shipped()
    last = Migration(number=known[-1].number + 1, name="9999_more.sql", sql=sql)
    return lambda: [*known, last]


@pytest.mark.parametrize(
    ("sql", "tables"),
    [
        ("DELETE FROM sessions WHERE id = 'session-1';\n", {"logins"}),
        ("UPDATE persons SET subject = 'x' WHERE telegram_id = 1001;\n", {"logins", "sessions"}),
        ("UPDATE logins SET id = 'x' WHERE id = 'approved';\n", {"codes", "outbox"}),
    ],
)
async def test_a_migration_that_leaves_a_dangling_reference_is_undone(
    old: Path, monkeypatch: pytest.MonkeyPatch, sql: str, tables: set[str]
) -> None:
    """It would lose something: the store stays as it was, and the file to blame is named."""
    await open_and_close(old)
    before = content_of(old)
    monkeypatch.setattr(migrations, "shipped", with_another(sql))
    with pytest.raises(DanglingReference, match="9999_more") as error:
        await open_and_close(old)
    assert "dangling_reference" == error.value.code
    assert str(error.value).split()[5] in tables
    assert before == content_of(old)
    assert before == content_of(copy_of(old, shipped()[-1].number))


@pytest.mark.parametrize("times", [1, 2])
async def test_cancelling_an_upgrade_leaves_nothing_half_done(
    database: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Whichever statement is under way: it is the old store, or the new one as a whole.

    By the task's own `cancel()`, which is what asyncio.TaskGroup and asyncio.timeout use.
    """
    write_first_version(database)
    before = content_of(database)
    execute = aiosqlite.Connection.execute_fetchall
    versions: list[int] = []
    for step in range(1000):
        write_first_version(database)
        ran: list[str] = []
        task = asyncio.create_task(open_and_close(database))

        async def cancelling(
            self: aiosqlite.Connection,
            sql: str,
            *parameters: Any,
            step: int = step,
            task: asyncio.Task[None] = task,
            ran: list[str] = ran,
        ) -> Any:
            ran.append(sql)
            if step < len(ran) <= step + times:
                asyncio.get_running_loop().call_soon(task.cancel)
            return await execute(self, sql, *parameters)

        monkeypatch.setattr(aiosqlite.Connection, "execute_fetchall", cancelling)
        await asyncio.gather(task, return_exceptions=True)
        monkeypatch.undo()
        versions.append(version_of(database))
        assert (before == content_of(database)) == (versions[-1] == 1)
        if not task.cancelled():
            break
    # Once it has begun it is carried to its end: only the first few steps come before that.
    began = versions.index(shipped()[-1].number)
    assert [1] * began == versions[:began]
    assert {shipped()[-1].number} == set(versions[began:])
    assert len(versions) - began > 30
    await open_and_close(database)


async def test_killing_an_upgrade_leaves_nothing_half_done(database: Path) -> None:
    """Between any two statements: the next start finds all that was there, and carries it on."""
    write_first_version(database)
    before = content_of(database)
    statements = int((await killed_after(database, 1000)).stdout)
    # Some of the many in the middle, and each of the last, where it is committed.
    versions = []
    for step in (*range(0, statements - 9, 5), *range(statements - 9, statements)):
        write_first_version(database)
        copy_of(database, 1).unlink(missing_ok=True)
        assert -signal.SIGKILL == (await killed_after(database, step)).returncode
        versions.append(version_of(database))
        assert (before == content_of(database)) == (versions[-1] == 1)
        await open_and_close(database)
        assert before == content_of(copy_of(database, 1))
        assert shipped()[-1].number == version_of(database)
    # All of it or nothing, over however many versions.
    assert {1, shipped()[-1].number} == set(versions)


async def killed_after(database: Path, statements: int) -> subprocess.CompletedProcess[bytes]:
    """Open a store in a process that is killed after so many statements."""
    return await asyncio.to_thread(
        subprocess.run,
        (sys.executable, "-c", KILLED, str(database), str(statements)),
        check=False,
        stdout=subprocess.PIPE,
    )


@pytest.mark.may_block
async def test_a_disk_that_is_too_full_for_the_copy_is_told(tmp_path: Path) -> None:
    """The store is not touched, and once there is room the upgrade works."""
    with small_disk(tmp_path / "small") as folder:
        database = folder / "tgauth.db"
        write_first_version(database, more=1000)
        before = content_of(database)
        assert database.stat().st_size > 1_000_000
        filler = fill(folder, but=512 * 1024)
        with pytest.raises(StoreUnavailable, match="full"):
            await open_and_close(database)
        assert before == content_of(database)
        filler.unlink()
        await open_and_close(database)
        assert before == content_of(copy_of(database, 1))
        assert shipped()[-1].number == version_of(database)


@pytest.fixture
def services_folder() -> Iterator[Path]:
    """Return a folder of the service's account, which it can reach."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp"))
    os.chown(folder, 4242, 4243)
    yield folder
    shutil.rmtree(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
async def test_a_copy_that_root_makes_is_the_services(services_folder: Path) -> None:
    """As is all else there; and root is root again afterwards."""
    database = services_folder / "tgauth.db"
    write_first_version(database)
    os.chown(database, 4242, 4243)
    groups = os.getgroups()
    await open_and_close(database)
    status = copy_of(database, 1).stat()
    assert (4242, 4243, 0o600) == (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
    assert (0, 0, groups) == (os.geteuid(), os.getegid(), os.getgroups())


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
async def test_a_link_in_a_copys_place_leads_root_nowhere(
    services_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever owns the folder can put one there at the last moment, and gets nothing by it."""
    database = services_folder / "tgauth.db"
    write_first_version(database)
    os.chown(database, 4242, 4243)
    before = content_of(database)
    execute = aiosqlite.Connection.execute_fetchall

    async def linking(self: aiosqlite.Connection, sql: str, *parameters: Any) -> Any:
        if sql.startswith("VACUUM"):
            copy_of(database, 1).symlink_to(tmp_path / "precious")
        return await execute(self, sql, *parameters)

    monkeypatch.setattr(aiosqlite.Connection, "execute_fetchall", linking)
    with pytest.raises(StoreUnavailable):
        await open_and_close(database)
    monkeypatch.undo()
    assert not (tmp_path / "precious").exists()
    assert before == content_of(database)
    assert 0 == os.geteuid()
    await open_and_close(database)
    assert before == content_of(copy_of(database, 1))
