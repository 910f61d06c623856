"""Promises of `listen`: real sockets, and refusals that say what to do."""

import errno
import socket

import pytest

from tgauth.supervisor import ListenError, listen


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
