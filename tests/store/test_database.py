"""Promises of the connection: whole transactions, in turns, durable, whatever is cancelled."""

import asyncio
import sqlite3
import stat
import time
from pathlib import Path
from typing import Any

import anyio
import pytest
from tests.builders import a_person, a_session

from tgauth.domain.errors import StoreUnavailable
from tgauth.store import Connection, Store, persons, sessions
from tgauth.store.migrations import SchemaTooNew

pytestmark = pytest.mark.anyio


async def subjects(store: Store) -> list[str]:
    """Return the subjects of all accounts."""
    async with store.reading() as connection:
        rows = await connection.run("SELECT subject FROM persons ORDER BY subject")
    return [row["subject"] for row in rows]


async def add(connection: Connection, number: int) -> None:
    """Add an account."""
    await connection.run(
        "INSERT INTO persons (subject, telegram_id, first_name, created_at, updated_at) "
        "VALUES (:subject, :id, 'A', 0, 0)",
        {"subject": f"s{number}", "id": number},
    )


async def still_works(store: Store) -> None:
    """Assert that no transaction is open, and that the next one commits."""
    assert not store._writer.in_transaction
    before = await subjects(store)
    async with store.writing() as connection:
        await add(connection, 99)
    assert sorted([*before, "s99"]) == await subjects(store)


async def test_returning_commits(store: Store, database: Path) -> None:
    """What was written is there for others once the block is left."""
    async with store.writing() as connection:
        await add(connection, 1)
    async with Store.open(database) as other:
        assert ["s1"] == await subjects(other)


async def test_raising_rolls_back(store: Store) -> None:
    """An exception in the block undoes all of it and goes on as itself."""
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - the whole block is what raises
        async with store.writing() as connection:
            await add(connection, 1)
            raise ZeroDivisionError
    assert [] == await subjects(store)
    await still_works(store)


async def test_nobody_reads_what_is_not_committed(store: Store) -> None:
    """Another task's reading sees the last commit, not a transaction under way."""
    async with store.writing() as connection:
        await add(connection, 1)
        assert [] == await subjects(store)
    assert ["s1"] == await subjects(store)


async def test_our_own_mistakes_stay_themselves(store: Store) -> None:
    """A broken constraint is our fault, not the store's: it is not called unavailable."""
    with pytest.raises(sqlite3.IntegrityError):
        async with store.writing() as connection:
            await sessions.save(connection, a_session())
    await still_works(store)


async def test_cancelling_before_the_turn_writes_nothing(store: Store) -> None:
    """A task that is cancelled while it waits for its turn has not begun anything."""
    entered: list[str] = []

    async def wait() -> None:
        async with store.writing():
            entered.append("the second")

    async with store.writing() as connection:
        await add(connection, 1)
        second = asyncio.create_task(wait())
        await asyncio.sleep(0.05)
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
    assert [] == entered
    assert ["s1"] == await subjects(store)
    await still_works(store)


async def test_cancelling_in_the_body_rolls_back(store: Store) -> None:
    """A task that is cancelled between two statements leaves no trace."""
    with anyio.move_on_after(0.05) as scope:
        async with store.writing() as connection:
            await add(connection, 1)
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert [] == await subjects(store)
    await still_works(store)


