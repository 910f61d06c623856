"""Checks: `nox` runs them all, `nox -s NAME` one."""

import shutil
import tarfile
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.sessions = ["lint", "layers", "types", "tests"]
nox.options.error_on_external_run = True
# CI has uv: what takes pip 40 s for each session takes it 5.
nox.options.default_venv_backend = "uv|virtualenv"

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


#: A worker for each core. Whole files, as what is made for a module is made once; in the order of
#: tests/conftest.py, as the number of tests in a file says little of how long it takes.
PARALLEL = ("-n", "auto", "--dist", "loadfile", "--no-loadscope-reorder")

#: Wherever Python is told to write no bytecode, as in many containers, hundreds of processes would
#: compile tgauth anew.
COMPILED_ONCE = {"PYTHONDONTWRITEBYTECODE": ""}


@nox.session
def tests(session: nox.Session) -> None:
    """Every test, with branch coverage, on all cores; `-- -n 0` on one, as plain `pytest` is."""
    install(session, "tests")
    session.run(
        "pytest", *PARALLEL, "--cov", "--cov-report=term", *session.posargs, env=COMPILED_ONCE
    )


#: What needs neither another program nor minutes. Not the sandbox: it knows a Bot API that only the
#: newest python-telegram-bot reads whole.
UNITS = [
    *("api", "bot", "cli", "domain", "flows", "inspection", "measures", "oidc", "settings"),
    *("store", "supervisor", "texts"),
    *("test_clocks.py", "test_logs.py", "test_premises.py", "test_upkeep.py"),
]


@nox.session
def minimums(session: nox.Session) -> None:
    """The lowest versions that pyproject.toml allows, on demand: the suite's unit part."""
    session.install("-c", LOCK, *nox.project.dependency_groups(PROJECT, "minimums"))
    python = ("--python", str(Path(session.virtualenv.location) / "bin" / "python"))
    lowest = ("--resolution", "lowest-direct", "-e", ".[demo]", "--group", "tests")
    session.run("uv", "pip", "install", *python, *lowest)
    session.run("pytest", "-q", *(session.posargs or [f"tests/{name}" for name in UNITS]))


@nox.session
def mutate(session: nox.Session) -> None:
    """Does a test fail when the code is changed? On demand, for the domain and the restart policy.

    `nox -s mutate -- "tgauth.domain.code*"` looks at a part of it. What survives is listed at the
    end, as changes; what is left of it changes nothing that anybody could notice.
    """
    install(session, "mutate")
    shutil.rmtree("mutants", ignore_errors=True)
    session.run("mutmut", "run", *session.posargs)
    names = session.run("mutmut", "results", silent=True) or ""
    for line in names.splitlines():
        name, _, outcome = line.strip().partition(": ")
        if outcome and outcome != "no tests":
            session.run("mutmut", "show", name)


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
        session.run("pytest", "-q", *PARALLEL, "tests/e2e", *session.posargs, env=COMPILED_ONCE)


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


@nox.session
def faults(session: nox.Session) -> None:
    """Faults at length, on demand: `nox -s faults -- --minutes 10 --seed 7`."""
    install(session, "tests")
    session.run("python", "-m", "tests.faults", *session.posargs)


#: In the order of docs/performance.md.
BENCHMARKS = (
    *("startup", "memory", "latency", "throughput", "recovery", "reload", "approval", "volume"),
)


@nox.session
def bench(session: nox.Session) -> None:
    """Benchmarks, on demand: `nox -s bench -- --quick` only sees whether they run."""
    install(session)
    for name in BENCHMARKS:
        session.run("python", "-m", f"bench.{name}", *session.posargs)
