"""Processes that run out of descriptors or memory, or do not run at all for a while."""

import contextlib
import os
import resource
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from tests.faults.storm.killing import descendants
from tests.harness import NEVER_PRINTED, Telegram, Tgauth, answers, eventually, telegram, tgauth

#: A busy machine takes its time.
pytestmark = pytest.mark.timeout(300)

STARVING = str(Path(__file__).parent / "starving")
FLOOD = 300
#: Descriptors that are left when the flood begins: for some connections, and no more.
LEFT = 100


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Telegram]:
    """A Telegram."""
    with telegram(tmp_path) as running:
        yield running


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation that does not run yet."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL="600") as prepared:
        yield prepared


def cpu_seconds(pids: list[int]) -> float:
    """Return the processor time of some processes so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def limit(pid: int) -> None:
    """Leave a process few descriptors beyond those that it has open."""
    most = LEFT + max(int(one.name) for one in Path(f"/proc/{pid}/fd").iterdir())
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def flooded(url: str) -> Iterator[None]:
    """Keep many connections open that ask for nothing, new ones in the place of those closed."""
    host, port = url.removeprefix("http://").split(":")
    ended = threading.Event()

    def flood() -> None:
        wires: list[socket.socket] = []
        while not ended.is_set():
            while len(wires) < FLOOD and not ended.is_set():
                with contextlib.suppress(OSError):
                    wires.append(socket.create_connection((host, int(port)), timeout=2))
            time.sleep(0.1)
            wires = [one for one in wires if not is_closed(one)]
        for one in wires:
            one.close()

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(20)


def is_closed(wire: socket.socket) -> bool:
    """Say whether the other side has hung up."""
    wire.settimeout(0)
    try:
        closed = not wire.recv(1)
    except BlockingIOError:
        return False
    except OSError:
        closed = True
    if closed:
        wire.close()
    return closed


def insisting(installation: Tgauth, code: str) -> int:
    """Exchange a code, again as long as the store cannot be had; return the status."""
    return eventually(lambda: (it := installation.exchange(code).status_code) != 503 and it)


def test_running_out_of_descriptors_ends_when_the_flood_does(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """The process stays, does not spin, and serves again; nobody got a token for nothing."""
    served = installation.start("serve")
    sandbox.send(600, "/login")
    code = sandbox.code(600)
    apis = [pid for name, pid in descendants(served.popen.pid) if name == "api"]
    for api in apis:
        limit(api)

    with flooded(installation.url):
        time.sleep(1)
        before, began = cpu_seconds(apis), time.monotonic()
        time.sleep(4)
        assert (cpu_seconds(apis) - before) / (time.monotonic() - began) < 0.5
        # The bot has descriptors of its own.
        sandbox.send(601, "/login")
        other = sandbox.code(601)

    eventually(lambda: answers(f"{installation.url}/readyz"))
    assert [] == [pid for pid in apis if not Path(f"/proc/{pid}").exists()]
    for one in (code, other):
        assert [200, 400] == [insisting(installation, one) for _ in range(2)]
    # It is told once a second, with its traceback, and not a thousand times.
    assert 0 < installation.output.count("out of system resource") < 60
    assert 0 == served.stop()


@pytest.mark.parametrize("name", ["api", "bot"])
def test_a_process_without_memory_is_tried_again_until_it_has_some(
    tmp_path: Path, sandbox: Telegram, installation: Tgauth, name: str
) -> None:
    """It was killed for it, as the kernel does, and what takes its place cannot even start."""
    mark = tmp_path / "starved"
    starving = {"PYTHONPATH": STARVING, "STARVE": f"{mark}:{name}"}
    served = installation.start("serve", environment=starving)
    sandbox.send(600, "/login")
    first = sandbox.code(600)
    mark.touch()
    # With its spare, which would need no memory to take its place.
    for pid in [pid for found, pid in descendants(served.popen.pid) if found == name][::-1]:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: installation.output.count(f"child.restarting name={name}") > 3)
    told = ("MemoryError", "failed to map segment", "Cannot allocate memory")
    assert any(text in installation.output for text in told)
    sandbox.send(601, "/login")
    mark.unlink()
    eventually(lambda: answers(f"{installation.url}/readyz"), within=30)
    for code in (first, sandbox.code(601, within=30)):
        assert [200, 400] == [installation.exchange(code).status_code for _ in range(2)]
    assert served.popen.poll() is None
    assert 0 == served.stop()


@pytest.mark.parametrize("name", ["api", "bot"])
def test_a_process_that_stood_still_goes_on(
    sandbox: Telegram, installation: Tgauth, name: str
) -> None:
    """Whoever asked meanwhile is answered, once."""
    served = installation.start("serve")
    sandbox.send(600, "/login")
    first = sandbox.code(600)
    stopped = served.children()[name]
    os.kill(stopped, signal.SIGSTOP)
    tokens: list[int] = []

    def insist() -> None:
        tokens.append(installation.exchange(first).status_code)

    asking = threading.Thread(target=insist)
    asking.start()
    sandbox.send(601, "/login")
    time.sleep(3)
    with contextlib.suppress(ProcessLookupError):
        os.kill(stopped, signal.SIGCONT)
    asking.join(20)
    assert [200] == tokens
    second = sandbox.code(601)
    assert [second] == sandbox.sent_codes()[601]
    assert [200, 400] == [installation.exchange(second).status_code for _ in range(2)]
    assert httpx.get(f"{installation.url}/readyz").is_success
    assert 0 == served.stop()
    assert [] == [phrase for phrase in NEVER_PRINTED if phrase in installation.output]
