"""Listening sockets that the supervisor binds once and hands down to its children.

While a child is replaced the socket stays open here, so connections wait in its backlog instead
of being refused.
"""

import errno
import os
import socket

DEFAULT_BACKLOG = 1024


class ListenError(Exception):
    """A TCP address cannot be listened on; the message says what, why, and what to do."""

    code = "cannot_listen"

    def __init__(self, host: str, port: int, cause: OSError) -> None:
        """Explain `cause`, which the operating system gave for `host` and `port`."""
        self.host = host
        self.port = port
        super().__init__(f"cannot listen on {_spelled(host, port)}: {_explained(cause, port)}")


def listen(host: str, port: int, *, backlog: int = DEFAULT_BACKLOG) -> socket.socket:
    """Bind and listen on one TCP address.

    Args:
        host: An IPv4 or IPv6 address or a host name; `::` takes IPv4 connections too.
        port: The port, 0 for any free one.
        backlog: Connections that wait while nobody accepts them; the kernel caps it at
            net.core.somaxconn.

    Raises:
        ListenError: The address cannot be had.
    """
    try:
        candidates = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, _, _, _, address in candidates[:-1]:
            try:
                return _listening(family, address, backlog)
            except OSError as error:
                # `localhost` may name ::1 first on a machine without IPv6. Any other refusal is
                # the answer: falling through would listen where nobody asked us to.
                if error.errno not in {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}:
                    raise
        family, _, _, _, address = candidates[-1]
        return _listening(family, address, backlog)
    except OSError as error:
        raise ListenError(host, port, error) from error


def _listening(family: int, address: tuple[object, ...], backlog: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        # socket(7): bind although connections of an earlier run are still in TIME_WAIT.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # ipv6(7): `::` means both families, whatever net.ipv6.bindv6only says.
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        listener.bind(address)
        listener.listen(backlog)
    except BaseException:
        listener.close()
        raise
    return listener


def _spelled(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _explained(cause: OSError, port: int) -> str:
    if isinstance(cause, socket.gaierror):
        return f"the host name is not known ({cause.strerror}); use an address of this machine"
    match cause.errno:
        case errno.EADDRINUSE:
            return (
                "another process is listening there; stop it"
                f" (`ss -ltnp 'sport = :{port}'` names it) or choose another port"
            )
        case errno.EACCES | errno.EPERM:
            return (
                "permission denied, ports below net.ipv4.ip_unprivileged_port_start (1024)"
                " are reserved; choose a higher port or grant CAP_NET_BIND_SERVICE"
            )
        case errno.EADDRNOTAVAIL:
            return "this machine has no such address; use one of its own, or 0.0.0.0 for all"
        case _:
            return f"{os.strerror(cause.errno or 0)}"
