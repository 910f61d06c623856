"""Promises of the benchmarks: each is documented, and each still runs. Nothing is timed."""

import subprocess
import sys
from pathlib import Path

from tests.house.sources import ROOT, tree_of

DOCUMENT = ROOT / "docs" / "performance.md"


def is_benchmark(path: Path) -> bool:
    """Say whether a file is a script of its own, which prints a table."""
    names = {getattr(node, "name", None) for node in tree_of(path).body}
    return "main" in names


BENCHMARKS = sorted(path.stem for path in (ROOT / "bench").glob("*.py") if is_benchmark(path))


def test_every_benchmark_is_documented() -> None:
    """By the command that runs it, and none is documented that there is not."""
    commands = [
        line.split("python -m bench.", 1)[1].split("`", 1)[0].split()[0]
        for line in DOCUMENT.read_text("utf-8").splitlines()
        if "python -m bench." in line
    ]
    assert BENCHMARKS == sorted(set(commands))


def test_nox_runs_every_benchmark() -> None:
    """`nox -s bench` leaves none out."""
    text = (ROOT / "noxfile.py").read_text("utf-8")
    assert [] == [name for name in BENCHMARKS if f'"{name}"' not in text]


def test_every_benchmark_runs() -> None:
    """With tiny sizes, all at once: each prints its table and ends by itself."""
    running = {
        name: subprocess.Popen(
            (sys.executable, "-m", f"bench.{name}", "--quick"),
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for name in BENCHMARKS
    }
    try:
        printed = {name: process.communicate(timeout=100)[0] for name, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
    for name, process in running.items():
        assert process.returncode == 0, printed[name]
        assert "| ---" in printed[name]
