"""`tgauth serve` and `tgauth run`: the processes of an installation."""

import click

from tgauth.cli.running import attach, prepare
from tgauth.cli.running import run as run_process


@click.command()
def serve() -> None:
    """Run everything: the supervisor, the API and the bot."""
    reading = prepare("supervisor")
    from tgauth import serving

    settings = reading.settings
    run_process(lambda: serving.serve(settings), reading)


@click.group()
def run() -> None:
    """Run one process alone, under a service manager of your own."""


@run.command()
def api() -> None:
    """Run one API process."""
    reading = prepare("api", is_supervised=attach())
    from tgauth import processes

    settings = reading.settings
    run_process(lambda: processes.run_api(settings), reading)


@run.command()
def bot() -> None:
    """Run the bot. Only one may run for each bot token."""
    reading = prepare("bot", is_supervised=attach())
    from tgauth import processes

    settings = reading.settings
    run_process(lambda: processes.run_bot(settings), reading)
