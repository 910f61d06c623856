"""How long each step of a login takes, one login at a time and at thirty a second."""

from bench.figures import show, sizes, spread
from bench.installation import installation
from bench.logins import run_logins


def main() -> None:
    """Measure, and print."""
    size = sizes(__doc__ or "", rate=(30, 20), calm_rate=(4, 20), seconds=(30, 1), warm_up=(5, 1))
    rows = []
    with installation() as installed:
        installed.serve()
        for number, rate in enumerate((size["calm_rate"], size["rate"]), 1):
            measured = run_logins(
                installed,
                rate=rate,
                seconds=size["seconds"],
                warm_up=size["warm_up"],
                first_person=number * 1_000_000,
            )
            rows += [
                (f"{rate}/s", step, str(len(samples)), *spread(samples))
                for step, samples in measured.samples.items()
            ]
    show(
        "Latency of each step, in milliseconds",
        ("rate", "step", "samples", "p50", "p95", "p99", "max"),
        rows,
    )


if __name__ == "__main__":
    main()
