"""Promises of the wake-ups: who waits hears at once, and no commit ever suffers from it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest
from tests.builders import NOW, a_key, an_outgoing

from tgauth.store import Connection, Store, Topic, inbox, outbox
from tgauth.store.watching import LOOK_EVERY, watching

pytestmark = pytest.mark.anyio

#: Far below the time of a look, far above what a wake-up takes.
AT_ONCE = 0.4

DEAD = """
import os, signal, socket, sys
one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
one.bind(f"{sys.argv[1]}/{os.getpid()}-0badcafe")
os.kill(os.getpid(), signal.SIGKILL)
"""


class Heard:
    """What was heard, and when the first of it."""

    def __init__(self) -> None:
        self.topics: list[Topic] = []
        self.event = anyio.Event()

    def on(self, topic: Topic) -> Callable[[], None]:
        """Return what is to be called."""

        def hear() -> None:
            self.topics.append(topic)
            self.event.set()

        return hear

    def forget(self) -> None:
        """Begin anew."""
        self.topics.clear()
        self.event = anyio.Event()


@asynccontextmanager
async def listening(store: Store) -> AsyncIterator[Heard]:
    """Listen to everything, once the first look is over."""
    heard = Heard()
    async with watching(store, {topic: heard.on(topic) for topic in Topic}):
        await heard.event.wait()
        heard.forget()
        yield heard


@pytest.fixture
async def other(database: Path, store: Store) -> AsyncIterator[Store]:
    """Open the same store once more, as another process does."""
    assert store is not None
    async with Store.open(database) as opened:
        yield opened


async def owe(connection: Connection) -> None:
    """Promise a message."""
    await outbox.add(connection, an_outgoing())


async def receive(connection: Connection) -> None:
    """Keep an update."""
    await inbox.add(connection, a_key(), "{}", now=NOW)


async def hasten(connection: Connection) -> None:
    """Let the message of a link be changed."""
    await outbox.hasten(connection, "login-1", now=NOW)


async def hasten_all(connection: Connection) -> None:
    """Let the message of every link be changed, as after a clock was set back."""
    await outbox.hasten_all(connection, now=NOW)


async def bring_messages_forward(connection: Connection) -> None:
    """Let messages be due sooner, as after a clock was set back."""
    await outbox.bring_forward(connection, by=1000, now=NOW)


async def bring_updates_forward(connection: Connection) -> None:
    """Let updates be due sooner, as after a clock was set back."""
    await inbox.bring_forward(connection, by=1000, now=NOW)


WAITED_FOR = {
    "a promise": (owe, "o"),
    "a change": (hasten, "o"),
    "all changes": (hasten_all, "o"),
    "messages that are due sooner": (bring_messages_forward, "o"),
    "an update": (receive, "i"),
    "updates that are due sooner": (bring_updates_forward, "i"),
}


@pytest.mark.parametrize("way", ["one hop", "statement by statement"])
@pytest.mark.parametrize("case", WAITED_FOR)
async def test_who_waits_in_another_process_hears_at_once(
    store: Store, other: Store, case: str, way: str
) -> None:
    """Of what they wait for, long before they would have looked."""
    body, letter = WAITED_FOR[case]
    async with listening(store) as heard:
        if way == "one hop":
            await other.write(body)
        else:
            async with other.writing() as connection:
                await body(connection)
        with anyio.fail_after(AT_ONCE):
            await heard.event.wait()
        assert {Topic(letter)} == set(heard.topics)


async def test_who_waits_in_the_same_process_has_heard_when_the_commit_returns(
    store: Store,
) -> None:
    """No socket is needed for that."""
    async with listening(store) as heard:
        await store.write(owe)
        assert [Topic.OUTBOX] == heard.topics


async def test_what_nobody_waits_for_wakes_nobody(store: Store, other: Store) -> None:
    """A probe, a message that was sent, an update that is known: not a byte."""
    async with other.writing() as connection:
        await owe(connection)
        await receive(connection)
    async with listening(store) as heard:
        await other.probe()
        async with other.writing() as connection:
            await receive(connection)
            [due] = await outbox.due(connection, now=NOW, most=1)
            await outbox.save(connection, due.sent(message_id=1, now=NOW))
        await anyio.sleep(0.1)
        assert [] == heard.topics


async def test_what_was_rolled_back_is_not_in_the_store_when_somebody_looks(
    store: Store, other: Store
) -> None:
    """Whoever is woken for nothing finds nothing."""

    async def fail(connection: Connection) -> None:
        await owe(connection)
        raise ValueError("no")

    async with listening(store) as heard:
        with pytest.raises(ValueError, match="no"):
            await other.write(fail)
        await anyio.sleep(0.05)
        assert [] == heard.topics


async def test_a_lost_wake_up_costs_a_look(
    store: Store, other: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store itself is the truth: a commit is noticed without a word."""
    monkeypatch.setattr(other.wakeups, "announce", lambda _: None)
    async with listening(store) as heard:
        await other.write(owe)
        assert [] == heard.topics
        with anyio.fail_after(LOOK_EVERY + AT_ONCE):
            await heard.event.wait()


