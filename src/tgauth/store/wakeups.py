"""Wake-ups: who waits for a row hears of it when it is committed, in whichever process that is.

Each process that waits binds a unix datagram socket in a folder beside the store, and whoever
commits something that is waited for sends a byte to every socket there. That is a hint only: it may
get lost, and nothing here ever fails or delays a commit. The truth is the store: whoever waits
looks at its `data_version` now and then.
"""

import asyncio
import contextlib
import errno
import os
import re
import secrets
import socket
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import Final

from tgauth.logs import Log

_log = Log("store")

_NAME: Final = re.compile(r"[0-9]+-[0-9a-f]{8}")
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
#: unix(7): `sun_path` has 108 bytes, the last one zero.
_LONGEST_ADDRESS: Final = 107
#: Nanoseconds: a folder that changed so recently may change again without another time stamp.
_TIME_STAMP: Final = 50_000_000
#: Bytes of one datagram: a letter for each topic.
_LONGEST: Final = 64


class Topic(StrEnum):
    """What is waited for, each by its letter in a datagram."""

    #: An update has come.
    INBOX = "i"
    #: A message has been promised, or is due sooner.
    OUTBOX = "o"
    #: A login that a browser waits for was opened, approved, denied or redeemed.
    APPROVAL = "a"


class Wakeups:
    """One process's ear and voice."""

    def __init__(self, store: Path) -> None:
        """Prepare; nothing is made before somebody listens or speaks.

        Args:
            store: The store's file.
        """
        self._store = store
        self._others = _Sockets(store.with_name(f"{store.name}.wake"))
        self._voice: socket.socket | None = None
        self._listeners: list[Mapping[Topic, Callable[[], object]]] = []

    def announce(self, topics: Iterable[Topic]) -> None:
        """Wake whoever waits for these, here and in other processes; never waits, never fails."""
        topics = list(topics)
        self._ring(topics)
        with contextlib.suppress(OSError):
            self._send("".join(topics).encode())

    @contextmanager
    def listening(self, listeners: Mapping[Topic, Callable[[], object]]) -> Iterator[None]:
        """Call a function whenever its topic was announced, for the length of the block.

        Args:
            listeners: What to call; in this thread's event loop.
        """
        self._listeners.append(listeners)
        try:
            with self._ear():
                yield
        finally:
            self._listeners.remove(listeners)

    def ring_all(self) -> None:
        """Call everybody who listens here: something changed, and nobody knows what."""
        self._ring(Topic)

    def close(self) -> None:
        """Let go of the folder."""
        self._others.close()
        if self._voice is not None:
            self._voice.close()
            self._voice = None

    @contextmanager
    def _ear(self) -> Iterator[None]:
        """Bind a socket of our own, where that is possible: without one, looking has to do."""
        ear = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        ear.settimeout(0)
        try:
            try:
                self._others.bind(ear, owner=self._store)
            except OSError as error:
                _log.warning("wakeups.unavailable", reason=str(error))
                yield
                return
            loop = asyncio.get_running_loop()
            loop.add_reader(ear, self._hear, ear)
            try:
                yield
            finally:
                loop.remove_reader(ear)
                self._others.unbind()
        finally:
            ear.close()

    def _hear(self, ear: socket.socket) -> None:
        heard: set[str] = set()
        # Reading goes on until nothing is left: any error means just that.
        with contextlib.suppress(OSError):
            while True:
                heard.update(ear.recv(_LONGEST).decode("ascii", "replace"))
        self._ring(topic for topic in Topic if topic.value in heard)

    def _ring(self, topics: Iterable[Topic]) -> None:
        for topic in topics:
            for listeners in self._listeners:
                if topic in listeners:
                    listeners[topic]()

    def _send(self, datagram: bytes) -> None:
        names = self._others.names()
        if names and self._voice is None:
            self._voice = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
            self._voice.settimeout(0)
        for name in names:
            try:
                self._voice.sendto(datagram, self._others.address(name))  # type: ignore[union-attr]  # made above
            except ConnectionRefusedError:
                # unix(7): nobody has it open any more; whoever it was ended without a goodbye.
                self._others.remove(name)
            except OSError:
                # Gone by now, or so full that whoever it is wakes up anyhow.
                continue


class _Sockets:
    """The folder and the sockets in it, ours apart. It is read again only when it has changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._descriptor: int | None = None
        self._changed_at = 0
        self._names: tuple[str, ...] = ()
        self._own: str | None = None

    def names(self) -> tuple[str, ...]:
        """Return the sockets of other processes.

        Raises:
            OSError: There is no such folder.
        """
        status = self._status()
        if status.st_mtime_ns != self._changed_at:
            self._names = tuple(
                name
                for name in os.listdir(self._open())  # noqa: PTH208 - of a descriptor, not a path
                if _NAME.fullmatch(name) and name != self._own
            )
            is_settled = time.time_ns() - status.st_mtime_ns > _TIME_STAMP
            self._changed_at = status.st_mtime_ns if is_settled else 0
        return self._names

    def address(self, name: str) -> str:
        """Return where to send to, however long the folder's path is."""
        direct = str(self._folder / name)
        if len(os.fsencode(direct)) <= _LONGEST_ADDRESS:
            return direct
        return f"/proc/self/fd/{self._open()}/{name}"

    def remove(self, name: str) -> None:
        """Take a socket out that nobody has open."""
        with contextlib.suppress(OSError):
            os.unlink(name, dir_fd=self._open())
        self._changed_at = 0

    def bind(self, ear: socket.socket, *, owner: Path) -> None:
        """Make the folder where it is missing, and a socket of our own in it.

        Args:
            ear: The socket.
            owner: The folder belongs to whoever this file belongs to.

        Raises:
            OSError: It cannot be done.
        """
        with contextlib.suppress(FileExistsError):
            self._folder.mkdir(mode=0o700)
        descriptor = self._open()
        status, theirs = os.fstat(descriptor), owner.stat()
        if os.geteuid() == 0 and status.st_uid != theirs.st_uid:
            os.fchown(descriptor, theirs.st_uid, theirs.st_gid)
        if stat.S_IMODE(status.st_mode) != 0o700:  # noqa: PLR2004 - a mode
            os.fchmod(descriptor, 0o700)
        self._own = f"{os.getpid()}-{secrets.token_hex(4)}"
        ear.bind(self.address(self._own))
        self._changed_at = 0

    def unbind(self) -> None:
        """Take our own socket out."""
        if self._own is not None:
            self.remove(self._own)
            self._own = None

    def close(self) -> None:
        """Let go of the folder."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
            self._changed_at = 0

    def _status(self) -> os.stat_result:
        status = os.fstat(self._open())
        if status.st_nlink == 0:  # somebody removed it; it may have been made anew
            self.close()
            status = os.fstat(self._open())
        return status

    def _open(self) -> int:
        if self._descriptor is None:
            try:
                self._descriptor = os.open(self._folder, _FOLDER)
            except OSError as error:
                if error.errno in {errno.ELOOP, errno.ENOTDIR}:
                    error.add_note("it has to be a folder, and no link to one")
                raise
        return self._descriptor
