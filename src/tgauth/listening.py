"""Where tgauth listens: a socket that a service manager opened, a unix socket, or an address."""

import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from tgauth.settings import ConfigurationError, Settings
from tgauth.supervisor import ListenError, UnusableSocket, handed_over, listen, listen_at

#: What the API's socket is called, where a service manager hands over several.
_API_SOCKET: Final = "api"


@contextmanager
def listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen for the length of the block: where a service manager does, or the settings say.

    Raises:
        ConfigurationError: It cannot be listened on.
    """
    listener = _handed_over()
    path = settings.api.host.path
    with ExitStack() as opened:
        try:
            if listener is None and path is not None:
                mode = settings.api.socket_mode.number
                listener = opened.enter_context(listen_at(path, mode=mode))
        except ListenError as error:
            raise ConfigurationError(
                "TGAUTH_API__HOST", found=str(error), expected="a path that is free and ours"
            ) from error
        if listener is None:
            key = "TGAUTH_API__HOST and TGAUTH_API__PORT"
            listener = bind(settings.api.host, settings.api.port, key)
        with listener:
            yield listener


def _handed_over() -> socket.socket | None:
    """Return the socket that a service manager listens on for the API, where one does.

    Raises:
        ConfigurationError: What it handed over cannot be used.
    """
    try:
        given = handed_over(os.environ)
    except UnusableSocket as error:
        raise ConfigurationError(
            "LISTEN_FDS", found=str(error), expected="one listening stream socket"
        ) from error
    if len(given) > 1 and _API_SOCKET not in given:
        raise ConfigurationError(
            "LISTEN_FDS",
            found=f"{len(given)} sockets were handed over: {', '.join(given)}",
            expected=f"one, or one that is named {_API_SOCKET} (FileDescriptorName=)",
        )
    if len(given) == 1:
        [only] = given.values()
        return only
    return given.get(_API_SOCKET)


def bind(host: str, port: int, key: str) -> socket.socket:
    """Listen on an address.

    Args:
        host: The address.
        port: The port.
        key: What the operator chose them by.

    Raises:
        ConfigurationError: It cannot be listened on.
    """
    try:
        return listen(host, port)
    except ListenError as error:
        raise ConfigurationError(
            key, found=str(error), expected="an address that is free and ours"
        ) from error
