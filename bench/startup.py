"""How long `tgauth serve` takes until all of it is ready: from the exec to READY=1.

What was installed without its bytecode is started once before, uncounted, which leaves it behind.
"""

from bench.figures import milliseconds, percentile, show, sizes, spread
from bench.installation import installation
from bench.usage import cpu_seconds


def main() -> None:
    """Measure first starts and later ones, and print."""
    size = sizes(__doc__ or "", installations=(10, 1), later_starts=(2, 0))
    first, later = [], []
    with installation() as installed:
        installed.serve()
    for _ in range(size["installations"]):
        with installation() as installed:
            first.append((installed.serve(), cpu_seconds(installed.processes)))
            for _ in range(size["later_starts"]):
                installed.stop()
                later.append((installed.serve(), cpu_seconds(installed.processes)))
    rows = []
    for name, starts in (("first, in an empty folder", first), ("later", later)):
        if starts:
            took, cpu = zip(*starts, strict=True)
            rows.append((name, str(len(took)), *spread(took), milliseconds(percentile(cpu, 50))))
    show(
        "From the start to ready, in milliseconds",
        ("start", "samples", "p50", "p95", "p99", "max", "CPU p50"),
        rows,
    )


if __name__ == "__main__":
    main()
