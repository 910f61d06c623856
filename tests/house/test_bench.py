"""Promises of the benchmarks: documented, complete, and still running. Nothing is timed."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
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


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_benchmark_explains_itself(name: str) -> None:
    """`--help` says what it measures and which sizes it takes."""
    done = run(name, "--help")
    assert done.returncode == 0, done.stdout
    assert (ast.get_docstring(tree_of(ROOT / "bench" / f"{name}.py")) or "")[:40] in done.stdout
    assert "[--quick]" in done.stdout


def test_a_benchmark_runs_to_its_table() -> None:
    """The one that uses the most: seeding, both processes, whole logins, and costs."""
    done = run("volume", "--quick")
    assert done.returncode == 0, done.stdout
    assert "| 1000 people, 6000 rows | /login to the reply" in done.stdout
    assert "| CPU ms for each login |" in done.stdout


def run(name: str, option: str) -> "subprocess.CompletedProcess[str]":
    """Run a benchmark to its end."""
    return subprocess.run(
        (sys.executable, "-m", f"bench.{name}", option),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=100,
        check=False,
    )
