"""A socket by which root or the same account asks a supervisor how it is, and tells it what to do.

One request for each connection: a JSON object in one line, `{"command": "status"}`. The answer is
one, too. Small and slow requests only cost their own connection.
"""

import json
import os
import socket
import stat
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from anyio import create_task_group, move_on_after, sleep, wait_readable, wait_writable

from tgauth.supervisor.addresses import short

Commands = Mapping[str, Callable[[], Awaitable[dict[str, Any]]]]
"""What can be asked for, and who answers it."""

_UCRED = struct.Struct("iII")  # unix(7), struct ucred: pid, uid, gid
_LONGEST_REQUEST = 4096
_PATIENCE = 5.0
_BACKLOG = 128
_MOST_AT_ONCE = 32
_PAUSE = 0.1
"""Seconds after a connection that could not be had, as when no descriptor is left."""


@contextmanager
def control_socket(path: Path) -> Iterator[socket.socket]:
    """Listen at `path`, for this account and root only; the file is gone afterwards.

    Whoever calls this holds something that only one supervisor can hold, so that a socket which is
    there already is one that a killed supervisor left behind.

    Raises:
        OSError: It cannot be; something else is there, perhaps.
    """
    with suppress(FileNotFoundError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):
            raise FileExistsError(f"{path} is no socket")
        path.unlink()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        # Linux gives the file the mode of the descriptor, less the umask: never too much of it. By
        # its name it is not changed any more: by then the name may be a link to another file.
        os.fchmod(listener.fileno(), 0o600)
        with short(path) as address:
            listener.bind(address)
        listener.listen(_BACKLOG)
        listener.settimeout(0)
        yield listener
    finally:
        listener.close()
        with suppress(OSError):
            path.unlink()


async def answer_all(listener: socket.socket, commands: Commands) -> None:
    """Answer whoever connects, until cancelled."""
    now = 0

    async def answer(connection: socket.socket) -> None:
        nonlocal now
        try:
            with connection:
                await _answer(connection, commands)
        finally:
            now -= 1

    async with create_task_group() as tasks:
        while True:
            await wait_readable(listener)
            try:
                connection, _ = listener.accept()
            except OSError:
                await sleep(_PAUSE)
                continue
            connection.settimeout(0)
            if now >= _MOST_AT_ONCE:
                connection.close()
                continue
            now += 1
            tasks.start_soon(answer, connection)


async def _answer(connection: socket.socket, commands: Commands) -> None:
    if _user_of(connection) not in {0, os.geteuid()}:
        await _send(connection, {"refused": "only root and the account that runs it may ask"})
        return
    request = b""
    with move_on_after(_PATIENCE):
        request = await _line(connection)
    command = _command_of(request)
    if command not in commands:
        await _send(connection, {"refused": f"commands are {', '.join(sorted(commands))}"})
        return
    await _send(connection, await commands[command]())


def _user_of(connection: socket.socket) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    _, user, _ = _UCRED.unpack(credentials)
    return int(user)


async def _line(connection: socket.socket) -> bytes:
    """Read up to the end of the line, or of what is read at most."""
    read = b""
    while b"\n" not in read and len(read) < _LONGEST_REQUEST:
        await wait_readable(connection)
        try:
            part = connection.recv(_LONGEST_REQUEST)
        except BlockingIOError:
            continue
        except OSError:
            break
        if not part:
            break
        read += part
    return read.partition(b"\n")[0]


def _command_of(request: bytes) -> str:
    try:
        read = json.loads(request)
    except ValueError:
        return ""
    command = read.get("command") if isinstance(read, dict) else None
    return command if isinstance(command, str) else ""


async def _send(connection: socket.socket, answer: dict[str, Any]) -> None:
    rest = memoryview(json.dumps(answer).encode() + b"\n")
    with move_on_after(_PATIENCE), suppress(OSError):
        while rest:
            await wait_writable(connection)
            with suppress(BlockingIOError):
                rest = rest[connection.send(rest) :]
