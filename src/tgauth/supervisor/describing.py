"""What a supervisor tells about its children to whoever asks, as plain data."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from anyio import current_time, to_thread

from tgauth.supervisor.instance import Instance
from tgauth.supervisor.runner import Runner

_KIBIBYTE = 1024


async def described(runners: Sequence[Runner]) -> list[dict[str, Any]]:
    """Describe every child: what of it runs, since when, and how it ended before."""
    children = [_child(runner) for runner in runners]
    for child in children:
        # In a thread: the kernel lets nobody look while it is busy with that memory itself.
        pid = child["pid"]
        child["memory"] = None if pid is None else await to_thread.run_sync(memory_of, pid)
    return children


def memory_of(pid: int) -> int | None:
    """Return the bytes of memory of a process, of what it shares with others its part only (PSS).

    None when it is gone, or not ours to look at.
    """
    try:
        rollup = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii")
    except OSError:
        return None
    lines = (line.split() for line in rollup.splitlines())
    return next((int(line[1]) * _KIBIBYTE for line in lines if line[0] == "Pss:"), None)


def _child(runner: Runner) -> dict[str, Any]:
    current = runner.current
    ends = [asdict(ended) for ended in runner.ends]
    return {
        "name": runner.child.name,
        "state": _state(runner, current),
        "pid": current.pid if current else None,
        "uptime": current_time() - current.started_at if current else None,
        "restarts": runner.restarts,
        "last_end": ends[-1] if ends else None,
        "ends": ends,
        "leaving": [one.pid for one in runner.instances if one is not current],
        "status": current.status if current else "",
        "told": dict(current.extras) if current else {},
    }


def _state(runner: Runner, current: Instance | None) -> str:
    if current is None:
        return "waiting to start again"
    if not runner.is_in_hand:
        return "hung"
    return "ready" if current.is_ready else "starting"
