"""Promises of migrations: each applied once, whole or not at all, by however many at once."""

import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from tests.builders import a_person

from tgauth.domain.errors import StoreUnavailable
from tgauth.store import Store, migrations, persons
from tgauth.store.migrations import Migration, shipped

pytestmark = pytest.mark.anyio

OPEN = """
import asyncio, pathlib, sys
from tgauth.store import Store
async def main():
    async with Store.open(pathlib.Path(sys.argv[1])) as store, store.writing() as connection:
        await connection.run("INSERT INTO master_key VALUES (1, 'x') ON CONFLICT DO NOTHING")
sys.stdin.read()
asyncio.run(main())
"""


async def test_eight_processes_at_once_migrate_once(database: Path) -> None:
    """All of them come up, and the schema is made once."""
    started = [
        subprocess.Popen(  # noqa: ASYNC220 - the test has nothing else to do
            (sys.executable, "-c", OPEN, str(database)),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        for _ in range(8)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    outcomes = [(process.communicate()[1], process.returncode) for process in started]
    assert [(b"", 0)] * 8 == outcomes
    raw = sqlite3.connect(database)
    assert (shipped()[-1].number,) == raw.execute("PRAGMA user_version").fetchone()
    assert ("ok",) == raw.execute("PRAGMA integrity_check").fetchone()
    raw.close()


async def test_a_failing_migration_is_undone_whole(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a step is none: the version, the tables and the data are as before."""
    async with Store.open(database) as store, store.writing() as connection:
        await persons.save(connection, a_person())
    before = _dump(database)
    known = shipped()
    number = known[-1].number + 1
    good = Migration(number=number, name="good.sql", sql="CREATE TABLE two (a TEXT) STRICT;\n")
    bad = Migration(
        number=number + 1,
        name="bad.sql",
        sql="CREATE TABLE three (a TEXT) STRICT;\nDELETE FROM persons;\nCREATE TABLE three (x);\n",
    )
    steps = [*known, bad]
    monkeypatch.setattr(migrations, "shipped", lambda: steps)
    with pytest.raises(StoreUnavailable, match="three"):
        async with Store.open(database):
            pass
    assert before == _dump(database)
    steps[:] = [*known, good, bad]
    with pytest.raises(StoreUnavailable, match="three"):
        async with Store.open(database):
            pass
    # Those before it as well: the earlier version can still open it.
    assert before == _dump(database)
    steps[:] = [*known, good]
    async with Store.open(database) as store, store.reading() as connection:
        assert a_person() == await persons.get(connection, "subject-of-alice")


def _dump(database: Path) -> str:
    raw = sqlite3.connect(database)
    [version] = raw.execute("PRAGMA user_version").fetchone()
    content = [*raw.iterdump(), version]
    raw.close()
    return json.dumps(content)


async def test_opening_again_applies_nothing(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A step that was applied is not even looked at again."""
    async with Store.open(database):
        pass
    broken = [
        Migration(number=one.number, name=one.name, sql="this is no SQL;\n") for one in shipped()
    ]
    monkeypatch.setattr(migrations, "shipped", lambda: broken)
    async with Store.open(database) as store:
        await store.probe()


async def test_the_shipped_files_are_numbered_without_a_gap() -> None:
    """The number is the version: one after the other, from one."""
    numbers = [migration.number for migration in shipped()]
    assert list(range(1, len(numbers) + 1)) == numbers


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("A;\nB;\n", ["A;\n", "B;\n"]),
        ("-- a; comment\nA;\n", ["-- a; comment\nA;\n"]),
        ("INSERT INTO t VALUES ('a;\nb');\n", ["INSERT INTO t VALUES ('a;\nb');\n"]),
        (
            "CREATE TRIGGER t AFTER INSERT ON x BEGIN\n  DELETE FROM y;\nEND;\nA;\n",
            ["CREATE TRIGGER t AFTER INSERT ON x BEGIN\n  DELETE FROM y;\nEND;\n", "A;\n"],
        ),
    ],
)
async def test_a_file_is_split_into_its_statements(sql: str, expected: list[str]) -> None:
    """Strings, comments and triggers may hold semicolons."""
    assert expected == list(Migration(number=1, name="x", sql=sql).statements())


@pytest.mark.parametrize("migration", shipped(), ids=lambda migration: migration.name)
async def test_no_statement_of_a_shipped_file_is_left_out(migration: Migration) -> None:
    """The last statement ends with its semicolon: without one it would be silently dropped."""
    assert migration.sql.strip() == "".join(migration.statements()).strip()
