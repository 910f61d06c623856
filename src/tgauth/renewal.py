"""What a reload brings: the settings read anew, and what of them has to wait for a restart."""

import asyncio
import os
from collections.abc import Callable, Sequence
from typing import Final

from tgauth.settings import ConfigurationError, Settings, read_settings
from tgauth.supervisor import Child, ReloadRefused, Renewal

#: Settings of what the first process holds, and hands down to whatever it starts.
_HELD: Final = (
    *("database.path", "api.host", "api.port", "api.socket_mode"),
    *("metrics.host", "metrics.port"),
)


async def renewed(
    settings: Settings, children_of: Callable[[Settings], Sequence[Child]]
) -> Renewal:
    """Read the settings anew.

    Args:
        settings: Those that hold since the start.
        children_of: Tells which processes others would ask for.

    Raises:
        ReloadRefused: Something is wrong about them.
    """
    # A file may be slow to come; the event loop is not to wait for it.
    reading = await asyncio.to_thread(read_settings, os.environ)
    try:
        anew = reading.settings
    except ConfigurationError as error:
        raise ReloadRefused("; ".join(str(error).splitlines())) from None
    return Renewal(children=children_of(anew), notes=_not_reloaded(settings, anew))


def _not_reloaded(before: Settings, after: Settings) -> tuple[str, ...]:
    return tuple(
        f"{name} is {_value(after, name)} now, and stays {_value(before, name)} until a restart"
        for name in _HELD
        if _value(before, name) != _value(after, name)
    )


def _value(settings: Settings, name: str) -> object:
    value: object = settings
    for part in name.split("."):
        value = getattr(value, part)
    return value
