"""`python -m tgauth.sandbox`: a local Telegram, or the sample application, on loopback."""

import argparse
import os
import socket
from collections.abc import Awaitable, Callable
from functools import partial

import anyio

from . import telegram
from .process import bind, die_with_parent, run_until_signalled


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    top = argparse.ArgumentParser(prog="python -m tgauth.sandbox", description=__doc__)
    parts = top.add_subparsers(dest="part", required=True)

    chat = parts.add_parser("telegram", help="the Bot API, a chat page and controls")
    chat.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 is any free one")
    chat.add_argument("--token", required=True, help="the bot's token, any that looks like one")
    chat.add_argument("--username", default="demo_bot", help="the bot's username")
    chat.add_argument("--no-limits", action="store_true", help="lift the flood limits")
    chat.add_argument(
        "--plain-webhooks", action="store_true", help="allow http webhooks on loopback"
    )
    chat.add_argument("--application", default="", help="an application the chat page points at")

    app = parts.add_parser("sample-app", help="an application that logs people in")
    app.add_argument("--port", type=int, default=0, help="on 127.0.0.1; 0 is any free one")
    app.add_argument("--issuer", required=True, help="the identity provider's address")
    app.add_argument("--client-id", default="default", help="what its tokens are addressed to")
    app.add_argument("--chat-url", required=True, help="where people reach the bot")
    app.add_argument(
        "--client-secret",
        default=os.environ.get("SAMPLE_CLIENT_SECRET", ""),
        help="sent along with each code; better in SAMPLE_CLIENT_SECRET, where `ps` shows it not",
    )
    return top


def main() -> None:
    """Run one of the two servers until a signal, or until the parent ends."""
    parent = os.getppid()
    options = parser().parse_args()
    die_with_parent(parent)

    async def serve(
        sock: socket.socket, ready: Callable[[], None], shutdown: Callable[[], Awaitable[None]]
    ) -> None:
        if options.part == "telegram":
            start = partial(
                telegram.serve,
                token=options.token,
                bot_username=options.username,
                limits=not options.no_limits,
                plain_webhooks=options.plain_webhooks,
                application=options.application,
            )
        else:
            from . import sample_app  # noqa: PLC0415 - it alone needs what `[demo]` installs

            start = partial(
                sample_app.serve,
                origin=f"http://127.0.0.1:{sock.getsockname()[1]}",
                issuer=options.issuer,
                client_id=options.client_id,
                chat_url=options.chat_url,
                client_secret=options.client_secret,
            )
        await start(sock, ready=ready, shutdown=shutdown)

    with bind(options.port) as sock:
        anyio.run(run_until_signalled, sock, serve)


if __name__ == "__main__":
    main()
