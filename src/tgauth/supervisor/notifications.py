"""The receiving end of sd_notify(3): which process said what.

One socket in the abstract namespace (unix(7)), so there is no file to clean up. Anybody in the
network namespace can send to it; the kernel's word about the sender (SCM_CREDENTIALS) decides
whether anybody listens.
"""

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from anyio import wait_readable

_UCRED = struct.Struct("iII")  # unix(7), struct ucred: pid, uid, gid
_LONGEST = 4096
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
        """Bind to a free address of the kernel's choice."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.settimeout(0)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.bind(b"")  # unix(7), "Autobind feature"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._socket.close()

    @property
    def address(self) -> str:
        """The address as NOTIFY_SOCKET spells it."""
        return "@" + os.fsdecode(self._socket.getsockname()[1:])

    async def wait(self) -> None:
        """Wait until something has arrived."""
        await wait_readable(self._socket)

    def received(self) -> Iterator[Notification]:
        """Yield what has arrived from processes of this user, without waiting."""
        while True:
            try:
                message, ancillary, flags, _ = self._socket.recvmsg(_LONGEST, ROOM_FOR_SENDER)
            except BlockingIOError:
                return
            sender = sender_of(ancillary)
            if sender is not None and not flags & socket.MSG_TRUNC:
                yield Notification(pid=sender, fields=parse(message))


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
