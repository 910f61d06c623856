"""A backup while people log in: restored, it is a whole store with everything from before it."""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.harness import Telegram, Tgauth, eventually, telegram, tgauth

#: A busy machine takes its time.
pytestmark = pytest.mark.timeout(300)

WRITERS = 3
BACKUPS = 3


@dataclass(slots=True)
class Load:
    """People who log in, one after the other, until told to stop."""

    sandbox: Telegram
    installation: Tgauth
    first: int
    tokens: list[tuple[float, str]] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        """Log in; write down when each token was there."""
        person = self.first
        while not self.ended.is_set():
            person += 1
            self.sandbox.send(person, "/login")
            answer = self.installation.exchange(self.sandbox.code(person))
            self.tokens.append((time.monotonic(), answer.json()["access_token"]))


def backed_up(installation: Tgauth, target: Path) -> None:
    """Run the command beside the running service."""
    subprocess.run(
        (sys.executable, "-m", "tgauth", "db", "backup", str(target)),
        env={**os.environ, **installation.environment},
        check=True,
        capture_output=True,
    )


def test_a_backup_under_load_restores_to_all_that_was_before_it(tmp_path: Path) -> None:
    """Each backup: the restored store is undamaged, and every session from before it lives."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as installation:
        served = installation.start("serve")
        loads = [Load(sandbox, installation, 10_000 * (one + 1)) for one in range(WRITERS)]
        threads = [threading.Thread(target=load.run) for load in loads]
        for thread in threads:
            thread.start()
        begun = []
        for number in range(BACKUPS):
            expected = sum(len(load.tokens) for load in loads) + 5
            eventually(lambda least=expected: sum(len(one.tokens) for one in loads) > least)  # type: ignore[misc]  # bound now
            begun.append(time.monotonic())
            backed_up(installation, tmp_path / f"backup-{number}.db")
        took_until = time.monotonic()
        for load in loads:
            load.ended.set()
        for thread in threads:
            thread.join(30)
        assert 0 == served.stop()
        tokens = sorted(one for load in loads for one in load.tokens)
        during = [at for at, _ in tokens if begun[0] < at < took_until]
        assert len(during) > BACKUPS, "there was no load"
        for number, began in enumerate(begun):
            restore = ("db", "restore", str(tmp_path / f"backup-{number}.db"), "--yes")
            assert 0 == installation.start(*restore, wait=False).popen.wait(60)
            assert 0 == installation.start("db", "check", wait=False).popen.wait(60)
            api = installation.start("run", "api")
            before = [token for at, token in tokens if at < began]
            assert [200] * len(before) == [installation.me(one).status_code for one in before]
            assert 0 == api.stop()
