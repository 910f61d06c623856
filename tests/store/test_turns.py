"""Promises of the turns: one writer at a time among all processes, and nobody waits for ever."""

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
from tests.fakes import Remembered

from tgauth.domain.errors import StoreUnavailable
from tgauth.store import Store
from tgauth.store.plain import opened
from tgauth.store.turns import TurnLock

pytestmark = pytest.mark.anyio

HOLD = """
import fcntl, sys
lock = open(sys.argv[1], "a")
fcntl.flock(lock, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held_by_another_process(path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let a process of its own hold the lock for the length of the block."""
    with subprocess.Popen(
        (sys.executable, "-c", HOLD, str(path)), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdin is not None
        assert holder.stdout.readline() == b"held\n"
        try:
            yield holder
        finally:
            holder.send_signal(signal.SIGKILL)


def is_free(path: Path) -> bool:
    """Say whether nobody holds the lock."""
    with path.open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


async def freed(path: Path) -> bool:
    """Say whether the lock becomes free within a second."""
    for _ in range(100):
        if is_free(path):
            return True
        await anyio.sleep(0.01)
    return False


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where the lock file is."""
    return tmp_path / "lock"


async def test_only_one_has_the_turn(path: Path) -> None:
    """Two locks on one file, as in two processes, are never held at the same time."""
    holders = most = 0

    async def take(lock: TurnLock) -> None:
        nonlocal holders, most
        for _ in range(10):
            async with lock.turn():
                holders += 1
                most = max(most, holders)
                await anyio.lowlevel.checkpoint()
                holders -= 1

    locks = [TurnLock(path, patience=5) for _ in range(3)]
    async with anyio.create_task_group() as tasks:
        for lock in [*locks, *locks]:
            tasks.start_soon(take, lock)
    assert 1 == most
    assert is_free(path)


async def test_an_exception_gives_the_turn_back(path: Path) -> None:
    """Whatever happens in a turn, it ends."""
    with pytest.raises(ZeroDivisionError):
        async with TurnLock(path, patience=1).turn():
            raise ZeroDivisionError
    assert is_free(path)


async def test_a_holder_without_end_makes_the_store_unavailable(path: Path) -> None:
    """Waiting ends when patience ends, and the error says what was waited for."""
    lock = TurnLock(path, patience=0.1)
    with (
        held_by_another_process(path),
        pytest.raises(StoreUnavailable, match=r"lock was taken for 0\.1 s"),
    ):
        async with lock.turn():
            pass


async def test_whoever_gave_up_does_not_take_the_lock_later(path: Path) -> None:
    """The waiting that was abandoned lets go of the lock when it gets it in the end."""
    lock = TurnLock(path, patience=0.1)
    with held_by_another_process(path), pytest.raises(StoreUnavailable):
        async with lock.turn():
            pass
    assert await freed(path)
    async with lock.turn():
        assert not is_free(path)
    assert is_free(path)


async def test_whoever_is_cancelled_does_not_take_the_lock_later(path: Path) -> None:
    """A cancelled wait lets go as well."""
    lock = TurnLock(path, patience=60)
    with held_by_another_process(path):
        with anyio.move_on_after(0.1) as scope:
            async with lock.turn():
                pass
        assert scope.cancelled_caught
    assert await freed(path)


async def test_giving_up_leaks_no_file(path: Path) -> None:
    """After any number of failed waits as many files are open as before."""
    lock = TurnLock(path, patience=0.02)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers, not paths
    with held_by_another_process(path):
        for _ in range(5):
            with pytest.raises(StoreUnavailable):
                async with lock.turn():
                    pass
    assert await freed(path)
    for _ in range(100):
        if len(os.listdir("/proc/self/fd")) <= before:  # noqa: PTH208 - the same
            break
        await anyio.sleep(0.01)
    assert before >= len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the same


async def test_a_killed_holder_frees_the_lock(path: Path) -> None:
    """The kernel gives back what a dead process held, and whoever waits goes on."""
    lock = TurnLock(path, patience=5)
    with held_by_another_process(path) as holder:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_kill_soon, holder)
            with anyio.fail_after(4):
                async with lock.turn():
                    pass


async def _kill_soon(holder: subprocess.Popen[bytes]) -> None:
    await anyio.sleep(0.05)
    holder.kill()


async def test_nobody_waits_longer_than_patience(path: Path) -> None:
    """While another process holds the lock each waiting task gives up after the same time."""
    lock = TurnLock(path, patience=0.2)
    waited: list[float] = []

    async def wait() -> None:
        began = anyio.current_time()
        with pytest.raises(StoreUnavailable):
            async with lock.turn():
                pass
        waited.append(anyio.current_time() - began)

    with held_by_another_process(path):
        async with anyio.create_task_group() as tasks:
            for _ in range(5):
                tasks.start_soon(wait)
    assert max(waited) < 0.6


async def test_a_store_recovers_when_the_other_process_lets_go(
    store: Store, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A store that was unavailable for a while works again by itself."""
    monkeypatch.setattr(store._turns, "_patience", 0.1)
    path = database.with_name("tgauth.db.lock")
    with held_by_another_process(path):
        with pytest.raises(StoreUnavailable):
            await store.probe()
        async with store.reading() as connection:
            assert [] == await connection.run("SELECT * FROM persons")
    assert await freed(path)
    await store.probe()


async def test_a_lock_file_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """The error names the file."""
    with pytest.raises(StoreUnavailable, match="nowhere"):
        async with TurnLock(tmp_path / "nowhere" / "lock", patience=1).turn():
            pass


@pytest.mark.may_block
async def test_a_turn_that_comes_with_the_cancellation_is_given_back(path: Path) -> None:
    """Taken while the loop could not know yet, and then cancelled: nothing is held or left open."""
    lock = TurnLock(path, patience=60)
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers, not paths

    async def wait() -> None:
        with scope:
            async with lock.turn():
                raise AssertionError("it was cancelled before")

    scope = anyio.CancelScope()
    async with anyio.create_task_group() as tasks:
        with held_by_another_process(path) as holder:
            tasks.start_soon(wait)
            await anyio.sleep(0.1)
            holder.kill()
            holder.wait(10)
            deadline = time.monotonic() + 5
            # Looking would take the lock for a moment, so that the thread might miss its turn.
            while not is_locked(path) and time.monotonic() < deadline:
                time.sleep(0.01)  # noqa: ASYNC251 - the loop must not know yet
            time.sleep(0.05)  # noqa: ASYNC251 - as above
            scope.cancel()
    assert is_free(path)
    assert before == len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - numbers, not paths


def is_locked(path: Path) -> bool:
    """Say whether somebody holds the lock, without taking it (proc(5), /proc/locks)."""
    inode = f":{path.stat().st_ino} "
    return any(
        inode in line and "->" not in line for line in Path("/proc/locks").read_text().splitlines()
    )


@pytest.mark.parametrize("opens", [Store.open, opened], ids=["store", "plain"])
@pytest.mark.parametrize("end", ["opening", "closing"])
async def test_opening_and_closing_wait_for_their_turn(
    store: Store, database: Path, opens: Callable[[Path], Any], end: str
) -> None:
    """The first to open may recover the WAL, and the last to close writes it back."""
    await store.probe()
    steps = {"opening": anyio.Event(), "closing": anyio.Event()}
    may_close = anyio.Event()

    async def use() -> None:
        async with opens(database):
            steps["opening"].set()
            await may_close.wait()
        steps["closing"].set()

    async with anyio.create_task_group() as tasks:
        if end == "closing":
            tasks.start_soon(use)
            await steps["opening"].wait()
        with held_by_another_process(database.with_name("tgauth.db.lock")):
            if end == "opening":
                tasks.start_soon(use)
            may_close.set()
            await anyio.sleep(0.3)
            assert not steps[end].is_set()
        await steps["closing"].wait()


async def test_a_probe_does_not_wait_as_long_as_a_write(store: Store, database: Path) -> None:
    """Whoever asks whether the store is well is told within a second or so."""
    began = anyio.current_time()
    with (
        held_by_another_process(database.with_name("tgauth.db.lock")),
        pytest.raises(StoreUnavailable, match="was taken for 1 s"),
    ):
        await store.probe()
    assert 0.9 < anyio.current_time() - began < 4


async def test_waiting_and_holding_are_timed(tmp_path: Path) -> None:
    """Each turn once: how long it was waited for, and how long it took; none that never came."""
    measures = Remembered()
    one, other = [TurnLock(tmp_path / "lock", patience=5.0) for _ in range(2)]
    other.measures = measures

    async def take() -> None:
        async with other.turn():
            await anyio.sleep(0.05)

    async with one.turn():
        with anyio.move_on_after(0.05):
            await take()
        assert {} == measures.observed
    async with anyio.create_task_group() as tasks, one.turn():
        tasks.start_soon(take)
        await anyio.sleep(0.1)
    [waited] = measures.observed["tgauth_store_wait_seconds",]
    [held] = measures.observed["tgauth_store_busy_seconds",]
    assert 0.05 <= waited < 5
    assert 0.04 <= held < 5
