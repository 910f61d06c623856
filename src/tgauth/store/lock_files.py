"""Lock files beside the store: NAME.lock and NAME.open of a store NAME. They are never removed."""

import os
from pathlib import Path


def open_lock_file(path: Path) -> int:
    """Open a lock file, made when missing, and return its descriptor. Children do not inherit it.

    Raises:
        OSError: It cannot be opened.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    if os.geteuid() == 0:
        give_to_owner(descriptor, of=path.with_suffix(""))
    return descriptor


def give_to_owner(file: int | Path, *, of: Path) -> None:
    """Give a file that root made beside a store to that store's owner, as SQLite does with its own.

    A command that an operator runs as root must not leave files that the service cannot open.
    """
    try:
        owner = of.stat()
    except FileNotFoundError:
        owner = of.parent.stat()
    if os.stat(file).st_uid != owner.st_uid:  # noqa: PTH116 - it may be a descriptor
        os.chown(file, owner.st_uid, owner.st_gid)
