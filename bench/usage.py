"""What processes cost: processor time and memory, from /proc."""

import os
from collections.abc import Iterable
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
#: Places in /proc/PID/stat after the command's name: proc_pid_stat(5), counted from the state.
_PARENT = 1
_USER = 11
_SYSTEM = 12
_KIB = 1024


def family(pid: int) -> list[int]:
    """Return a process and all of its descendants."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(_stat(int(folder.name))[_PARENT])
        except OSError:
            continue  # it has ended meanwhile
        children.setdefault(parent, []).append(int(folder.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def name_of(pid: int) -> str:
    """Return what a process is called in a table: the words after `-m`, and whether it waits."""
    words = _words(pid)
    name = " ".join(words[words.index("-m") + 1 :]).strip() if "-m" in words else words[0]
    return f"{name} (spare)" if words == _words(int(_stat(pid)[_PARENT])) else name


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return the processor time that some processes have used, in user and in system mode."""
    ticks = 0
    for pid in pids:
        fields = _stat(pid)
        ticks += int(fields[_USER]) + int(fields[_SYSTEM])
    return ticks / _TICK


def pss(pid: int) -> int:
    """Return the bytes of a process, each shared page divided among those who share it."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * _KIB
    raise ValueError(f"/proc/{pid}/smaps_rollup has no Pss")


def _words(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/cmdline").read_text("utf-8").split("\0")


def _stat(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