async def test_nothing_is_looked_at_twice_for_nothing(store: Store) -> None:
    """Where nothing was committed nobody is woken."""
    async with listening(store) as heard:
        await anyio.sleep(LOOK_EVERY * 1.3)
        assert [] == heard.topics


async def test_a_full_ear_fails_no_commit(store: Store, other: Store) -> None:
    """Whoever does not listen for long is woken once for all of it."""
    async with listening(store):
        loop_is_busy = 3000
        for _ in range(loop_is_busy):
            other.wakeups.announce({Topic.OUTBOX})
        with anyio.fail_after(10):
            await other.write(owe)


async def test_a_socket_that_nobody_has_open_is_removed(
    store: Store, other: Store, database: Path
) -> None:
    """What a killed process leaves behind costs one attempt."""
    folder = database.with_name("tgauth.db.wake")
    async with listening(store) as heard:
        killed = subprocess.run([sys.executable, "-c", DEAD, str(folder)], check=False)  # noqa: ASYNC221 - a moment
        assert -signal.SIGKILL == killed.returncode
        assert 2 == len(os.listdir(folder))  # noqa: PTH208 - names alone
        await other.write(owe)
        with anyio.fail_after(AT_ONCE):
            await heard.event.wait()
        assert 1 == len(os.listdir(folder))  # noqa: PTH208 - the same
    assert [] == os.listdir(folder)  # noqa: PTH208 - the same


async def test_who_comes_later_is_heard_of(store: Store, other: Store) -> None:
    """The list of sockets is read again when it has changed, and forgotten ones stay away."""
    for _ in range(3):
        await other.write(owe)
        async with listening(store) as heard:
            await other.write(owe)
            with anyio.fail_after(AT_ONCE):
                await heard.event.wait()


async def test_a_folder_that_was_removed_is_made_again(
    store: Store, other: Store, database: Path
) -> None:
    """By whoever listens next."""
    folder = database.with_name("tgauth.db.wake")
    async with listening(store):
        await other.write(owe)
    folder.rmdir()
    await other.write(owe)
    async with listening(store) as heard:
        await other.write(owe)
        with anyio.fail_after(AT_ONCE):
            await heard.event.wait()


async def test_the_folder_is_ours_alone(store: Store, database: Path) -> None:
    """Also where it was there before with another mode."""
    folder = database.with_name("tgauth.db.wake")
    folder.mkdir(mode=0o755)
    async with listening(store):
        assert 0o700 == folder.stat().st_mode & 0o777


@pytest.mark.parametrize("obstacle", ["a file", "a link"])
async def test_without_a_folder_looking_has_to_do(
    store: Store, other: Store, database: Path, obstacle: str
) -> None:
    """Whatever is in its place: nothing fails, and it is said once."""
    folder = database.with_name("tgauth.db.wake")
    if obstacle == "a file":
        folder.touch()
    else:
        (database.parent / "elsewhere").mkdir()
        folder.symlink_to(database.parent / "elsewhere")
    async with listening(store) as heard:
        await other.write(owe)
        with anyio.fail_after(LOOK_EVERY + AT_ONCE):
            await heard.event.wait()
    if obstacle == "a link":
        assert [] == os.listdir(database.parent / "elsewhere")  # noqa: PTH208 - names alone


async def test_a_path_longer_than_a_socket_may_have_is_no_obstacle(tmp_path: Path) -> None:
    """unix(7) allows 108 bytes; folders are deeper than that."""
    folder = tmp_path / ("d" * 120)
    folder.mkdir()
    path = folder / "tgauth.db"
    async with (
        Store.open(path) as store,
        Store.open(path) as other,
        listening(store) as heard,
    ):
        await other.write(owe)
        with anyio.fail_after(AT_ONCE):
            await heard.event.wait()


async def test_a_stranger_in_the_folder_is_left_alone(
    store: Store, other: Store, database: Path
) -> None:
    """Only names of ours are spoken to or removed; what says nonsense is not heard."""
    folder = database.with_name("tgauth.db.wake")
    async with listening(store) as heard:
        (folder / "notes.txt").touch()
        await other.write(owe)
        with anyio.fail_after(AT_ONCE):
            await heard.event.wait()
        heard.forget()
        [name] = [one for one in os.listdir(folder) if one != "notes.txt"]  # noqa: PTH208 - the same
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stranger:
            stranger.sendto(b"\xff?\0", str(folder / name))
        await anyio.sleep(0.05)
        assert [] == heard.topics
    assert ["notes.txt"] == os.listdir(folder)  # noqa: PTH208 - the same
