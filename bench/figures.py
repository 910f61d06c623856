"""Figures: percentiles, and tables that fit into a terminal and into Markdown."""

import math
import os
import platform
import sqlite3
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Sequence

MILLISECOND = 1e-3
MEBIBYTE = 1024 * 1024


def percentile(samples: Sequence[float], percent: float) -> float:
    """Return the smallest sample that `percent` of all samples do not exceed (nearest rank)."""
    ordered = sorted(samples)
    rank = max(1, math.ceil(len(ordered) * percent / 100))
    return ordered[rank - 1]


def milliseconds(seconds: float) -> str:
    """Write a duration."""
    return f"{seconds / MILLISECOND:.1f}"


def spread(samples: Sequence[float]) -> tuple[str, ...]:
    """Return p50, p95, p99 and the largest of some durations, in milliseconds."""
    return (*(milliseconds(percentile(samples, percent)) for percent in (50, 95, 99, 100)),)


def show(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print one table and the machine that it is from."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    print(f"\n### {title}\n\n{_machine()}\n")
    for row in (head, ["-" * width for width in widths], *rows):
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(f"| {' | '.join(cells)} |")
    print(flush=True)


def sizes(description: str, **defaults: tuple[int, int]) -> dict[str, int]:
    """Read a benchmark's sizes from the command line.

    Args:
        description: What it measures.
        defaults: For each size its full value, and the one that `--quick` takes.
    """
    parser = ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="only see whether it runs")
    for name, (full, quick) in defaults.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=int,
            metavar="N",
            help=f"default {full}; {quick} with --quick",
        )
    given = vars(parser.parse_args())
    return {
        name: both[given["quick"]] if given[name] is None else given[name]
        for name, both in defaults.items()
    }


def _machine() -> str:
    # A busy machine explains a long tail, so it is part of the result.
    return (
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, "
        f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    )
