"""A kill storm as a command: `python -m tests.faults.storm --minutes 10 --seed 7`.

Prints what happened, and ends with 1 where a promise was broken; the clients' journal, the log and
the store are kept then.
"""

import argparse
import json
import random
import shutil
import sys
import tempfile
from pathlib import Path

from tests.faults.storm.running import Order, storm


def main() -> int:
    """Run a storm and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.storm", description=__doc__)
    parser.add_argument("--minutes", type=float, default=2.0, help="how long people come")
    parser.add_argument("--rate", type=float, default=12.0, help="how many in a second")
    parser.add_argument("--every", type=float, default=1.0, help="seconds between kills")
    parser.add_argument("--workers", type=int, default=2, help="API processes")
    parser.add_argument("--seed", type=int, default=None, help="that of an earlier storm")
    parser.add_argument("--keep", action="store_true", help="keep the journal in any case")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**8) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    order = Order(
        logins=round(asked.minutes * 60 * asked.rate),
        seed=seed,
        rate=asked.rate,
        every=asked.every,
        workers=asked.workers,
    )
    folder = Path(tempfile.mkdtemp(prefix="tgauth-storm-"))
    outcome = storm(order, folder)
    print(json.dumps(outcome.numbers, indent=2))
    for finding in outcome.findings:
        print(f"FOUND {finding}")
    if outcome.findings or asked.keep:
        print(f"the clients' journal is {outcome.history}")
    else:
        shutil.rmtree(folder)
    print(f"{len(outcome.findings)} promises broken")
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main())
