"""The demo: everything on this machine, against the sandbox's Telegram and sample application."""

import os
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from tgauth.lifetime import signalled, tell_ready
from tgauth.listening import bind
from tgauth.processes import BOT_GRACE, STOP_DEADLINE, command, report
from tgauth.supervisor import Child, supervise
from tgauth.supervisor.child import inherited_sockets

#: What the operator chose the ports by, and the way out.
_PORT_KEY: Final = "--port (0 takes any free ones)"


async def serve_demo(port: int, directory: str, announce: Callable[[str, str], None]) -> int:
    """Run everything against the local sandbox: a Telegram, a sample application, and tgauth.

    Args:
        port: The first of three ports on 127.0.0.1; 0 for any free ones.
        directory: Where the store is kept.
        announce: Called with the addresses of the two doors, the chat and the application, once
            everything is ready.

    Raises:
        ConfigurationError: A port cannot be listened on.
    """
    for key in [key for key in os.environ if key.startswith("TGAUTH_")]:
        del os.environ[key]  # a real installation's settings have no business in the demo
    with (
        bind("127.0.0.1", port, _PORT_KEY) as issuer_socket,
        bind("127.0.0.1", port and port + 1, _PORT_KEY) as chat_socket,
        bind("127.0.0.1", port and port + 2, _PORT_KEY) as application_socket,
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
                    grace=BOT_GRACE,
                )
                for name, sockets in (
                    ("demo-telegram", [chat_socket]),
                    ("demo-application", [application_socket]),
                    ("api", [issuer_socket]),
                    ("bot", []),
                )
            ],
            report=report,
            deadline=STOP_DEADLINE,
            on_ready=lambda: announce(origins.chat, origins.application),
        )


async def run_demo_telegram() -> int:
    """Run the sandbox's Telegram as a child of the demo."""
    from tgauth.sandbox.telegram import serve as run

    with signalled() as shutdown:
        await run(
            inherited_sockets()[0],
            token=os.environ["TGAUTH_TELEGRAM__TOKEN"],
            bot_username="tgauth_demo_bot",
            application=os.environ["DEMO_APPLICATION"],
            ready=tell_ready,
            shutdown=shutdown,
        )
    return os.EX_OK


async def run_demo_application() -> int:
    """Run the sandbox's sample application as a child of the demo."""
    from tgauth.sandbox.sample_app import serve as run

    with signalled() as shutdown:
        await run(
            inherited_sockets()[0],
            origin=os.environ["DEMO_APPLICATION"],
            issuer=os.environ["TGAUTH_ISSUER"],
            client_id=os.environ["TGAUTH_LOGIN__CLIENT_ID"],
            chat_url=os.environ["TGAUTH_TELEGRAM__API_URL"],
            ready=tell_ready,
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
            # Neither has its tgauth.toml.
            "TGAUTH_CONFIG_FILE": os.devnull,
            "TGAUTH_ISSUER": self.issuer,
            "TGAUTH_TELEGRAM__TOKEN": token,
            "TGAUTH_TELEGRAM__API_URL": self.chat,
            # The login page's links open the sandbox's chat instead of t.me.
            "TGAUTH_TELEGRAM__LINK_URL": self.chat,
            "TGAUTH_DATABASE__PATH": f"{directory}/tgauth.db",
            "TGAUTH_LOGIN__ALLOW": "everyone",
            "TGAUTH_LOGIN__CALLBACK_URL": f"{self.application}/callback",
            "TGAUTH_LOGIN__CLIENT_ID": "sample-application",
            "TGAUTH_LOGIN__APPLICATION_NAME": "Sample application",
            # Whoever tries it out asks more often than whoever logs in.
            "TGAUTH_LOGIN__REQUESTS_PER_MINUTE": "60",
            "DEMO_APPLICATION": self.application,
        }


def _origin(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{host}:{port}"
