"""What is counted and timed, and how a page of it is made for Prometheus.

Owns the list of metrics (`catalogue`), the files in which each process keeps its own (`tallies`),
how they become one (`folder`), and the text that Prometheus reads (`exposition`). Others count
through `Measures`, which does nothing where metrics are off. Refuses: to know what any of it means,
and everything that would name a person.
"""

from typing import Final, Protocol

from tgauth.measures.catalogue import Counter, Histogram, Latest


class Measures(Protocol):
    """Where a process counts. Nothing here raises, waits or is worth a thought of its caller."""

    def count(self, counter: Counter, *labels: str, number: float = 1) -> None:
        """Add to a counter.

        Args:
            counter: The counter.
            labels: The values of its labels, in their order.
            number: How many.
        """
        ...

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        """Put how long something took into a histogram."""
        ...

    def mark(self, latest: Latest, value: float, *labels: str) -> None:
        """Keep a number that only grows, like the moment of the last contact."""
        ...


class NoMeasures:
    """Counts nothing: metrics are off."""

    __slots__ = ()

    def count(self, counter: Counter, *labels: str, number: float = 1) -> None:
        """Count nothing."""

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        """Observe nothing."""

    def mark(self, latest: Latest, value: float, *labels: str) -> None:
        """Keep nothing."""


NO_MEASURES: Final = NoMeasures()
