"""How long a killed API is missed: from SIGKILL to the answer to a request sent right after it."""

import os
import signal
import socket
import time

from bench.figures import show, sizes, spread
from bench.installation import HOST, Installation, installation
from bench.usage import name_of

#: Seconds of life after which the supervisor takes a death for an accident, and replaces at once.
_HEALTHY = 1.2
_PATIENCE = 30.0
_REQUEST = b"GET /readyz HTTP/1.1\r\nHost: login.example.org\r\nConnection: close\r\n\r\n"


def main() -> None:
    """Kill, wait for the answer, and print."""
    size = sizes(__doc__ or "", kills=(20, 1))
    missed = []
    with installation() as installed:
        installed.serve()
        for _ in range(size["kills"]):
            time.sleep(_HEALTHY)
            missed.append(_kill(installed))
    show(
        "From the kill of the API to the next answer, in milliseconds",
        ("process", "samples", "p50", "p95", "p99", "max"),
        [("api", str(len(missed)), *spread(missed))],
    )


def _kill(installed: Installation) -> float:
    [api] = [pid for pid in installed.processes if name_of(pid) == "tgauth run api"]
    began = time.monotonic()
    os.kill(api, signal.SIGKILL)
    # Not refused: it waits in the backlog of the socket that the supervisor holds.
    with socket.create_connection((HOST, installed.port), timeout=_PATIENCE) as connection:
        connection.sendall(_REQUEST)
        answer = connection.recv(4096)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(f"the API answered {answer[:40]!r}")
    return time.monotonic() - began


if __name__ == "__main__":
    main()
