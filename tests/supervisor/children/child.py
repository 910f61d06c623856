"""A small real child; its flags say how it behaves. What it says goes to stdout as JSON lines."""

import argparse
import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tgauth.supervisor.child import (
    Notifier,
    attach,
    inherited_sockets,
    replaces_another,
    watchdog,
)
from tgauth.supervisor.spare import stand_by

NOBODY = 65534


def say(**fields: object) -> None:
    """Write one line in one write, so that lines of several processes never mix."""
    os.write(1, (json.dumps({"event": "said", "by": os.getpid(), **fields}) + "\n").encode())


def leave(*_: object) -> None:
    """End in order, as a good child does on SIGTERM."""
    say(what="stopped")
    Notifier.from_environment().stopping()
    sys.exit(0)


def mark(*_: object) -> None:
    """Send a status on SIGUSR1: all that came before it has then been read."""
    Notifier.from_environment().status("mark")


def parsed() -> argparse.Namespace:
    """Return what the flags say."""
    flags = argparse.ArgumentParser()
    flags.add_argument("--unready", action="store_true")
    flags.add_argument("--deaf", action="store_true")
    flags.add_argument("--exit", type=int)
    flags.add_argument("--signal", type=int)
    flags.add_argument("--grandchild", action="store_true")
    flags.add_argument("--orphan", action="store_true")
    flags.add_argument("--environment", action="store_true")
    flags.add_argument("--as-nobody", action="store_true")
    flags.add_argument("--twice", action="store_true")
    flags.add_argument("--serve", action="store_true")
    flags.add_argument("--loop", action="store_true")
    flags.add_argument("--misled-by", type=Path)
    flags.add_argument("--slow", type=float, default=0)
    flags.add_argument("--spare", action="store_true")
    return flags.parse_args()


def main() -> None:
    """Behave as the flags say."""
    chosen = parsed()
    signal.signal(signal.SIGTERM, signal.SIG_IGN if chosen.deaf else leave)
    signal.signal(signal.SIGUSR1, mark)
    if chosen.environment:
        say(what="environment", environment=dict(os.environ))
    if chosen.as_nobody:
        speak_as_nobody()  # before attach(), which a change of user undoes
    attach()
    time.sleep(chosen.slow)
    if chosen.spare:
        say(what="loaded")
        stand_by()
        say(what="works", instead=replaces_another())
    if chosen.exit is not None:
        sys.exit(chosen.exit)
    if chosen.signal is not None:
        os.kill(os.getpid(), chosen.signal)
    if chosen.misled_by is not None and chosen.misled_by.exists():
        sys.exit(os.EX_CONFIG)
    leave_descendants(chosen)
    report(chosen)
    if chosen.serve:
        serve()
    if chosen.loop:
        asyncio.run(loop())
    while True:
        signal.pause()


def leave_descendants(chosen: argparse.Namespace) -> None:
    """Start what a child may leave behind."""
    if chosen.grandchild:
        say(what="grandchild", pid=subprocess.Popen(("sleep", "60")).pid)  # noqa: S607 - any sleep
    if chosen.orphan and os.fork() == 0:
        # The orphan outlives its parent for a moment, then waits to be collected.
        if os.fork() == 0:
            say(what="orphan", pid=os.getpid())
            time.sleep(0.05)
        os._exit(0)


def report(chosen: argparse.Namespace) -> None:
    """Tell the supervisor what the flags allow."""
    notifier = Notifier.from_environment()
    if not chosen.unready and not chosen.as_nobody:
        notifier.ready()
    if chosen.twice:
        notifier.notify(READY="1", X_UNKNOWN="1", STOPPING="0")
        notifier.status("mark")


def speak_as_nobody() -> None:
    """Claim readiness under another user's id, then send a mark under our own."""
    # unix(7), SCM_CREDENTIALS: what the kernel adds by itself is the real user id.
    os.setresuid(NOBODY, 0, 0)
    Notifier.from_environment().ready()
    os.setresuid(0, 0, 0)
    mark()


async def loop() -> None:
    """Give signs of life from an event loop, which SIGUSR2 blocks for good."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGUSR2, block)
    await watchdog()


def block() -> None:
    """Do what no event loop should."""
    time.sleep(3600)


def serve() -> None:
    """Answer each connection with our pid."""
    (listener,) = inherited_sockets()
    while True:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(str(os.getpid()).encode())


if __name__ == "__main__":
    main()
