"""The folder in which all processes of an installation keep their tallies.

Each process has a file of its own, and a lock on it for as long as it lives: by that the others
know, also from within another container, whether it does. What a dead process has counted is added
to one file and its own is removed, so that a storm of kills leaves no thousands of them.
"""

import fcntl
import json
import math
import os
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tgauth.measures.catalogue import KEPT, Latest
from tgauth.measures.tallies import Tallies, Tally, length_of, parse

_SUFFIX: Final = ".tally"
_LOCK: Final = "lock"
#: Seconds to wait for it, and between two looks.
_PATIENCE: Final = 2.0
_LOOK_EVERY: Final = 0.01
_FOLDED: Final = "folded.json"
_METRICS: Final = {metric.name: metric for metric in KEPT}
_FLAGS: Final = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW


@dataclass(frozen=True, slots=True, kw_only=True)
class Living:
    """A process that lives.

    Attributes:
        process: What it is: supervisor, api or bot.
        pid: Its number, as it knows it itself.
        started: When it started, in the kernel's clock ticks.
    """

    process: str
    pid: int
    started: str


@dataclass(slots=True, kw_only=True)
class Collected:
    """What all processes have counted together.

    Attributes:
        tallies: All of it.
        living: Who of them lives.
    """

    tallies: Tallies = field(default_factory=dict)
    living: list[Living] = field(default_factory=list)


def begin_tally(folder: Path, process: str) -> Tally:
    """Begin this process's tally, and take in those of dead ones.

    Args:
        folder: The folder; made when missing.
        process: What this process is.

    Raises:
        OSError: The folder cannot be written.
    """
    folder.mkdir(mode=0o700, exist_ok=True)
    with _alone(folder):
        _collect(folder)
        name = f"{process}-{os.getpid()}-{_started(os.getpid())}-{secrets.token_hex(4)}{_SUFFIX}"
        descriptor = os.open(folder / name, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return Tally(descriptor)
        except BaseException:
            os.close(descriptor)
            raise


def collect(folder: Path) -> Collected:
    """Return what all processes have counted together, and take in the tallies of dead ones.

    Raises:
        OSError: The folder cannot be read.
    """
    with _alone(folder):
        return _collect(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep others from adding files together meanwhile: each would count twice, or not at all."""
    descriptor = os.open(folder / _LOCK, _FLAGS | os.O_CREAT, 0o600)
    try:
        _take(descriptor)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int) -> None:
    """Take the folder's lock, and never wait long: whoever holds it may have been stopped."""
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise
            time.sleep(_LOOK_EVERY)
        else:
            return


def _collect(folder: Path) -> Collected:
    folded, absorbed = _read_folded(folder / _FOLDED)
    collected, dead = Collected(tallies=folded), []
    living: Tallies = {}
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        with _opened(path) as descriptor:
            if descriptor is None:
                continue
            if not _is_free(descriptor):
                _add(living, parse(_content(descriptor)))
                collected.living += _who(path)
                continue
            # Where it is absorbed already, its removal was cut short.
            if path.name not in absorbed:
                _add(folded, parse(_content(descriptor)))
            dead.append(path)
    if dead:
        _fold(folder, folded, dead)
    _add(collected.tallies, living)
    return collected


def _fold(folder: Path, folded: Tallies, dead: list[Path]) -> None:
    """Put one file in the place of many. Killed at any point, nothing is counted twice or lost."""
    text = json.dumps(
        {
            "absorbed": [path.name for path in dead],
            "tallies": [[key, values] for key, values in folded.items()],
        }
    )
    part = folder / f"{_FOLDED}.part"
    # On a full disk the many stay, and are read again the next time.
    with suppress(OSError):
        # Never what a link leads to: whoever owns the folder may have put one there.
        descriptor = os.open(part, _FLAGS | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(text.encode())
        part.replace(folder / _FOLDED)
        for path in dead:
            path.unlink(missing_ok=True)


def _read_folded(path: Path) -> tuple[Tallies, frozenset[str]]:
    try:
        found = json.loads(path.read_text("utf-8"))
        tallies: Tallies = {}
        _add(
            tallies,
            {tuple(map(str, key)): tuple(map(float, values)) for key, values in found["tallies"]},
        )
        return tallies, frozenset(map(str, found["absorbed"]))
    except (OSError, ValueError, TypeError, KeyError):  # none yet, or what a power cut left of it
        return {}, frozenset()


def _add(to: Tallies, more: Tallies) -> None:
    """Add tallies; what this version does not count, or counts in another way, is left out."""
    for key, values in more.items():
        metric = _METRICS.get(key[0])
        if metric is None or len(key) != 1 + len(metric.labels):
            continue
        if len(values) != length_of(metric) or not all(0 <= one < math.inf for one in values):
            continue
        before = to.get(key)
        if before is None:
            to[key] = values
        elif isinstance(metric, Latest):
            to[key] = tuple(map(max, before, values))
        else:
            to[key] = tuple(one + other for one, other in zip(before, values, strict=True))


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    try:
        descriptor = os.open(path, _FLAGS)
    except OSError:
        yield None
        return
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _content(descriptor: int) -> bytes:
    return os.pread(descriptor, os.fstat(descriptor).st_size, 0)


def _who(path: Path) -> list[Living]:
    """Read who has a file, by its name."""
    process, *rest = path.name.removesuffix(_SUFFIX).split("-")
    match rest:
        case [pid, started, _] if pid.isdecimal():
            return [Living(process=process, pid=int(pid), started=started)]
        case _:
            return []


def memory_of(one: Living) -> int | None:
    """Return the resident bytes of a process; nothing where it is not to be seen from here."""
    try:
        # Another process may have its number by now, or in our own container.
        if _started(one.pid) != one.started:
            return None
        pages = Path(f"/proc/{one.pid}/statm").read_text("ascii").split()[1]
    except OSError:
        return None
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def _started(pid: int) -> str:
    """Return when a process started (proc_pid_stat(5), field 22)."""
    text = Path(f"/proc/{pid}/stat").read_text("utf-8", errors="replace")
    return text.rpartition(")")[2].split()[19]
