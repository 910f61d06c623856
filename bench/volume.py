"""The same latencies in an empty store and in one with a million people and ten million old rows.

A full run needs 3 GB of disk, as much memory, and about five minutes;
`--people 100000 --rows 1000000` needs a tenth.
"""

import time

from bench.figures import MEBIBYTE, MILLISECOND, milliseconds, show, sizes, spread
from bench.installation import installation
from bench.logins import CHAT, DISK, EXCHANGE, PRESS, Measured, run_logins
from bench.seeding import FIRST_KNOWN_PERSON, ROWS_OF_A_LOGIN, seed

_STEPS = (CHAT, PRESS, EXCHANGE, DISK)


def main() -> None:
    """Measure both, and print."""
    size = sizes(
        __doc__ or "",
        people=(1_000_000, 1_000),
        rows=(10_000_000, 6_000),
        rate=(30, 10),
        seconds=(30, 1),
        warm_up=(5, 1),
    )
    people, rows = size.pop("people"), size.pop("rows")
    stores = (("empty", 0, 0), (f"{people} people, {rows} rows", people, rows))
    latencies, facts = [], []
    for name, known, old_rows in stores:
        with installation() as installed:
            began = time.monotonic()
            if known:
                seed(installed.database, people=known, logins=old_rows // ROWS_OF_A_LOGIN)
            seeded = time.monotonic() - began
            megabytes = installed.database.stat().st_size / MEBIBYTE if known else 0
            ready = installed.serve()
            # People who are known already, where there are any: the larger half of their work.
            measured = run_logins(installed, **size, first_person=FIRST_KNOWN_PERSON)
        facts.append(
            (name, f"{megabytes:.0f}", f"{seeded:.0f}", milliseconds(ready), _cost(measured))
        )
        chosen = [(step, measured.samples[step]) for step in _STEPS]
        latencies += [(name, step, str(len(took)), *spread(took)) for step, took in chosen]
    show(
        f"Latency by what is in the store, in milliseconds, at {size['rate']}/s",
        ("store", "step", "samples", "p50", "p95", "p99", "max"),
        latencies,
    )
    show(
        "The stores",
        ("store", "MiB", "seconds to fill", "ms to ready", "CPU ms for each login"),
        facts,
    )


def _cost(measured: Measured) -> str:
    return f"{measured.cpu / measured.logins / MILLISECOND:.2f}"


if __name__ == "__main__":
    main()
