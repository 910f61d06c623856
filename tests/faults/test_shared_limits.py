"""The limit on failures, as two processes keep it."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from tests.harness import Process, telegram, tgauth

LIMIT = 30


def workers_of(served: Process) -> list[int]:
    """Return the pids of its API processes."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode().split("\0")
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == served.popen.pid and words[-3:-1] == ["run", "api"]:
            found.append(int(folder.name))
    return found


@contextmanager
def asleep(pid: int) -> Iterator[None]:
    """Stop a process for a while, so that another one has to answer."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def test_two_processes_count_together(tmp_path: Path) -> None:
    """What failed at one of them is known to the other; a good code has to wait as well."""
    with (
        telegram(tmp_path) as sandbox,
        tgauth(
            tmp_path,
            sandbox.url,
            TGAUTH_API__WORKERS="2",
            TGAUTH_API__FAILURES_PER_MINUTE=str(LIMIT),
        ) as installation,
    ):
        served = installation.start("serve")
        sandbox.send(700, "/login")
        code = sandbox.code(700)
        first, second = workers_of(served)

        def guess(times: int) -> list[int]:
            return [installation.exchange("A" * 43).status_code for _ in range(times)]

        with asleep(first):
            assert [400] * (LIMIT // 2) == guess(LIMIT // 2)
        with asleep(second):
            assert [400] * (LIMIT // 2) == guess(LIMIT // 2)
            assert [429] == guess(1)
        with asleep(first):
            refused = installation.exchange(code)
        assert refused.status_code == 429
        assert 0 < int(refused.headers["retry-after"]) <= 60
        page = httpx.get(
            f"{installation.url}/auth/callback?code={code}", headers={"Accept": "text/html"}
        )
        assert (429, True) == (page.status_code, "Too many attempts failed" in page.text)
        assert served.stop() == 0
