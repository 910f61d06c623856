"""Addresses of sockets in the file system, which are longer than the kernel takes.

unix(7): a path in `sockaddr_un` has 108 bytes at most. Through a descriptor of its folder every
socket has a short one. Standard library only.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short(path: Path) -> Iterator[str]:
    """Lend an address of `path` that is short, for the length of the block.

    Raises:
        OSError: Its folder cannot be opened.
    """
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)
