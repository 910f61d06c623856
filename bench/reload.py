"""A reload under load: how many requests fail while every process is replaced again and again."""

import asyncio
import signal
import time

from bench.figures import show, sizes
from bench.installation import HOST, Installation, installation
from bench.steady import Load, Outcome

#: Of each kind of client, see `Load`.
_CLIENTS = {"kept": 6, "new": 6, "idle": 20}
#: A reload ends only when the idle connections of the process before have, so after some seconds.
_PAUSE = 1.0
_MOST_KINDS = 5


def main() -> None:
    """Load, reload, count, and print."""
    size = sizes(
        __doc__ or "", requests=(50_000, 500), reloads=(10, 1), workers=(2, 1), seed=(1, 1)
    )
    with installation(TGAUTH_API__WORKERS=str(size["workers"])) as installed:
        installed.serve()
        began = time.monotonic()
        outcome, reloads = asyncio.run(_measure(installed, size))
        seconds = time.monotonic() - began
    kinds = ", ".join(f"{number} {kind}" for kind, number in sorted(outcome.answered.items()))
    show(
        f"Requests while {size['workers']} API processes and the bot are replaced",
        ("requests", "of them", "connections", "reloads", "seconds", "slowest, ms", "failed"),
        [
            (
                str(outcome.total),
                kinds,
                str(outcome.connections),
                str(reloads),
                f"{seconds:.0f}",
                f"{outcome.slowest * 1000:.0f}",
                str(outcome.failures.total()),
            )
        ],
    )
    for what, number in outcome.failures.most_common(_MOST_KINDS):
        print(f"{number} times: {what}")


async def _measure(installed: Installation, size: dict[str, int]) -> tuple[Outcome, int]:
    """Reload until there were as many requests and reloads as asked for."""
    load, reloads = Load(HOST, installed.port, seed=size["seed"]), 0
    async with load.running(**_CLIENTS) as outcome:
        while outcome.total < size["requests"] or reloads < size["reloads"]:
            await asyncio.sleep(_PAUSE)
            installed.signal(signal.SIGHUP)
            await asyncio.to_thread(installed.wait_until_ready)
            reloads += 1
    return outcome, reloads


if __name__ == "__main__":
    main()
