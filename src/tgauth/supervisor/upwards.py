"""What the supervisor tells whoever started it, by sd_notify(3)."""

import time

from tgauth.supervisor.child import Notifier, watchdog_period

_PINGS_IN_A_PERIOD = 2  # sd_watchdog_enabled(3)
_MICROSECOND = 1000  # nanoseconds


class Upwards:
    """Tells a service manager how the whole is doing; nobody, where there is none."""

    def __init__(self) -> None:
        """Speak to whom the environment names."""
        self._notifier = Notifier.from_environment()
        self._status = ""
        self._is_told = True
        period = watchdog_period()
        self.ping_every = None if period is None else period / _PINGS_IN_A_PERIOD
        """Seconds between signs of life; None where nobody waits for any."""

    def ready(self) -> None:
        """Tell that all children do their work, for the first time or after a reload."""
        self._notifier.notify(READY="1", STATUS=self._status)

    def reloading(self) -> None:
        """Tell that a reload has begun; `ready` ends it."""
        # sd_notify(3): systemd needs the moment, to tell this reload from one before.
        moment = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // _MICROSECOND
        self._notifier.notify(RELOADING="1", MONOTONIC_USEC=str(moment))

    def stopping(self, why: str) -> None:
        """Tell that the stop has begun, and why."""
        self._notifier.notify(STOPPING="1", STATUS=why)

    def status(self, text: str) -> None:
        """Tell in one line how it is, where that has changed and somebody takes it now.

        Children must not wait for a service manager that does not read: the next change tells it.
        """
        if text != self._status or not self._is_told:
            self._status = text
            self._is_told = self._notifier.offer(STATUS=text)

    def ping(self) -> None:
        """Give a sign of life."""
        self._notifier.ping()
