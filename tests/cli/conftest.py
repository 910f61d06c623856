"""A place for commands: an empty folder, an environment without settings, what is printed."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from tests.cli.installation import Installation

from tgauth.cli.commands import main

Run = Callable[..., Result]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, with nothing of ours in the environment."""
    for key in [key for key in os.environ if key.startswith("TGAUTH_") or key == "PORT"]:
        monkeypatch.delenv(key)
    # Set and deleted: so that what `--config` puts there is gone after the test.
    monkeypatch.setenv("TGAUTH_CONFIG_FILE", "")
    monkeypatch.delenv("TGAUTH_CONFIG_FILE")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Iterator[Run]:
    """Run a command in this process, without a terminal."""
    assert [] == list(folder.iterdir())
    root = logging.getLogger()
    before = root.handlers[:], root.level

    def run_it(*arguments: str, given: str | None = None, **environment: str) -> Result:
        return CliRunner().invoke(main, arguments, input=given, env=environment)

    yield run_it
    root.handlers[:], root.level = before


@pytest.fixture
def tgauth(folder: Path, run: Run) -> Installation:
    """Return an installation that has run before."""
    return Installation(folder, run)
