"""A warm spare: a copy of a process that has everything loaded, and waits to take its place.

Most of a start is imports. A copy made by fork(2) when they are done, and nothing else has begun,
shares their memory and serves at once. It waits on a channel that only the supervisor and its own
family have: the supervisor says when to take over, and when the channel ends, because the copy is
not wanted any more or the supervisor is gone, so does the copy. Standard library only.
"""

import gc
import os
import socket

from tgauth.supervisor.child import SUPERVISED_INSTEAD, die_with

SUPERVISED_SPARE = "SUPERVISED_SPARE"
"""Environment variable: the number of the channel to the supervisor, where a spare is wanted."""
HERE = b"here"
"""What a spare says when it waits."""
GO = b"go"
"""What it is told when it shall take over."""


def stand_by() -> None:
    """Leave a spare behind, where one is wanted, and return in whoever is to work.

    That is this process now, and its spare when the time has come, which first leaves a spare of
    its own. Call it after `attach`, when all is imported and nothing has begun: a copy has no
    threads, and would share open files. Without a supervisor that asks for it, it does nothing.
    """
    number = os.environ.pop(SUPERVISED_SPARE, None)
    if number is None:
        return
    supervisor = os.getppid()
    with socket.socket(fileno=int(number)) as channel:
        channel.set_inheritable(False)
        # A collection would write to every page that it looks at, and so end the sharing.
        gc.freeze()
        while _is_copy():
            os.setsid()  # what ends the original and its group must not end this one
            _wait(channel)
            die_with(supervisor)
            os.environ.pop(SUPERVISED_INSTEAD, None)  # that was the original's to do


def _is_copy() -> bool:
    try:
        return os.fork() == 0
    except OSError:
        return False  # no room for a spare is no reason not to work


def _wait(channel: socket.socket) -> None:
    try:
        channel.send(HERE)
        told = channel.recv(len(GO))
    except OSError:
        told = b""
    if told != GO:
        os._exit(os.EX_OK)  # nothing has begun that would have to be ended
