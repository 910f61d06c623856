"""The real command, real processes and a real (sandboxed) Telegram, for tests from outside."""

import itertools
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import anyio
import httpx
from anyio.from_thread import start_blocking_portal

T = TypeVar("T")

#: Another one in each run: ports are used again soon, and a bot that some other run left behind
#: must not take the updates of this one's Telegram.
TOKEN: Final = f"4242:{secrets.token_urlsafe(18)}"
LINK: Final = re.compile(r"https?://\S+/auth/callback\?code=([A-Za-z0-9_-]+)")

#: What a healthy process never prints (each of them was once seen in an earlier design).
NEVER_PRINTED: Final = (
    "Traceback",
    "never awaited",
    "was destroyed",
    "already running",
    "Cannot close a running event loop",
    "ResourceWarning",
    "was never retrieved",
)


def eventually(read: Callable[[], T], *, within: float = 20.0, every: float = 0.02) -> T:
    """Return the first true value of `read`; fail when there is none in time."""
    deadline = time.monotonic() + within
    while True:
        value = read()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"still {value!r} after {within} s")
        time.sleep(every)


#: Each worker of pytest-xdist has its own, below those that the kernel gives away: what is
#: free now must still be free when the process under test takes it.
FIRST_PORT: Final = 20_000 + 500 * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]) % 20)
#: In turn, so that none is given twice before somebody listens on it.
_ports = itertools.cycle(FIRST_PORT + (os.getpid() + number) % 500 for number in range(500))


def free_port() -> int:
    """Return a port on 127.0.0.1 that nobody listens on."""
    for port in itertools.islice(_ports, 500):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


@dataclass(slots=True)
class Process:
    """A process group of ours, with what it prints kept in a file."""

    popen: "subprocess.Popen[bytes]"
    log: Path

    @classmethod
    def start(cls, argv: list[str], *, log: Path, environment: Mapping[str, str]) -> "Process":
        """Start a command; its output is appended to `log`."""
        inherited = {
            name: text for name, text in os.environ.items() if not name.startswith("TGAUTH_")
        }
        with log.open("ab") as sink:
            popen = subprocess.Popen(
                argv,
                stdout=sink,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env={**inherited, **environment},
            )
        return cls(popen, log)

    @property
    def output(self) -> str:
        """What it printed so far."""
        return self.log.read_text("utf-8", errors="replace")

    def children(self) -> dict[str, int]:
        """Return the pids of its `tgauth run NAME` children, by name."""
        found = {}
        for folder in Path("/proc").glob("[0-9]*"):
            try:
                words = (folder / "cmdline").read_bytes().decode().split("\0")
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == self.popen.pid and "run" in words:
                found[words[words.index("run") + 1]] = int(folder.name)
        return found

    def stop(self, number: int = signal.SIGTERM, *, within: float = 15.0) -> int:
        """Send a signal and return the exit code."""
        if self.popen.poll() is None:
            self.popen.send_signal(number)
        return self.popen.wait(within)

    def end(self) -> None:
        """Make sure that it is gone."""
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait(10)


@dataclass(slots=True)
class Telegram:
    """The sandbox's Telegram, and the people in it."""

    url: str
    stop: Callable[[], object]
    client: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=10))

    def send(self, user_id: int, text: str, **more: object) -> dict[str, Any]:
        """Write to the bot as a person."""
        return self._post("/chat/messages", {"user_id": user_id, "text": text, **more})

    def open_link(self, user_id: int, payload: str) -> dict[str, Any]:
        """Open a link to the bot as a person, and press START."""
        return self._post("/chat/starts", {"user_id": user_id, "payload": payload})

    def press(
        self, user_id: int, message: Mapping[str, Any], data: str, *, forged: bool = False
    ) -> dict[str, Any]:
        """Press a button under a message as a person; a forged one need not be there."""
        target = {"user_id": user_id, "message_id": message["message_id"]}
        return self._post("/chat/presses", {**target, "data": data, "forged": forged})

    def toasts(self, user_id: int) -> list[str]:
        """Return the short answers to a person's presses, oldest first."""
        found = self.client.get(f"{self.url}/chat/messages", params={"user_id": user_id}).json()
        return [answer["text"] for answer in found["answers"]]

    def answers(self, user_id: int) -> list[dict[str, Any]]:
        """Return what the bot has written to a person."""
        found = self.client.get(f"{self.url}/chat/messages", params={"user_id": user_id}).json()
        return [message for message in found["messages"] if message["from"]["is_bot"]]

    def codes(self, user_id: int) -> list[str]:
        """Return the code of each link that a person was sent, oldest first."""
        found = (LINK.search(json.dumps(message)) for message in self.answers(user_id))
        return [match[1] for match in found if match]

    def sent_codes(self) -> dict[int, list[str]]:
        """Return the code of each link that was ever accepted, by chat, whatever became of it."""
        found: dict[int, list[str]] = {}
        for call in self.calls():
            if call["method"].lower() == "sendmessage" and call["outcome"] == "ok":
                match = LINK.search(json.dumps(call["parameters"]))
                if match:
                    found.setdefault(int(call["parameters"]["chat_id"]), []).append(match[1])
        return found

    def code(self, user_id: int, *, within: float = 20.0) -> str:
        """Wait for a person's first code."""
        return eventually(lambda: self.codes(user_id), within=within)[0]

    def outage(self, *, on: bool) -> None:
        """Make the Bot API unreachable, or reachable again."""
        self._post("/control/outage", {"on": on})

    def calls(self) -> list[dict[str, Any]]:
        """Return the journal of Bot API calls."""
        found = self.client.get(f"{self.url}/control/calls").json()
        return list(found["calls"] if isinstance(found, dict) else found)

    def _post(self, path: str, body: object) -> dict[str, Any]:
        answer = self.client.post(self.url + path, json=body)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}


