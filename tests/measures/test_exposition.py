"""Promises of the page: Prometheus reads on it what was counted, and nothing else."""

import re
import shutil
import subprocess

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tgauth.measures.catalogue import (
    ALL,
    CHILD_RESTARTS,
    FOUND_OUT,
    INBOX,
    KEPT,
    LOGIN_REPLY,
    LOGINS,
    READY,
    REQUESTS,
    STORE_SIZE,
    TELEGRAM_CONTACT,
    Counter,
    Gauge,
    Histogram,
)
from tgauth.measures.exposition import Gauges, page_of
from tgauth.measures.tallies import Tallies

PROMTOOL = shutil.which("promtool")

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def read(page: str) -> Samples:
    """Read a page as Prometheus's own client does."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }


def everything() -> tuple[Tallies, Gauges]:
    """Return something of each metric."""
    tallies: Tallies = {}
    for metric in KEPT:
        labels = tuple(f"{label} value" for label in metric.labels)
        length = len(metric.buckets) + 2 if isinstance(metric, Histogram) else 1
        tallies[metric.name, *labels] = tuple(float(number) for number in range(1, length + 1))
    gauges = {gauge: {tuple("x" for _ in gauge.labels): 1.5} for gauge in FOUND_OUT}
    return tallies, gauges


def test_what_is_counted_can_be_read() -> None:
    """With its labels and its type."""
    tallies: Tallies = {
        (LOGINS.name, "chat", "begun"): (3.0,),
        (TELEGRAM_CONTACT.name,): (1_800_000_000.25,),
    }
    gauges: Gauges = {READY: {(): 0.0}, INBOX: {("waiting",): 2, ("parked",): 0}}
    found = read(page_of(tallies, gauges))
    assert 3.0 == found[LOGINS.name, (("door", "chat"), ("outcome", "begun"))]
    assert 1_800_000_000.25 == found[TELEGRAM_CONTACT.name, ()]
    assert 0.0 == found[READY.name, ()]
    assert 2.0 == found[INBOX.name, (("state", "waiting"),)]
    families = {one.name: one for one in text_string_to_metric_families(page_of(tallies, gauges))}
    assert "counter" == families[LOGINS.name.removesuffix("_total")].type
    assert "gauge" == families[READY.name].type
    assert "histogram" == families[LOGIN_REPLY.name].type


def test_a_histogram_is_cumulated() -> None:
    """Each bucket holds those below it too, the last one all of them."""
    counts = [float(number) for number in range(len(LOGIN_REPLY.buckets) + 1)]
    found = read(page_of({(LOGIN_REPLY.name,): (*counts, 12.5)}, {}))
    running = 0.0
    for bound, number in zip((*LOGIN_REPLY.buckets, float("inf")), counts, strict=True):
        running += number
        [value] = [
            value
            for (name, labels), value in found.items()
            if name == f"{LOGIN_REPLY.name}_bucket" and float(dict(labels)["le"]) == bound
        ]
        assert running == value
    assert sum(counts) == found[f"{LOGIN_REPLY.name}_count", ()]
    assert 12.5 == found[f"{LOGIN_REPLY.name}_sum", ()]


def test_what_did_not_happen_yet_is_shown_as_nothing() -> None:
    """So that the first time is an increase; a moment that never was is left out."""
    found = read(page_of({}, {}))
    assert 0.0 == found[LOGINS.name, (("door", "chat"), ("outcome", "redeemed"))]
    assert 0.0 == found["tgauth_failed_attempts_total", ()]
    assert 0.0 == found[f"{LOGIN_REPLY.name}_count", ()]
    assert TELEGRAM_CONTACT.name not in {name for name, _ in found}


def test_no_label_value_breaks_the_page() -> None:
    """Quotes, backslashes and line ends are escaped."""
    nasty = 'a"b\\c\nd}e ü'
    found = read(page_of({(CHILD_RESTARTS.name, nasty): (1.0,)}, {}))
    assert 1.0 == found[CHILD_RESTARTS.name, (("child", nasty),)]


def test_every_metric_can_be_read_back() -> None:
    """Each by its name, help and labels, none twice."""
    page = page_of(*everything())
    families = {family.name: family for family in text_string_to_metric_families(page)}
    assert len(ALL) == len(families)
    for metric in ALL:
        family = families[metric.name.removesuffix("_total")]
        assert metric.help == family.documentation
        labels = {name for sample in family.samples for name in sample.labels}
        assert set(metric.labels) == labels - {"le"}


@pytest.mark.parametrize("metric", ALL, ids=lambda metric: metric.name)
def test_names_are_as_prometheus_wants_them(metric: Counter | Gauge) -> None:
    """Prefix, base units, `_total` for counters and for nothing else."""
    assert re.fullmatch(r"tgauth_[a-z]+(_[a-z]+)*", metric.name)
    assert isinstance(metric, Counter) == metric.name.endswith("_total")
    assert not re.search(r"_(ms|milliseconds|minutes|kb|mb|percent)(_|$)", metric.name)
    if isinstance(metric, Histogram):
        assert metric.name.endswith("_seconds")
        assert sorted(set(metric.buckets)) == list(metric.buckets)
        assert "le" not in metric.labels
    assert metric.help.endswith(".")
    assert all(len(known) == len(metric.labels) for known in metric.known)


def test_sizes_are_whole_numbers() -> None:
    """No exponent, no comma: also a large one."""
    assert 'tgauth_store_size_bytes{file="main"} 123456789012\n' in page_of(
        {}, {STORE_SIZE: {("main",): 123456789012.0}}
    )


def test_no_label_can_name_a_person() -> None:
    """Nothing that somebody sent is ever the value of one: their names say so."""
    labels = {label for metric in ALL for label in metric.labels}
    assert {
        "door",
        "outcome",
        "actor",
        "kind",
        "method",
        "route",
        "status",
        "child",
        "reason",
        "state",
        "file",
        "process",
        "version",
        "python",
        "sqlite",
    } == labels
    assert ("method", "route", "status") == REQUESTS.labels


@pytest.mark.skipif(PROMTOOL is None, reason="promtool is in Debian's package prometheus")
def test_promtool_finds_nothing_to_complain_of() -> None:
    """Prometheus's own checker of pages."""
    done = subprocess.run(
        (str(PROMTOOL), "check", "metrics"),
        input=page_of(*everything()),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (0, "") == (done.returncode, done.stdout + done.stderr)
