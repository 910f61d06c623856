"""Start one child process in a session of its own, and reach it with everything it started.

`Running` is all that the rest of the room knows of a process, so that one which somebody else
started (and which is watched through a pidfd, say) can stand in the place of one of ours.
"""

import os
import signal
from collections.abc import Callable, Mapping
from subprocess import DEVNULL
from typing import Protocol

from anyio import open_process
from anyio.abc import Process

from tgauth.supervisor.child import (
    NOTIFY_SOCKET,
    SUPERVISED_BY,
    SUPERVISED_FDS,
    WATCHDOG_USEC,
)
from tgauth.supervisor.declarations import Child
from tgauth.supervisor.spare import SUPERVISED_SPARE
from tgauth.supervisor.succession import Succession

# What another supervisor told *us* (sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)):
# a child that believed it would speak to the wrong one, or adopt descriptors it does not have.
_MEANT_FOR_US = (NOTIFY_SOCKET, "WATCHDOG_", "LISTEN_", "SUPERVISED_")
_SECOND = 1_000_000  # microseconds


class Running(Protocol):
    """A process that is watched and ended."""

    @property
    def pid(self) -> int:
        """Its number."""
        ...

    @property
    def code(self) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; None while it runs."""
        ...

    @property
    def succession(self) -> Succession | None:
        """Who takes over from it, where somebody may."""
        ...

    async def wait(self) -> None:
        """Wait until it has ended."""
        ...

    def signal(self, number: int) -> None:
        """Send it a signal, unless it is gone."""
        ...

    def kill(self) -> None:
        """Send SIGKILL to it and its descendants in the same group, at once."""
        ...


class Spawned:
    """A child process of our own."""

    def __init__(self, process: Process, succession: Succession | None = None) -> None:
        """Watch `process`, which leads a process group."""
        self.succession = succession
        self._process = process

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    @property
    def code(self) -> int | None:
        """Its exit code, or the negative number of the signal that ended it; None while it runs."""
        return self._process.returncode

    async def wait(self) -> None:
        """Wait until it has ended."""
        await self._process.wait()

    def signal(self, number: int) -> None:
        """Send it a signal, unless it is gone."""
        # Not Process.send_signal(): before 3.12.9 and 3.13.2 it polls, and may steal the exit
        # status from asyncio's own waiting (CPython gh-127049).
        if self._process.returncode is None:
            _send(os.kill, self._process.pid, number)

    def kill(self) -> None:
        """Send SIGKILL to it and its descendants in the same group, at once."""
        # setsid(2) made its pid the id of its group, and a pid stays taken while its group has
        # members.
        _send(os.killpg, self._process.pid, signal.SIGKILL)


def environment_of(
    child: Child, *, outer: Mapping[str, str], supervisor: int, notify_socket: str
) -> dict[str, str]:
    """Return the environment of `child`.

    Args:
        child: Whose additions win over `outer`.
        outer: The supervisor's own environment.
        supervisor: The supervisor's pid.
        notify_socket: Where the supervisor listens for notifications.
    """
    environment = {
        name: value for name, value in outer.items() if not name.startswith(_MEANT_FOR_US)
    }
    environment.update(child.environment)
    environment[SUPERVISED_BY] = str(supervisor)
    environment[NOTIFY_SOCKET] = notify_socket
    if child.file_descriptors:
        environment[SUPERVISED_FDS] = ",".join(map(str, child.file_descriptors))
    if child.watchdog is not None:
        # Without WATCHDOG_PID, which nobody knows before the fork; the pid of each ping counts.
        environment[WATCHDOG_USEC] = str(int(child.watchdog * _SECOND))
    return environment


async def start(child: Child, environment: Mapping[str, str]) -> Spawned:
    """Start `child`. The caller shields this: a cancellation after the fork would lose the pid.

    Output is inherited: children log for themselves, and an undrained pipe would block them.
    Not used as a context manager: leaving that by cancellation sends SIGKILL, never SIGTERM.
    """
    succession = Succession() if child.spare else None
    descriptors = child.file_descriptors
    if succession is not None:
        descriptors = (*descriptors, succession.descriptor)
        environment = {**environment, SUPERVISED_SPARE: str(succession.descriptor)}
    try:
        process = await open_process(
            child.argv,
            stdin=DEVNULL,
            stdout=None,
            stderr=None,
            env=environment,
            start_new_session=True,
            pass_fds=descriptors,
        )
    except BaseException:
        if succession is not None:
            succession.close()
        raise
    if succession is not None:
        succession.handed_down()
    return Spawned(process, succession)


def _send(how: Callable[[int, int], None], pid: int, number: int) -> None:
    try:
        how(pid, number)
    except ProcessLookupError:
        return
