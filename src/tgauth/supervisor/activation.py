"""Listening sockets that a service manager opened before us: sd_listen_fds(3)."""

import os
import socket
from collections.abc import MutableMapping

_FIRST = 3  # sd-daemon.h, SD_LISTEN_FDS_START
_PID = "LISTEN_PID"
_NUMBER = "LISTEN_FDS"
_NAMES = "LISTEN_FDNAMES"


class UnusableSocket(Exception):
    """Something was handed over that nobody can connect to; the message says what."""

    code = "unusable_socket"


def handed_over(environment: MutableMapping[str, str]) -> dict[str, socket.socket]:
    """Adopt the listening sockets that a service manager opened for this process, by their names.

    They become this process's own: not inheritable, and gone from the environment, so that a second
    call returns nothing. Where several have one name, the later ones are called `name-2` and so on.

    Raises:
        UnusableSocket: One of them is no listening stream socket.
    """
    meant = environment.pop(_PID, "")
    number = environment.pop(_NUMBER, "")
    names = environment.pop(_NAMES, "").split(":")
    if meant != str(os.getpid()) or not number.isdigit():
        return {}
    adopted: dict[str, socket.socket] = {}
    for place in range(int(number)):
        name = names[place] if place < len(names) else ""
        unique, count = name or "unknown", 1
        while unique in adopted:
            count += 1
            unique = f"{name or 'unknown'}-{count}"
        adopted[unique] = _adopted(_FIRST + place, unique)
    return adopted


def _adopted(descriptor: int, name: str) -> socket.socket:
    try:
        adopted = socket.socket(fileno=descriptor)
    except OSError as error:
        raise UnusableSocket(f"descriptor {descriptor} ({name}) is no socket") from error
    adopted.set_inheritable(False)
    listens = adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    if adopted.type != socket.SOCK_STREAM or not listens:
        adopted.detach()
        raise UnusableSocket(
            f"descriptor {descriptor} ({name}) is not a stream socket that listens: "
            "use ListenStream= with Accept=no"
        )
    return adopted
