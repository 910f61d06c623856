"""Start one child process in a session of its own, and end it with everything it started."""

import os
import signal
from collections.abc import Callable, Mapping
from subprocess import DEVNULL

from anyio import CancelScope, move_on_after, open_process
from anyio.abc import Process

from tgauth.supervisor.child import NOTIFY_SOCKET, SUPERVISED_BY, SUPERVISED_FDS
from tgauth.supervisor.declarations import Child

# What another supervisor told *us* (sd_notify(3), sd_listen_fds(3), sd_watchdog_enabled(3)):
# a child that believed it would speak to the wrong one, or adopt descriptors it does not have.
_MEANT_FOR_US = (NOTIFY_SOCKET, "WATCHDOG_", "LISTEN_", "SUPERVISED_")


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
    return environment


async def start(child: Child, environment: Mapping[str, str]) -> Process:
    """Start `child`. The caller shields this: a cancellation after the fork would lose the pid.

    Output is inherited: children log for themselves, and an undrained pipe would block them.
    Not used as a context manager: leaving that by cancellation sends SIGKILL, never SIGTERM.
    """
    return await open_process(
        child.argv,
        stdin=DEVNULL,
        stdout=None,
        stderr=None,
        env=environment,
        start_new_session=True,
        pass_fds=child.file_descriptors,
    )


async def stop(process: Process, *, grace: float) -> None:
    """End `process`: SIGTERM, `grace` seconds, then SIGKILL to all that is left of its group.

    Cannot be cancelled. For a process that has ended already, only the sweep remains. A
    descendant that moved to a process group of its own escapes it.
    """
    with CancelScope(shield=True):
        if process.returncode is None and grace > 0:
            # Not Process.terminate(): before 3.12.9 and 3.13.2 it polls, and may steal the exit
            # status from asyncio's own waiting (CPython gh-127049).
            _send(os.kill, process.pid, signal.SIGTERM)
            with move_on_after(grace):
                await process.wait()
        kill_group(process)
        await process.wait()


def kill_group(process: Process) -> None:
    """Send SIGKILL to `process` and its descendants in the same group, at once."""
    # setsid(2) made its pid the id of its group, and a pid stays taken while its group has members.
    _send(os.killpg, process.pid, signal.SIGKILL)


def _send(how: Callable[[int, int], None], pid: int, number: signal.Signals) -> None:
    try:
        how(pid, number)
    except ProcessLookupError:
        return
