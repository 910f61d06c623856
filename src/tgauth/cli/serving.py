"""`tgauth serve` and `tgauth run`: the processes of an installation."""

import click

from tgauth.cli import starting


@click.command()
def serve() -> None:
    """Run everything: the supervisor, the API and the bot."""
    starting.serve()


@click.group()
def run() -> None:
    """Run one process alone, under a service manager of your own."""


@run.command()
def api() -> None:
    """Run one API process."""
    starting.run_api()


@run.command()
def bot() -> None:
    """Run the bot. Only one may run for each bot token."""
    starting.run_bot()
