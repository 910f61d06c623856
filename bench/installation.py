"""The real command in a temporary folder, beside a slim Telegram; nothing is left running."""

import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench.usage import family

#: As behind a proxy: browsers speak of this origin, and the proxy of the port.
ISSUER = "https://login.example.org"
APPLICATION = "https://app.example.org/callback"
HOST = "127.0.0.1"

_PATIENCE = 60.0
_LAST_WORDS = 30


@dataclass(slots=True, kw_only=True)
class Installation:
    """One installation: where it is, and what of it runs.

    Attributes:
        folder: Its store and its log.
        port: Where its API listens.
        bench_port: Where the slim Telegram takes who sends /login.
        telegram: The slim Telegram's process id.
    """

    folder: Path
    port: int
    bench_port: int
    telegram: int
    environment: dict[str, str]
    served: "subprocess.Popen[bytes] | None" = None
    _notify: socket.socket = field(init=False)

    def __post_init__(self) -> None:
        address = str(self.folder / "notify")
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(address)
        self.environment["NOTIFY_SOCKET"] = address

    @property
    def database(self) -> Path:
        """The store's file."""
        return self.folder / "tgauth.db"

    @property
    def processes(self) -> list[int]:
        """All of its processes: the supervisor first."""
        return family(self._running.pid)

    @property
    def last_words(self) -> str:
        """The last lines of its log."""
        lines = (self.folder / "log").read_text("utf-8").splitlines()
        return "\n".join(lines[-_LAST_WORDS:])

    def serve(self) -> float:
        """Run `tgauth serve`; return the seconds until it says that all of it is ready."""
        with (self.folder / "log").open("ab") as log:
            began = time.monotonic()
            self.served = subprocess.Popen(
                (sys.executable, "-m", "tgauth", "serve"),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.environment,
            )
        self.wait_until_ready()
        return time.monotonic() - began

    def signal(self, number: int) -> None:
        """Send it a signal."""
        self._running.send_signal(number)

    def stop(self) -> None:
        """Stop it in order, and make sure that it is gone."""
        if self.served is None:
            return
        self._running.terminate()
        try:
            self._running.wait(_PATIENCE)
        finally:
            self._running.kill()
            self.served = None

    def close(self) -> None:
        """Stop, and let go of everything."""
        self.stop()
        self._notify.close()

    @property
    def _running(self) -> "subprocess.Popen[bytes]":
        if self.served is None:
            raise RuntimeError("tgauth does not run")
        return self.served

    def wait_until_ready(self) -> None:
        """Wait until it says that all of it is ready, at its start or after a reload."""
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._running.poll() is None:
            if select.select([self._notify], [], [], 0.1)[0]:
                told = self._notify.recv(4096).splitlines()
                if b"READY=1" in told:
                    return
        raise RuntimeError("tgauth serve did not become ready")


@contextmanager
def installation(**settings: str) -> Iterator[Installation]:
    """Set up an installation; nothing of it runs yet."""
    with (
        tempfile.TemporaryDirectory(prefix="tgauth-bench-") as folder,
        subprocess.Popen(
            (sys.executable, "-m", "bench.telegram"), stdout=subprocess.PIPE, text=True
        ) as telegram,
    ):
        try:
            bot_api, bench_port = _ports(telegram)
            port = free_port()
            prepared = Installation(
                folder=Path(folder),
                port=port,
                bench_port=int(bench_port),
                telegram=telegram.pid,
                environment=_environment(folder, port, bot_api) | settings,
            )
            try:
                yield prepared
            except BaseException as error:
                error.add_note(f"the last that tgauth logged:\n{prepared.last_words}")
                raise
            finally:
                prepared.close()
        finally:
            telegram.send_signal(signal.SIGTERM)


def _ports(telegram: "subprocess.Popen[str]") -> list[str]:
    if telegram.stdout is None:
        raise RuntimeError("the slim Telegram was started without a pipe")
    return telegram.stdout.readline().split()


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _environment(folder: str, port: int, bot_api: str) -> dict[str, str]:
    # Without PYTHONDONTWRITEBYTECODE and its like: what is measured is an installation whose
    # bytecode is there, as pip leaves it.
    inherited = {
        name: text
        for name, text in os.environ.items()
        if not name.startswith(("TGAUTH_", "PYTHON"))
    }
    return inherited | {
        "TGAUTH_ISSUER": ISSUER,
        "TGAUTH_TELEGRAM__TOKEN": "4242:a-token-for-the-bench",
        "TGAUTH_TELEGRAM__API_URL": f"http://{HOST}:{bot_api}",
        # What tgauth can do is measured here, and the slim Telegram has no limits.
        "TGAUTH_TELEGRAM__MESSAGES_PER_SECOND": "1000",
        "TGAUTH_DATABASE__PATH": f"{folder}/tgauth.db",
        "TGAUTH_API__HOST": HOST,
        "TGAUTH_API__PORT": str(port),
        "TGAUTH_LOGIN__ALLOW": "everyone",
        "TGAUTH_LOGIN__CALLBACK_URL": APPLICATION,
    }
