"""SIGKILL for processes of an installation, by chance, and a new start where all of it died."""

import asyncio
import contextlib
import os
import random
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.faults.storm.journal import Journal
from tests.harness import Process, Tgauth, answers

CRASHING: Final = str(Path(__file__).parents[1] / "crashing")
#: Where a process may be killed by itself: each place at which a login could be lost or doubled.
CRASH_POINTS: Final = {
    "an update fetched and not stored": "before tgauth.flows.receive_update receive_update",
    "an update stored and not handled": "after tgauth.flows.receive_update receive_update",
    "a login committed and not sent": "after tgauth.flows.begin_chat_login begin_chat_login",
    "a link sent and not marked": "before tgauth.flows.deliver_messages settle_messages",
    "a code redeemed and not answered": "after tgauth.flows.exchange_code exchange_code",
    "a press redeemed and not answered": (
        "after tgauth.flows.continue_in_browser continue_in_browser"
    ),
}
#: How many of the crash points each start of `serve` has set, each to be met once.
_POINTS_AT_ONCE: Final = 2
#: Calls of the function before the one at which the crash comes, at most.
_LATEST: Final = 8
_SUPERVISOR: Final = "supervisor"
#: Of all new starts, how many come to their end before the next kill. A slow machine would
#: otherwise be killed before it ever served anything.
_LEFT_ALONE: Final = 0.75
_START_PATIENCE: Final = 15.0


class Killer:
    """Keeps `serve` running, and kills in it."""

    def __init__(self, installation: Tgauth, journal: Journal, chance: random.Random) -> None:
        """Take what to kill in, and the dice."""
        self._installation = installation
        self._journal = journal
        self._chance = chance
        self._starts = 0
        self._served: Process | None = None

    async def storm(self, *, every: float) -> None:
        """Kill one process after the other until cancelled."""
        while True:
            await asyncio.sleep(self._chance.uniform(0.5, 1.5) * every)
            self.start_again()
            self._kill_one()
            if await self._has_ended():
                self.start_again()
                if self._chance.random() < _LEFT_ALONE:
                    await self._let_it_start()

    def start_again(self) -> None:
        """Start `serve` unless it runs; where it ended by itself, write that down."""
        if self._served is not None:
            code = self._served.popen.poll()
            if code is None:
                return
            if code != -signal.SIGKILL:
                self._journal.note("gave up", code=code)
        names = list(CRASH_POINTS)
        chosen = [
            names[(self._starts * _POINTS_AT_ONCE + number) % len(names)]
            for number in range(_POINTS_AT_ONCE)
        ]
        self._served = self._installation.start(
            "serve", wait=False, environment=self._crashes(chosen)
        )
        self._starts += 1
        self._journal.note("started", pid=self._served.popen.pid)

    def stop(self) -> int:
        """Stop in order; return the exit code."""
        assert self._served is not None
        return self._served.stop()

    def crashed(self) -> dict[str, int]:
        """Count how often each crash point was met."""
        met = [path.name.split("-", 1)[1] for path in self._marks().glob("*-*")]
        return {name: met.count(name) for name in CRASH_POINTS}

    def processes(self) -> list[tuple[str, int]]:
        """Return what runs, the supervisor first, by name and pid."""
        if self._served is None or self._served.popen.poll() is not None:
            return []
        root = self._served.popen.pid
        return [(_SUPERVISOR, root), *descendants(root)]

    def _crashes(self, names: Sequence[str]) -> dict[str, str]:
        self._marks().mkdir(exist_ok=True)
        lines = [
            f"{CRASH_POINTS[name]} {self._chance.randrange(_LATEST)} "
            f"{self._marks() / f'{self._starts}-{name}'}"
            for name in names
        ]
        return {"PYTHONPATH": CRASHING, "CRASHES": "\n".join(lines)}

    def _marks(self) -> Path:
        return self._installation.folder / "crashed"

    def _kill_one(self) -> None:
        running = self.processes()
        if not running:
            return
        name, pid = self._chance.choice(running)
        try:
            # Ours, by id: the process that was started here, or one that it started.
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._journal.note("killed", name=name, pid=pid)

    async def _has_ended(self) -> bool:
        """Say whether the supervisor is gone, giving the kernel a moment to say so."""
        for _ in range(10):
            if self._served is None or self._served.popen.poll() is not None:
                return True
            await asyncio.sleep(0.01)
        return False

    async def _let_it_start(self) -> None:
        """Wait until requests are answered again, or for a while."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_START_PATIENCE):
                while not await asyncio.to_thread(answers, f"{self._installation.url}/healthz"):  # noqa: ASYNC110 - it is another process
                    await asyncio.sleep(0.05)


def descendants(root: int) -> list[tuple[str, int]]:
    """Return the processes below one, by what they run and pid."""
    parents: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(folder.name)] = int(stat.rpartition(")")[2].split()[1])
    found, fresh = [], {root}
    while fresh:
        fresh = {pid for pid, parent in parents.items() if parent in fresh}
        found += [(_name_of(pid), pid) for pid in sorted(fresh)]
    return found


def _name_of(pid: int) -> str:
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")
    except (FileNotFoundError, ProcessLookupError):
        return "gone"
    return words[-1] if words[-2:-1] == ["run"] else "other"
