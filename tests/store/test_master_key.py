"""Promises of the master key: made once, for this account alone, and never silently another."""

# ruff: noqa: ASYNC240 - a few bytes, in a test

import hashlib
import stat
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from tgauth.store import Store
from tgauth.store.master_key import MasterKeyUnusable, create_master_key, load_master_key

pytestmark = pytest.mark.anyio

LOAD = """
import asyncio, pathlib, sys
from tgauth.store import Store
from tgauth.store.master_key import load_master_key
async def main():
    path = pathlib.Path(sys.argv[1])
    async with Store.open(path) as store:
        key = await load_master_key(store, path.with_name("key"), may_create=True)
        print(key.hex())
sys.stdin.read()
asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the key file is."""
    return tmp_path / "key"


async def test_a_first_start_makes_a_key_for_this_account_alone(store: Store, path: Path) -> None:
    """The file is readable by nobody else, long enough, and gives the same key ever after."""
    key = await load_master_key(store, path, may_create=True)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert hashlib.sha256(path.read_bytes().strip()).digest() == key
    assert len(path.read_bytes().strip()) == 64
    assert key == await load_master_key(store, path, may_create=True)
    assert key == await load_master_key(store, path, may_create=False)


async def test_processes_that_start_at_once_make_one_key(database: Path) -> None:
    """All of them hold the same key, and nothing else is left in the folder."""
    started = [
        subprocess.Popen(  # noqa: ASYNC220 - the test has nothing else to do
            (sys.executable, "-c", LOAD, str(database)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    keys = [process.communicate()[0] for process in started]
    assert len(set(keys)) == 1
    assert len(keys[0].strip()) == 64
    names = sorted([one.name async for one in anyio.Path(database.parent).iterdir()])
    assert ["key", "tgauth.db", "tgauth.db.lock", "tgauth.db.open"] == names


async def test_a_missing_key_of_a_used_store_is_refused(store: Store, path: Path) -> None:
    """No new key is made for a store that was made with another: that would void everything."""
    await load_master_key(store, path, may_create=True)
    path.unlink()
    with pytest.raises(MasterKeyUnusable, match="restore it from a backup"):
        await load_master_key(store, path, may_create=True)
    assert not await anyio.Path(path).exists()


async def test_another_stores_key_is_refused(store: Store, path: Path) -> None:
    """A wrong key is told at the start, not at the first login."""
    await load_master_key(store, path, may_create=True)
    path.write_text("b" * 64)
    with pytest.raises(MasterKeyUnusable, match="belongs to another store"):
        await load_master_key(store, path, may_create=True)


async def test_a_key_that_the_operator_names_has_to_exist(store: Store, path: Path) -> None:
    """A path that was configured is never filled by us."""
    with pytest.raises(MasterKeyUnusable, match="does not exist"):
        await load_master_key(store, path, may_create=False)
    assert not await anyio.Path(path).exists()


@pytest.mark.parametrize(
    ("content", "good"),
    [
        (b"", False),
        (b"a" * 31, False),
        (b"a" * 31 + b"\n", False),
        (b" " * 64, False),
        (b"a" * 32, True),
        (b"  " + b"a" * 32 + b"\n", True),
    ],
)
async def test_a_key_has_at_least_32_bytes(
    store: Store, path: Path, content: bytes, *, good: bool
) -> None:
    """Space around it does not count, as editors add it."""
    path.write_bytes(content)
    if good:
        expected = hashlib.sha256(b"a" * 32).digest()
        assert expected == await load_master_key(store, path, may_create=True)
    else:
        with pytest.raises(MasterKeyUnusable, match="less than 32 bytes"):
            await load_master_key(store, path, may_create=True)


async def test_a_refused_key_leaves_the_store_without_one(store: Store, path: Path) -> None:
    """After a refusal a good key is still welcome: nothing was remembered."""
    path.write_bytes(b"short")
    with pytest.raises(MasterKeyUnusable):
        await load_master_key(store, path, may_create=True)
    path.write_bytes(b"a" * 32)
    assert len(await load_master_key(store, path, may_create=True)) == 32


async def test_an_unreadable_key_is_told(store: Store, path: Path) -> None:
    """A folder in its place cannot be read; the error names it and says why."""
    path.mkdir()
    with pytest.raises(MasterKeyUnusable, match="is no regular file"):
        await load_master_key(store, path, may_create=True)


async def test_a_key_that_cannot_be_made_is_told(store: Store, tmp_path: Path) -> None:
    """A missing folder is told, not made."""
    with pytest.raises(MasterKeyUnusable, match="cannot be made"):
        await load_master_key(store, tmp_path / "nowhere" / "key", may_create=True)


async def test_errors_never_show_the_key(store: Store, path: Path) -> None:
    """Not even a wrong one."""
    await load_master_key(store, path, may_create=True)
    path.write_text("c" * 64)
    with pytest.raises(MasterKeyUnusable) as caught:
        await load_master_key(store, path, may_create=True)
    assert "ccc" not in str(caught.value)


async def test_whoever_comes_second_takes_the_first_ones_key(path: Path) -> None:
    """A file that appears in between is never overwritten."""
    first = "k" * 64
    path.write_text(first)
    create_master_key(path)
    assert first == path.read_text()
    assert [path] == list(path.parent.iterdir())