@contextmanager
def telegram_here() -> Iterator[Telegram]:
    """Run a sandboxed Telegram in a thread of this process, which spares most of its start.

    It is the same as one in a process of its own, but shares a core with the test.
    """
    from tgauth.sandbox.telegram import serve  # noqa: PLC0415 - most tests need no web framework

    ready = threading.Event()
    with (
        socket.create_server(("127.0.0.1", 0), backlog=1024) as listener,
        start_blocking_portal("asyncio") as portal,
    ):
        end = portal.call(anyio.Event)
        serving = portal.start_task_soon(
            partial(
                serve,
                listener,
                token=TOKEN,
                bot_username="demo_bot",
                ready=ready.set,
                shutdown=end.wait,
                limits=False,
                plain_webhooks=True,
            )
        )

        def stop() -> None:
            portal.call(end.set)
            serving.result(10)
            listener.close()

        try:
            assert ready.wait(20)
            running = Telegram(f"http://127.0.0.1:{listener.getsockname()[1]}", stop)
            try:
                yield running
            finally:
                running.client.close()
        finally:
            stop()


@contextmanager
def telegram(folder: Path, *, limits: bool = False, port: int | None = None) -> Iterator[Telegram]:
    """Run a sandboxed Telegram; it posts to this machine, which a real one never does."""
    port = port or free_port()
    argv = [sys.executable, "-m", "tgauth.sandbox", "telegram", "--port", str(port)]
    argv += ["--token", TOKEN, "--plain-webhooks", *([] if limits else ["--no-limits"])]
    process = Process.start(argv, log=folder / "telegram.log", environment={})
    running = Telegram(f"http://127.0.0.1:{port}", process.stop)
    try:
        eventually(lambda: answers(f"{running.url}/"))
        yield running
    finally:
        running.client.close()
        process.end()


def answers(url: str) -> bool:
    """Say whether an address answers with a success."""
    try:
        return httpx.get(url, timeout=2).is_success
    except httpx.HTTPError:
        return False


@dataclass(slots=True)
class Tgauth:
    """One installation: its settings, and whatever of it is running."""

    folder: Path
    url: str
    environment: dict[str, str]
    running: list[Process] = field(default_factory=list)

    def start(
        self,
        *command: str,
        options: tuple[str, ...] = (),
        wait: bool = True,
        environment: Mapping[str, str] | None = None,
    ) -> Process:
        """Start a tgauth command, and wait until the API is ready where it has one."""
        process = Process.start(
            [sys.executable, *options, "-m", "tgauth", *command],
            log=self.folder / "tgauth.log",
            environment={**self.environment, **(environment or {})},
        )
        self.running.append(process)
        if wait:
            eventually(lambda: answers(f"{self.url}/readyz"))
        return process

    def run(
        self, *command: str, code: int = 0, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a tgauth command to its end, as at a terminal, and see that it ends with `code`."""
        done = subprocess.run(
            (sys.executable, "-m", "tgauth", *command),
            env={"PATH": "/usr/bin:/bin", **self.environment, **environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=90,
            cwd=self.folder,
        )
        assert code == done.returncode, done.stdout + done.stderr
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in done.stdout + done.stderr]
        return done

    def exchange(self, code: str) -> httpx.Response:
        """Turn a code into a token, as an application does."""
        return httpx.post(f"{self.url}/api/auth/callback", json={"code": code}, timeout=20)

    def me(self, token: str) -> httpx.Response:
        """Ask who a token belongs to."""
        return httpx.get(
            f"{self.url}/api/auth/me", headers={"Authorization": f"Bearer {token}"}, timeout=20
        )

    @property
    def database(self) -> Path:
        """The store's file."""
        return Path(self.environment["TGAUTH_DATABASE__PATH"])

    @property
    def output(self) -> str:
        """What all of its processes printed."""
        return (self.folder / "tgauth.log").read_text("utf-8", errors="replace")


@contextmanager
def tgauth(folder: Path, bot_api: str, **settings: str) -> Iterator[Tgauth]:
    """Set up an installation; nothing of it runs yet, and nothing is left running."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    installation = Tgauth(
        folder,
        url,
        {
            "TGAUTH_CONFIG_FILE": os.devnull,
            "TGAUTH_ISSUER": url,
            "TGAUTH_TELEGRAM__TOKEN": TOKEN,
            "TGAUTH_TELEGRAM__API_URL": bot_api,
            "TGAUTH_DATABASE__PATH": str(folder / "tgauth.db"),
            "TGAUTH_API__PORT": str(port),
            "TGAUTH_LOGIN__ALLOW": "everyone",
            **settings,
        },
    )
    try:
        yield installation
    finally:
        for process in installation.running:
            process.end()
