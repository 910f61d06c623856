"""The metrics of the real command: over several processes, kills and restarts."""

import os
import signal

import httpx
from tests.harness import Telegram, Tgauth, eventually, free_port
from tests.measures.test_exposition import Samples, read

TOKEN = "a-token-for-prometheus"


def begun(found: Samples) -> float:
    """Return how many logins were begun."""
    return found["tgauth_logins_total", (("door", "chat"), ("outcome", "begun"))]


def processes(found: Samples) -> dict[str, float]:
    """Return how many processes live, by what they are."""
    return {
        labels[0][1]: number
        for (name, labels), number in found.items()
        if name == "tgauth_processes"
    }


def test_metrics_are_right_over_workers_kills_and_restarts(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """Two API processes, a bot and a supervisor are one; what a killed one counted stays."""
    port = free_port()
    environment = {
        "TGAUTH_METRICS__PORT": str(port),
        "TGAUTH_METRICS__TOKEN": TOKEN,
        "TGAUTH_API__WORKERS": "2",
    }

    def page() -> Samples:
        answer = httpx.get(
            f"http://127.0.0.1:{port}/metrics", headers={"Authorization": f"Bearer {TOKEN}"}
        )
        assert 200 == answer.status_code
        return read(answer.text)

    served = installation.start("serve", environment=environment)
    assert 401 == httpx.get(f"http://127.0.0.1:{port}/metrics").status_code
    assert 404 == httpx.get(f"{installation.url}/metrics").status_code
    for person in range(41, 45):
        sandbox.send(person, "/login")
        assert 200 == installation.exchange(sandbox.code(person)).status_code
    found = page()
    assert 4.0 == begun(found)
    assert 4.0 == found["tgauth_codes_total", (("outcome", "exchanged"),)]
    eventually(lambda: page()["tgauth_login_reply_seconds_count", ()] == 4.0)
    assert 30 > page()["tgauth_login_reply_seconds_sum", ()]
    assert 1.0 == found["tgauth_ready", ()]
    assert found["tgauth_telegram_last_contact_timestamp_seconds", ()] > 1.7e9
    # One worker is enough to serve; the other may begin later.
    everybody = {"api": 2.0, "bot": 1.0, "supervisor": 1.0}
    eventually(lambda: processes(page()) == everybody)

    os.kill(served.children()["bot"], signal.SIGKILL)
    child = (("child", "bot"),)
    eventually(lambda: page().get(("tgauth_child_restarts_total", child)) == 1.0)
    found = page()
    killed = (("child", "bot"), ("reason", "killed"))
    assert 1.0 == found["tgauth_child_exits_total", killed]
    assert 4.0 == begun(found)
    sandbox.send(45, "/login")
    sandbox.code(45)
    eventually(lambda: begun(page()) == 5.0)

    assert 0 == served.stop()
    installation.start("serve", environment=environment)
    assert 5.0 == begun(page())
    folder = installation.database.with_name(f"{installation.database.name}.metrics")
    eventually(lambda: len([*folder.glob("*.tally")]) == 4)


def test_without_metrics_nothing_is_kept(installation: Tgauth) -> None:
    """No folder, no page."""
    served = installation.start("serve")
    assert 404 == httpx.get(f"{installation.url}/metrics").status_code
    assert 0 == served.stop()
    assert not installation.database.with_name(f"{installation.database.name}.metrics").exists()
