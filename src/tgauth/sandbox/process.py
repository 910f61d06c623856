"""The process around a sandbox server: its socket, its signals, its parent."""

import ctypes
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

PR_SET_PDEATHSIG: Final = 1

Serve = Callable[
    [socket.socket, Callable[[], None], Callable[[], Awaitable[None]]], Awaitable[None]
]


def bind(port: int) -> socket.socket:
    """Bind a port of loopback; 0 is any."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind(("127.0.0.1", port))
    return sock


def die_with_parent(parent: int) -> None:
    """Get a SIGTERM when the parent ends, and leave now if it is already gone."""
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:
        raise SystemExit(0)


async def run_until_signalled(sock: socket.socket, serve: Serve) -> None:
    """Say where it listens once it does, and stop on SIGTERM or SIGINT."""
    address = f"http://127.0.0.1:{sock.getsockname()[1]}"
    stop = anyio.Event()

    def ready() -> None:
        sys.stdout.write(f"listening on {address}\n")
        sys.stdout.flush()

    async with anyio.create_task_group() as tasks:
        with anyio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:

            async def listen() -> None:
                async for _ in signals:
                    stop.set()

            tasks.start_soon(listen)
            await serve(sock, ready, stop.wait)
            tasks.cancel_scope.cancel()
