"""Promises of `tgauth settings` and `--config`: what is set, from where, and never a secret."""

import json
from pathlib import Path

from tests.cli.conftest import Run

TOKEN = "4242:a-token-for-tests"
SECRET = "a-client-secret-for-tests"


def write(path: Path, text: str) -> None:
    """Write a settings file."""
    path.write_text(text)
    path.chmod(0o600)


def test_each_value_is_shown_with_its_origin(folder: Path, run: Run) -> None:
    """A line each: the name, the value, the place."""
    write(
        folder / "tgauth.toml",
        f"issuer = 'https://x.example'\n[login]\nallow = [1, 2]\nclient_secret = '{SECRET}'\n",
    )
    (folder / "token").write_text(TOKEN)
    done = run("settings", TGAUTH_TELEGRAM__TOKEN_FILE="token", PORT="4000")
    assert 0 == done.exit_code
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert ["issuer", "https://x.example", "tgauth.toml: issuer"] in lines
    assert ["telegram.token", "***", "TGAUTH_TELEGRAM__TOKEN_FILE (token)"] in lines
    assert ["login.client_secret", "***", "tgauth.toml: login.client_secret"] in lines
    assert ["login.allow", "1,2", "tgauth.toml: login.allow"] in lines
    assert ["api.port", "4000", "PORT"] in lines
    assert ["log.level", "info", "default"] in lines
    assert TOKEN not in done.output
    assert SECRET not in done.output


def test_mistakes_are_told_beside_the_rest(folder: Path, run: Run) -> None:
    """All of them, on stderr, and it ends with 78."""
    write(folder / "tgauth.toml", "issuer = 'x'\n[login]\nalow = 'everyone'\n")
    done = run("settings", TGAUTH_TELEGRAM__TOKEN="hunter2")
    assert 78 == done.exit_code
    lines = [line.split(maxsplit=2) for line in done.stdout.splitlines()]
    assert ["issuer", "(wrong)", "tgauth.toml: issuer"] in lines
    assert ["telegram.token", "(wrong)", "TGAUTH_TELEGRAM__TOKEN"] in lines
    assert ["login.allow", "(missing)", "default"] in lines
    told = done.stderr.splitlines()
    assert [
        "tgauth: tgauth.toml: login.alow: no such setting",
        (
            "tgauth: tgauth.toml: issuer: 'x' is wrong (it must be an address like "
            "https://login.example.org)"
        ),
        "tgauth: TGAUTH_TELEGRAM__TOKEN: it does not look like a bot token",
        "tgauth: TGAUTH_LOGIN__ALLOW: not set",
    ] == [line.partition("; ")[0] for line in told]
    assert "hunter2" not in done.output


def test_json_says_the_same(folder: Path, run: Run) -> None:
    """One object, with numbers as numbers and secrets masked."""
    write(folder / "tgauth.toml", f"issuer = 'x'\n[telegram]\ntoken = '{TOKEN}'\n")
    done = run("settings", "--json", TGAUTH_LOGIN__ALLOW="everyone")
    assert 78 == done.exit_code
    found = json.loads(done.stdout)
    settings = {one["name"]: one for one in found["settings"]}
    assert "tgauth.toml" == found["file"]
    assert {
        "name": "telegram.token",
        "variable": "TGAUTH_TELEGRAM__TOKEN",
        "value": "***",
        "origin": "file",
        "place": "tgauth.toml: telegram.token",
        "secret_file": None,
        "is_wrong": False,
    } == settings["telegram.token"]
    assert (8000, "default") == (settings["api.port"]["value"], settings["api.port"]["origin"])
    assert settings["branding.logo"]["value"] is None
    assert (None, True) == (settings["issuer"]["value"], settings["issuer"]["is_wrong"])
    assert ["tgauth.toml: issuer"] == [one["key"] for one in found["mistakes"]]
    assert TOKEN not in done.output


def test_another_file_can_be_named(folder: Path, run: Run) -> None:
    """By the option or the variable; the option goes first, and a missing file is a mistake."""
    write(folder / "tgauth.toml", "log.level = 'error'\n")
    write(folder / "a.toml", "log.level = 'debug'\n")
    write(folder / "b.toml", "log.level = 'warning'\n")
    named = {"TGAUTH_CONFIG_FILE": "b.toml"}
    assert "tgauth.toml: log.level" in run("settings").stdout
    assert "b.toml: log.level" in run("settings", **named).stdout
    assert f"{folder}/a.toml: log.level" in run("--config", "a.toml", "settings", **named).stdout
    missing = run("--config", "c.toml", "settings")
    assert 78 == missing.exit_code
    assert f"tgauth: {folder}/c.toml: there is no such file; `tgauth init`" in missing.stderr
    assert 78 == run("--config", "", "settings").exit_code


def test_a_start_without_any_settings_names_init(run: Run) -> None:
    """Whoever starts for the first time is told where to begin."""
    done = run("serve")
    assert 78 == done.exit_code
    assert 4 == len(done.stderr.splitlines())
    assert done.stderr.endswith(
        "tgauth: `tgauth init` asks what is needed, and writes tgauth.toml\n"
    )


def test_a_start_tells_every_mistake(folder: Path, run: Run) -> None:
    """A line each, and nothing starts."""
    write(
        folder / "tgauth.toml", f"issuer = 'x'\n[telegram]\ntoken = '{TOKEN}'\n[api]\nport = -1\n"
    )
    done = run("serve", TGAUTH_LOGIN__ALLOW="nobody")
    assert 78 == done.exit_code
    assert [
        "tgauth: tgauth.toml: issuer",
        "tgauth: TGAUTH_LOGIN__ALLOW",
        "tgauth: tgauth.toml: api.port",
    ] == [line.partition(": '")[0].partition(": -")[0] for line in done.stderr.splitlines()]


def test_what_a_process_complains_of_is_named_as_it_was_set(folder: Path, run: Run) -> None:
    """By the place in the file, where that is where it stands."""
    text = f"issuer = 'http://[::1]:8000'\n[telegram]\ntoken = '{TOKEN}'\n[login]\nallow = [1]\n"
    write(folder / "tgauth.toml", text + "[database]\npath = 'missing/tgauth.db'\n")
    done = run("serve")
    assert 78 == done.exit_code
    assert done.stderr.splitlines()[-1].startswith(
        "tgauth: tgauth.toml: database.path: the folder missing does not exist"
    )
    write(folder / "tgauth.toml", text)
    done = run("serve", TGAUTH_DATABASE__PATH="missing/tgauth.db")
    assert done.stderr.splitlines()[-1].startswith("tgauth: TGAUTH_DATABASE__PATH: the folder")
