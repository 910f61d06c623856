"""The clocks of this machine."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from tgauth.domain.clock import Reading

#: What names this boot; where a service may not see it (systemd's ProcSubset=pid), this machine:
#: then a boot shows by the time since, unless that is longer already than at the last reading.
_NAMES: Final = (Path("/proc/sys/kernel/random/boot_id"), Path("/etc/machine-id"))


def system_clocks() -> Callable[[], Reading]:
    """Return what reads both clocks."""
    boot_id = _boot_id()

    def read() -> Reading:
        return Reading(
            boot_id=boot_id,
            wall=time.time_ns() // 1_000_000,
            # Unlike CLOCK_MONOTONIC it goes on while the machine sleeps.
            since_boot=time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
        )

    return read


def _boot_id() -> str:
    for path in _NAMES:
        try:
            return path.read_text().strip()
        except OSError:
            continue
    return ""
