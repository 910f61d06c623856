"""What the operating commands share: the installation opened, a clear end, a question."""

import contextlib
import io
import os
import sys
from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
import click

from tgauth.cli.running import CONFIGURATION_CODES, fail, secrets_of, settings_of
from tgauth.logs import Log, configure
from tgauth.settings import ConfigurationError, Settings, read_settings

if TYPE_CHECKING:
    from tgauth.flows.deployment import Deployment

T = TypeVar("T")

_TOKEN: Final = "TGAUTH_TELEGRAM__TOKEN"  # noqa: S105 - a setting's name
#: What only `serve` needs, and what stands in for it.
_NOT_NEEDED: Final = {
    _TOKEN: "0:not-needed",
    "TGAUTH_ISSUER": "https://issuer.invalid",
    "TGAUTH_LOGIN__ALLOW": "everyone",
}
#: Nothing was found, or nothing was done.
NOTHING_DONE: Final = 1
#: Ctrl-C, as shells count it: 128 and the number of SIGINT.
BROKEN_OFF: Final = 130
#: How each refusal ends a command, by its code: a command need not load the rooms they are of.
EXIT_CODES: Final = {
    **dict.fromkeys(CONFIGURATION_CODES, os.EX_CONFIG),
    "store_unavailable": os.EX_IOERR,
    "store_missing": os.EX_IOERR,
    "schema_too_old": os.EX_IOERR,
    "no_store": os.EX_IOERR,
    "store_in_use": os.EX_TEMPFAIL,
    "copy_exists": os.EX_CANTCREAT,
    "copy_failed": os.EX_CANTCREAT,
    "no_place_for_a_copy": os.EX_CANTCREAT,
    "backup_missing": NOTHING_DONE,
    "other_master_key": NOTHING_DONE,
    "master_key_in_place": NOTHING_DONE,
    "rotation_under_way": NOTHING_DONE,
}


def settings_of_installation() -> Settings:
    """Return the settings, or end with what is wrong about them.

    Whoever looks after the store may not even be able to read the bot's token: what only `serve`
    needs is not asked for here.
    """
    reading = read_settings(os.environ)
    wrong = {one.field.variable for one in reading.values if one.mistake is not None}
    stand_ins = {name: text for name, text in _NOT_NEEDED.items() if name in wrong}
    if stand_ins:
        environment = {**os.environ, **stand_ins}
        if _TOKEN in stand_ins:
            environment.pop(f"{_TOKEN}_FILE", None)
        reading = read_settings(environment)
    settings = settings_of(reading)
    configure("tgauth", level="warning", secrets=secrets_of(settings))
    # Names may hold what a terminal of another character set cannot show.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    return settings


def with_deployment(settings: Settings, operation: "Callable[[Deployment], Awaitable[T]]") -> T:
    """Run an operation on the store as it is, which may be in use; return its result."""
    from tgauth.processes import open_deployment

    async def run() -> T:
        async with open_deployment(settings, as_it_is=True) as deployment:
            return await operation(deployment)

    return to_the_end(run)


def to_the_end(operation: Callable[[], Awaitable[T]]) -> T:
    """Run an operation and return its result, or end with one line that says why not."""
    try:
        return anyio.run(operation)
    except ConfigurationError as error:
        fail(str(error), os.EX_CONFIG)
    except BrokenPipeError:
        # Whoever reads has seen enough. Nothing more is to be written, at the exit neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(NOTHING_DONE)
    except KeyboardInterrupt:
        fail("broken off", BROKEN_OFF)
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, one clear end
        code = EXIT_CODES.get(getattr(error, "code", ""))
        if code is None:
            Log("main").exception("process.failed", error)
            sys.exit(os.EX_SOFTWARE)
        fail(str(error), code)


def confirm(question: str, *, yes: bool) -> None:
    """Ask, unless that was answered in advance; end when the answer is no.

    Args:
        question: What to ask.
        yes: Whether it was answered in advance.
    """
    if yes:
        return
    with breakable("nothing was done (--yes answers in advance)"):
        if click.confirm(question, err=True):
            return
    fail("nothing was done: it was not confirmed (--yes does so in advance)", NOTHING_DONE)


@contextlib.contextmanager
def breakable(outcome: str) -> Iterator[None]:
    """End with a line when somebody breaks off, or when there is nobody who answers.

    Args:
        outcome: What breaking off leaves behind.
    """
    try:
        yield
    except (KeyboardInterrupt, click.Abort) as error:
        click.echo(err=True)  # the cursor stands behind the question
        if isinstance(error.__context__, EOFError):  # click makes one error of both
            fail(f"the input ended before an answer; {outcome}", NOTHING_DONE)
        fail(f"broken off; {outcome}", BROKEN_OFF)
