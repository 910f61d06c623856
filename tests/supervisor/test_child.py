"""Promises of what a child uses: death with the parent, inherited sockets, notifications."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tgauth.supervisor import Notifier, attach, inherited_sockets, listen
from tgauth.supervisor.child import notify, watchdog, watchdog_period


@contextlib.contextmanager
def a_receiver(address: str) -> Iterator[socket.socket]:
    """Listen where a service manager would."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(address)
        receiver.settimeout(10)
        yield receiver


def _run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, "-X", "dev", "-c", code),
        env=os.environ | environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=20,
    )


ATTACH = "from tgauth.supervisor.child import attach; attach(); print('attached')"


def test_attaching_without_a_supervisor_does_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A child run alone goes on, and still dies with nobody."""
    monkeypatch.delenv("SUPERVISED_BY", raising=False)
    attach()
    assert "SUPERVISED_BY" not in os.environ


def test_attaches_to_its_parent() -> None:
    """A child of its supervisor goes on."""
    done = _run(ATTACH, SUPERVISED_BY=str(os.getpid()))
    assert (done.returncode, done.stdout, done.stderr) == (0, "attached\n", "")


def test_a_child_whose_supervisor_is_gone_ends_quietly() -> None:
    """The parent died before attach(): exit 0, nothing said."""
    done = _run(ATTACH, SUPERVISED_BY="1" if os.getpid() != 1 else "2")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_children_of_a_child_are_not_supervised() -> None:
    """Attaching takes the supervisor's pid out of the environment."""
    code = ATTACH + "; import os; print('SUPERVISED_BY' in os.environ)"
    assert _run(code, SUPERVISED_BY=str(os.getpid())).stdout == "attached\nFalse\n"


def test_a_refusal_of_the_kernel_is_raised() -> None:
    """A child that cannot be bound to its parent must not run on as if it were."""
    code = (
        "from tgauth.supervisor import child\n"
        "child._PR_SET_PDEATHSIG = -1\n"  # prctl(2): EINVAL for an unknown operation
        "try: child.attach()\n"
        "except OSError as error: print(error.errno)\n"
    )
    assert _run(code, SUPERVISED_BY=str(os.getpid())).stdout == "22\n"


def test_adopts_inherited_sockets_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sockets come once, in order, and are closed to further children."""
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as two:
        names = [two.getsockname(), one.getsockname()]
        numbers = [os.dup(two.fileno()), os.dup(one.fileno())]
        for number in numbers:
            os.set_inheritable(number, True)  # noqa: FBT003 - the name of the function says it
        monkeypatch.setenv("SUPERVISED_FDS", ",".join(map(str, numbers)))
        adopted = inherited_sockets()
        try:
            assert names == [each.getsockname() for each in adopted]
            assert numbers == [each.fileno() for each in adopted]
            assert [os.get_inheritable(number) for number in numbers] == [False, False]
            assert "SUPERVISED_FDS" not in os.environ
            assert inherited_sockets() == ()
        finally:
            for each in adopted:
                each.close()


def test_notifies_a_socket_in_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sd_notify(3): a path, one datagram a report."""
    with a_receiver(str(tmp_path / "notify")) as receiver:
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        assert Notifier.from_environment().ready()
        assert Notifier.from_environment().stopping()
        assert notify(READY="1", STATUS="serving")
        got = [receiver.recv(99) for _ in range(3)]
    assert got == [b"READY=1", b"STOPPING=1", b"READY=1\nSTATUS=serving"]


def test_notifies_an_abstract_socket() -> None:
    """sd_notify(3): a leading @ is the abstract namespace."""
    name = f"tgauth-test-{os.getpid()}"
    with a_receiver(f"\0{name}") as receiver:
        assert Notifier(f"@{name}").status("prüft")
        assert "STATUS=prüft".encode() == receiver.recv(99)


def test_a_status_cannot_smuggle_in_a_field(tmp_path: Path) -> None:
    """A line break in a text does not start another field."""
    with a_receiver(str(tmp_path / "notify")) as receiver:
        Notifier(str(tmp_path / "notify")).status("one\nREADY=1\r\ntwo")
        assert receiver.recv(99) == b"STATUS=one READY=1 two"


@pytest.mark.parametrize("address", [None, "", "vsock:2:1234", "/nobody/there", "@nobody-there"])
def test_notifying_nobody_harms_nobody(address: str | None) -> None:
    """Without a receiver a report is dropped, and the caller can tell."""
    assert Notifier(address).ready() is False


