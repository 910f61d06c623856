"""The exit codes of `tgauth serve`, which service managers act upon: a contract."""

import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.harness import Tgauth, telegram, tgauth
from tests.house.sources import ROOT

#: Ends each child before it is anything.
CRASHING = "import os, sys\nif 'run' in sys.orig_argv:\n    os._exit(1)\n"
#: A fault of our own in the first process.
FAULTY = """
import sys
if "serve" in sys.orig_argv:
    import tgauth.serving
    def fail(*_):
        raise ZeroDivisionError
    tgauth.serving.children_of = fail
"""


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Tgauth]:
    """An installation that does not run yet."""
    with telegram(tmp_path) as sandbox, tgauth(tmp_path, sandbox.url) as prepared:
        yield prepared


def ended_with(installation: Tgauth, *more: str, **settings: str) -> int:
    """Run `serve` until it ends by itself; return its code."""
    served = installation.start("serve", *more, wait=False, environment=settings)
    return served.popen.wait(90)


def patched(installation: Tgauth, code: str) -> dict[str, str]:
    """Return an environment in which every process of ours does something first."""
    folder = installation.folder / "patch"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(code)
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_0_an_ordinary_stop(installation: Tgauth, number: signal.Signals) -> None:
    """Somebody wished for it; a service manager does not start it again."""
    assert 0 == installation.start("serve").stop(number)


def test_2_a_command_line_that_makes_no_sense(installation: Tgauth) -> None:
    """Nothing was begun."""
    assert 2 == ended_with(installation, "--nonsense")


def test_70_a_fault_of_our_own(installation: Tgauth) -> None:
    """It is logged with where it came from."""
    assert 70 == ended_with(installation, **patched(installation, FAULTY))
    assert 'process.failed error="ZeroDivisionError' in installation.output


def test_74_a_place_that_cannot_be_used(installation: Tgauth) -> None:
    """Another start may find it better."""
    lock = installation.database.with_name("tgauth.db.serve")
    lock.symlink_to(installation.folder / "elsewhere")
    assert 74 == ended_with(installation)
    assert "TGAUTH_DATABASE__PATH: " in installation.output


def test_75_served_already(installation: Tgauth) -> None:
    """The one that serves is named, and goes on."""
    first = installation.start("serve")
    assert 75 == ended_with(installation)
    assert f"is served already, by process {first.popen.pid}" in installation.output
    assert 0 == first.stop()


@pytest.mark.timeout(180)
def test_75_a_process_that_keeps_failing(installation: Tgauth) -> None:
    """After some patience; a service manager starts the whole again."""
    assert 75 == ended_with(installation, **patched(installation, CRASHING))
    assert "supervisor.giving_up" in installation.output
    assert "reason=crashing" in installation.output


@pytest.mark.parametrize(
    "settings",
    [
        {"TGAUTH_LOGIN__ALLOW": "nobody"},
        {"TGAUTH_TELEGRAM__TOKEN": "4242:another-token-entirely"},
        {"TGAUTH_API__HOST": "192.0.2.1"},
        {"TGAUTH_SECRET_FILE": "/nowhere/master.key"},
        {"TGAUTH_BRANDING__LOGO": "/nowhere/logo.svg"},
    ],
    ids=lambda settings: next(iter(settings)),
)
def test_78_a_mistake_in_the_configuration(installation: Tgauth, settings: dict[str, str]) -> None:
    """No restart cures it, whoever notices it first; a service manager leaves it alone."""
    assert 78 == ended_with(installation, **settings)


def test_78_a_file_of_places_that_is_none(installation: Tgauth, tmp_path: Path) -> None:
    """It is told by the setting's name, and what is wrong with the file."""
    path = tmp_path / "places.mmdb"
    path.write_bytes(b"no database")
    assert 78 == ended_with(installation, TGAUTH_LOGIN__PLACES=str(path))
    assert "TGAUTH_LOGIN__PLACES" in installation.output
    assert f"{path}: it is no database in MaxMind's format" in installation.output


def test_each_code_is_written_down() -> None:
    """In docs/commands.md, and in the files that act upon them."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8").partition("## Exit codes")[2]
    documented = set(re.findall(r"^\| (\d+) \|", text, re.MULTILINE))
    assert {"0", "2", "70", "74", "75", "78"} <= documented
    assert "RestartPreventExitStatus=78" in (ROOT / "deploy" / "tgauth.service").read_text("utf-8")
    assert "exitcodes=0,78" in (ROOT / "supervisord.conf").read_text("utf-8")
