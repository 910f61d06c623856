"""The page that Prometheus reads: its text format, version 0.0.4.

Format: prometheus.io/docs/instrumenting/exposition_formats. Tests read it with the parser of
Prometheus's own client.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import Final

from tgauth.measures.catalogue import FOUND_OUT, KEPT, Counter, Gauge, Histogram, Latest, Metric
from tgauth.measures.tallies import Tallies, length_of

#: The server adds the character set.
MEDIA_TYPE: Final = "text/plain; version=0.0.4"

#: For each gauge its label values, and the number that belongs to them.
Gauges = Mapping[Gauge, Mapping[tuple[str, ...], float]]


def page_of(tallies: Tallies, gauges: Gauges) -> str:
    """Return the page.

    Args:
        tallies: What processes have kept.
        gauges: What was found out just now; one that could not be found out is left out.
    """
    return "".join(f"{line}\n" for line in _lines(tallies, gauges))


def _lines(tallies: Tallies, gauges: Gauges) -> Iterator[str]:
    for metric in KEPT:
        yield from _head(metric)
        for labels, values in sorted(_of(metric, tallies).items()):
            if isinstance(metric, Histogram):
                yield from _histogram(metric, labels, values)
            else:
                yield _sample(metric.name, zip(metric.labels, labels, strict=True), values[0])
    for gauge in FOUND_OUT:
        if gauge in gauges:
            yield from _head(gauge)
            for labels, number in gauges[gauge].items():
                yield _sample(gauge.name, zip(gauge.labels, labels, strict=True), number)


def _of(
    metric: Counter | Histogram | Latest, tallies: Tallies
) -> dict[tuple[str, ...], tuple[float, ...]]:
    """Return what was kept of a metric, and zeros for what is known to come."""
    nothing = (0.0,) * length_of(metric)
    known = metric.known or (() if metric.labels else ((),))
    if isinstance(metric, Latest):
        known = ()
    kept = {key[1:]: values for key, values in tallies.items() if key[0] == metric.name}
    return dict.fromkeys(known, nothing) | kept


def _head(metric: Metric) -> Iterator[str]:
    kinds = {Counter: "counter", Histogram: "histogram", Latest: "gauge", Gauge: "gauge"}
    yield f"# HELP {metric.name} {metric.help}"
    yield f"# TYPE {metric.name} {kinds[type(metric)]}"


def _histogram(
    metric: Histogram, labels: tuple[str, ...], values: tuple[float, ...]
) -> Iterator[str]:
    *counts, total = values
    pairs = [*zip(metric.labels, labels, strict=True)]
    bounds = [*(_number(bound) for bound in metric.buckets), "+Inf"]
    cumulated = [*accumulate(counts)]
    for bound, number in zip(bounds, cumulated, strict=True):
        yield _sample(f"{metric.name}_bucket", [*pairs, ("le", bound)], number)
    yield _sample(f"{metric.name}_sum", pairs, total)
    yield _sample(f"{metric.name}_count", pairs, cumulated[-1])


def _sample(name: str, pairs: Iterable[tuple[str, str]], number: float) -> str:
    told = ",".join(f'{label}="{_escaped(value)}"' for label, value in pairs)
    return f"{name}{{{told}}} {_number(number)}" if told else f"{name} {_number(number)}"


def _number(number: float) -> str:
    return str(int(number)) if number == int(number) else repr(float(number))


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
