"""strace at the real processes: to let a system call fail for a while, or to write all down."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

#: Everything that changes a file or its name, or makes a change last.
CHANGES: Final = (
    "openat,write,pwrite64,writev,pwritev,ftruncate,fallocate,fsync,fdatasync,sync_file_range,"
    "link,linkat,unlink,unlinkat,rename,renameat,renameat2"
)
_PATIENCE: Final = 20.0


def require_strace() -> str:
    """Return where strace is, or skip the test."""
    found = shutil.which("strace")
    if found is None:
        pytest.skip("needs strace (Debian: apt install strace)")
    return found


def recording(log: Path) -> list[str]:
    """Return what goes before a command so that all of its changes of files are written down."""
    strace = require_strace()
    how = ["-f", "--seccomp-bpf", "-y", "-xx", "-s", "1000000", "-ttt", "-e", "signal=none"]
    return [strace, *how, "-e", f"trace={CHANGES}", "-o", str(log)]


@contextmanager
def failing(pids: Sequence[int], call: str, error: str, folder: Path) -> Iterator[None]:
    """Let a system call of running processes fail, in all of their threads, within the block.

    Args:
        pids: Processes of ours.
        call: The system call, or several with commas between.
        error: How: the name of an errno.
        folder: Where strace tells what it did.
    """
    told = folder / "strace.log"
    attached = [word for pid in pids for word in ("-p", str(pid))]
    inject = f"inject={call}:error={error}"
    command = (require_strace(), "-f", "-o", str(told), "-e", f"trace={call}", "-e", inject)
    with (folder / "strace.errors").open("w+b") as errors:
        process = subprocess.Popen((*command, *attached), stderr=errors)
        try:
            _wait_until_attached(process, pids, Path(errors.name))
            yield
        finally:
            # By this signal it lets go of them, and they run on.
            process.send_signal(signal.SIGTERM)
            process.wait(_PATIENCE)


def _wait_until_attached(
    process: "subprocess.Popen[bytes]", pids: Sequence[int], errors: Path
) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            pytest.skip(f"strace may not attach here: {errors.read_text()}")
        if all(_tracer_of(pid) for pid in pids):
            return
        time.sleep(0.02)
    raise AssertionError(f"strace did not attach: {errors.read_text()}")


def _tracer_of(pid: int) -> int:
    """Return who traces all of a process's threads; 0 where anyone of them is not traced."""
    tracers = []
    for thread in Path(f"/proc/{pid}/task").iterdir():
        status = (thread / "status").read_text()
        tracers.append(int(status.partition("TracerPid:")[2].split()[0]))
    return min(tracers)
