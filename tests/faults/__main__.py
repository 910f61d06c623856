"""Faults at length: `python -m tests.faults --minutes 10 --seed 7`, or `nox -s faults -- …`.

First a kill storm, then power cuts. Everything that is left to chance comes from the seed, which is
printed; where a promise was broken, what is needed to look at it is kept and named, and the end is
1.
"""

import argparse
import os
import random
import subprocess
import sys


def main() -> int:
    """Run both, and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0, help="how long the storm takes")
    parser.add_argument("--rate", type=float, default=12.0, help="logins that begin in a second")
    parser.add_argument("--seed", type=int, default=None, help="that of an earlier run")
    parser.add_argument("--states", type=int, default=1000, help="power cuts that are looked at")
    asked = parser.parse_args()
    seed = random.SystemRandom().randrange(10**8) if asked.seed is None else asked.seed
    print(f"seed {seed}", flush=True)
    storm = ("--minutes", str(asked.minutes), "--rate", str(asked.rate), "--seed", str(seed))
    commands = (
        ("-m", "tests.faults.storm", *storm),
        ("-m", "pytest", "-q", "tests/faults/test_power_cut.py"),
    )
    chosen = {"FAULTS_SEED": str(seed), "FAULTS_STATES": str(asked.states)}
    codes = [
        subprocess.run((sys.executable, *command), env=os.environ | chosen, check=False).returncode
        for command in commands
    ]
    return 1 if any(codes) else 0


if __name__ == "__main__":
    sys.exit(main())
