"""What the bot's process tells whoever supervises it, by sd_notify(3)."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.harness import TOKEN, Telegram, Tgauth, eventually, tgauth


class Supervisor:
    """A receiver of notifications that remembers them."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.said: list[dict[str, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    @property
    def statuses(self) -> list[str]:
        """What it was told, in order."""
        return [one["STATUS"] for one in self.said if "STATUS" in one]

    def close(self) -> None:
        """Stop listening."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as last:
            last.sendto(b"", str(self.path))
        self._thread.join(5)
        self._socket.close()

    def _listen(self) -> None:
        while message := self._socket.recv(4096):
            self.said.append(dict(line.split("=", 1) for line in message.decode().splitlines()))


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """Return whoever listens."""
    listening = Supervisor(tmp_path / "notify")
    yield listening
    listening.close()


@pytest.fixture
def bot(tmp_path: Path, sandbox: Telegram, supervisor: Supervisor) -> Iterator[Tgauth]:
    """A bot that runs alone."""
    with tgauth(tmp_path, sandbox.url) as installation:
        installation.start(
            "run", "bot", wait=False, environment={"NOTIFY_SOCKET": str(supervisor.path)}
        )
        eventually(lambda: "polling as @demo_bot" in supervisor.statuses)
        yield installation


@contextmanager
def polling_elsewhere(sandbox: Telegram) -> Iterator[None]:
    """Poll with the same token, as another deployment does, for the length of the block."""
    enough = threading.Event()

    def poll() -> None:
        with httpx.Client(timeout=20) as client:
            while not enough.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    client.get(
                        f"{sandbox.url}/bot{TOKEN}/getUpdates", params={"timeout": 1, "offset": 0}
                    )

    other = threading.Thread(target=poll, daemon=True)
    other.start()
    yield
    enough.set()
    other.join(30)


def test_the_bot_tells_what_it_does_and_when_telegram_answered(
    sandbox: Telegram, supervisor: Supervisor, bot: Tgauth
) -> None:
    """Reaching, polling, unreachable, polling again; the last contact in milliseconds."""
    assert ["reaching Telegram", "polling as @demo_bot"] == supervisor.statuses
    sandbox.outage(on=True)
    eventually(lambda: len(supervisor.statuses) == 3)
    sandbox.outage(on=False)
    eventually(lambda: len(supervisor.statuses) == 4)
    assert supervisor.statuses[2].startswith("Telegram unreachable since 2")
    assert "polling as @demo_bot" == supervisor.statuses[3]
    contacts = [
        int(one["X_TGAUTH_CONTACT"]) for one in supervisor.said if "X_TGAUTH_CONTACT" in one
    ]
    assert abs(contacts[-1] / 1000 - time.time()) < 30
    assert len(contacts) < 6
    eventually(lambda: "telegram.reachable" in bot.output)


def test_a_second_poller_is_told_once_and_recovered_from(
    sandbox: Telegram, supervisor: Supervisor, bot: Tgauth
) -> None:
    """In the status and in one line that says what to do; and its end as well."""
    with polling_elsewhere(sandbox):
        eventually(lambda: "another process polls" in supervisor.statuses[-1])
        time.sleep(5)
    sandbox.send(42, "/login")
    sandbox.code(42, within=40)
    eventually(lambda: "telegram.conflict_over" in bot.output, within=80)

    eventually(lambda: "polling as @demo_bot" == supervisor.statuses[-1])
    assert 1 == bot.output.count("telegram.conflict ")
    assert "another process polls with the same token: stop it" in bot.output


def test_a_refused_token_is_one_line(tmp_path: Path, sandbox: Telegram) -> None:
    """It names the setting, and nothing calls Telegram unreachable."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_TELEGRAM__TOKEN="4242:another-one") as installation:
        ended = installation.start("run", "bot", wait=False)
        assert 78 == ended.popen.wait(20)
        assert "TGAUTH_TELEGRAM__TOKEN: Telegram refuses it" in installation.output
        assert "unreachable" not in installation.output
