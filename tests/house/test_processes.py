"""Promises of lightness: a process loads only what it needs; start-up and memory depend on it."""

import os
import subprocess
import sys

import pytest

from tgauth import processes
from tgauth.settings import CONFIG_FILE

HEAVY = (
    "telegram",
    "litestar",
    "hypercorn",
    "aiosqlite",
    "sqlite3",
    "joserfc",
    "httpx",
    "jinja2",
    "maxminddb",
    "segno",
    "rich",
    "click",
    "jwt",
)


def loaded_by(statement: str) -> set[str]:
    """Return which heavy libraries a fresh process has loaded after a statement."""
    # Measured without coverage, which keeps its notes in SQLite, and without settings.
    environment = {
        key: text for key, text in os.environ.items() if not key.startswith(("COV", "TGAUTH_"))
    }
    # Nobody's installation: there may be a tgauth.toml where the tests are run.
    environment[CONFIG_FILE] = "/dev/null"
    probe = f"{statement}\nimport sys\nprint(*[n for n in {HEAVY!r} if n in sys.modules])"
    done = subprocess.run(
        (sys.executable, "-c", probe), capture_output=True, text=True, check=True, env=environment
    )
    return set(done.stdout.split())


@pytest.mark.parametrize(
    "statement", ["import tgauth.cli", "import tgauth.processes", "import tgauth.supervisor"]
)
def test_the_supervisors_process_stays_light(statement: str) -> None:
    """Neither Telegram nor HTTP nor the store."""
    assert set() == loaded_by(statement)


@pytest.mark.parametrize("command", [["serve"], ["run", "api"], ["run", "bot"]])
def test_a_process_is_started_without_the_other_commands(command: list[str]) -> None:
    """They take longer to load than all that a process does before it works."""
    # It ends for want of settings, when all of the command line has been loaded.
    statement = (
        "import sys, contextlib\n"
        "from tgauth.cli import main\n"
        f"sys.argv[1:] = {command!r}\n"
        "with contextlib.suppress(SystemExit): main()"
    )
    assert not {"click", "rich"} & loaded_by(statement)


@pytest.mark.parametrize("command", [["serve"], ["run", "api"], ["run", "bot"]])
def test_a_process_collects_garbage_once_it_is_loaded(command: list[str]) -> None:
    """Not before: what is being loaded is none."""
    probe = (
        "import gc, sys\n"
        "from tgauth.cli import main, starting\n"
        "starting.prepare = lambda *_, **__: type('Reading', (), {'settings': None})\n"
        "starting.run = lambda *_: sys.exit(f'{gc.isenabled()} {gc.get_freeze_count() > 1000}')\n"
        f"sys.argv[1:] = {command!r}\n"
        "main()"
    )
    done = subprocess.run(
        (sys.executable, "-c", probe), capture_output=True, text=True, check=False
    )
    assert "True True" == done.stderr.strip()


def test_an_api_process_loads_no_telegram() -> None:
    """It comes up without."""
    statement = (
        "import tgauth.processes, tgauth.api.process, tgauth.flows.keyring\n"
        "from tgauth.store.master_key import load_master_key"
    )
    assert not {"telegram", "httpx"} & loaded_by(statement)


def test_a_bot_process_loads_no_web_server() -> None:
    """It needs none."""
    assert not {"litestar", "hypercorn", "jinja2"} & loaded_by("import tgauth.bot.process")


def test_a_bot_process_loads_no_terminal_client() -> None:
    """Which httpx would bring along."""
    assert not {"rich", "click"} & loaded_by("import tgauth.bot.process")


def test_a_child_takes_no_module_from_the_current_folder() -> None:
    """Whoever can write there would run code as the operator."""
    argv = processes.command("run", "api")
    assert "-P" in argv[: argv.index("-m")]


def test_the_sandboxs_telegram_needs_no_extra() -> None:
    """What only its sample application verifies tokens with may be missing."""
    assert "jwt" not in loaded_by("import tgauth.sandbox.__main__, tgauth.sandbox.telegram")
