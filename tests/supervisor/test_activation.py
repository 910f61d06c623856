"""Promises about sockets that a service manager opened: in a process that has them as it would."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence

import pytest

from tgauth.supervisor import listen

#: Puts descriptors where sd_listen_fds(3) has them, and tells what was adopted.
ADOPTS = """
import json, os, sys
from tgauth.supervisor import UnusableSocket, handed_over
given = [os.dup(int(number)) for number in sys.argv[1].split(",") if number]
for place, descriptor in enumerate(given):
    os.dup2(descriptor, 100 + place)
os.closerange(3, 100)
for place in range(len(given)):
    os.dup2(100 + place, 3 + place)
if os.environ["LISTEN_PID"] == "ours":
    os.environ["LISTEN_PID"] = str(os.getpid())
try:
    adopted = handed_over(os.environ)
except UnusableSocket as error:
    sys.exit(str(error))
print(json.dumps({
    "adopted": {name: one.getsockname()[1] for name, one in adopted.items()},
    "inheritable": [os.get_inheritable(one.fileno()) for one in adopted.values()],
    "left": [name for name in os.environ if name.startswith("LISTEN_")],
    "again": len(handed_over(os.environ)),
}))
"""


def adopt(
    sockets: Sequence[socket.socket],
    *,
    pid: str = "ours",
    number: str | None = None,
    names: str = "",
) -> "subprocess.CompletedProcess[str]":
    """Hand sockets over to a process."""
    numbers = [one.fileno() for one in sockets]
    environment = {
        "LISTEN_PID": pid,
        "LISTEN_FDS": str(len(sockets)) if number is None else number,
        "LISTEN_FDNAMES": names,
    }
    return subprocess.run(
        (sys.executable, "-c", ADOPTS, ",".join(map(str, numbers))),
        env=os.environ | environment,
        pass_fds=numbers,
        capture_output=True,
        text=True,
        check=False,
    )


def test_sockets_are_adopted_by_their_names() -> None:
    """In order, once, not inheritable; equal and missing names are told apart."""
    with listen("127.0.0.1", 0) as one, listen("127.0.0.1", 0) as two, listen("::1", 0) as three:
        ports = [each.getsockname()[1] for each in (one, two, three)]
        told = json.loads(adopt([one, two, three], names="api:api").stdout)
    assert dict(zip(("api", "api-2", "unknown"), ports, strict=True)) == told["adopted"]
    assert ([False] * 3, [], 0) == (told["inheritable"], told["left"], told["again"])


@pytest.mark.parametrize(("pid", "number"), [("1", "1"), ("", "1"), ("ours", "x"), ("ours", "")])
def test_what_is_meant_for_another_process_is_left_alone(pid: str, number: str) -> None:
    """LISTEN_PID says for whom; a parent's environment may have come down to us."""
    with listen("127.0.0.1", 0) as one:
        told = json.loads(adopt([one], pid=pid, number=number).stdout)
    assert ({}, []) == (told["adopted"], told["left"])


def test_what_nobody_can_connect_to_is_refused() -> None:
    """A socket of datagrams, or of one connection, is a mistake in the socket's unit."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as datagrams:
        done = adopt([datagrams], names="api")
    assert "descriptor 3 (api) is not a stream socket that listens" in done.stderr
    with socket.create_server(("127.0.0.1", 0)) as server:
        with socket.create_connection(server.getsockname()) as connection:
            done = adopt([connection])
        assert "use ListenStream= with Accept=no" in done.stderr


def test_what_is_no_socket_is_refused() -> None:
    """Or is not there at all."""
    assert "descriptor 3 (unknown) is no socket" in adopt([], number="1").stderr
