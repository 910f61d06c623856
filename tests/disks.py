"""A real small disk that really fills up."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest


@contextlib.contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """Lend a file system of 8 MiB, mounted at `folder`."""
    folder.mkdir()
    mounted = subprocess.run(  # a real full disk, not a pretended one
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)],  # noqa: S607 - Debian's mount
        check=False,
        capture_output=True,
    )
    if mounted.returncode != 0:
        pytest.skip("needs to mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)  # noqa: S607 - as above


def fill(folder: Path, *, but: int = 0) -> Path:
    """Leave no byte on the disk, or so many; return the file to delete."""
    filler = folder / "filler"
    descriptor = os.open(filler, os.O_WRONLY | os.O_CREAT)
    written = 0
    with contextlib.suppress(OSError):  # no space left, at last
        while True:
            written += os.write(descriptor, b"\0" * 4096)
    os.ftruncate(descriptor, written - but)
    os.close(descriptor)
    assert shutil.disk_usage(folder).free == but
    return filler
