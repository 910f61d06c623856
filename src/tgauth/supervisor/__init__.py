"""Keep a handful of processes running: start, watch, restart, stop, and never leave one behind.

Owns: the restart policy, the life of child processes, their replacement without a gap, the
listening sockets that outlive them, a file that only one supervisor
holds, its control socket, readiness and signs of
life over the sd_notify protocol, and what a child needs to be such a child
(`tgauth.supervisor.child`). Runs on Linux.

Refuses: to know what its children do. It imports the standard library and anyio, nothing of
tgauth and nothing of Telegram or HTTP; it writes no log (the consumer's `Report` does) and reads
no setting.

The names below are imported when first used, so that a child which needs only
`tgauth.supervisor.child` loads neither anyio nor asyncio for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tgauth.supervisor.activation import UnusableSocket, handed_over
    from tgauth.supervisor.asking import NobodySupervises, NotAnswered, ask, wait_for_end
    from tgauth.supervisor.child import Notifier, attach, inherited_sockets
    from tgauth.supervisor.control import control_socket
    from tgauth.supervisor.declarations import Child, Reloaded, ReloadRefused, Renewal, Report
    from tgauth.supervisor.holding import AlreadyHeld, hold, noted
    from tgauth.supervisor.policy import Exit, GiveUp, GiveUpReason, Restart, RestartPolicy, decide
    from tgauth.supervisor.sockets import ListenError, listen, listen_at
    from tgauth.supervisor.spare import stand_by
    from tgauth.supervisor.supervisor import Supervisor, supervise

__all__ = [
    "AlreadyHeld",
    "Child",
    "Exit",
    "GiveUp",
    "GiveUpReason",
    "ListenError",
    "NobodySupervises",
    "NotAnswered",
    "Notifier",
    "ReloadRefused",
    "Reloaded",
    "Renewal",
    "Report",
    "Restart",
    "RestartPolicy",
    "Supervisor",
    "UnusableSocket",
    "ask",
    "attach",
    "control_socket",
    "decide",
    "handed_over",
    "hold",
    "inherited_sockets",
    "listen",
    "listen_at",
    "noted",
    "stand_by",
    "supervise",
    "wait_for_end",
]

_HOMES = {
    "AlreadyHeld": "holding",
    "Child": "declarations",
    "Exit": "policy",
    "GiveUp": "policy",
    "GiveUpReason": "policy",
    "ListenError": "sockets",
    "NobodySupervises": "asking",
    "NotAnswered": "asking",
    "Notifier": "child",
    "ReloadRefused": "declarations",
    "Reloaded": "declarations",
    "Renewal": "declarations",
    "Report": "declarations",
    "Restart": "policy",
    "RestartPolicy": "policy",
    "Supervisor": "supervisor",
    "UnusableSocket": "activation",
    "ask": "asking",
    "attach": "child",
    "control_socket": "control",
    "decide": "policy",
    "handed_over": "activation",
    "hold": "holding",
    "inherited_sockets": "child",
    "listen": "sockets",
    "listen_at": "sockets",
    "noted": "holding",
    "stand_by": "spare",
    "supervise": "supervisor",
    "wait_for_end": "asking",
}


def __getattr__(name: str) -> object:
    """Import a public name from its home at first use (PEP 562)."""
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{home}"), name)
