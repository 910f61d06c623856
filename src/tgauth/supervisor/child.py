"""What a process needs to be a good child, whether supervised, run alone, or under systemd.

Owns: death with the parent, adoption of inherited sockets, the sending end of sd_notify(3), and the
sign of life of an event loop. Each part is a no-op when its environment variable is absent.
Standard library only, and asyncio only for whoever runs it anyway.
"""

import ctypes
import faulthandler
import os
import resource
import select
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

SUPERVISED_BY = "SUPERVISED_BY"
"""Environment variable: the pid of the supervisor."""
SUPERVISED_FDS = "SUPERVISED_FDS"
"""Environment variable: numbers of the inherited listening sockets, separated by commas."""
SUPERVISED_INSTEAD = "SUPERVISED_INSTEAD"
"""Environment variable: set where this process shall take the place of one that still runs."""
NOTIFY_SOCKET = "NOTIFY_SOCKET"
"""Environment variable of sd_notify(3): where readiness is reported to."""
WATCHDOG_USEC = "WATCHDOG_USEC"
"""Environment variable of sd_watchdog_enabled(3): microseconds within which we must be heard of."""
WATCHDOG_PID = "WATCHDOG_PID"
"""Environment variable of sd_watchdog_enabled(3): of which process, where it is said."""

_PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_QUEUE_PATIENCE = 1.0
"""Seconds that a notification waits for a place in the receiver's queue."""
_PINGS_IN_A_PERIOD = 4
_SECOND = 1_000_000  # microseconds


def attach() -> None:
    """Die with the supervisor from now on; end at once and quietly if it is already gone.

    Call it first thing in the child, or after a change of its user, which undoes it (prctl(2)).
    Its own children are not bound by it. Without a supervisor it does nothing.

    A child that hangs is ended by SIGABRT: from here on it then says on stderr where it was, frames
    without values, and leaves no image of its memory on the disk.

    Raises:
        SystemExit: The supervisor died before this call.
        OSError: The kernel refused.
    """
    supervisor = os.environ.pop(SUPERVISED_BY, None)
    if supervisor is None:
        return
    die_with(int(supervisor))
    _, most = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, most))
    if sys.stderr is not None:
        faulthandler.enable()


def die_with(supervisor: int) -> None:
    """Be killed when the supervisor, our parent, ends; end at once and quietly if it is gone.

    Raises:
        SystemExit: It is gone.
        OSError: The kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    # prctl(2), PR_SET_PDEATHSIG: a parent that died before the call sends no signal any more.
    # Compared with the pid we were told, not with 1: orphans go to the nearest subreaper.
    if os.getppid() != supervisor:
        raise SystemExit(0)


def replaces_another() -> bool:
    """Tell, once, whether this process shall take the place of one that still runs.

    That one is told to go as soon as this one is ready, so it should not be before it is sure.
    """
    return os.environ.pop(SUPERVISED_INSTEAD, None) is not None


def inherited_sockets() -> tuple[socket.socket, ...]:
    """Adopt the listening sockets that the supervisor handed down, in its order.

    They become this process's own: not inheritable by its children, and gone from the environment,
    so that a second call returns nothing.
    """
    numbers = os.environ.pop(SUPERVISED_FDS, "")
    adopted = tuple(socket.socket(fileno=int(number)) for number in numbers.split(",") if number)
    for one in adopted:
        one.set_inheritable(False)
    return adopted


class Notifier:
    """Report to whoever supervises this process, by sd_notify(3).

    A report that nobody hears is no reason for a child to fail, so nothing here raises for a
    missing or dead receiver.
    """

    __slots__ = ("_address", "_held")

    def __init__(self, address: str | None) -> None:
        """Send to `address`, as NOTIFY_SOCKET spells it; nowhere if it is None or not unix."""
        self._address: bytes | None = None
        self._held: socket.socket | None = None
        match (address or "")[:1]:
            case "@":  # sd_notify(3): the abstract namespace
                self._address = b"\0" + os.fsencode(address or "")[1:]
            case "/":
                self._address = os.fsencode(address or "")
            case _:
                pass

    @classmethod
    def from_environment(cls) -> "Notifier":
        """Send to where NOTIFY_SOCKET of this process points."""
        return cls(os.environ.get(NOTIFY_SOCKET))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep what is needed to send for the length of the block.

        Without, a process that has run out of descriptors could tell nothing, and would be taken
        for one that hangs.
        """
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            self._held = sender
            try:
                yield
            finally:
                self._held = None

    def ready(self) -> bool:
        """Tell that this process now does its work."""
        return self.notify(READY="1")

    def status(self, text: str) -> bool:
        """Tell in one line what this process is doing."""
        return self.notify(STATUS=text)

    def stopping(self) -> bool:
        """Tell that this process has begun to stop."""
        return self.notify(STOPPING="1")

    def ping(self) -> bool:
        """Tell that this process is alive; see `offer`."""
        return self.offer(WATCHDOG="1")

    def offer(self, **fields: str) -> bool:
        """Send `fields`, unless that would mean to wait; return whether they were handed over."""
        return self._notify(fields, patience=0)

    def notify(self, **fields: str) -> bool:
        """Send `fields` as one datagram; return whether it was handed over."""
        return self._notify(fields, patience=_QUEUE_PATIENCE)

    def _notify(self, fields: dict[str, str], *, patience: float) -> bool:
        if self._address is None:
            return False
        # One field a line, so a line break inside a value would be read as another field.
        lines = (f"{name}={' '.join(value.splitlines())}" for name, value in fields.items())
        try:
            with self._sender() as sender:
                sender.settimeout(0)  # never block an event loop
                sender.connect(self._address)
                self._send(sender, "\n".join(lines).encode(), patience)
        except OSError:
            return False
        return True

    def _sender(self) -> AbstractContextManager[socket.socket]:
        if self._held is not None:
            return nullcontext(self._held)
        return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)

    @staticmethod
    def _send(sender: socket.socket, message: bytes, patience: float) -> None:
        try:
            sender.send(message)
        except BlockingIOError:
            # unix(7): the receiver's queue is full (net.unix.max_dgram_qlen, often 10).
            select.select((), (sender,), (), patience)
            sender.send(message)


def notify(**fields: str) -> bool:
    """Send `fields` to NOTIFY_SOCKET of this process; return whether they were handed over."""
    return Notifier.from_environment().notify(**fields)


def watchdog_period() -> float | None:
    """Return the seconds within which this process must be heard of, if anybody listens for it."""
    period, meant = os.environ.get(WATCHDOG_USEC, ""), os.environ.get(WATCHDOG_PID, "")
    if not period.isdigit() or (meant.isdigit() and int(meant) != os.getpid()):
        return None
    return int(period) / _SECOND or None


async def watchdog() -> None:
    """Give signs of life from the event loop of asyncio that runs this, until cancelled.

    They stop when the loop does. Returns at once where nobody listens for them.
    """
    period = watchdog_period()
    if period is None:
        return
    from asyncio import sleep  # noqa: PLC0415 - whoever has no loop need not wait for it

    notifier = Notifier.from_environment()
    with notifier.held():
        while True:
            notifier.ping()
            await sleep(period / _PINGS_IN_A_PERIOD)
