"""Promises of `tgauth check`: a line each, exit codes for scripts, and nothing changed."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.harness import free_port
from tests.inspection.server import bot, serving

TOKEN = "4242:a-token-for-tests"


def settings(api_url: str = "http://127.0.0.1:9") -> dict[str, str]:
    """Return good settings."""
    port = free_port()
    return {
        "TGAUTH_ISSUER": f"http://127.0.0.1:{port}",
        "TGAUTH_TELEGRAM__TOKEN": TOKEN,
        "TGAUTH_TELEGRAM__API_URL": api_url,
        "TGAUTH_LOGIN__ALLOW": "everyone",
        "TGAUTH_API__PORT": str(port),
    }


def test_before_the_first_start_nothing_is_wrong(folder: Path, run: Run) -> None:
    """What will be made is said to come, and is not made."""
    with serving(bot(TOKEN)) as origin:
        done = run("check", **settings(origin))
    assert 0 == done.exit_code, done.output
    lines = [line.split(maxsplit=1)[0] for line in done.stdout.splitlines()]
    assert ["ok"] * 9 + ["warning"] == lines
    assert "tgauth.db will be made at the first start" in done.stdout
    assert f"@the_bot at {origin}" in done.stdout
    assert [] == list(folder.iterdir())
    assert TOKEN not in done.output


def test_offline_asks_nobody(run: Run) -> None:
    """What needs an answer from elsewhere is left out."""
    done = run("check", "--offline", "--json", **settings())
    assert 0 == done.exit_code
    found = json.loads(done.stdout)
    assert 0 == found["exit_code"]
    names = [one["name"] for one in found["findings"]]
    assert ["settings", "store", "sqlite", "master key", "port", "proxies"] == names
    assert {"name", "verdict", "text", "advice"} == set(found["findings"][0])


def test_mistakes_in_the_settings_end_it_with_78(run: Run) -> None:
    """Each in a line; the rest cannot be looked at."""
    done = run("check", **settings() | {"TGAUTH_LOGIN__ALLOW": "x", "TGAUTH_LOG__LEVLE": "x"})
    assert 78 == done.exit_code
    assert [
        (
            "wrong    settings    TGAUTH_LOGIN__ALLOW: 'x' is wrong (it is neither 'everyone' nor "
            "a list of Telegram ids)"
        ),
        "wrong    settings    TGAUTH_LOG__LEVLE: no such setting",
    ] == [line.partition("; ")[0] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("content", "code"), [(b"x" * 5000, 1), (None, 78)], ids=["damaged", "a folder"]
)
def test_what_is_wrong_decides_the_exit_code(
    folder: Path, run: Run, content: bytes | None, code: int
) -> None:
    """78 for what `serve` would end with 78 for, 1 for the rest."""
    if content is None:
        (folder / "tgauth.db").mkdir()
    else:
        (folder / "tgauth.db").write_bytes(content)
    done = run("check", "--offline", **settings())
    assert code == done.exit_code
    assert "wrong    store " in done.stdout


def test_whoever_has_set_up_nothing_is_told_where_to_begin(run: Run) -> None:
    """Beside each setting that is missing."""
    done = run("check", "--offline")
    assert (78, 1) == (done.exit_code, done.stdout.count("`tgauth init` asks what is needed"))
    assert "TGAUTH_ISSUER: not set" in done.stdout


def test_a_refused_token_is_a_mistake_in_the_configuration(run: Run) -> None:
    """As `serve` sees it."""
    with serving({}, otherwise=401) as origin:
        done = run("check", **settings(origin))
    assert 78 == done.exit_code
    assert "wrong    token       Telegram refuses it; take the current token" in done.stdout


def test_a_file_that_others_can_read_is_a_warning(folder: Path, run: Run) -> None:
    """With the command that mends it."""
    path = folder / "tgauth.toml"
    path.write_text(f"telegram.token = '{TOKEN}'\n")
    path.chmod(0o644)
    given = {key: text for key, text in settings().items() if "TOKEN" not in key}
    done = run("check", "--offline", **given)
    assert 0 == done.exit_code
    assert "; chmod 600 tgauth.toml" in done.stdout.splitlines()[0]
    assert done.stdout.startswith("warning  settings    from tgauth.toml and the environment; the")


def test_files_that_would_end_an_api_process_are_mistakes(folder: Path, run: Run) -> None:
    """Each by its place, before a start ends for it: what is in them, not only that they are."""
    (folder / "tgauth.toml").write_text("login.places = 'none.mmdb'\nbranding.logo = 'logo.png'\n")
    (folder / "logo.png").write_text("no image")
    done = run("check", "--offline", **settings())
    assert 78 == done.exit_code, done.output
    assert [
        "tgauth.toml: branding.logo: logo: logo.png is no SVG, PNG, WebP or JPEG image",
        "tgauth.toml: login.places: none.mmdb: No such file or directory",
    ] == [
        line.removeprefix("wrong    settings    ").partition("; ")[0]
        for line in done.stdout.splitlines()
    ]
