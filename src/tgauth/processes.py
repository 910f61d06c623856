"""The composition root: settings become objects, and a list of processes.

The only place that knows all rooms. What a process does not need it does not import: the
supervisor's own process loads neither Telegram nor HTTP nor the store, and an API process no
Telegram (a test keeps it so; start-up time and memory depend on it).
"""

import asyncio
import os
import resource
import secrets
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tgauth.domain.client import Client
from tgauth.domain.code import hash_of
from tgauth.domain.instants import SECOND
from tgauth.domain.links import host_of
from tgauth.domain.session import SessionRules
from tgauth.lifetime import alive, signalled, tell_ready, tell_status
from tgauth.logs import Log
from tgauth.premises import alone, check_place, needs_migration
from tgauth.settings import ConfigurationError, Settings
from tgauth.supervisor import Child, ListenError, listen, supervise
from tgauth.supervisor.child import inherited_sockets

if TYPE_CHECKING:
    from tgauth.api.options import ApiOptions
    from tgauth.flows.deployment import Deployment

_log = Log("supervisor")

#: Seconds for everything to stop; service managers kill at 10 (containers) to 90 (systemd).
STOP_DEADLINE: Final = 9.0
_API_GRACE: Final = 7.0
#: What a spare of an API process has loaded before it is needed.
_API_ROOMS: Final = (
    "anyio._backends._asyncio",
    "tgauth.api.process",
    "tgauth.flows.keyring",
    "tgauth.store.master_key",
)
BOT_GRACE: Final = 5.0
#: Seconds without a sign of life from its event loop after which a process is replaced. The longest
#: that one of ours was ever seen to block on a crowded machine is far below.
WATCHDOG: Final = 10.0
_TROUBLES: Final = frozenset(
    {
        "child.hung",
        "child.not_ready",
        "child.restarting",
        "supervisor.giving_up",
        "supervisor.killing",
        "supervisor.overslept",
    }
)


async def serve(settings: Settings) -> int:
    """Run the supervisor with its API and bot processes; return the exit code.

    Raises:
        AlreadyServed: Another one does.
        ConfigurationError: The address cannot be listened on, or the database cannot be there.
        StoreUnavailable: Its folder cannot be written.
    """
    path = settings.database.path
    with alone(path), _listening(settings) as listener:
        if needs_migration(path):
            # Once, and for as long as it takes: a child has only so long to become ready.
            _log.info("store.migrating", path=path)
            process = await asyncio.create_subprocess_exec(*command("db", "migrate"))
            if code := await process.wait():
                return code
        return await supervise(
            children_of(settings, listener), report=report, deadline=STOP_DEADLINE
        )


def children_of(settings: Settings, listener: socket.socket) -> list[Child]:
    """Return the processes of one installation, in the order of their start."""
    workers = settings.api.workers
    names = ["api"] if workers == 1 else [f"api-{number}" for number in range(1, workers + 1)]
    apis = [
        Child(
            name=name,
            argv=command("run", "api"),
            file_descriptors=(listener.fileno(),),
            grace=_API_GRACE,
            watchdog=WATCHDOG,
            spare=True,
        )
        for name in names
    ]
    bot = Child(name="bot", argv=command("run", "bot"), grace=BOT_GRACE, watchdog=WATCHDOG)
    return [*apis, bot]


def command(*arguments: str) -> tuple[str, ...]:
    """Return the command line that runs this very tgauth with other arguments."""
    # `-X dev` and warnings are for the whole, not for its first process only.
    # `-P`, because `-m` would look for modules in the current folder first.
    options = ["-P", *(f"-W{option}" for option in sys.warnoptions)]
    if sys.flags.dev_mode:
        options += ["-X", "dev"]
    return (sys.executable, *options, "-m", "tgauth", *arguments)


def load_api() -> None:
    """Load all that an API process is made of, before anything of it begins."""
    for name in _API_ROOMS:
        import_module(name)
    from tgauth.api.loading import load

    load()


async def run_api(settings: Settings) -> int:
    """Run one API process until SIGTERM or SIGINT; return the exit code."""
    from tgauth.api.brand import BrandingUnusable
    from tgauth.api.process import run_api as run
    from tgauth.flows.keyring import Keys

    _raise_descriptor_limit()
    with signalled() as shutdown:
        handed_down = inherited_sockets()
        listener = handed_down[0] if handed_down else _listening(settings)
        async with alive(), open_deployment(settings) as deployment:
            keys = Keys(deployment)
            await keys.current()  # a key that cannot be read stops the start
            try:
                await run(
                    deployment,
                    keys,
                    _api_options(settings),
                    listener,
                    ready=tell_ready,
                    shutdown=shutdown,
                )
            except BrandingUnusable as error:
                raise ConfigurationError(
                    f"TGAUTH_BRANDING__{error.part.upper()}",
                    found=str(error),
                    expected="something that a page can show",
                ) from None
    return os.EX_OK


