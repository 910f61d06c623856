"""The receiving end of sd_notify(3): which process said what.

One socket in a folder that only this account can enter: whoever else could send to it could keep
its short queue full, and children whose signs of life find no place there are ended as hung. Where
no folder can be had, it is in the abstract namespace (unix(7)), which is open to everybody in the
network namespace. Either way the kernel's word about the sender (SCM_CREDENTIALS) decides who is
heard.
"""

import os
import shutil
import socket
import stat
import struct
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from anyio import CancelScope, to_thread, wait_readable

_UCRED = struct.Struct("iII")  # unix(7), struct ucred: pid, uid, gid
_LONGEST = 4096
_MOST_AT_ONCE = 100
"""Datagrams taken in one go: whoever sends without end must not keep everything else waiting."""
_PREFIX = "supervisor-"
_NAME = "notify"
ROOM_FOR_SENDER = socket.CMSG_SPACE(_UCRED.size)
"""Bytes to receive beside a message, where SO_PASSCRED is set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """What one process told, as the kernel vouches for it."""

    pid: int
    fields: dict[str, str]


class NotificationSocket:
    """The socket that the children's NOTIFY_SOCKET points to."""

    def __init__(self) -> None:
        """Bind to an address that nobody else can send to, where there is such a place."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._folder: str | None = None
        try:
            _clean_up()
            self._folder = tempfile.mkdtemp(prefix=_PREFIX)
            self._socket.bind(f"{self._folder}/{_NAME}")
        except OSError:  # nothing can be written, or the path is too long for an address
            self._remove_folder()
            self._socket.bind(b"")  # unix(7), "Autobind feature"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hear nobody any more, and remove the folder."""
        self._socket.close()
        self._remove_folder()

    @property
    def address(self) -> str:
        """The address as NOTIFY_SOCKET spells it."""
        if self._folder is not None:
            return f"{self._folder}/{_NAME}"
        return "@" + os.fsdecode(self._socket.getsockname()[1:])

    async def wait(self) -> None:
        """Wait until something has arrived."""
        await wait_readable(self._socket)

    def received(self) -> Iterator[Notification]:
        """Yield what has arrived from processes of this user, or the first of it; never wait."""
        for _ in range(_MOST_AT_ONCE):
            try:
                message, ancillary, flags, _ = self._socket.recvmsg(_LONGEST, ROOM_FOR_SENDER)
            except BlockingIOError:
                return
            sender = sender_of(ancillary)
            if sender is not None and not flags & socket.MSG_TRUNC:
                yield Notification(pid=sender, fields=parse(message))

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None


@asynccontextmanager
async def open_notifications() -> AsyncIterator[NotificationSocket]:
    """Open a socket for the length of the block; its folder is made and removed beside the loop."""
    with CancelScope(shield=True):  # a cancellation in the middle would leave both behind
        opened = await to_thread.run_sync(NotificationSocket)
    try:
        yield opened
    finally:
        with CancelScope(shield=True):
            await to_thread.run_sync(opened.close)


def parse(message: bytes) -> dict[str, str]:
    """Return the fields of one datagram; lines that are none are dropped."""
    lines = message.decode(errors="replace").split("\n")
    pairs = (line.partition("=") for line in lines)
    return {name: value for name, separator, value in pairs if name and separator}


def sender_of(ancillary: list[tuple[int, int, bytes]]) -> int | None:
    """Return the sender's pid, or None for another user's process."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid, uid, _ = _UCRED.unpack(data[: _UCRED.size])
            return int(pid) if uid == os.getuid() else None
    return None


def _clean_up() -> None:
    """Remove the folders of this account's that killed supervisors left behind."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if folder.lstat().st_uid == os.geteuid() and _is_deserted(folder / _NAME):
                (folder / _NAME).unlink()
                folder.rmdir()


def _is_deserted(address: Path) -> bool:
    """Tell whether a socket is there that nobody listens on any more."""
    if not stat.S_ISSOCK(address.lstat().st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(str(address))
        except ConnectionRefusedError:
            return True
    return False
