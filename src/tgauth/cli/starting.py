"""The processes of an installation, started without what only the other commands need."""

import gc
import os
import sys
from collections.abc import Callable
from typing import Final, NoReturn

from tgauth.cli.running import attach, prepare, run


def serve() -> NoReturn:
    """Run everything."""
    reading = prepare("supervisor")
    from tgauth import serving

    _loaded()
    settings = reading.settings
    run(lambda: serving.serve(settings), reading)


def run_api() -> NoReturn:
    """Run one API process."""
    is_supervised = attach()
    from tgauth import processes
    from tgauth.supervisor import stand_by

    processes.load_api()
    stand_by()
    _loaded()
    reading = prepare("api", is_supervised=is_supervised)
    settings = reading.settings
    run(lambda: processes.run_api(settings), reading)


def run_bot() -> NoReturn:
    """Run the bot."""
    reading = prepare("bot", is_supervised=attach())
    from tgauth import processes

    processes.load_bot()
    _loaded()
    settings = reading.settings
    run(lambda: processes.run_bot(settings), reading)


def _loaded() -> None:
    """Collect garbage from now on, and never look for it in what stays for good."""
    gc.freeze()
    gc.enable()


_PROCESSES: Final[dict[tuple[str, ...], Callable[[], NoReturn]]] = {
    ("serve",): serve,
    ("run", "api"): run_api,
    ("run", "bot"): run_bot,
}


def start_if_process(arguments: tuple[str, ...]) -> None:
    """Run the process that a whole command line asks for, and end with it; else do nothing.

    Args:
        arguments: What stands behind the command's name.
    """
    process = _PROCESSES.get(arguments)
    if process is None:
        return
    # What is being loaded is no garbage, and to look for some in it takes an eighth of a start.
    gc.disable()
    try:
        process()
    except KeyboardInterrupt:
        # Before the process has its own way to heed it: an order to stop, all the same.
        sys.exit(os.EX_OK)
