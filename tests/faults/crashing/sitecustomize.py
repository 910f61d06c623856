"""Kills a process at a named point, once: put this folder on PYTHONPATH and set CRASH_AT.

CRASH_AT is `before MODULE FUNCTION` or `after MODULE FUNCTION`; CRASH_MARK is a file that is made
at the crash, so that the process which is started instead goes on. The code under test knows
nothing of it: the function is wrapped when its module is imported, before anybody takes it from
there.
"""

import functools
import importlib.abc
import importlib.machinery
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from types import ModuleType
from typing import Any


class _Crashing(importlib.abc.Loader):
    def __init__(self, inner: importlib.abc.Loader, moment: str, function: str) -> None:
        self._inner = inner
        self._moment = moment
        self._function = function

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        wrapped = _wrap(getattr(module, self._function), self._moment)
        setattr(module, self._function, wrapped)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, moment: str, module: str, function: str) -> None:
        self._moment = moment
        self._module = module
        self._function = function

    def find_spec(
        self, fullname: str, path: Any, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._module:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Crashing(spec.loader, self._moment, self._function)
        return spec


def _wrap(function: Callable[..., Awaitable[Any]], moment: str) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(function)
    async def crashing(*args: Any, **options: Any) -> Any:
        if moment == "before":
            _crash()
        result = await function(*args, **options)
        if moment == "after":
            _crash()
        return result

    return crashing


def _crash() -> None:
    try:
        os.close(os.open(os.environ["CRASH_MARK"], os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


if "CRASH_AT" in os.environ:
    sys.meta_path.insert(0, _Finder(*os.environ["CRASH_AT"].split()))
