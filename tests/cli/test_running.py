"""Promises of what the commands share: masked logs, one warning, clear ends."""

import os
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
