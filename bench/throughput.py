"""What thirty logins a second cost: processor time of all tgauth processes."""

from bench.figures import show, sizes
from bench.installation import installation
from bench.logins import Measured, run_logins
from bench.usage import name_of


def main() -> None:
    """Measure, and print."""
    size = sizes(__doc__ or "", rate=(30, 10), seconds=(60, 1), warm_up=(10, 1))
    with installation() as installed:
        installed.serve()
        measured = run_logins(installed, **size)
        rows = [
            *(_row(name_of(pid), cpu, measured) for pid, cpu in measured.cpu_each.items()),
            _row("all of tgauth", measured.cpu, measured),
            _row("(the slim Telegram)", measured.cpu_telegram, measured),
            _row("(the load itself)", measured.cpu_load, measured),
        ]
    show(
        f"Processor time of {measured.logins} logins at {size['rate']}/s",
        ("process", "share of one core", "ms for each login"),
        rows,
    )


def _row(name: str, cpu: float, measured: Measured) -> tuple[str, str, str]:
    share = cpu / measured.seconds
    return name, f"{share:.1%}", f"{cpu / measured.logins * 1000:.2f}"


if __name__ == "__main__":
    main()
