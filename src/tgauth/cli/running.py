"""What the commands share: settings and logs made ready, a process run, a clear end."""

import os
import re
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import Final, NoReturn

import anyio

from tgauth.logs import Log, configure, is_json
from tgauth.premises import is_root_at_large
from tgauth.settings import ConfigurationError, Reading, Settings, read_settings

#: Mistakes that no restart can cure, by their codes: a process need not load the rooms they are of.
CONFIGURATION_CODES: Final = frozenset(
    {"master_key_unusable", "signing_key_unreadable", "dangling_reference", "schema_too_new"}
)
#: Other ends that are nobody's fault in tgauth, by their codes.
_EXIT_CODES: Final = {"already_served": os.EX_TEMPFAIL}

_UMASK: Final = 0o077
_VARIABLE: Final = re.compile(r"TGAUTH_\w+")
_log: Final = Log("settings")
_end_log: Final = Log("main")


def attach() -> bool:
    """Die with the supervisor, where there is one: first thing, before anything slow.

    Returns:
        Whether there is one.
    """
    from tgauth.supervisor.child import SUPERVISED_BY, attach

    is_supervised = SUPERVISED_BY in os.environ
    attach()
    return is_supervised


def prepare(process: str, *, is_supervised: bool = False) -> Reading:
    """Read the settings and configure the logs, or end the process.

    Args:
        process: The name that stands before each line of the log.
        is_supervised: Whether the supervisor has told already what there is to tell.
    """
    reading = read_settings(os.environ)
    # Already now: what is wrong is told in the form that was asked for, where that can be known.
    configure(process, as_json=reading.value_of("log.format") == "json")
    settings = settings_of(reading)
    configure(
        process,
        level=settings.log.level,
        as_json=settings.log.format == "json",
        secrets=secrets_of(settings),
    )
    # What is made beside the store is nobody else's business, whatever the shell's umask was.
    os.umask(_UMASK)
    if not is_supervised and is_root_at_large(os.environ):
        advice = "give tgauth an account of its own, as deploy/tgauth.service does"
        _log.warning("process.is_root", advice=advice)
    if reading.file is not None and not is_supervised:
        _log.info("settings.read", file=reading.file)
        if reading.is_exposed:
            advice = f"chmod 600 {reading.file}"
            _log.warning("settings.readable_by_others", file=reading.file, advice=advice)
    return reading


def settings_of(reading: Reading) -> Settings:
    """Return the settings, or end the process with what is wrong about them."""
    try:
        return reading.settings
    except ConfigurationError as error:
        _fail_over(error, hint=reading.hint)


def secrets_of(settings: Settings) -> list[str]:
    """Return what no log may show."""
    secrets = [settings.telegram.token, settings.login.client_secret, settings.metrics.token]
    return [secret.reveal() for secret in secrets if secret is not None]


def run(process: Callable[[], Awaitable[int]], reading: Reading | None = None) -> NoReturn:
    """Run a process to its end, and end this one with its exit code.

    Args:
        process: The process.
        reading: Tells where the settings stand that it may complain of.
    """
    places = reading.places() if reading is not None else {}
    try:
        code = anyio.run(process)
    except ConfigurationError as error:
        _fail_over(error, places)
    except Exception as error:  # noqa: BLE001 - the last door: whatever it is, one clear end
        kind = getattr(error, "code", None)
        if kind in CONFIGURATION_CODES:
            fail(_placed(str(error), places), os.EX_CONFIG)
        if kind == "store_unavailable":
            code = os.EX_TEMPFAIL if getattr(error, "may_pass", False) else os.EX_IOERR
            fail(_placed(f"TGAUTH_DATABASE__PATH: {error}", places), code)
        if kind in _EXIT_CODES:
            fail(str(error), _EXIT_CODES[kind])
        _end_log.exception("process.failed", error)
        sys.exit(os.EX_SOFTWARE)
    sys.exit(code)


def fail(message: str, code: int, **fields: object) -> NoReturn:
    """Say what is wrong on stderr, where logs go as well, and end.

    Args:
        message: What is wrong; a line each.
        code: The exit code.
        **fields: What a JSON log tells of it beyond that.
    """
    if is_json():
        _end_log.error("process.refused", reason=message, code=code, **fields)
    else:
        for line in message.splitlines():
            # Without click, which a process need not load.
            print(f"tgauth: {line}", file=sys.stderr, flush=True)  # noqa: T201 - see above
    sys.exit(code)


def _fail_over(
    error: ConfigurationError, places: Mapping[str, str] | None = None, *, hint: str | None = None
) -> NoReturn:
    places = places or {}
    mistakes = [
        {name: _placed(text, places) for name, text in asdict(one).items()}
        for one in error.mistakes
    ]
    told = _placed(str(error), places)
    fail(f"{told}\n{hint}" if hint else told, os.EX_CONFIG, mistakes=mistakes)


def _placed(message: str, places: Mapping[str, str]) -> str:
    """Name settings as the operator did: by their place in the file, where they stand there."""
    return _VARIABLE.sub(lambda match: places.get(match[0], match[0]), message)
