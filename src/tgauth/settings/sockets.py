"""The types of settings that say where to listen, and who may connect."""

import re
from pathlib import Path
from typing import Final

_MODE: Final = re.compile(r"0?[0-7]{3}")
_UNIX: Final = "unix:"
#: unix(7): a path in `sockaddr_un` has 108 bytes, and the last one is its end.
_LONGEST_SOCKET: Final = 107


class Host(str):
    """Where to listen: an address or name of this machine, or `unix:` and a path."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "Host":
        """Read it."""
        text = _worded(found)
        if text.startswith(_UNIX):
            path = text.removeprefix(_UNIX)
            if not path.startswith("/") or path.endswith("/"):
                raise ValueError("behind unix: it is not a whole path, from / on")
            if len(path.encode()) > _LONGEST_SOCKET:
                raise ValueError(f"behind unix: it is longer than {_LONGEST_SOCKET} bytes")
        return cls(text)

    @property
    def path(self) -> Path | None:
        """The path of a unix socket, where it is one."""
        return Path(self.removeprefix(_UNIX)) if self.startswith(_UNIX) else None


class SocketMode(str):
    """The permissions of a socket's file, in octal."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "SocketMode":
        """Read them."""
        text = _worded(found)
        if not _MODE.fullmatch(text):
            raise ValueError("it is no octal number of three digits")
        return cls(text)

    @property
    def number(self) -> int:
        """What they are as a number."""
        return int(self, 8)


def _worded(found: object) -> str:
    if not isinstance(found, str):
        raise ValueError("it is not a text in quotes")  # noqa: TRY004 - what msgspec passes on
    if not found:
        raise ValueError("it is empty")
    return found
