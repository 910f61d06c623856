"""`tgauth demo`: everything on this machine, to try it."""

import os
import tempfile
from importlib.util import find_spec
from pathlib import Path

import click

from tgauth.cli.running import attach, fail
from tgauth.cli.running import run as run_process
from tgauth.cli.serving import run
from tgauth.logs import configure


@click.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65533),
    default=8000,
    show_default=True,
    help="The first of three ports on 127.0.0.1; 0 takes any free ones.",
)
@click.option(
    "--directory",
    type=click.Path(file_okay=False, writable=True, path_type=Path),
    help="Keep the demo's store in this folder, which is made where there is none. By default it "
    "is thrown away at the end.",
)
def demo(port: int, directory: Path | None) -> None:
    """Try it: tgauth with a Telegram sandbox and a sample application, on this machine only."""
    if find_spec("jwt") is None or find_spec("httpx") is None:
        fail(
            "the demo's sample application needs two more libraries: "
            'pip install -c requirements.lock ".[demo]"',
            os.EX_CONFIG,
        )
    configure("supervisor")
    from tgauth.demo import serve_demo

    with tempfile.TemporaryDirectory(prefix="tgauth-demo-") as temporary:
        folder = temporary if directory is None else _made(directory)
        run_process(lambda: serve_demo(port, folder, _announce))


def _made(directory: Path) -> str:
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        fail(f"the folder {directory} cannot be made: {error.strerror}", os.EX_CANTCREAT)
    return str(directory)


@run.command("demo-telegram", hidden=True)
def demo_telegram() -> None:
    """Run the demo's Telegram."""
    attach()
    configure("telegram")
    from tgauth.demo import run_demo_telegram

    run_process(run_demo_telegram)


@run.command("demo-application", hidden=True)
def demo_application() -> None:
    """Run the demo's sample application."""
    attach()
    configure("application")
    from tgauth.demo import run_demo_application

    run_process(run_demo_application)


def _announce(chat: str, application: str) -> None:
    click.echo(
        f"\n  The demo is ready. Open {chat} and send /login.\n"
        f"  Or begin in a browser: open {application} and press Log in.\n"
        "  It is all on this machine; Ctrl-C ends it.\n"
    )
