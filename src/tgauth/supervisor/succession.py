"""The supervisor's end of warm spares (`tgauth.supervisor.spare`): who waits, and calling it.

While the process works that a spare is a copy of, the spare is its child and our grandchild. When
that process ends, the kernel makes the spare our child: we are its subreaper (prctl(2),
PR_SET_CHILD_SUBREAPER). So from then on we alone collect it, and nobody else can get its pid.
"""

import os
import select
import signal
import socket
from contextlib import suppress

from anyio import CancelScope, Lock, move_on_after, wait_readable

from tgauth.supervisor.notifications import ROOM_FOR_SENDER, sender_of
from tgauth.supervisor.spare import GO, HERE

_PATIENCE = 1.0
"""Seconds in which a spare that is not wanted ends by itself."""


class Succession:
    """One start, and those who take over from it, one after the other."""

    def __init__(self) -> None:
        """Open the channel that they wait on."""
        # SOCK_SEQPACKET: whole messages, and an end that both sides notice.
        self._ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._ours.settimeout(0)
        self._ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._waiting: int | None = None

    @property
    def descriptor(self) -> int:
        """The end to hand down to the one that is started."""
        return self._theirs.fileno()

    def handed_down(self) -> None:
        """Let go of that end: from now on the channel ends with whoever waits on it."""
        self._theirs.close()

    def call(self) -> "Successor | None":
        """Let the spare take over whose original has ended; None where there is none."""
        found = self._spare()
        if found is None:
            return None
        pid, handle = found
        try:
            ended = os.waitid(os.P_PIDFD, handle, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if ended is None:
                self._ours.send(GO)
                self._waiting = None
                return Successor(pid, handle, self)
        except OSError:  # not our child, or nobody listens any more
            pass
        os.close(handle)
        return None

    async def end(self) -> None:
        """Dismiss the spare, and wait until it is gone."""
        found = None if self._ours.fileno() < 0 else self._spare()
        self.close()
        if found is None:
            return
        _, handle = found
        with move_on_after(_PATIENCE, shield=True) as patience:
            await wait_readable(handle)
        if patience.cancelled_caught:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
            with CancelScope(shield=True):
                await wait_readable(handle)
        with suppress(ChildProcessError):  # its original runs still, and will have to collect it
            os.waitid(os.P_PIDFD, handle, os.WEXITED | os.WNOHANG)  # noqa: ASYNC222 - it has ended
        os.close(handle)

    def close(self) -> None:
        """Dismiss the spare."""
        self._ours.close()
        self._theirs.close()

    def _spare(self) -> tuple[int, int] | None:
        """Return the pid of the spare that waits, and a pidfd for it."""
        self._look()
        if self._waiting is None:
            return None
        try:
            handle = os.pidfd_open(self._waiting)
        except OSError:  # it is gone, or this kernel has none (before 5.3)
            return None
        # Who waits is the only one that has the other end: while that is open, the pid was its.
        if self._is_open():
            return self._waiting, handle
        os.close(handle)
        return None

    def _look(self) -> None:
        """Take in who said that it waits, as the kernel vouches for it."""
        with suppress(BlockingIOError):
            while True:
                message, ancillary, *_ = self._ours.recvmsg(len(HERE), ROOM_FOR_SENDER)
                if not message:
                    self._waiting = None
                    return
                if message == HERE:
                    self._waiting = sender_of(ancillary)

    def _is_open(self) -> bool:
        poll = select.poll()
        poll.register(self._ours, select.POLLIN)
        return not poll.poll(0)


class Successor:
    """A process that was a spare: not started by us, and yet our child."""

    def __init__(self, pid: int, handle: int, succession: Succession) -> None:
        """Watch the process through `handle`, its pidfd, which becomes this object's own."""
        self.pid = pid
        self.succession = succession
        self.code: int | None = None
        self._handle = handle
        self._waiting = Lock()

    async def wait(self) -> None:
        """Wait until it has ended."""
        async with self._waiting:
            if self.code is not None:
                return
            await wait_readable(self._handle)
            ended = os.waitid(os.P_PIDFD, self._handle, os.WEXITED | os.WNOHANG)  # noqa: ASYNC222 - it has ended
            exited = ended is not None and ended.si_code == os.CLD_EXITED
            status = ended.si_status if ended is not None else 0
            self.code = status if exited else -status
            os.close(self._handle)

    def signal(self, number: int) -> None:
        """Send it a signal, unless it is gone."""
        if self.code is None:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, number)

    def kill(self) -> None:
        """Send SIGKILL to it and its descendants in the same group, at once."""
        # It called setsid(2) before it said that it waits.
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)
