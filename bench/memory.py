"""How much memory all processes together take: PSS, so that shared pages count once."""

from bench.figures import MEBIBYTE, show, sizes
from bench.installation import Installation, installation
from bench.logins import run_logins
from bench.usage import name_of, pss


def main() -> None:
    """Measure when ready and after a while of logins, and print."""
    size = sizes(__doc__ or "", rate=(30, 10), seconds=(30, 1))
    with installation() as installed:
        installed.serve()
        ready = _taken(installed)
        run_logins(installed, rate=size["rate"], seconds=size["seconds"], warm_up=0)
        worked = _taken(installed)
    names = [*ready, "all together"]
    rows = [
        (name, *(f"{taken.get(name, sum(taken.values())):.1f}" for taken in (ready, worked)))
        for name in names
    ]
    logins = size["rate"] * size["seconds"]
    show("Memory (PSS), in MiB", ("process", "when ready", f"after {logins} logins"), rows)


def _taken(installed: Installation) -> dict[str, float]:
    return {name_of(pid): pss(pid) / MEBIBYTE for pid in installed.processes}


if __name__ == "__main__":
    main()
