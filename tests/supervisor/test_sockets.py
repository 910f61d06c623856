"""Promises of `listen`: real sockets, and refusals that say what to do."""

import errno
import os
import socket
import stat
from pathlib import Path

import pytest

from tgauth.supervisor import ListenError, listen, listen_at


@pytest.mark.parametrize(
    ("host", "family"), [("127.0.0.1", socket.AF_INET), ("::1", socket.AF_INET6)]
)
def test_listens_on_addresses_of_both_families(host: str, family: int) -> None:
    """A connection to the bound address succeeds."""
    with listen(host, 0) as listener:
        assert family == listener.family
        with socket.create_connection(listener.getsockname()[:2], timeout=5):
            pass


def test_listens_on_a_host_name() -> None:
    """A name is resolved; its first usable address is taken."""
    with listen("localhost", 0) as listener:
        assert listener.getsockname()[0] in {"127.0.0.1", "::1"}


def test_the_ipv6_wildcard_takes_ipv4_too() -> None:
    """`::` serves both families with one socket."""
    with (
        listen("::", 0) as listener,
        socket.create_connection(("127.0.0.1", listener.getsockname()[1]), timeout=5),
    ):
        pass


def test_can_be_bound_again_right_after_a_connection() -> None:
    """TIME_WAIT of an earlier run does not keep the next from starting."""
    with listen("127.0.0.1", 0) as first:
        address = first.getsockname()
        with socket.create_connection(address, timeout=5) as client:
            served, _ = first.accept()
            served.close()  # the side that closes first keeps TIME_WAIT
            assert client.recv(1) == b""
    with listen(*address) as second:
        assert address == second.getsockname()


def test_connections_beyond_the_backlog_wait_outside() -> None:
    """The backlog is what was asked for: the kernel queues one more than it says."""
    with listen("127.0.0.1", 0, backlog=0) as listener:
        assert _tried(listener) is True
        assert _tried(listener) is False


def _tried(listener: socket.socket) -> bool:
    """Connect and leave the connection in the queue; tell whether there was room."""
    with socket.socket(listener.family) as client:
        client.settimeout(0.2)
        try:
            client.connect(listener.getsockname())
        except TimeoutError:
            return False
    return True


def test_a_taken_port_is_explained() -> None:
    """The error names the address, the reason and the way out."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ListenError) as caught:
            listen("127.0.0.1", port)
    assert str(caught.value) == (
        f"cannot listen on 127.0.0.1:{port}: another process is listening there; stop it"
        f" (`ss -ltnp 'sport = :{port}'` names it) or choose another port"
    )
    assert ("127.0.0.1", port) == (caught.value.host, caught.value.port)


def test_an_address_of_another_machine_is_explained() -> None:
    """192.0.2.1 is nobody's (RFC 5737 §3)."""
    with pytest.raises(ListenError, match="no such address; use one of its own"):
        listen("192.0.2.1", 0)


def test_an_unknown_host_is_explained() -> None:
    """A name that does not resolve is told as such (RFC 2606 §2: .invalid never does)."""
    with pytest.raises(ListenError, match="host name is not known"):
        listen("host.invalid", 0)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.EACCES, "permission denied, ports below .* choose a higher port"),
        (errno.ENOBUFS, "No buffer space available"),
    ],
)
def test_other_refusals_are_explained(number: int, words: str) -> None:
    """What cannot be provoked on every machine is explained all the same."""
    error = ListenError("::1", 80, OSError(number, "x"))
    assert str(error).startswith("cannot listen on [::1]:80: ")
    with pytest.raises(ListenError, match=words):
        raise error


def _resolving(monkeypatch: pytest.MonkeyPatch, *hosts: str) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in hosts]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)


def test_an_unusable_first_address_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A name whose first address this machine lacks gets its second."""
    _resolving(monkeypatch, "192.0.2.1", "127.0.0.1")
    with listen("some.name", 0) as listener:
        assert listener.getsockname()[0] == "127.0.0.1"


def test_a_refused_first_address_is_not_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A taken port stays an error although the name has another address."""
    with listen("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        found = [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))
            for host in ("127.0.0.1", "127.0.0.2")
        ]
        monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
        with pytest.raises(ListenError, match="another process is listening"):
            listen("some.name", port)


def test_listens_on_a_unix_socket(tmp_path: Path) -> None:
    """Whoever the mode lets in is served, whatever the umask; the file goes with the listener."""
    path = tmp_path / "api.sock"
    before = os.umask(0o777)
    try:
        with listen_at(path, mode=0o660) as listener, connected(path):
            assert listener.getsockname() == str(path)
            assert stat.S_IMODE(path.stat().st_mode) == 0o660
    finally:
        os.umask(before)
    assert not path.exists()


def connected(path: Path) -> socket.socket:
    """Connect to a unix socket."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(5)
    client.connect(str(path))
    return client


def test_a_unix_socket_that_a_killed_process_left_is_replaced(tmp_path: Path) -> None:
    """Nobody listens on it, so nobody is robbed."""
    path = tmp_path / "api.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as killed:
        killed.bind(str(path))
    with listen_at(path, mode=0o600), connected(path):
        pass


def test_a_unix_socket_that_is_listened_on_stays(tmp_path: Path) -> None:
    """Also where its queue is full; and the refusal takes nothing away."""
    path = tmp_path / "api.sock"
    refused = "another process is listening there; stop it or choose another path"
    with listen_at(path, mode=0o600, backlog=0):
        for _ in range(3):  # each try leaves a connection in the queue, which has room for one
            with pytest.raises(ListenError, match=refused), listen_at(path, mode=0o600):
                pass
        assert path.is_socket()


def test_a_unix_socket_of_somebody_else_is_not_taken_away(tmp_path: Path) -> None:
    """Who has put another one in its place keeps that."""
    path = tmp_path / "api.sock"
    with listen_at(path, mode=0o600):
        path.unlink()
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.bind(str(path))
    assert path.is_socket()


def test_a_place_where_no_unix_socket_can_be_is_explained(tmp_path: Path) -> None:
    """What is wrong, and what to do."""
    file = tmp_path / "file"
    file.write_text("precious")
    for path, words in (
        (file, "there is a file of that name which is no socket; choose another path"),
        (tmp_path / "missing" / "api.sock", "its folder does not exist; make it first"),
        (tmp_path / ("x" * 200), "AF_UNIX path too long"),
    ):
        with pytest.raises(ListenError) as caught, listen_at(path, mode=0o600):
            pass
        assert f"cannot listen on unix:{path}: {words}" == str(caught.value)
    assert file.read_text() == "precious"