# Both ways of cancelling: anyio's scopes, and a task's own `cancel()`, which is what
# asyncio.TaskGroup, asyncio.timeout and python-telegram-bot's updater use.
@pytest.mark.parametrize(
    ("statement", "way"),
    [
        ("BEGIN IMMEDIATE", "scope"),
        ("INSERT", "scope"),
        ("COMMIT", "scope"),
        ("BEGIN IMMEDIATE", "task"),
        ("INSERT", "task"),
        ("COMMIT", "task"),
    ],
)
async def test_cancelling_during_any_statement_leaves_no_open_transaction(
    store: Store, statement: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled while SQLite works on it, each statement is ended before the task ends."""
    execute = store._writer.execute_fetchall
    thread: Any = store._writer._execute
    scope = anyio.CancelScope()
    seen: list[str] = []
    waits: list[asyncio.Task[None]] = []

    async def cancelling(sql: str, parameters: Any = None) -> object:
        if sql.lstrip().startswith(statement) and not seen:
            seen.append(sql)
            # Keep SQLite's thread busy, so that the statement is under way for a while.
            waits.append(asyncio.create_task(thread(time.sleep, 0.05)))
            await asyncio.sleep(0)
            cancel = scope.cancel if way == "scope" else work.cancel
            asyncio.get_running_loop().call_soon(cancel)
        return await execute(sql, parameters or {})

    async def write() -> None:
        with scope:
            async with store.writing() as connection:
                await add(connection, 1)

    monkeypatch.setattr(store._writer, "execute_fetchall", cancelling)
    work = asyncio.create_task(write())
    await asyncio.gather(work, return_exceptions=True)
    monkeypatch.undo()
    assert (1, 1) == (len(seen), len(waits))
    # A COMMIT that was under way is carried out; before it nothing is.
    expected = ["s1"] if statement == "COMMIT" else []
    assert expected == await subjects(store)
    await still_works(store)


@pytest.mark.parametrize(
    "way",
    ["scope", "task"],
)
async def test_cancelling_at_every_step_of_the_loop_leaves_it_usable(
    store: Store, way: str
) -> None:
    """However many steps a task got before its cancellation, all or nothing of it is there."""
    for steps in range(60):
        number = 100 + steps
        scope = anyio.CancelScope()
        work = asyncio.create_task(_write_two(store, scope, number))
        for _ in range(steps):
            await asyncio.sleep(0)
        if way == "scope":
            scope.cancel()
        else:
            work.cancel()
        await asyncio.gather(work, return_exceptions=True)
        assert not store._writer.in_transaction
        written = [one for one in await subjects(store) if one in {f"s{number}", f"s-{number}"}]
        assert len(written) in {0, 2}
    await still_works(store)


async def _write_two(store: Store, scope: anyio.CancelScope, number: int) -> None:
    with scope:
        async with store.writing() as connection:
            await add(connection, number)
            await add(connection, -number)


async def test_two_stores_on_one_file_take_turns(store: Store, database: Path) -> None:
    """Two processes that read and then write at once never fail, and lose no update."""
    async with store.writing() as connection:
        await persons.save(connection, a_person("s", created_at=0, updated_at=0))

    async def count_up(one: Store) -> None:
        for _ in range(10):
            async with one.writing() as connection:
                [row] = await connection.run("SELECT updated_at FROM persons")
                await connection.run(
                    "UPDATE persons SET updated_at = :n", {"n": row["updated_at"] + 1}
                )

    async with Store.open(database) as other:
        async with anyio.create_task_group() as tasks:
            for one in (store, other, store, other):
                tasks.start_soon(count_up, one)
        async with other.reading() as connection:
            [row] = await connection.run("SELECT updated_at FROM persons")
    assert 40 == row["updated_at"]


async def test_a_full_disk_is_told_and_leaves_nothing_half_done(store: Store) -> None:
    """Where no page is left the store says that it is unavailable, and nothing was written."""
    [row] = await store._writer.execute_fetchall("PRAGMA page_count")
    await store._writer.execute_fetchall(f"PRAGMA max_page_count = {row[0]}")
    with pytest.raises(StoreUnavailable, match="full"):  # noqa: PT012 - the same
        async with store.writing() as connection:
            for number in range(1, 2000):
                await add(connection, number)
    assert [] == await subjects(store)
    await store._writer.execute_fetchall("PRAGMA max_page_count = 100000")
    await still_works(store)


async def test_files_are_for_this_account_alone(store: Store, database: Path) -> None:
    """The database and everything beside it are readable by nobody else."""
    async with store.writing() as connection:
        await add(connection, 1)
    modes = {
        path.name: oct(stat.S_IMODE(path.stat().st_mode))
        for path in await _content(database.parent)
    }
    names = [
        "tgauth.db",
        "tgauth.db-shm",
        "tgauth.db-wal",
        "tgauth.db.lock",
        "tgauth.db.open",
    ]
    assert dict.fromkeys(names, "0o600") == modes


async def _content(folder: Path) -> list[Path]:
    return [Path(one) async for one in anyio.Path(folder).iterdir()]


@pytest.mark.parametrize("which", ["_writer", "_raw_reader"])
async def test_each_connection_is_durable_and_strict(store: Store, which: str) -> None:
    """WAL, a synchronous commit and foreign keys hold on both connections."""
    connection = getattr(store, which)
    pragmas = {}
    for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout"):
        [row] = await connection.execute_fetchall(f"PRAGMA {name}")
        pragmas[name] = row[0]
    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}
    assert expected == pragmas


async def test_a_file_of_something_else_is_refused_clearly(database: Path) -> None:
    """What is no SQLite file is left alone, and the error says what is wrong."""
    await anyio.Path(database).write_bytes(b"This is a diary.\n" * 500)
    with pytest.raises(StoreUnavailable, match="not a database"):
        async with Store.open(database):
            pass
    assert (await anyio.Path(database).read_bytes()).startswith(b"This is a diary.")


async def _let_threads_end() -> None:
    # aiosqlite does not wait for its thread when it cannot connect; a closed loop fails in it.
    await asyncio.sleep(0.05)


async def test_a_missing_folder_is_told(tmp_path: Path) -> None:
    """Nothing is made where nobody asked for it; the error names the path."""
    with pytest.raises(StoreUnavailable, match="nowhere"):
        async with Store.open(tmp_path / "nowhere" / "tgauth.db"):
            pass


async def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    """A folder is no store."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(StoreUnavailable):
        async with Store.open(tmp_path / "folder"):
            pass
    await _let_threads_end()


async def test_a_newer_schema_is_refused_and_left_alone(database: Path) -> None:
    """An older version never touches a newer one's store, and says what helps."""
    async with Store.open(database) as store:
        await store._writer.execute_fetchall("PRAGMA user_version = 9999")
    with pytest.raises(SchemaTooNew, match="9999"):
        async with Store.open(database):
            pass
    raw = sqlite3.connect(database)
    assert (9999,) == raw.execute("PRAGMA user_version").fetchone()
    raw.close()


async def test_what_was_written_outlives_the_store(database: Path) -> None:
    """Closing and opening again keeps everything, and closing tidies the WAL away."""
    async with Store.open(database) as store, store.writing() as connection:
        await add(connection, 1)
    assert ["tgauth.db", "tgauth.db.lock", "tgauth.db.open"] == sorted(
        path.name for path in await _content(database.parent)
    )
    async with Store.open(database) as store:
        assert ["s1"] == await subjects(store)


async def test_opening_does_not_change_how_this_process_makes_files(
    database: Path, tmp_path: Path
) -> None:
    """Only the store's own files are closed to others: the umask is put back."""
    (tmp_path / "before").touch()
    async with Store.open(database):
        (tmp_path / "after").touch()
    assert (tmp_path / "before").stat().st_mode == (tmp_path / "after").stat().st_mode


async def test_a_probe_tells_whether_a_login_could_be_stored(store: Store) -> None:
    """It succeeds on a good store, and fails as a write would."""
    await store.probe()
    await store._writer.execute_fetchall("PRAGMA query_only = ON")
    with pytest.raises(StoreUnavailable):
        await store.probe()


async def test_a_probe_waits_a_second_for_another_program(store: Store, database: Path) -> None:
    """One that knows nothing of our turns; a write waits for longer, before and afterwards."""
    other = sqlite3.connect(database, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    began = anyio.current_time()
    with pytest.raises(StoreUnavailable, match="locked"):
        await store.probe()
    assert 0.9 < anyio.current_time() - began < 4
    other.execute("ROLLBACK")
    other.close()
    await store.probe()
    [row] = await store._writer.execute_fetchall("PRAGMA busy_timeout")
    assert 5000 == row[0]


@pytest.mark.parametrize("way", ["writing", "write"])
async def test_a_transaction_that_was_left_open_costs_itself_alone(store: Store, way: str) -> None:
    """Should one ever be, the next login does not fail because of it, nor commit what it wrote."""
    await store._writer.execute_fetchall("BEGIN IMMEDIATE")
    await add(Connection(store._writer), 1)
    if way == "write":
        await store.write(add, 2)
    else:
        async with store.writing() as connection:
            await add(connection, 2)
    assert ["s2"] == await subjects(store)


@pytest.mark.parametrize("way", ["writing", "write", "probe"])
async def test_a_store_that_a_newer_version_migrated_is_not_written_any_more(
    store: Store, database: Path, way: str
) -> None:
    """What its rows mean by now this version cannot know; whoever runs it is told why it ends."""
    await store.require_own_schema()
    async with Store.open(database) as newer:
        await newer._writer.execute_fetchall("PRAGMA user_version = 9999")
    with pytest.raises(StoreUnavailable, match="migrated to version 9999 meanwhile"):
        await _write_by(store, way)
    with pytest.raises(SchemaTooNew, match="9999"):
        await store.require_own_schema()
    assert not store._writer.in_transaction
    assert [] == await subjects(store)


async def _write_by(store: Store, way: str) -> None:
    match way:
        case "write":
            await store.write(add, 1)
        case "probe":
            await store.probe()
        case _:
            async with store.writing() as connection:
                await add(connection, 1)


def move(path: Path, target: Path) -> None:
    """Move a file to where another may be."""
    path.replace(target)


@pytest.mark.parametrize("fate", ["deleted", "replaced"])
async def test_a_probe_tells_when_the_file_is_another(
    store: Store, database: Path, tmp_path: Path, fate: str
) -> None:
    """What is written to a file that nobody finds any more is lost: that is not ready."""
    await store.probe()
    move(database, tmp_path / "moved.db")
    if fate == "replaced":
        await anyio.Path(database).touch()
    with pytest.raises(StoreUnavailable, match="not the file any more"):
        await store.probe()
    move(tmp_path / "moved.db", database)
    await store.probe()


async def test_a_commit_that_fails_is_told_and_rolled_back(store: Store) -> None:
    """What COMMIT itself refuses leaves no open transaction behind."""
    with pytest.raises(sqlite3.IntegrityError):  # noqa: PT012 - raised when the block is left
        async with store.writing() as connection:
            await connection.run("PRAGMA defer_foreign_keys = ON")
            await sessions.save(connection, a_session())
    async with store.reading() as connection:
        assert await sessions.get(connection, "session-1") is None
    await still_works(store)


async def test_closing_waits_for_nobody_for_ever(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where another process keeps the turn the store closes all the same, and nothing is lost."""
    async with Store.open(database) as other:
        async with Store.open(database) as store:
            async with store.writing() as connection:
                await add(connection, 1)
            monkeypatch.setattr(store._turns, "_patience", 0.05)
            blocker = other.writing()
            await blocker.__aenter__()
        await blocker.__aexit__(None, None, None)
        with pytest.raises(ValueError, match="closed"):
            await store._writer.execute_fetchall("SELECT 1")
        assert ["s1"] == await subjects(other)
