"""A real supervisor process: children as JSON in, events as JSON lines on stdout."""

import ctypes
import json
import os
import sys
from functools import partial

import anyio

from tgauth.supervisor import Child, RestartPolicy, supervise

PR_SET_CHILD_SUBREAPER = 36


def report(event: str, /, **fields: object) -> None:
    """Write one event in one write."""
    os.write(1, (json.dumps({"event": event, **fields}) + "\n").encode())


def main() -> None:
    """Supervise what the first argument describes."""
    order = json.loads(sys.argv[1])
    if order["subreaper"]:
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    children = [
        Child(**(fields | {"policy": RestartPolicy(**fields["policy"])}))
        for fields in order["children"]
    ]
    run = partial(
        supervise,
        children,
        report=report,
        deadline=order["deadline"],
        on_ready=partial(report, "on_ready"),
    )
    sys.exit(anyio.run(run))


if __name__ == "__main__":
    main()
