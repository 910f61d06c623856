"""Promises of the documentation: every setting and every command is in it, and nothing else."""

import os
import re
from collections.abc import Iterator

import click
import pytest
from msgspec import NODEFAULT
from tests.builders import TOKEN
from tests.house.sources import ROOT

from tgauth.cli import operating, running
from tgauth.cli.commands import main
from tgauth.domain.audit import AuditEvent
from tgauth.flows.auditing import REFUSED_CODES
from tgauth.migration_files import newest
from tgauth.settings import CONFIG_FILE, Field, fields, keys, load_settings


def commands(group: click.Group, prefix: str = "tgauth") -> Iterator[tuple[str, click.Command]]:
    """Return every visible command with its full name."""
    for name, command in group.commands.items():
        if command.hidden:
            continue
        yield f"{prefix} {name}", command
        if isinstance(command, click.Group):
            yield from commands(command, f"{prefix} {name}")


@pytest.mark.parametrize("field", fields(), ids=lambda field: field.toml)
def test_every_setting_is_documented(field: Field) -> None:
    """In a row of its own that begins with both of its names."""
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert f"\n| `{field.variable}` | `{field.toml}` | " in text


@pytest.mark.parametrize("field", fields(), ids=lambda field: field.toml)
def test_every_default_is_documented(field: Field) -> None:
    """As it is, where it is a plain value."""
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    row = text.partition(f"\n| `{field.variable}` |")[2].partition("\n")[0]
    default = row.split(" | ")[1]
    if field.default is None or field.default == "":
        assert "none" in default or field.toml == "secret_file"
    elif field.default is not NODEFAULT:
        assert f"`{field.default}`" in default
    else:
        assert "–" in default or field.toml == "login.application_name"  # noqa: RUF001


@pytest.mark.parametrize("field", [one for one in fields() if one.is_secret], ids=str)
def test_every_secret_is_documented_in_both_forms(field: Field) -> None:
    """Also the one that names a file."""
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    assert f"`{field.variable}_FILE`" in text
    assert f"`{field.toml}_file`" in text


def test_no_setting_is_documented_that_there_is_not() -> None:
    """A name that was changed is changed there too."""
    text = (ROOT / "docs" / "settings.md").read_text("utf-8")
    documented = set(re.findall(r"TGAUTH_\w*[A-Z]\b(?!_)", text))
    files = {f"{field.variable}_FILE" for field in fields() if field.is_secret}
    assert set() == documented - set(keys()) - files - {CONFIG_FILE}
    named = set(re.findall(r"^\| `TGAUTH_\w+` \| `([a-z_.]+)` \|", text, re.MULTILINE))
    assert {field.toml for field in fields()} == named


@pytest.mark.parametrize("event", AuditEvent)
def test_every_event_of_the_audit_log_is_documented(event: AuditEvent) -> None:
    """In the table, and no other is."""
    text = (ROOT / "docs" / "audit.md").read_text("utf-8")
    table = text.partition("| event | when | written |")[2].partition("\n\n")[0]
    assert f"`{event.value}`" in table
    named = set(re.findall(r"`([a-z_]+\.[a-z]+)`", table))
    assert {one.value for one in AuditEvent} == named


def test_every_reason_for_refusing_a_code_is_documented() -> None:
    """By its stable code."""
    text = (ROOT / "docs" / "audit.md").read_text("utf-8")
    assert [] == [one.code for one in REFUSED_CODES if f"`{one.code}`" not in text]


def test_the_changelog_names_the_schema_of_the_store() -> None:
    """Of this version, for whoever thinks of an upgrade."""
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert [str(newest())] == re.findall(r"^- The store has schema (\d+)", text, re.MULTILINE)[:1]


def test_no_command_is_documented_that_there_is_not() -> None:
    """Nor an option."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    rows = re.findall(r"^\| `(tgauth [a-z ]+)` \|", text, re.MULTILINE)
    leaves = {name for name, one in commands(main) if not isinstance(one, click.Group)}
    assert leaves == set(rows)
    options = {
        option
        for command in (main, *(one for _, one in commands(main)))
        for parameter in command.params
        for option in parameter.opts
    }
    assert set() == set(re.findall(r"--[a-z][a-z-]*", text)) - options - {"--help"}


@pytest.mark.parametrize(("name", "command"), [("tgauth", main), *commands(main)])
def test_every_command_and_option_is_documented(name: str, command: click.Command) -> None:
    """With its full name."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8")
    assert name in text
    for parameter in command.params:
        if isinstance(parameter, click.Option) and not parameter.hidden:
            assert parameter.opts[0] in text


def test_every_exit_code_is_documented() -> None:
    """What a command can end with is in the table, and nothing else."""
    text = (ROOT / "docs" / "commands.md").read_text("utf-8").partition("## Exit codes")[2]
    documented = {int(code) for code in re.findall(r"^\| (\d+) \|", text, re.MULTILINE)}
    usage, fault = click.UsageError.exit_code, os.EX_SOFTWARE
    steering = {os.EX_UNAVAILABLE, os.EX_NOPERM}  # `status`, `reload` and `stop`
    known = {*operating.EXIT_CODES.values(), *steering}
    expected = {os.EX_OK, usage, fault, operating.BROKEN_OFF, *known}
    assert expected == documented
    assert set(running._EXIT_CODES.values()) <= documented


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
            "TGAUTH_CONFIG_FILE": os.devnull,
            "TGAUTH_ISSUER": "https://login.example.org",
            "TGAUTH_TELEGRAM__TOKEN": TOKEN,
            "TGAUTH_LOGIN__ALLOW": "everyone",
        }
    )
    assert TOKEN not in repr(settings)
