"""The composition root: settings become objects, and a list of processes.

The only place that knows all rooms. What a process does not need it does not import: the
supervisor's own process loads neither Telegram nor HTTP nor the store, and an API process no
Telegram (a test keeps it so; start-up time and memory depend on it).
"""

import asyncio
import os
import resource
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tgauth.domain.client import Client
from tgauth.domain.instants import SECOND
from tgauth.logs import Log
from tgauth.settings import ConfigurationError, Settings
from tgauth.supervisor import Child, ListenError, listen, supervise
from tgauth.supervisor.child import Notifier, inherited_sockets

if TYPE_CHECKING:
    from tgauth.flows.deployment import Deployment

_log = Log("supervisor")

#: Seconds for everything to stop; service managers kill at 10 (containers) to 90 (systemd).
STOP_DEADLINE: Final = 9.0
_API_GRACE: Final = 7.0
_BOT_GRACE: Final = 5.0
_TROUBLES: Final = frozenset(
    {"child.not_ready", "child.restarting", "supervisor.giving_up", "supervisor.killing"}
)


async def serve(settings: Settings) -> int:
    """Run the supervisor with its API and bot processes; return the exit code.

    Raises:
        ConfigurationError: The address cannot be listened on.
    """
    with _listening(settings) as listener:
        return await supervise(
            children_of(settings, listener), report=_report, deadline=STOP_DEADLINE
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
        )
        for name in names
    ]
    return [*apis, Child(name="bot", argv=command("run", "bot"), grace=_BOT_GRACE)]


def command(*arguments: str) -> tuple[str, ...]:
    """Return the command line that runs this very tgauth with other arguments."""
    # `-X dev` and warnings are for the whole, not for its first process only.
    options = [f"-W{option}" for option in sys.warnoptions]
    if sys.flags.dev_mode:
        options += ["-X", "dev"]
    return (sys.executable, *options, "-m", "tgauth", *arguments)


async def run_api(settings: Settings) -> int:
    """Run one API process until SIGTERM or SIGINT; return the exit code."""
    from tgauth.api.process import run_api as run
    from tgauth.flows.open_keyring import open_keyring

    _raise_descriptor_limit()
    with _signalled() as shutdown:
        handed_down = inherited_sockets()
        listener = handed_down[0] if handed_down else _listening(settings)
        async with _deployment(settings) as deployment:
            keyring = await open_keyring(deployment)
            await run(deployment, keyring, listener, ready=_tell_ready, shutdown=shutdown)
    return os.EX_OK


async def run_bot(settings: Settings) -> int:
    """Run one bot process until SIGTERM or SIGINT; return the exit code.

    Raises:
        ConfigurationError: Telegram refuses the token.
    """
    from tgauth.bot.process import BotAddress, TokenRefused
    from tgauth.bot.process import run_bot as run

    address = BotAddress(token=settings.telegram.token.reveal(), api_url=settings.telegram.api_url)
    with _signalled() as shutdown:
        async with _deployment(settings) as deployment:
            try:
                await run(deployment, address, ready=_tell_ready, shutdown=shutdown)
            except TokenRefused:
                raise ConfigurationError(
                    "TGAUTH_TELEGRAM__TOKEN",
                    found="Telegram refuses it",
                    expected="a token that @BotFather has not revoked",
                ) from None
    return os.EX_OK


async def demo(port: int, directory: str, announce: Callable[[str], None]) -> int:
    """Run everything against the local sandbox: a Telegram, a sample application, and tgauth.

    Args:
        port: The first of three ports on 127.0.0.1; 0 for any free ones.
        directory: Where the store is kept.
        announce: Called with the address to open, once everything is ready.

    Raises:
        ConfigurationError: A port cannot be listened on.
    """
    for key in [key for key in os.environ if key.startswith("TGAUTH_")]:
        del os.environ[key]  # a real installation's settings have no business in the demo
    with (
        _listen("127.0.0.1", port, "--port") as issuer_socket,
        _listen("127.0.0.1", port and port + 1, "--port") as chat_socket,
        _listen("127.0.0.1", port and port + 2, "--port") as application_socket,
    ):
        origins = _DemoOrigins(
            issuer=_origin(issuer_socket),
            chat=_origin(chat_socket),
            application=_origin(application_socket),
        )
        environment = origins.environment(directory, token=f"1000:{secrets.token_urlsafe(24)}")
        return await supervise(
            [
                Child(
                    name=name,
                    argv=command("run", name),
                    environment=environment,
                    file_descriptors=tuple(one.fileno() for one in sockets),
                    grace=_BOT_GRACE,
                )
                for name, sockets in (
                    ("demo-telegram", [chat_socket]),
                    ("demo-application", [application_socket]),
                    ("api", [issuer_socket]),
                    ("bot", []),
                )
            ],
            report=_report,
            deadline=STOP_DEADLINE,
            on_ready=lambda: announce(origins.chat),
        )


