"""Checks: `nox` runs them all, `nox -s NAME` one."""

import shutil
import tarfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.sessions = ["lint", "layers", "types", "tests"]
nox.options.error_on_external_run = True

LOCK = "requirements.lock"
PROJECT = nox.project.load_toml("pyproject.toml")


def install(session: nox.Session, *groups: str, project: bool = True) -> None:
    """Install what a session needs, at the versions of the lock file."""
    wanted = [
        requirement
        for group in groups
        for requirement in nox.project.dependency_groups(PROJECT, group)
    ]
    if project:
        wanted += ["-e", ".[demo]"]
    session.install("-c", LOCK, *wanted)


@nox.session
def lint(session: nox.Session) -> None:
    """Style: ruff with everything on, and its formatter."""
    install(session, "lint", project=False)
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def layers(session: nox.Session) -> None:
    """Floors: imports go down only."""
    install(session, "layers")
    session.run("lint-imports")


@nox.session
def types(session: nox.Session) -> None:
    """Types: strict, tests too."""
    install(session, "types")
    session.run("mypy")


@nox.session
def tests(session: nox.Session) -> None:
    """Every test, with branch coverage."""
    install(session, "tests")
    session.run("pytest", "--cov", "--cov-report=term", *session.posargs)


@nox.session
def build(session: nox.Session) -> None:
    """What is published: built, checked, installed, and logged in with, end to end."""
    dist = Path("dist").resolve()
    shutil.rmtree(dist, ignore_errors=True)
    install(session, "publish", "tests", project=False)
    session.run("python", "-m", "build", "--outdir", str(dist), ".")
    [wheel] = dist.glob("*.whl")
    [sdist] = dist.glob("*.tar.gz")
    session.run("twine", "check", "--strict", str(wheel), str(sdist))
    session.install("-c", LOCK, f"tgauth-server[demo] @ {wheel.as_uri()}")
    with session.chdir(_tests_alone(sdist, Path(session.create_tmp()))):
        session.run("python", "-c", INSTALLED)
        session.run("pytest", "-q", "tests/e2e", *session.posargs)


#: Fails unless the tgauth that a test would start is the installed one.
INSTALLED = """
import sys, sysconfig, tgauth
print("testing", tgauth.__file__)
sys.exit(not tgauth.__file__.startswith(sysconfig.get_path("purelib")))
"""


def _tests_alone(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist without what it is a distribution of."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [unpacked] = folder.glob("tgauth_server-*")
    shutil.rmtree(unpacked / "src")
    shutil.rmtree(unpacked / "migrations")
    return unpacked


#: In the order of docs/performance.md.
BENCHMARKS = ("startup", "memory", "latency", "throughput", "recovery", "reload", "volume")


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks, on demand: `nox -s bench -- --quick` only sees whether they run."""
    install(session)
    for name in BENCHMARKS:
        session.run("python", "-m", f"bench.{name}", *session.posargs)
