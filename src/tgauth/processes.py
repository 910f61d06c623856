"""The composition root: settings become objects, one process each.

The only place that knows all rooms; `tgauth.serving` knows which processes there are. What a
process does not need it does not import: the supervisor's own process loads neither Telegram nor
HTTP nor the store, and an API process no Telegram (a test keeps it so; start-up time and memory
depend on it).
"""

import os
import resource
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tgauth.domain.client import Client
from tgauth.domain.code import derive_webhook_secret, hash_of
from tgauth.domain.instants import DAY, SECOND
from tgauth.domain.links import host_of
from tgauth.domain.session import SessionRules
from tgauth.lifetime import alive, signalled, tell_ready
from tgauth.listening import bind, listening
from tgauth.logs import Log
from tgauth.measures import NO_MEASURES, Measures
from tgauth.measuring import measures_of, metrics_listeners, metrics_options
from tgauth.premises import check_place, only_bot
from tgauth.settings import ConfigurationError, Settings
from tgauth.supervisor.child import inherited_sockets, notify, replaces_another

if TYPE_CHECKING:
    from tgauth.api.brand import BrandingUnusable
    from tgauth.api.options import ApiOptions, Branding
    from tgauth.api.places import PlacesUnusable
    from tgauth.bot.options import BotOptions
    from tgauth.flows.deployment import Deployment

_log = Log("supervisor")

#: Seconds for everything to stop; service managers kill at 10 (containers) to 90 (systemd).
STOP_DEADLINE: Final = 9.0
#: What both faces need, and what each of them does: loaded before anything of it begins.
_ROOMS: Final = ("anyio._backends._asyncio", "tgauth.store.master_key", "tgauth.upkeep")
_API_ROOMS: Final = (*_ROOMS, "tgauth.api.process", "tgauth.flows.keyring")
_BOT_ROOMS: Final = (*_ROOMS, "tgauth.bot.process")
BOT_GRACE: Final = 5.0
_TROUBLES: Final = frozenset(
    {
        "child.hung",
        "child.not_ready",
        "child.restarting",
        "supervisor.not_reloaded",
        "supervisor.giving_up",
        "supervisor.killing",
        "supervisor.overslept",
        "supervisor.reload_failed",
    }
)


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


def load_bot() -> None:
    """Load all that a bot process is made of, before anything of it begins."""
    for name in _BOT_ROOMS:
        import_module(name)


async def run_api(settings: Settings) -> int:
    """Run one API process until SIGTERM or SIGINT; return the exit code."""
    from tgauth.api.brand import BrandingUnusable
    from tgauth.api.places import PlacesUnusable
    from tgauth.api.process import run_api as run
    from tgauth.flows.keyring import Keys
    from tgauth.upkeep import kept_up

    _raise_descriptor_limit()
    with signalled() as shutdown, ExitStack() as opened:
        listeners = inherited_sockets()
        if not listeners:
            listeners = (
                opened.enter_context(listening(settings)),
                *metrics_listeners(settings, bind),
            )
        measures = measures_of(settings, "api")
        async with alive(), open_deployment(settings, measures=measures) as deployment:
            keys = Keys(deployment)
            await keys.current()  # a key that cannot be read stops the start
            options = _api_options(settings)
            try:
                async with kept_up(deployment, stop=shutdown.stop):
                    await run(
                        deployment, keys, options, *listeners, ready=tell_ready, shutdown=shutdown
                    )
            except (BrandingUnusable, PlacesUnusable) as error:
                raise unusable(error) from None
    return os.EX_OK


def unusable(error: "BrandingUnusable | PlacesUnusable") -> ConfigurationError:
    """Return what is wrong with the setting whose file cannot be used."""
    from tgauth.api.brand import BrandingUnusable

    if isinstance(error, BrandingUnusable):
        key, expected = f"TGAUTH_BRANDING__{error.part.upper()}", "something that a page can show"
    else:
        key = "TGAUTH_LOGIN__PLACES"
        expected = "a file in MaxMind's format (.mmdb) that tgauth can read"
    return ConfigurationError(key, found=str(error), expected=expected)


