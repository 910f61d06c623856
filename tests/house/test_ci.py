"""Promises of the test suite itself: no network, no blocking, and under CI nothing is skipped."""

import os
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from blockbuster import BlockingError
from coverage.collector import Collector
from pytest_socket import SocketConnectBlockedError
from tests.house.sources import ROOT

from tgauth.flows.check_store import check_store

SKIPPING = """
import pytest
@pytest.mark.skipif(True, reason="no browser here")
def test_marked(): ...
def test_inside(): pytest.skip("no reason")
def test_good(): ...
@pytest.mark.xfail
def test_expected(): assert False
"""


#: What this run tells its own workers and processes.
INHERITED = ("COV", "PYTEST_")


def run_pytest(folder: Path, *options: str, **environment: str) -> str:
    """Run pytest with our conftest in a folder of its own; return what it prints."""
    shutil.copy(ROOT / "tests" / "conftest.py", folder / "conftest.py")
    (folder / "test_it.py").write_text(SKIPPING)
    (folder / "test_module.py").write_text('import pytest\npytest.importorskip("no_such_thing")\n')
    done = subprocess.run(
        (
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--continue-on-collection-errors",
            *options,
            str(folder),
        ),
        cwd=folder,
        env={k: v for k, v in os.environ.items() if k != "CI" and not k.startswith(INHERITED)}
        | {"PYTHONPATH": str(ROOT)}
        | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["one process", "a worker"])
def test_under_ci_a_skipped_test_is_a_failure(tmp_path: Path, options: tuple[str, ...]) -> None:
    """Whether marked, skipped inside, or a whole module; and the reason is kept."""
    assert "1 passed, 3 skipped, 1 xfailed" in run_pytest(tmp_path, *options)
    outcome = run_pytest(tmp_path, *options, CI="true")
    assert "1 failed, 1 passed, 1 xfailed, 2 errors" in outcome
    for reason in ("no browser here", "no reason", "no_such_thing"):
        assert f"skipped under CI: {reason}" in outcome.replace("Skipped: ", "").replace(
            "could not import '", ""
        )


def test_connections_to_elsewhere_are_refused() -> None:
    """No test depends on the network, and none tells it anything."""
    with socket.socket() as one, pytest.raises((SocketConnectBlockedError, UserWarning)):
        one.connect(("203.0.113.1", 80))


def test_loopback_is_allowed() -> None:
    """On both protocols' terms."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()


@pytest.mark.anyio
async def test_blocking_in_our_own_code_is_caught() -> None:
    """Whatever is not on the list of exceptions fails the test that runs it."""
    store = SimpleNamespace(probe=lambda: time.sleep(0.001))
    deployment: Any = SimpleNamespace(store=store)
    with pytest.raises(BlockingError):
        await check_store(deployment)


@pytest.mark.anyio
async def test_who_measures_coverage_may_wait_for_another_thread() -> None:
    """That is no blocking of ours, and would fail a test in a thousand."""
    lock = threading.Lock()
    assert lock.acquire(blocking=False)
    threading.Timer(0.01, lock.release).start()
    tracer: Any = SimpleNamespace(data_lock=lock)

    async def probe() -> None:
        Collector.lock_data(tracer)

    deployment: Any = SimpleNamespace(store=SimpleNamespace(probe=probe))
    await check_store(deployment)
    assert lock.locked()
