"""Promises of `tgauth status`, `reload` and `stop`, of the real commands to the real `serve`."""

import json
import os
import signal
from pathlib import Path

import pytest
from tests.harness import Telegram, Tgauth, eventually


def test_status_shows_everything(sandbox: Telegram, installation: Tgauth) -> None:
    """Processes, the bot's contact with Telegram, what waits in the store, and what ended."""
    served = installation.start("serve")
    sandbox.send(42, "/login")
    sandbox.code(42)
    pids = eventually(lambda: c if {"api", "bot"} <= set(c := served.children()) else {})
    os.kill(pids["api"], signal.SIGKILL)
    eventually(lambda: served.children().get("api", pids["api"]) != pids["api"])
    eventually(lambda: served.output.count("child.ready name=api") == 2)

    told = json.loads(installation.run("status", "--json").stdout)

    api, bot = told["serve"]["children"]
    assert (api["name"], bot["name"], bot["pid"]) == ("api", "bot", pids["bot"])
    assert (api["state"], api["restarts"], api["last_end"]["how"]) == ("ready", 1, "SIGKILL")
    assert bot["memory"] > 10_000_000
    assert bot["status"].startswith("polling as @")
    assert int(bot["told"]["X_TGAUTH_CONTACT"]) > 0
    store = told["store"]
    assert (store["inbox"], store["open_logins"]) == (0, 1)
    assert store["schema"] == store["newest_schema"]
    assert store["size"] > 0
    shown = installation.run("status").stdout
    assert f"tgauth serve, process {served.popen.pid}, for " in shown
    assert "ready: api, bot; polling as @" in shown
    assert "SIGKILL, 20" in shown
    assert "Telegram answered " in shown
    assert "logins that can be redeemed  1" in shown
    assert served.stop() == 0


def test_reload_waits_and_tells(installation: Tgauth) -> None:
    """0 and what is new, or 1 and why not; then what ran goes on."""
    installation.environment["TGAUTH_CONFIG_FILE"] = str(installation.folder / "tgauth.toml")
    del installation.environment["TGAUTH_LOGIN__ALLOW"]
    file = installation.folder / "tgauth.toml"
    file.write_text('[login]\nallow = "everyone"\n')
    served = installation.start("serve")
    assert installation.run("reload").stdout == "Reloaded: bot, api.\n"
    file.write_text('[login]\nallow = "nobody"\n')
    failed = installation.run("reload", code=1)
    assert "tgauth: the reload failed: " in failed.stderr
    assert "login.allow" in failed.stderr
    file.write_text('[login]\nallow = "everyone"\n[api]\nhost = "127.0.0.2"\n')
    done = installation.run("reload")
    assert "api.host is 127.0.0.2 now, and stays 127.0.0.1 until a restart" in done.stderr
    assert served.stop() == 0


def test_stop_waits(installation: Tgauth) -> None:
    """Until the last process is gone, and all of them ended in order."""
    served = installation.start("serve")
    children = eventually(lambda: c if {"api", "bot"} <= set(c := served.children()) else {})
    assert installation.run("stop").stdout == "Stopped.\n"
    assert not any(Path(f"/proc/{pid}").exists() for pid in children.values())
    assert served.popen.wait(5) == 0


@pytest.mark.parametrize("arguments", [("status",), ("reload",), ("stop",)], ids=" ".join)
def test_where_nothing_serves_it_is_said(installation: Tgauth, arguments: tuple[str, ...]) -> None:
    """With a code of its own, also when a killed one left its socket and its note."""
    served = installation.start("serve")
    served.stop(signal.SIGKILL)
    assert (installation.folder / "tgauth.db.control").is_socket()
    done = installation.run(*arguments, code=69)
    said = f"tgauth: no `tgauth serve` runs on {installation.database}\n"
    assert said == done.stderr
    if arguments == ("status",):
        assert "updates that wait" in done.stdout
        empty = Tgauth(
            installation.folder,
            installation.url,
            installation.environment
            | {"TGAUTH_DATABASE__PATH": str(installation.folder / "other.db")},
        )
        assert empty.run("status", code=69).stdout == ""


def test_the_socket_is_where_systemd_made_a_folder_for_it(
    tmp_path: Path, installation: Tgauth
) -> None:
    """And found from a shell that knows nothing of that: its place is noted beside the store."""
    folder = tmp_path / "run"
    folder.mkdir(mode=0o700)
    served = installation.start("serve", environment={"RUNTIME_DIRECTORY": str(folder)})
    assert (folder / "tgauth.db.control").is_socket()
    assert not (installation.folder / "tgauth.db.control").exists()
    assert "ready: api" in installation.run("status").stdout
    assert served.stop() == 0
    assert [] == list(folder.iterdir())


def test_a_socket_that_cannot_be_made_stops_nothing(installation: Tgauth) -> None:
    """It is said, and signals work."""
    (installation.folder / "tgauth.db.control").write_text("somebody else's")
    served = installation.start("serve")
    assert "control.unavailable" in installation.output
    assert served.stop() == 0
