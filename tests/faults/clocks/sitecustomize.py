"""Loaded by every Python process that finds it on its path: a file sets its wall clock.

libfaketime 0.9.10 cannot be used for it: it also replaces waiting, so that Python's `time.sleep`
fails in a thread, and processes stall for seconds. What nobody can set, CLOCK_MONOTONIC and
CLOCK_BOOTTIME, stays as it is.
"""

import os
import time
from pathlib import Path

_FILE = Path(os.environ["WALL_CLOCK"])
_real = time.time_ns


def _time_ns() -> int:
    return _real() + round(float(_FILE.read_text()) * 1_000_000_000)


def _time() -> float:
    return _time_ns() / 1_000_000_000


time.time_ns = _time_ns
time.time = _time
