"""Leaves a process too little memory to start with, for as long as the file STARVE is there.

STARVE is the file's path, a colon, and which process: put this folder on PYTHONPATH. The supervisor
has all the memory that it wants.
"""

import os
import resource
import sys

if "STARVE" in os.environ:
    mark, _, name = os.environ["STARVE"].rpartition(":")
    if sys.orig_argv[-2:] == ["run", name] and os.path.exists(mark):  # noqa: PTH110 - nothing may be imported yet
        resource.setrlimit(resource.RLIMIT_AS, (24 << 20, resource.RLIM_INFINITY))
