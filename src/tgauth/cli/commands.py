"""All commands, put together."""

import os
from importlib.metadata import version
from pathlib import Path

import click

from tgauth.cli import (
    auditing,
    checking,
    completion,
    configuring,
    controlling,
    database,
    initialising,
    keys,
    people,
    serving,
    trying,
)
from tgauth.cli.group import Commands
from tgauth.settings import CONFIG_FILE


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("tgauth-server"), prog_name="tgauth")
@click.option(
    "--config",
    type=click.Path(),
    metavar="PATH",
    help="The settings file. By default ./tgauth.toml, where there is one.",
)
def main(config: str | None) -> None:
    """tgauth: an identity provider whose login happens in a Telegram chat.

    Settings come from tgauth.toml and from the environment (TGAUTH_…): see docs/settings.md.
    """
    if config is not None:
        # Through the environment, so that the processes which `serve` starts read the same.
        os.environ[CONFIG_FILE] = str(Path(config).absolute()) if config else ""


for _command in (
    initialising.init,
    configuring.show_settings,
    checking.check,
    serving.serve,
    serving.run,
    controlling.status,
    controlling.reload,
    controlling.stop,
    people.user,
    keys.keys,
    database.database,
    auditing.audit,
    trying.demo,
    completion.completion,
):
    main.add_command(_command)
