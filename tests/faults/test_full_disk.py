"""A disk that fills up and is freed again."""

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.disks import fill, small_disk
from tests.harness import NEVER_PRINTED, Tgauth, eventually, telegram, tgauth

PEOPLE = range(601, 621)


@pytest.fixture(name="small_disk")
def _small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a folder on a disk of its own."""
    with small_disk(tmp_path / "small") as folder:
        yield folder


def test_a_full_disk_loses_and_doubles_nothing(tmp_path: Path, small_disk: Path) -> None:
    """Not ready while it is full, no false success, and everything is answered once it is freed."""
    database = {"TGAUTH_DATABASE__PATH": str(small_disk / "tgauth.db")}
    with (
        telegram(tmp_path) as sandbox,
        tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600", **database) as installation,
    ):
        served = installation.start("serve")
        sandbox.send(600, "/login")
        before = sandbox.code(600)
        filler = fill(small_disk)
        for person in PEOPLE:
            sandbox.send(person, "/login")
        refused = eventually(lambda: not_ready(installation.url))
        assert refused is not None
        assert refused.json() == {"status": "not ready", "store": "store_unavailable"}
        assert installation.exchange(before).status_code == 503
        # Promises that were committed before the disk was full may be sent, each once, however
        # often marking them as sent fails.
        eventually(lambda: installation.output.count("database or disk is full") > 3)

        filler.unlink()

        codes = {person: sandbox.code(person) for person in PEOPLE}
        for person, code in codes.items():
            assert installation.exchange(code).status_code == 200
            assert installation.exchange(code).status_code == 400
            assert len(sandbox.answers(person)) == 1
        assert installation.exchange(before).status_code == 200
        eventually(lambda: httpx.get(f"{installation.url}/readyz").is_success)
        assert served.stop() == 0
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def not_ready(url: str) -> httpx.Response | None:
    """Return the answer that says so, once there is one."""
    answer = httpx.get(f"{url}/readyz", timeout=10)
    return answer if answer.status_code == 503 else None


@pytest.mark.parametrize("name", ["api", "bot"])
def test_a_process_that_is_killed_on_a_full_disk_comes_back(
    tmp_path: Path, small_disk: Path, name: str
) -> None:
    """It is tried again for as long as the disk is full, if not for ever, and `serve` goes on."""
    database = {"TGAUTH_DATABASE__PATH": str(small_disk / "tgauth.db")}
    with (
        telegram(tmp_path) as sandbox,
        tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600", **database) as installation,
    ):
        served = installation.start("serve")
        sandbox.send(600, "/login")
        before = sandbox.code(600)
        filler = fill(small_disk)
        os.kill(served.children()[name], signal.SIGKILL)
        sandbox.send(601, "/login")
        time.sleep(5)
        assert served.popen.poll() is None, installation.output

        filler.unlink()

        for code in (before, sandbox.code(601)):
            assert [200, 400] == [
                eventually(lambda code=code: answered(installation, code))  # type: ignore[misc]  # bound now
                for _ in range(2)
            ]
        assert served.stop() == 0
        assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]


def answered(installation: Tgauth, code: str) -> int | None:
    """Exchange a code; nothing while nobody answers, or the store cannot be had."""
    try:
        status = installation.exchange(code).status_code
    except httpx.HTTPError:
        return None
    return None if status == 503 else status
