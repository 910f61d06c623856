"""The duty of PID 1, and of any subreaper: collect the orphans that end up here.

Without it they stay zombies. See init's part in wait(2), "NOTES", and prctl(2),
PR_SET_CHILD_SUBREAPER.
"""

import ctypes
import os
from collections.abc import Collection

_PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
_PR_GET_CHILD_SUBREAPER = 37


def inherit_orphans() -> bool:
    """Let orphans among our descendants become our children; return whether they do."""
    libc = ctypes.CDLL(None)
    return bool(libc.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0)


def inherits_orphans() -> bool:
    """Tell whether orphans become children of this process."""
    if os.getpid() == 1:
        return True
    subreaper = ctypes.c_int()
    libc = ctypes.CDLL(None)
    return libc.prctl(_PR_GET_CHILD_SUBREAPER, ctypes.byref(subreaper), 0, 0, 0) == 0 and bool(
        subreaper.value
    )


def reap_orphans(ours: Collection[int]) -> None:
    """Collect ended processes, up to the first of `ours`, whose status asyncio will collect.

    It peeks first (WNOWAIT): a bare waitpid(-1) would steal the exit status of our own children.
    """
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None or ended.si_pid in ours:
            return
        os.waitpid(ended.si_pid, os.WNOHANG)