def test_a_full_queue_is_waited_for(tmp_path: Path) -> None:
    """Readiness is not lost because the receiver is busy for a moment."""
    path = str(tmp_path / "notify")
    with a_receiver(path) as receiver:
        sent = _fill(path)

        def read_later() -> None:
            time.sleep(0.1)
            for _ in range(sent):
                receiver.recv(99)

        reader = threading.Thread(target=read_later)
        reader.start()
        assert Notifier(path).ready()
        reader.join()
        assert receiver.recv(99) == b"READY=1"


def test_a_queue_that_stays_full_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A receiver that never reads does not hold its child for ever."""
    monkeypatch.setattr("tgauth.supervisor.child._QUEUE_PATIENCE", 0.05)
    path = str(tmp_path / "notify")
    with a_receiver(path):
        _fill(path)
        assert Notifier(path).ready() is False


def test_a_sign_of_life_never_waits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver that is stopped does not stop the event loops that speak to it."""
    monkeypatch.setattr("tgauth.supervisor.child._QUEUE_PATIENCE", 30)
    path = str(tmp_path / "notify")
    with a_receiver(path):
        _fill(path)
        began = time.monotonic()
        assert Notifier(path).ping() is False
        assert time.monotonic() - began < 10


@pytest.mark.parametrize(
    ("period", "pid", "expected"),
    [
        ("2500000", None, 2.5),
        ("2500000", str(os.getpid()), 2.5),
        ("2500000", "1" if os.getpid() != 1 else "2", None),
        ("0", None, None),
        ("soon", None, None),
        (None, None, None),
    ],
    ids=["any", "ours", "another's", "zero", "no number", "none"],
)
def test_signs_of_life_are_asked_for_by_the_environment(
    period: str | None, pid: str | None, expected: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """sd_watchdog_enabled(3): the period, and whether it means this process."""
    for name, value in (("WATCHDOG_USEC", period), ("WATCHDOG_PID", pid)):
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    assert expected == watchdog_period()


@pytest.mark.anyio
async def test_nobody_asks_for_signs_of_life(monkeypatch: pytest.MonkeyPatch) -> None:
    """Then there is nothing to do."""
    monkeypatch.delenv("WATCHDOG_USEC", raising=False)
    await watchdog()


def test_a_child_that_is_aborted_says_where_it_was() -> None:
    """On stderr, with no value of a variable, and without an image of its memory."""
    code = ATTACH + (
        "\nimport os, resource\nprint(resource.getrlimit(resource.RLIMIT_CORE)[0])"
        "\nsecret = 'hush'\ndef hanging(secret): os.abort()\nimport sys; sys.stdout.flush()"
        "\nhanging(secret)"
    )
    done = _run(code, SUPERVISED_BY=str(os.getpid()))
    assert (done.returncode, done.stdout) == (-signal.SIGABRT, "attached\n0\n")
    assert "in hanging" in done.stderr
    assert "hush" not in done.stderr


def _fill(path: str) -> int:
    sent = 0
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect(path)
        sender.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            while True:
                sender.send(b"STATUS=busy")
                sent += 1
    return sent


def test_a_child_needs_neither_anyio_nor_asyncio() -> None:
    """Importing what a child needs stays light."""
    code = (
        "import sys; from tgauth.supervisor import attach, inherited_sockets, Notifier\n"
        "print({'anyio', 'asyncio', 'tgauth.supervisor.supervisor'} & set(sys.modules))"
    )
    assert _run(code).stdout == "set()\n"


def test_the_child_dies_when_the_thread_that_started_it_does() -> None:
    """PDEATHSIG is armed: the reason why the supervisor must start children from its main thread.

    The kernel counts the end of the starting thread as the death of the parent (prctl(2)).
    """
    started: list[subprocess.Popen[bytes]] = []

    def start() -> None:
        code = ATTACH.replace("print('attached')", "import time; print(1, flush=True)")
        one = subprocess.Popen(
            (sys.executable, "-c", code + "; time.sleep(60)"),
            env=os.environ | {"SUPERVISED_BY": str(os.getpid())},
            stdout=subprocess.PIPE,
        )
        assert one.stdout is not None
        one.stdout.readline()
        started.append(one)

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    with started[0] as one:
        assert one.wait(10) == -signal.SIGKILL
