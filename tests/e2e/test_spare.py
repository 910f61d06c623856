"""An API process that was killed is taken over from, and nobody is left behind."""

import os
import signal
from pathlib import Path

from tests.harness import Process, Telegram, Tgauth, answers, eventually


def children_of(pid: int) -> list[int]:
    """Return the children of a process."""
    listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [int(child) for child in listed.split()]


def api_and_spare(served: Process) -> tuple[int, int]:
    """Return the API process that works, and the one that waits."""
    api = eventually(lambda: served.children().get("api")) or 0
    [spare] = eventually(lambda: children_of(api))
    return api, spare


def exists(pid: int) -> bool:
    """Say whether a process is there."""
    return Path(f"/proc/{pid}").exists()


def test_the_spare_of_a_killed_api_serves(sandbox: Telegram, installation: Tgauth) -> None:
    """Logins go on with it, and with its own spare when it is killed as well."""
    served = installation.start("serve")
    for person in (1, 2, 3):
        api, spare = api_and_spare(served)
        os.kill(api, signal.SIGKILL)
        eventually(lambda spare=spare: served.children().get("api") == spare)  # type: ignore[misc]  # mypy cannot infer it
        eventually(lambda: answers(f"{installation.url}/readyz"))
        sandbox.send(person, "/login")
        token = installation.exchange(sandbox.code(person)).json()["access_token"]
        assert person == installation.me(token).json()["user"]["telegram_id"]
    api, spare = api_and_spare(served)
    assert 0 == served.stop()
    assert not exists(api)
    assert not exists(spare)


def test_a_spare_dies_with_a_killed_supervisor(installation: Tgauth) -> None:
    """Whether it was started by it or took over."""
    served = installation.start("serve")
    first, spare = api_and_spare(served)
    os.kill(first, signal.SIGKILL)
    eventually(lambda: served.children().get("api") == spare)
    api, spare = api_and_spare(served)
    served.popen.kill()
    eventually(lambda: not exists(api) and not exists(spare))


def test_a_reload_leaves_no_old_spare(installation: Tgauth) -> None:
    """Its settings and its code may be those of before."""
    served = installation.start("serve")
    api, spare = api_and_spare(served)
    served.popen.send_signal(signal.SIGHUP)
    eventually(lambda: served.children().get("api") not in {None, api} and not exists(spare))
    eventually(lambda: not exists(api))
    new, _ = api_and_spare(served)
    assert api != new
    assert answers(f"{installation.url}/readyz")


def test_an_api_process_alone_has_no_spare(installation: Tgauth) -> None:
    """A service manager would not know it."""
    alone = installation.start("run", "api")
    assert [] == children_of(alone.popen.pid)
