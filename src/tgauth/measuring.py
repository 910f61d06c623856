"""Metrics put together: what each process counts with, and where that is shown."""

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from tgauth.domain.code import hash_of
from tgauth.logs import Log
from tgauth.measures import NO_MEASURES, Measures
from tgauth.settings import Settings

if TYPE_CHECKING:
    from tgauth.api.options import Metrics

_log: Final = Log("metrics")


def measures_of(settings: Settings, process: str) -> Measures:
    """Begin to count, where the operator wants metrics.

    Args:
        settings: The settings.
        process: What this process is.
    """
    if not settings.metrics.is_on:
        return NO_MEASURES
    from tgauth.measures.folder import begin_tally

    folder = settings.metrics_path
    try:
        return begin_tally(folder, process)
    except OSError as error:
        # Logins go on without.
        _log.warning("metrics.off", folder=folder, reason=error.strerror or str(error))
        return NO_MEASURES


def metrics_listeners(
    settings: Settings, bind: Callable[[str, int, str], socket.socket]
) -> tuple[socket.socket, ...]:
    """Listen where the metrics are to be shown, if that is an address of their own.

    Args:
        settings: The settings.
        bind: Listens on a host and a port, which were chosen by the settings of that name.

    Raises:
        ConfigurationError: It cannot be listened on.
    """
    metrics = settings.metrics
    if metrics.port is None:
        return ()
    return (bind(metrics.host, metrics.port, "TGAUTH_METRICS__HOST and TGAUTH_METRICS__PORT"),)


def metrics_options(settings: Settings) -> "Metrics | None":
    """Return how the API shows the metrics, if it does."""
    from tgauth.api.options import Metrics

    metrics = settings.metrics
    if not metrics.is_on:
        return None
    return Metrics(
        folder=settings.metrics_path,
        token_hash=hash_of(metrics.token.reveal()) if metrics.token else None,
        port=metrics.port,
    )
