"""A real supervisor process: children as JSON in, events as JSON lines on stdout."""

import ctypes
import json
import os
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import anyio

from tgauth.supervisor import (
    Child,
    ReloadRefused,
    Renewal,
    RestartPolicy,
    Supervisor,
    control_socket,
)

PR_SET_CHILD_SUBREAPER = 36


def report(event: str, /, **fields: object) -> None:
    """Write one event in one write."""
    os.write(1, (json.dumps({"event": event, **fields}) + "\n").encode())


def main() -> None:
    """Supervise what the first argument describes."""
    order = json.loads(sys.argv[1])
    if order["subreaper"]:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    sys.exit(anyio.run(run, order))


async def run(order: dict[str, Any]) -> int:
    """Run the supervisor; a reload brings what a file says, where one is named."""
    renewal = order["renewal"]
    place = order["control"]
    with control_socket(Path(place)) if place else nullcontext() as control:
        supervisor = Supervisor(
            children_of(order),
            report=report,
            deadline=order["deadline"],
            on_ready=partial(report, "on_ready"),
            renew=partial(renewed, Path(renewal)) if renewal else None,
            control=control,
        )
        return await supervisor.run()


async def renewed(path: Path) -> Renewal:
    """Read what a reload brings, or why there is none."""
    order = json.loads(path.read_text())  # noqa: ASYNC240 - nobody waits for this
    if "refused" in order:
        raise ReloadRefused(order["refused"])
    return Renewal(children=children_of(order), notes=tuple(order["notes"]))


def children_of(order: dict[str, Any]) -> list[Child]:
    """Return the children that an order describes."""
    return [
        Child(**(fields | {"policy": RestartPolicy(**fields["policy"])}))
        for fields in order["children"]
    ]


if __name__ == "__main__":
    main()