async def run_demo_telegram() -> int:
    """Run the sandbox's Telegram as a child of the demo."""
    from tgauth.sandbox.telegram import serve as run

    with _signalled() as shutdown:
        await run(
            inherited_sockets()[0],
            token=os.environ["TGAUTH_TELEGRAM__TOKEN"],
            bot_username="tgauth_demo_bot",
            ready=_tell_ready,
            shutdown=shutdown,
        )
    return os.EX_OK


async def run_demo_application() -> int:
    """Run the sandbox's sample application as a child of the demo."""
    from tgauth.sandbox.sample_app import serve as run

    with _signalled() as shutdown:
        await run(
            inherited_sockets()[0],
            origin=os.environ["DEMO_APPLICATION"],
            issuer=os.environ["TGAUTH_ISSUER"],
            client_id=os.environ["TGAUTH_LOGIN__CLIENT_ID"],
            chat_url=os.environ["TGAUTH_TELEGRAM__API_URL"],
            ready=_tell_ready,
            shutdown=shutdown,
        )
    return os.EX_OK


@dataclass(frozen=True, slots=True, kw_only=True)
class _DemoOrigins:
    issuer: str
    chat: str
    application: str

    def environment(self, directory: str, *, token: str) -> dict[str, str]:
        return {
            "TGAUTH_ISSUER": self.issuer,
            "TGAUTH_TELEGRAM__TOKEN": token,
            "TGAUTH_TELEGRAM__API_URL": self.chat,
            "TGAUTH_DATABASE__PATH": f"{directory}/tgauth.db",
            "TGAUTH_LOGIN__ALLOW": "everyone",
            "TGAUTH_LOGIN__CALLBACK_URL": f"{self.application}/callback",
            "TGAUTH_LOGIN__CLIENT_ID": "sample-application",
            "DEMO_APPLICATION": self.application,
        }


@asynccontextmanager
async def _deployment(settings: Settings) -> AsyncIterator["Deployment"]:
    """Open the store and gather what every flow is given."""
    from tgauth.flows.deployment import Deployment
    from tgauth.store import Store
    from tgauth.store.master_key import load_master_key

    path = settings.database.path
    if not path.parent.is_dir():
        raise ConfigurationError(
            "TGAUTH_DATABASE__PATH",
            found=f"the folder {path.parent} does not exist",
            expected="a path in an existing folder",
        )
    async with Store.open(path) as store:
        master_key = await load_master_key(
            store, settings.master_key_path, may_create=settings.secret_file is None
        )
        yield Deployment(
            store=store,
            master_key=master_key,
            issuer=settings.issuer.parsed,
            client=Client(
                id=settings.login.client_id,
                callback_url=settings.login.callback_url,
                code_lifetime=settings.login.code_ttl * SECOND,
                token_lifetime=settings.login.token_ttl,
            ),
            allow=settings.login.allow.parsed,
            now=lambda: time.time_ns() // 1_000_000,
            new_id=lambda: secrets.token_hex(16),
        )


def _listening(settings: Settings) -> socket.socket:
    return _listen(settings.api.host, settings.api.port, "TGAUTH_API__HOST and TGAUTH_API__PORT")


def _listen(host: str, port: int, key: str) -> socket.socket:
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


def _origin(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"


def _tell_ready() -> None:
    Notifier.from_environment().ready()


@contextmanager
def _signalled() -> Iterator[Callable[[], Awaitable[None]]]:
    """Turn SIGTERM and SIGINT into something to wait for."""
    loop = asyncio.get_running_loop()
    asked = asyncio.Event()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, asked.set)

    async def wait() -> None:
        await asked.wait()

    try:
        yield wait
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _report(event: str, /, **fields: object) -> None:
    shown = {name: _rounded(value) for name, value in fields.items()}
    if event in _TROUBLES:
        _log.warning(event, **shown)
    else:
        _log.info(event, **shown)


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value
