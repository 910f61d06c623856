"""One line that says how all children are, for `systemctl status`."""

from collections.abc import Sequence

from tgauth.supervisor.runner import Runner


def summary(runners: Sequence[Runner], remark: str) -> str:
    """Return how the children are: `ready: api, bot; polling as @name; 3 restarts`.

    Args:
        runners: Who keeps each of them running.
        remark: What is to be said beside that; nothing, where it is empty.
    """
    ready = [runner.child.name for runner in runners if runner.is_ready]
    others = [runner.child.name for runner in runners if not runner.is_ready]
    said = dict.fromkeys(runner.current.status for runner in runners if runner.current)
    restarts = sum(runner.restarts for runner in runners)
    parts = [
        f"not ready: {', '.join(others)}" if others else "",
        f"ready: {', '.join(ready)}" if ready else "",
        *said,
        f"{restarts} restart{'' if restarts == 1 else 's'}" if restarts else "",
        remark,
    ]
    return "; ".join(part for part in parts if part)
