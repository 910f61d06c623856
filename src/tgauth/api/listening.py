"""The socket that connections are taken from, when there are no descriptors left for them."""

import errno
import socket
from typing import Any, Final

from hypercorn.config import Config, Sockets

_EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


class Listener(socket.socket):
    """A listening socket that says only once in a row that nothing is left.

    asyncio stops listening for a second then, and goes on trying in the same breath, a thousand
    times: each try is logged and begins to listen once more a second later, so that a flood of
    connections would take a whole processor and fill the disk (mended in newer Pythons:
    github.com/python/cpython/issues/151615). Told that nobody waits, it leaves off.
    """

    _was_exhausted = False

    def accept(self) -> tuple[socket.socket, Any]:
        """Take a connection.

        Raises:
            BlockingIOError: There is none, or nothing was left for the one before.
            OSError: Nothing is left for it.
        """
        if self._was_exhausted:
            self._was_exhausted = False
            raise BlockingIOError
        try:
            return super().accept()
        except OSError as error:
            self._was_exhausted = error.errno in _EXHAUSTED
            raise


class ListeningConfig(Config):
    """Hypercorn's settings, with sockets of ours."""

    def create_sockets(self) -> Sockets:
        """Return the sockets to listen on."""
        made = super().create_sockets()
        listeners: list[socket.socket] = [
            Listener(fileno=one.detach()) for one in made.insecure_sockets
        ]
        return Sockets(made.secure_sockets, listeners, made.quic_sockets)
