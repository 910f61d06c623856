"""Promises of `tgauth completion`: a real shell completes real commands."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

#: What bash does when somebody presses Tab after these words.
PRESS_TAB = """
eval "$(tgauth completion bash)"
COMP_WORDS=({words}) COMP_CWORD={place}
_tgauth_completion tgauth
printf '%s\\n' "${{COMPREPLY[@]}}"
"""


def complete(*words: str) -> list[str]:
    """Return what bash offers for the last of these words."""
    script = PRESS_TAB.format(words=" ".join(f"'{word}'" for word in words), place=len(words) - 1)
    # The command of this very environment, whatever else is installed.
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
    }
    done = subprocess.run(
        ("/bin/bash", "--norc", "-c", script),
        capture_output=True,
        text=True,
        check=True,
        env=environment,
    )
    assert "" == done.stderr
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("tgauth", "se"), ["settings", "serve"]),
        (("tgauth", "run", ""), ["api", "bot"]),
        (("tgauth", "completion", "z"), ["zsh"]),
        (("tgauth", "init", "--iss"), ["--issuer"]),
        (("tgauth", "--config", "x", "che"), ["check"]),
    ],
)
def test_bash_completes(words: tuple[str, ...], expected: list[str]) -> None:
    """Commands, options and choices; hidden ones are not offered."""
    assert sorted(expected) == sorted(complete(*words))


@pytest.mark.parametrize(("shell", "word"), [("zsh", "#compdef tgauth"), ("fish", "complete ")])
def test_other_shells_get_their_scripts(run: Run, shell: str, word: str) -> None:
    """Each in its own language, naming our command."""
    done = run("completion", shell)
    assert 0 == done.exit_code
    assert word in done.stdout
    assert f"_TGAUTH_COMPLETE={shell}_complete" in done.stdout


def test_an_unknown_shell_is_refused(run: Run) -> None:
    """With the ones that there are."""
    done = run("completion", "tcsh")
    assert 2 == done.exit_code
    assert "'bash', 'zsh', 'fish'" in done.stderr
