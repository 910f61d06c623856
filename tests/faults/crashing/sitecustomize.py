"""Kills a process at named points, each once: put this folder on PYTHONPATH and set CRASHES.

CRASHES is a line for each point: `before|after MODULE FUNCTION CALLS MARK`. The process is killed
after so many calls of the function, and MARK is a file that is made then, so that the process
which is started instead goes on. The code under test knows nothing of it: the function is wrapped
when its module is imported, before anybody takes it from there.
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


class _Point:
    def __init__(self, line: str) -> None:
        self.moment, self.module, self.function, calls, self.mark = line.split(maxsplit=4)
        self._calls_left = int(calls)

    def reach(self, moment: str) -> None:
        if moment != self.moment:
            return
        self._calls_left -= 1
        if self._calls_left >= 0:
            return
        try:
            os.close(os.open(self.mark, os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


class _Crashing(importlib.abc.Loader):
    def __init__(self, inner: importlib.abc.Loader, points: list[_Point]) -> None:
        self._inner = inner
        self._points = points

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        for point in self._points:
            wrapped = _wrap(getattr(module, point.function), point)
            setattr(module, point.function, wrapped)


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, points: list[_Point]) -> None:
        self._points = points

    def find_spec(
        self, fullname: str, path: Any, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        points = [point for point in self._points if point.module == fullname]
        if not points:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Crashing(spec.loader, points)
        return spec


def _wrap(function: Callable[..., Awaitable[Any]], point: _Point) -> Callable[..., Awaitable[Any]]:
    @functools.wraps(function)
    async def crashing(*args: Any, **options: Any) -> Any:
        point.reach("before")
        result = await function(*args, **options)
        point.reach("after")
        return result

    return crashing


if "CRASHES" in os.environ:
    sys.meta_path.insert(0, _Finder([_Point(line) for line in os.environ["CRASHES"].splitlines()]))
