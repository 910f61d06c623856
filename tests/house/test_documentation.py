"""Promises of the documentation: every setting and every command is in it, and nothing else."""

import re
from collections.abc import Iterator

import click
import pytest
from tests.builders import TOKEN
from tests.house.sources import ROOT

from tgauth.cli import main
from tgauth.settings import keys, load_settings


def commands(group: click.Group, prefix: str = "tgauth") -> Iterator[tuple[str, click.Command]]:
    """Return every visible command with its full name."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


@pytest.mark.parametrize("key", keys())
def test_every_setting_is_documented(key: str) -> None:
    """By its exact name."""
    assert f"`{key}`" in (ROOT / "docs" / "settings.md").read_text("utf-8")


def test_no_setting_is_documented_that_there_is_not() -> None:
    """A name that was changed is changed there too."""
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    documented = set(re.findall(r"TGAUTH_\w*[A-Z]\b(?!_)", text))
    assert set() == documented - set(keys())


@pytest.mark.parametrize(("name", "command"), list(commands(main)))
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    """With its full name."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert name in text
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.opts[0] in text


@pytest.mark.parametrize(("name", "command"), list(commands(main)))
def test_every_command_explains_itself(name: str, command: click.Command) -> None:
    """`--help` says what it does, and what each option means."""
    assert name
    assert command.help
    assert all(
        parameter.help for parameter in command.params if isinstance(parameter, click.Option)
    )


def test_the_settings_never_print_the_token() -> None:
    """Whoever logs them shows no secret."""
    settings = load_settings(
        {
            "TGAUTH_ISSUER": "https://login.example.org",
            "TGAUTH_TELEGRAM__TOKEN": TOKEN,
            "TGAUTH_LOGIN__ALLOW": "everyone",
        }
    )
    assert TOKEN not in repr(settings)