def _api_options(settings: Settings) -> "ApiOptions":
    from tgauth.api.options import ApiOptions, WebhookOptions

    telegram = settings.telegram
    return ApiOptions(
        branding=branding_of(settings),
        trusted_proxies=settings.api.trusted_proxies.parsed,
        metrics=metrics_options(settings),
        webhook=WebhookOptions(networks=telegram.webhook_networks.parsed)
        if telegram.mode == "webhook"
        else None,
        link_url=telegram.link_url,
        places=settings.login.places,
    )


def branding_of(settings: Settings) -> "Branding":
    """Return how the pages shall look."""
    from tgauth.api.options import Branding

    branding = settings.branding
    return Branding(
        name=branding.name,
        logo=Path(branding.logo) if branding.logo else None,
        accent=branding.accent,
        privacy_url=branding.privacy_url,
        imprint_url=branding.imprint_url,
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
    from tgauth.bot.options import BotAddress
    from tgauth.bot.process import BotTokenRefused
    from tgauth.bot.process import run_bot as run
    from tgauth.upkeep import kept_up

    address = BotAddress(token=settings.telegram.token.reveal(), api_url=settings.telegram.api_url)
    is_succeeding = replaces_another()
    with signalled() as shutdown:
        measures = measures_of(settings, "bot")
        async with alive(), open_deployment(settings, measures=measures) as deployment:
            try:
                async with kept_up(deployment, stop=shutdown.stop):
                    await run(
                        deployment,
                        address,
                        _bot_options(settings, deployment),
                        turn=only_bot(settings.database.path),
                        ready=tell_ready,
                        tell=notify,
                        shutdown=shutdown,
                        is_succeeding=is_succeeding,
                    )
            except BotTokenRefused:
                raise ConfigurationError(
                    "TGAUTH_TELEGRAM__TOKEN",
                    found="Telegram refuses it",
                    expected="a token that @BotFather has not revoked",
                ) from None
    return os.EX_OK


def _bot_options(settings: Settings, deployment: "Deployment") -> "BotOptions":
    from tgauth.bot.options import BotOptions
    from tgauth.bot.webhook import WebhookAddress

    webhook = None
    if settings.telegram.mode == "webhook":
        webhook = WebhookAddress(
            url=deployment.issuer.webhook_url,
            secret=derive_webhook_secret(deployment.master_key),
        )
    return BotOptions(messages_per_second=settings.telegram.messages_per_second, webhook=webhook)


@asynccontextmanager
async def open_deployment(
    settings: Settings, *, as_it_is: bool = False, measures: Measures = NO_MEASURES
) -> AsyncIterator["Deployment"]:
    """Open the store and gather what every flow is given.

    Args:
        settings: The settings.
        as_it_is: Whether store and key must be there and up to date; otherwise they are made.
        measures: Where it is counted what happens.

    Raises:
        ConfigurationError: The store cannot be where the settings say.
        TgauthError: The store or the master key cannot be used.
    """
    from tgauth.clocks import system_clocks
    from tgauth.flows.deployment import Deployment
    from tgauth.store import Store
    from tgauth.store.master_key import load_master_key

    path = settings.database.path
    check_place(path)
    async with Store.open(path, as_it_is=as_it_is, measures=measures) as store:
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
            approval_lifetime=settings.login.approval_ttl * SECOND,
            browser_logins_per_minute=settings.api.logins_per_minute,
            audit_kept_for=settings.audit.keep_days * DAY,
            now=lambda: time.time_ns() // 1_000_000,
            reading=system_clocks(),
            new_id=lambda: secrets.token_hex(16),
            measures=measures,
        )


def _raise_descriptor_limit() -> None:
    """Allow as many connections as the system does; the usual soft limit of 1,024 is for select."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):  # a sandbox may forbid it: then the usual number has to do
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
