"""Promises of presence: whoever has the store open is known, until they end in whatever way."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from tgauth.domain.errors import StoreUnavailable
from tgauth.store import Store, lock_files
from tgauth.store.access import StoreMissing
from tgauth.store.lock_files import give_to_owner, open_lock_file
from tgauth.store.migrations import SchemaTooOld
from tgauth.store.presence import StoreInUse, alone, present

pytestmark = pytest.mark.anyio

#: The account and the group that a service runs as; nobody else, where that cannot be tried.
SERVICE = (4242, 4243) if os.geteuid() == 0 else (os.getuid(), os.getgid())

OPEN = """
import asyncio, pathlib, sys
from tgauth.store import Store, lock_files
async def main():
    async with Store.open(pathlib.Path(sys.argv[1])):
        print("open", flush=True)
        await asyncio.to_thread(sys.stdin.read)
asyncio.run(main())
"""


@contextmanager
def opened_by_another_process(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let a process of its own have the store open for the length of the block."""
    with subprocess.Popen(
        (sys.executable, "-c", OPEN, str(path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"open\n"
        try:
            yield holder
        finally:
            holder.send_signal(signal.SIGKILL)


def is_refused(path: Path) -> bool:
    """Say whether nobody can have the store alone."""
    try:
        with alone(path):
            return False
    except StoreInUse:
        return True


def test_nobody_has_a_store_alone_that_another_process_has_open(database: Path) -> None:
    """Not even by another name of the same file."""
    with opened_by_another_process(database):
        assert is_refused(database)
        link = database.with_name("other-name.db")
        link.symlink_to(database)
        assert is_refused(link)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_leaves_nothing_behind(database: Path, number: signal.Signals) -> None:
    """The store can be had alone at once."""
    with opened_by_another_process(database) as holder:
        holder.send_signal(number)
        holder.wait(10)
        assert not is_refused(database)


def test_children_of_whoever_has_it_open_do_not_count(database: Path) -> None:
    """What they were not given they do not hold."""
    with present(database), subprocess.Popen(("sleep", "30")) as child:  # noqa: S607 - coreutils
        pass_on = is_refused(database)
        child.kill()
    assert pass_on
    with subprocess.Popen(("sleep", "30")) as child:  # noqa: S607 - as above
        assert not is_refused(database)
        child.kill()


async def test_a_store_is_let_go_of_when_it_is_closed(database: Path) -> None:
    """Also after an error."""
    with contextlib.suppress(ZeroDivisionError):
        async with Store.open(database):
            assert is_refused(database)
            _ = 1 / 0
    assert not is_refused(database)


async def test_many_have_it_open_at_once(database: Path) -> None:
    """Nobody waits for anybody."""
    async with Store.open(database), Store.open(database):
        assert is_refused(database)


async def test_who_has_it_alone_keeps_all_others_out(database: Path) -> None:
    """They are told, at once, and nothing is made."""
    with alone(database), pytest.raises(StoreUnavailable, match="being restored"):
        await Store.open(database).__aenter__()
    assert not await anyio.Path(database).exists()


async def test_a_store_as_it_is_has_to_be_there(database: Path) -> None:
    """A path that was mistyped makes no empty store."""
    with pytest.raises(StoreMissing, match="there is no store at"):
        async with Store.open(database, as_it_is=True):
            pass
    assert [] == [one async for one in anyio.Path(database.parent).iterdir()]


async def test_a_store_as_it_is_is_not_migrated(database: Path) -> None:
    """It is told what would; nothing is copied."""
    async with Store.open(database) as store, store.writing() as connection:
        await connection.run("CREATE TABLE witness (number INTEGER)")
    await set_version(database, 1)
    with pytest.raises(SchemaTooOld, match="tgauth db migrate"):
        async with Store.open(database, as_it_is=True):
            pass
    names = {one.name async for one in anyio.Path(database.parent).iterdir()}
    assert {"tgauth.db", "tgauth.db.lock", "tgauth.db.open"} == names


async def set_version(database: Path, number: int) -> None:
    """Write a schema's version."""
    async with Store.open(database) as store:
        await store._writer.execute_fetchall(f"PRAGMA user_version = {number}")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
async def test_what_root_makes_beside_a_store_is_its_owners(database: Path) -> None:
    """So a command that is run as root leaves nothing that the service cannot open."""
    await anyio.Path(database).touch()
    os.chown(database, 4242, 4243)
    with present(database):
        pass
    async with Store.open(database):
        pass
    for suffix in (".open", ".lock"):
        status = await anyio.Path(f"{database}{suffix}").stat()
        assert (4242, 4243, 0o600) == (status.st_uid, status.st_gid, status.st_mode & 0o777)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_where_there_is_no_store_its_folder_says_whose(tmp_path: Path) -> None:
    """A restore onto an empty place belongs to the account that owns the place."""
    file = tmp_path / "file"
    file.touch()
    os.chown(tmp_path, 4242, 4243)
    give_to_owner(file, of=tmp_path / "nothing.db")
    assert 4242 == file.stat().st_uid


@pytest.mark.parametrize("suffix", [".open", ".lock"])
async def test_a_link_in_a_locks_place_is_not_followed(database: Path, suffix: str) -> None:
    """Whoever owns the folder would be given what it leads to, by a command that root runs."""
    async with Store.open(database):
        pass
    os.chown(database, *SERVICE)
    victim = database.with_name("victim")
    lock = database.with_name(f"{database.name}{suffix}")
    for is_there in (False, True):
        if is_there:
            victim.write_text("precious")
        lock.unlink()
        lock.symlink_to(victim)
        with pytest.raises(StoreUnavailable, match=f"{suffix} is a symbolic link"):
            async with Store.open(database):
                pass
        assert is_there == victim.exists()
    assert (os.geteuid(), "precious") == (victim.stat().st_uid, victim.read_text())


async def test_a_pipe_in_a_locks_place_is_refused(database: Path) -> None:
    """At once, and by its name."""
    os.mkfifo(database.with_name("tgauth.db.open"))
    with pytest.raises(StoreUnavailable, match=r"tgauth.db.open is no regular file"):
        async with Store.open(database):
            pass


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
async def test_root_gives_away_no_lock_that_it_did_not_make(database: Path) -> None:
    """Neither a file that lay there, nor one that has a second name."""
    async with Store.open(database):
        pass
    os.chown(database, *SERVICE)
    lock = database.with_name("tgauth.db.open")
    victim = database.with_name("victim")
    victim.touch()
    for is_linked in (False, True):
        lock.unlink()
        if is_linked:
            os.link(victim, lock)
        else:
            lock.touch()
        with present(database):
            pass
        assert 0 == lock.stat().st_uid
    with pytest.raises(StoreUnavailable, match="has another name as well"):
        give_to_owner(lock, of=database)
    assert 0 == victim.stat().st_uid


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_what_a_link_leads_to_is_given_to_nobody(tmp_path: Path) -> None:
    """The link came into the place of a file that root had made."""
    victim, link = tmp_path / "victim", tmp_path / "link"
    victim.touch()
    link.symlink_to(victim)
    os.chown(tmp_path, *SERVICE)
    with pytest.raises(StoreUnavailable, match="is a symbolic link"):
        give_to_owner(link, of=tmp_path / "nothing.db")
    assert 0 == victim.stat().st_uid


#: Makes a lock file, and is killed when it is about to say whose it is.
KILLED = """
import os, pathlib, signal, sys
from tgauth.store.lock_files import open_lock_file
os.fchown = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
open_lock_file(pathlib.Path(sys.argv[1]))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_root_that_is_killed_leaves_no_lock_that_keeps_the_service_out(database: Path) -> None:
    """There is none before it belongs to the store's owner."""
    database.touch()
    os.chown(database, *SERVICE)
    lock = database.with_name("tgauth.db.open")
    done = subprocess.run((sys.executable, "-c", KILLED, str(lock)), check=False)
    assert -signal.SIGKILL == done.returncode
    assert not lock.exists()
    with present(database):
        assert SERVICE == (lock.stat().st_uid, lock.stat().st_gid)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs to be root")
def test_a_lock_that_somebody_else_makes_meanwhile_is_shared(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever comes second opens that of the first; nothing is left of its own."""
    lock = database.with_name("tgauth.db.open")
    given = lock_files._give

    def slowly(descriptor: int, path: Path, *, of: Path) -> None:
        lock.touch()
        given(descriptor, path, of=of)

    monkeypatch.setattr(lock_files, "_give", slowly)
    descriptor = open_lock_file(lock)
    assert os.path.samestat(os.fstat(descriptor), lock.stat())
    os.close(descriptor)
    assert [lock] == list(database.parent.iterdir())
