"""Ask a supervisor through its control socket. Standard library only."""

import json
import os
import select
import socket
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tgauth.supervisor.addresses import short

_CHUNK = 65536
_LONGEST_ANSWER = 4 * 1024 * 1024


class NobodySupervises(Exception):
    """No supervisor answers at any of the places where it would."""

    code = "nobody_supervises"


class NotAnswered(Exception):
    """A supervisor is there, and does not answer us; the message says why.

    Attributes:
        is_forbidden: Whether another account would be answered.
    """

    code = "not_answered"

    def __init__(self, place: Path, why: str, *, is_forbidden: bool = False) -> None:
        """Name the socket and the reason."""
        self.is_forbidden = is_forbidden
        super().__init__(f"{place}: {why}")


def ask(places: Sequence[Path], command: str, *, within: float | None) -> dict[str, Any]:
    """Send one command, and return the answer.

    Args:
        places: Where the control socket may be; the first that answers counts.
        command: `status`, `reload` or `stop`.
        within: Seconds to wait for the answer; for ever, where it is None.

    Raises:
        NobodySupervises: Nobody is there.
        NotAnswered: Whoever is there does not answer us.
    """
    for place in places:
        connection = _connected(place, within)
        if connection is not None:
            with connection:
                return _answered(connection, place, command)
    raise NobodySupervises


def wait_for_end(pid: int, *, within: float) -> bool:
    """Wait until a process that is no child of ours has ended; return whether it has."""
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([process], [], [], within)[0])
    finally:
        os.close(process)


def _connected(place: Path, within: float | None) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(within)
    try:
        with short(place) as address:
            connection.connect(address)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        connection.close()
        return None
    except OSError as error:
        connection.close()
        why = os.strerror(error.errno or 0)
        forbidden = isinstance(error, PermissionError)
        raise NotAnswered(place, why, is_forbidden=forbidden) from error
    return connection


def _answered(connection: socket.socket, place: Path, command: str) -> dict[str, Any]:
    answer, is_unread = b"", False
    try:
        try:
            connection.sendall(json.dumps({"command": command}).encode() + b"\n")
        except BrokenPipeError:
            is_unread = True  # who refuses us says so, and does not wait for the question
        while not answer.endswith(b"\n") and len(answer) < _LONGEST_ANSWER:
            part = connection.recv(_CHUNK)
            if not part:
                break
            answer += part
    except ConnectionError:
        is_unread = True
    except OSError as error:
        raise NotAnswered(place, f"no answer ({error})") from error
    if is_unread and not answer:
        raise NobodySupervises  # it ended just now, with our question unread
    try:
        read = json.loads(answer)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise NotAnswered(place, "it was closed without an answer")
    if "refused" in read:
        raise NotAnswered(place, str(read["refused"]), is_forbidden=True)
    return read
