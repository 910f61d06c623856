"""Promises of what the commands share: masked logs, one warning, clear ends."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from tests.cli.conftest import Run

from tgauth.cli.running import prepare
from tgauth.logs import Log

TOKEN = "4242:a-token-for-tests"
SECRET = "a-client-secret-for-tests"
GOOD = {
    "TGAUTH_ISSUER": "http://127.0.0.1:8000",
    "TGAUTH_TELEGRAM__TOKEN": TOKEN,
    "TGAUTH_LOGIN__CLIENT_SECRET": SECRET,
    "TGAUTH_LOGIN__ALLOW": "everyone",
}


def test_every_secret_is_masked_in_the_logs(
    run: Run, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Wherever it turns up."""
    assert callable(run)
    for key, text in GOOD.items():
        monkeypatch.setenv(key, text)
    prepare("api")
    Log("test").info("something", token=TOKEN, secret=SECRET)
    assert "something token=*** secret=***" in capsys.readouterr().err


@pytest.mark.parametrize(("is_supervised", "times"), [(False, 1), (True, 0)])
def test_a_file_that_others_can_read_is_warned_of_once(
    run: Run, folder: Path, capsys: pytest.CaptureFixture[str], *, is_supervised: bool, times: int
) -> None:
    """By the supervisor, or by a process that has none; with the command that mends it."""
    assert callable(run)
    (folder / "tgauth.toml").write_text(
        f"issuer = 'http://127.0.0.1:8000'\nlogin.allow = [1]\ntelegram.token = '{TOKEN}'\n"
    )
    (folder / "tgauth.toml").chmod(0o644)
    prepare("api", is_supervised=is_supervised)
    told = capsys.readouterr().err
    assert times == told.count("warning [api] settings.readable_by_others file=tgauth.toml")
    assert times == told.count('advice="chmod 600 tgauth.toml"')


def test_a_folder_that_cannot_be_written_ends_serve_with_74(run: Run) -> None:
    """Before anything is started, with the key and the reason."""
    done = run("serve", **GOOD, TGAUTH_DATABASE__PATH="/proc/tgauth.db")
    assert 74 == done.exit_code
    assert done.stderr.splitlines()[-1].startswith(
        "tgauth: TGAUTH_DATABASE__PATH: the store is unavailable: /proc/tgauth.db.serve: "
    )


@pytest.mark.parametrize("command", [("serve",), ("run", "api"), ("run", "bot")], ids=" ".join)
def test_mistakes_are_json_where_that_was_asked_for(run: Run, command: tuple[str, ...]) -> None:
    """One event, the last line, with each mistake in it and the hint."""
    done = run(*command, TGAUTH_LOG__FORMAT="json", TGAUTH_ISSUER="x")
    assert 78 == done.exit_code
    [line] = done.stderr.splitlines()
    event = json.loads(line)
    assert ("error", "process.refused", 78) == (event["level"], event["event"], event["code"])
    keys = ["TGAUTH_ISSUER", "TGAUTH_TELEGRAM__TOKEN", "TGAUTH_LOGIN__ALLOW"]
    assert keys == [mistake["key"] for mistake in event["mistakes"]]
    assert "'x' is wrong" in event["mistakes"][0]["found"]
    assert "`tgauth init` asks what is needed" in event["reason"].splitlines()[-1]


def test_what_ends_a_start_later_is_json_as_well(run: Run, folder: Path) -> None:
    """The last line, with the exit code; the format is known from the file, too."""
    (folder / "tgauth.toml").write_text("log.format = 'json'\n")
    done = run("serve", **GOOD, TGAUTH_DATABASE__PATH="/proc/tgauth.db")
    event = json.loads(done.stderr.splitlines()[-1])
    assert (74, 74, "process.refused") == (done.exit_code, event["code"], event["event"])
    assert event["reason"].startswith("TGAUTH_DATABASE__PATH: the store is unavailable: ")
    done = run("serve", **GOOD, TGAUTH_DATABASE__PATH="missing/tgauth.db")
    event = json.loads(done.stderr.splitlines()[-1])
    assert [("TGAUTH_DATABASE__PATH", 78)] == [
        (one["key"], event["code"]) for one in event["mistakes"]
    ]


@pytest.mark.parametrize("log_format", ["text", "jsn", None])
def test_mistakes_are_lines_where_no_json_was_asked_for(run: Run, log_format: str | None) -> None:
    """Also where the format itself is wrong."""
    given = {} if log_format is None else {"TGAUTH_LOG__FORMAT": log_format}
    done = run("serve", TGAUTH_ISSUER="x", **given)
    assert 78 == done.exit_code
    assert all(line.startswith("tgauth: ") for line in done.stderr.splitlines())
    assert done.stderr.endswith("`tgauth init` asks what is needed, and writes tgauth.toml\n")


@pytest.mark.parametrize("command", [("serve",), ("user", "list"), ("db", "status")], ids=" ".join)
def test_a_config_behind_the_command_is_told_where_it_goes(
    run: Run, command: tuple[str, ...]
) -> None:
    """Before it, and how that looks; any other unknown option stays one."""
    done = run(*command, "--config", "x.toml")
    assert 2 == done.exit_code
    told = f"--config goes before the command: tgauth --config PATH {' '.join(command)}"
    assert told in done.stderr
    assert "No such option" in run(*command, "--colour").stderr


def test_a_demo_whose_ports_are_taken_says_how_to_get_others(run: Run) -> None:
    """With 78, before anything is started."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = run("demo", "--port", str(taken.getsockname()[1]))
    assert 78 == done.exit_code
    assert "tgauth: --port (0 takes any free ones): cannot listen on 127.0.0.1:" in done.stderr


@pytest.mark.parametrize("process", ["serve", "run api", "run bot"])
def test_a_process_ends_alike_with_and_without_options_before_it(
    run: Run, folder: Path, process: str
) -> None:
    """Without, it goes past click: the same words, the same code."""
    assert callable(run)

    def ended(*arguments: str) -> tuple[int, str]:
        done = subprocess.run(
            (sys.executable, "-m", "tgauth", *arguments),
            capture_output=True,
            text=True,
            check=False,
            cwd=folder,
            env=os.environ | {"TGAUTH_ISSUER": "ftp://nobody"},
        )
        return done.returncode, done.stderr

    (folder / "tgauth.toml").write_text("")
    directly = ended(*process.split())
    assert directly == ended("--config", "tgauth.toml", *process.split())
    assert os.EX_CONFIG == directly[0]
    assert "TGAUTH_ISSUER" in directly[1]


def test_what_a_process_makes_is_for_its_account_alone(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the umask of the shell that started it."""
    assert callable(run)
    for key, text in GOOD.items():
        monkeypatch.setenv(key, text)
    before = os.umask(0)
    try:
        prepare("api")
        assert os.umask(0) == 0o077
    finally:
        os.umask(before)


@pytest.mark.parametrize(("is_supervised", "said"), [(False, 1), (True, 0)])
def test_root_is_told_once(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    is_supervised: bool,
    said: int,
) -> None:
    """By the first process, outside a container."""
    assert callable(run)
    for key, text in GOOD.items():
        monkeypatch.setenv(key, text)
    monkeypatch.setattr("tgauth.cli.running.is_root_at_large", lambda _: True)
    prepare("api", is_supervised=is_supervised)
    assert said == capsys.readouterr().err.count("process.is_root")
