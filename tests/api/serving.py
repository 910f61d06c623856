"""The API as it is served, by Hypercorn on a real socket, for what no client in memory can send."""

import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio.from_thread
from tests.builders import a_begun_login, a_deployment, an_issuer, chat_code_of
from tests.stores import begin_store

from tgauth.api.options import ApiOptions
from tgauth.api.process import run_api
from tgauth.flows.deployment import Deployment
from tgauth.flows.keyring import Keys
from tgauth.lifetime import Shutdown
from tgauth.store import Store

if TYPE_CHECKING:
    from concurrent.futures import Future


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """An API that listens.

    Attributes:
        port: On 127.0.0.1.
        deployment: Its installation.
        call: Runs a coroutine function in its loop, and returns the outcome.
        shutdown: Tells it to stop.
        ended: Is done when it has.
        metrics_port: Where its metrics listen, if that is a port of their own.
    """

    port: int
    deployment: Deployment
    call: Callable[..., Any]
    shutdown: Shutdown
    ended: "Future[None]"
    metrics_port: int | None = None

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    def new_code(self) -> str:
        """Let Alice send `/login`; return the code in her link."""

        async def begin() -> str:
            update_id = secrets.randbelow(2**31)
            login = await a_begun_login(self.deployment, update_id=update_id)
            return chat_code_of(self.deployment, login)

        return str(self.call(begin))

    def exchange(self, raw: bytes, *, timeout: float = 5.0) -> bytes:
        """Send bytes on a connection of their own; return all that comes back until it closes."""
        with self.connect(timeout=timeout) as wire:
            wire.sendall(raw)
            return received(wire)

    def connect(self, *, timeout: float = 5.0) -> socket.socket:
        """Open a connection."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=timeout)


def received(wire: socket.socket) -> bytes:
    """Read until the other side closes, or resets, or nothing comes any more."""
    parts = []
    try:
        while part := wire.recv(65536):
            parts.append(part)
    except OSError:
        pass
    return b"".join(parts)


@contextmanager
def served(
    folder: Path, *, options: ApiOptions | None = None, with_metrics: bool = False, **fields: Any
) -> Iterator[Served]:
    """Serve an installation in a thread of its own, with a loop and a store of its own.

    Args:
        folder: Where its store is.
        options: Options of the HTTP face.
        with_metrics: Whether the metrics have a port of their own.
        fields: What is different about its installation.
    """
    begin_store(folder / "tgauth.db")
    listener = socket.create_server(("127.0.0.1", 0), backlog=256)
    listener.settimeout(0)
    port = listener.getsockname()[1]
    metrics = socket.create_server(("127.0.0.1", 0)) if with_metrics else None
    metrics_port = metrics.getsockname()[1] if metrics else None
    if metrics:
        metrics.settimeout(0)
    fields = {"issuer": an_issuer(f"http://127.0.0.1:{port}"), **fields}
    begun: list[Deployment] = []
    ready = threading.Event()
    ended: list[Shutdown] = []

    async def run() -> None:
        async with Store.open(folder / "tgauth.db") as store:
            deployment = a_deployment(
                store, now=lambda: time.time_ns() // 1_000_000, new_id=new_id, **fields
            )
            begun.append(deployment)
            ended.append(Shutdown())
            await run_api(
                deployment,
                Keys(deployment),
                options or ApiOptions(),
                listener,
                metrics,
                ready=ready.set,
                shutdown=ended[0],
            )

    with anyio.from_thread.start_blocking_portal("asyncio") as portal:
        running = portal.start_task_soon(run)
        assert ready.wait(20)
        try:
            yield Served(
                port=port,
                deployment=begun[0],
                call=portal.call,
                shutdown=ended[0],
                ended=running,
                metrics_port=metrics_port,
            )
        finally:
            portal.call(ended[0].stop)
            running.result(20)


def new_id() -> str:
    """Return an identifier."""
    return secrets.token_hex(16)