def _api_options(settings: Settings) -> "ApiOptions":
    from tgauth.api.options import ApiOptions, Branding

    branding = settings.branding
    return ApiOptions(
        branding=Branding(
            name=branding.name,
            logo=Path(branding.logo) if branding.logo else None,
            accent=branding.accent,
            privacy_url=branding.privacy_url,
            imprint_url=branding.imprint_url,
        ),
        trusted_proxies=settings.api.trusted_proxies.parsed,
    )


def _client(settings: Settings) -> Client:
    login = settings.login
    secret = login.client_secret
    return Client(
        id=login.client_id,
        # Whoever has named nothing yet reads an address rather than "default".
        name=host_of(settings.issuer)
        if login.application_name == "default"
        else login.application_name,
        callback_url=login.callback_url,
        secret_hash=hash_of(secret.reveal()) if secret else None,
        code_lifetime=login.code_ttl * SECOND,
        token_lifetime=login.token_ttl,
    )


async def run_bot(settings: Settings) -> int:
    """Run one bot process until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigurationError: Telegram refuses the token.
    """
    from tgauth.bot.process import BotAddress, TokenRefused
    from tgauth.bot.process import run_bot as run

    address = BotAddress(token=settings.telegram.token.reveal(), api_url=settings.telegram.api_url)
    with signalled() as shutdown:
        async with alive(), open_deployment(settings) as deployment:
            try:
                await run(
                    deployment, address, ready=tell_ready, tell=tell_status, shutdown=shutdown
                )
            except TokenRefused:
                raise ConfigurationError(
                    "TGAUTH_TELEGRAM__TOKEN",
                    found="Telegram refuses it",
                    expected="a token that @BotFather has not revoked",
                ) from None
    return os.EX_OK


@asynccontextmanager
async def open_deployment(
    settings: Settings, *, as_it_is: bool = False
) -> AsyncIterator["Deployment"]:
    """Open the store and gather what every flow is given.

    Args:
        settings: The settings.
        as_it_is: Whether store and key must be there and up to date; otherwise they are made.

    Raises:
        ConfigurationError: The store cannot be where the settings say.
        TgauthError: The store or the master key cannot be used.
    """
    from tgauth.flows.deployment import Deployment
    from tgauth.store import Store
    from tgauth.store.master_key import load_master_key

    path = settings.database.path
    check_place(path)
    async with Store.open(path, as_it_is=as_it_is) as store:
        may_create = settings.secret_file is None and not as_it_is
        master_key = await load_master_key(store, settings.master_key_path, may_create=may_create)
        yield Deployment(
            store=store,
            master_key=master_key,
            issuer=settings.issuer.parsed,
            client=_client(settings),
            allow=settings.login.allow.parsed,
            sessions=SessionRules(
                lifetime=settings.session.ttl * SECOND,
                idle_lifetime=settings.session.idle_ttl * SECOND,
            ),
            logins_per_minute=settings.login.requests_per_minute,
            failures_per_minute=settings.api.failures_per_minute,
            now=lambda: time.time_ns() // 1_000_000,
            new_id=lambda: secrets.token_hex(16),
        )


def _listening(settings: Settings) -> socket.socket:
    return bind(settings.api.host, settings.api.port, "TGAUTH_API__HOST and TGAUTH_API__PORT")


def bind(host: str, port: int, key: str) -> socket.socket:
    """Listen on an address.

    Args:
        host: The address.
        port: The port.
        key: What the operator chose them by.

    Raises:
        ConfigurationError: It cannot be listened on.
    """
    try:
        return listen(host, port)
    except ListenError as error:
        raise ConfigurationError(
            key, found=str(error), expected="an address that is free and ours"
        ) from error


def _raise_descriptor_limit() -> None:
    """Allow as many connections as the system does; the usual soft limit of 1,024 is for select."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def report(event: str, /, **fields: object) -> None:
    """Log what the supervisor tells."""
    shown = {name: _rounded(value) for name, value in fields.items()}
    if event == "child.status":
        _log.debug(event, **shown)
    elif event in _TROUBLES:
        _log.warning(event, **shown)
    else:
        _log.info(event, **shown)


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
