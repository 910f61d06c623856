"""Lets one person's /login fail each time: with this folder on PYTHONPATH, and their id in POISON.

The code under test knows nothing of it: the flow is wrapped when its module is imported, before
anybody takes it from there.
"""

import importlib.abc
import importlib.machinery
import os
import sys
from types import ModuleType
from typing import Any

MODULE = "tgauth.flows.begin_chat_login"


class _Poisoning(importlib.abc.Loader):
    def __init__(self, inner: importlib.abc.Loader, telegram_id: int) -> None:
        self._inner = inner
        self._telegram_id = telegram_id

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return self._inner.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        self._inner.exec_module(module)
        begin = module.begin_chat_login

        async def begin_or_fail(deployment: Any, asked: Any) -> Any:
            if asked.profile.telegram_id == self._telegram_id:
                raise ValueError("poison")
            return await begin(deployment, asked)

        module.begin_chat_login = begin_or_fail  # type: ignore[attr-defined]  # it has one


class _Finder(importlib.abc.MetaPathFinder):
    def __init__(self, telegram_id: int) -> None:
        self._telegram_id = telegram_id

    def find_spec(
        self, fullname: str, path: Any, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != MODULE:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _Poisoning(spec.loader, self._telegram_id)
        return spec


if "POISON" in os.environ:
    sys.meta_path.insert(0, _Finder(int(os.environ["POISON"])))
