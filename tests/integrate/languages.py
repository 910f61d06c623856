"""The snippets of docs/integrate, each built as its developer would, and asked line by line."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pytest
from tests.house.sources import ROOT

SNIPPETS: Final = ROOT / "docs" / "integrate"
DRIVERS: Final = Path(__file__).parent / "drivers"

TOOLS: Final = ("node", "npm", "go", "php")
MISSING: Final = [tool for tool in TOOLS if shutil.which(tool) is None]

needs_languages = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Snippet:
    """A snippet that is ready to run.

    Attributes:
        argv: The command that runs its driver.
        environment: What that needs besides the ordinary.
    """

    argv: tuple[str, ...]
    environment: dict[str, str]

    @contextmanager
    def application(self, *arguments: str) -> Iterator["Application"]:
        """Run an application: issuer, client id and, where there is one, client secret."""
        with subprocess.Popen(
            (*self.argv, *arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, **self.environment},
        ) as process:
            yield Application(process)
            assert process.stdin is not None
            process.stdin.close()
            assert process.wait(20) == 0


@dataclass(frozen=True, slots=True)
class Application:
    """A running application that uses a snippet."""

    process: "subprocess.Popen[str]"

    def verify(self, token: str) -> dict[str, Any]:
        """Have a token verified; the answer has `claims`, or else `refused`."""
        return self._ask(f"verify {token}")

    def callback(self, query: str) -> dict[str, Any]:
        """Let a browser arrive at the callback address with a query."""
        return self._ask(f"callback {query}")

    def alive(self, token: str) -> dict[str, Any]:
        """Ask whether a session still lives; the answer has `alive`, or else `refused`."""
        return self._ask(f"alive {token}")

    def _ask(self, line: str) -> dict[str, Any]:
        process = self.process
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(f"{line}\n")
        process.stdin.flush()
        return dict(json.loads(process.stdout.readline()))


def _python(_: Path) -> Snippet:
    driver = str(DRIVERS / "driver.py")
    return Snippet(
        argv=(sys.executable, driver), environment={"PYTHONPATH": str(SNIPPETS / "python")}
    )


def _javascript(folder: Path) -> Snippet:
    shutil.copytree(SNIPPETS / "javascript", folder, dirs_exist_ok=True)
    shutil.copy(DRIVERS / "driver.js", folder)
    _fetch(
        "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefer-offline", at=folder
    )
    return Snippet(argv=("node", str(folder / "driver.js")), environment={})


def _go(folder: Path) -> Snippet:
    shutil.copytree(SNIPPETS / "go", folder, dirs_exist_ok=True)
    (folder / "driver").mkdir()
    shutil.copy(DRIVERS / "driver.go", folder / "driver")
    _fetch("go", "mod", "download", at=folder)
    for argv in (["go", "vet", "./..."], ["go", "build", "-o", "application", "./driver"]):
        subprocess.run(argv, check=True, cwd=folder)
    return Snippet(argv=(str(folder / "application"),), environment={})


def _php(folder: Path) -> Snippet:
    shutil.copy(SNIPPETS / "php" / "Tgauth.php", folder)
    shutil.copy(DRIVERS / "driver.php", folder)
    return Snippet(argv=("php", str(folder / "driver.php")), environment={})


def _fetch(*argv: str, at: Path) -> None:
    """Fetch the libraries of a lock file; the tool's own cache keeps them."""
    done = subprocess.run(argv, cwd=at, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"{' '.join(argv)} cannot fetch what the snippet needs: {done.stderr}")


LANGUAGES: Final[dict[str, Callable[[Path], Snippet]]] = {
    "python": _python,
    "javascript": _javascript,
    "go": _go,
    "php": _php,
}
