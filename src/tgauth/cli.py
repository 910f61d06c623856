"""Commands: parse, load the settings, call.

Exit codes are a contract, written down in docs/commands.md.
"""

import os
import sys
import tempfile
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from importlib.util import find_spec
from typing import NoReturn

import anyio
import click

from tgauth.logs import Log, configure
from tgauth.settings import ConfigurationError, Settings, load_settings

#: Mistakes that no restart can cure, by their codes: a process need not load the rooms they are of.
_CONFIGURATION_CODES = frozenset(
    {"dangling_reference", "master_key_unusable", "schema_too_new", "signing_key_unreadable"}
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(version("tgauth-server"), prog_name="tgauth")
def main() -> None:
    """tgauth: an identity provider whose login happens in a Telegram chat.

    Settings come from the environment (TGAUTH_…): see docs/settings.md.
    """


@main.command()
def serve() -> None:
    """Run everything: the supervisor, the API and the bot."""
    settings = _prepare("supervisor")
    from tgauth import processes

    _run(lambda: processes.serve(settings))


@main.group()
def run() -> None:
    """Run one process alone, under a service manager of your own."""


@run.command()
def api() -> None:
    """Run one API process."""
    _attach()
    settings = _prepare("api")
    from tgauth import processes

    _run(lambda: processes.run_api(settings))


@run.command()
def bot() -> None:
    """Run the bot. Only one may run for each bot token."""
    _attach()
    settings = _prepare("bot")
    from tgauth import processes

    _run(lambda: processes.run_bot(settings))


@main.command()
@click.option(
    "--port",
    type=click.IntRange(0, 65533),
    default=8000,
    show_default=True,
    help="The first of three ports on 127.0.0.1; 0 takes any free ones.",
)
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, writable=True),
    help="Keep the demo's store here. By default it is thrown away at the end.",
)
def demo(port: int, directory: str | None) -> None:
    """Try it: tgauth with a Telegram sandbox and a sample application, on this machine only."""
    if find_spec("jwt") is None or find_spec("httpx") is None:
        _fail(
            "the demo's sample application needs two more libraries: "
            'pip install "tgauth-server[demo]"',
            os.EX_CONFIG,
        )
    configure("supervisor")
    from tgauth.demo import serve_demo

    with tempfile.TemporaryDirectory(prefix="tgauth-demo-") as temporary:
        _run(lambda: serve_demo(port, directory or temporary, _announce))


@run.command("demo-telegram", hidden=True)
def demo_telegram() -> None:
    """Run the demo's Telegram."""
    _attach()
    configure("telegram")
    from tgauth.demo import run_demo_telegram

    _run(run_demo_telegram)


@run.command("demo-application", hidden=True)
def demo_application() -> None:
    """Run the demo's sample application."""
    _attach()
    configure("application")
    from tgauth.demo import run_demo_application

    _run(run_demo_application)


def _announce(address: str) -> None:
    click.echo(
        f"\n  The demo is ready. Open {address} and send /login.\n"
        "  It is all on this machine; Ctrl-C ends it.\n"
    )


def _attach() -> None:
    """Die with the supervisor, where there is one: first thing, before anything slow."""
    from tgauth.supervisor.child import attach

    attach()


def _prepare(process: str) -> Settings:
    try:
        settings = load_settings(os.environ)
    except ConfigurationError as error:
        _fail(str(error), os.EX_CONFIG)
    configure(
        process,
        level=settings.log.level,
        as_json=settings.log.format == "json",
        secrets=[settings.telegram.token.reveal()],
    )
    return settings


def _run(process: Callable[[], Awaitable[int]]) -> None:
    try:
        code = anyio.run(process)
    except ConfigurationError as error:
        _fail(str(error), os.EX_CONFIG)
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, one clear end
        kind = getattr(error, "code", None)
        if kind in _CONFIGURATION_CODES:
            _fail(str(error), os.EX_CONFIG)
        if kind == "store_unavailable":
            _fail(f"TGAUTH_DATABASE__PATH: {error}", os.EX_IOERR)
        Log("main").exception("process.failed", error)
        sys.exit(os.EX_SOFTWARE)
    sys.exit(code)


def _fail(message: str, code: int) -> NoReturn:
    click.echo(f"tgauth: {message}", err=True)
    sys.exit(code)
