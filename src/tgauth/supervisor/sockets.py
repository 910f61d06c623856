"""Listening sockets that the supervisor binds once and hands down to its children.

While a child is replaced the socket stays open here, so connections wait in its backlog instead
of being refused.
"""

import errno
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

DEFAULT_BACKLOG = 1024


class ListenError(Exception):
    """An address cannot be listened on; the message says what, why, and what to do."""

    code = "cannot_listen"

    def __init__(self, host: str, port: int | None, cause: OSError) -> None:
        """Explain `cause`, which the operating system gave for `host` and `port`.

        Args:
            host: The address, or the path of a unix socket.
            port: The port; None for a unix socket.
            cause: Why not.
        """
        self.host = host
        self.port = port
        spelled = f"unix:{host}" if port is None else _spelled(host, port)
        why = _explained_path(cause) if port is None else _explained(cause, port)
        super().__init__(f"cannot listen on {spelled}: {why}")


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


@contextmanager
def listen_at(path: Path, *, mode: int, backlog: int = DEFAULT_BACKLOG) -> Iterator[socket.socket]:
    """Listen on a unix socket for the length of the block; its file is gone afterwards.

    A socket that is there already and that nobody listens on is one that a killed process left
    behind, and is replaced.

    Args:
        path: Where.
        mode: Who may connect: permission to write is what it takes (unix(7)).
        backlog: Connections that wait while nobody accepts them.

    Raises:
        ListenError: It cannot be there, or somebody listens on it.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            _clear(path)
            # Linux gives the file the mode of the descriptor, less the umask. By its name it is not
            # changed: where others may write the folder, that may lead elsewhere by then.
            os.fchmod(listener.fileno(), mode)
            masked = os.umask(0)
            try:
                listener.bind(str(path))
            finally:
                os.umask(masked)
            listener.listen(backlog)
        except OSError as error:
            raise ListenError(str(path), None, error) from error
        made = path.stat().st_ino
        try:
            yield listener
        finally:
            with suppress(OSError):  # unless somebody has put another one there meanwhile
                if path.stat().st_ino == made:
                    path.unlink()
    finally:
        listener.close()


def _clear(path: Path) -> None:
    """Take away a socket that nobody listens on.

    Raises:
        OSError: Somebody does, or it is no socket.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
        except BlockingIOError:  # its queue is full: somebody is there, and slow
            pass
    raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))


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


def _explained_path(cause: OSError) -> str:
    match cause.errno:
        case errno.EADDRINUSE:
            return "another process is listening there; stop it or choose another path"
        case errno.EEXIST:
            return "there is a file of that name which is no socket; choose another path"
        case errno.ENOENT | errno.ENOTDIR:
            return "its folder does not exist; make it first"
        case errno.EACCES | errno.EPERM | errno.EROFS:
            return "its folder may not be written; choose one that is ours"
        case _:
            return cause.strerror or str(cause)


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
