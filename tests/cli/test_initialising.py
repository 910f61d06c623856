"""Promises of `tgauth init` without a terminal: options answer, and the file is whole and ours."""

import stat
import tomllib
from pathlib import Path

import pytest
from tests.cli.conftest import Run
from tests.harness import free_port
from tests.inspection.server import bot, serving

from tgauth.settings import fields, load_settings

TOKEN = "4242:a-token-for-tests"
NEEDED = ("--issuer", "https://login.example.org", "--allow", "12, 34")


@pytest.fixture
def token_file(folder: Path) -> str:
    """Return a file with a token in it, as an editor leaves it."""
    (folder / "token").write_bytes(f"\ufeff{TOKEN}\r\n".encode())
    return "token"


def test_options_become_a_file(folder: Path, run: Run, token_file: str) -> None:
    """Commented, for this account alone, and read back as it was meant."""
    with serving(bot(TOKEN)) as origin:
        done = run(
            *("init", "--token-file", token_file, *NEEDED, "--api-url", origin),
            *("--callback-url", "https://app.example/cb", "--application-name", 'The "Käse" Shop'),
        )
    assert 0 == done.exit_code, done.output
    assert "It is the token of @the_bot." in done.stdout
    assert done.stdout.endswith("Next: tgauth check\nThen: tgauth serve\n")
    assert TOKEN not in done.output
    path = folder / "tgauth.toml"
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert {"token", "tgauth.toml"} == {file.name for file in folder.iterdir()}
    settings = load_settings({}, folder)
    assert "https://login.example.org" == settings.issuer
    assert TOKEN == settings.telegram.token.reveal()
    assert origin == settings.telegram.api_url
    assert frozenset({12, 34}) == settings.login.allow.parsed.telegram_ids
    assert "https://app.example/cb" == settings.login.callback_url
    assert 'The "Käse" Shop' == settings.login.application_name


def test_what_is_only_a_comment_can_be_switched_on(folder: Path, run: Run, token_file: str) -> None:
    """Each commented line is a setting that exists, and good as it stands."""
    origin = f"http://127.0.0.1:{free_port()}"
    done = run("init", "--token-file", token_file, *NEEDED, "--api-url", origin)
    assert 0 == done.exit_code, done.output
    path = folder / "tgauth.toml"
    names = {field.toml.rpartition(".")[2] for field in fields()}
    lines = [
        line.removeprefix("# ")
        if line.startswith("# ") and line.removeprefix("# ").partition(" = ")[0] in names
        else line
        for line in path.read_text().splitlines()
    ]
    assert lines != path.read_text().splitlines()
    path.write_text("\n".join(lines))
    assert "My application" == load_settings({}, folder).login.application_name


def test_a_telegram_that_is_not_reached_is_no_hindrance(run: Run, token_file: str) -> None:
    """The token is taken unchecked, and that is said."""
    origin = f"http://127.0.0.1:{free_port()}"
    done = run("init", "--token-file", token_file, *NEEDED, "--api-url", origin)
    assert 0 == done.exit_code
    assert "Could not reach Telegram" in done.stdout
    assert "going on without checking the token" in done.stdout


def test_a_token_that_telegram_refuses_ends_it(folder: Path, run: Run, token_file: str) -> None:
    """Nothing is written."""
    with serving({}, otherwise=401) as origin:
        done = run("init", "--token-file", token_file, *NEEDED, "--api-url", origin)
    assert 78 == done.exit_code
    assert "tgauth: --token-file: Telegram refuses it; take the current" in done.stderr
    assert not (folder / "tgauth.toml").exists()
    assert TOKEN not in done.output


def test_the_token_can_come_from_standard_input(folder: Path, run: Run) -> None:
    """For whoever keeps it in a password manager."""
    with serving(bot(TOKEN)) as origin:
        done = run(*("init", "--token-file", "-", *NEEDED, "--api-url", origin), given=f"{TOKEN}\n")
    assert 0 == done.exit_code
    assert TOKEN == tomllib.loads((folder / "tgauth.toml").read_text())["telegram"]["token"]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ((), "there is no terminal to ask at: give --token-file, --issuer, --allow"),
        (("--token-file", "token", "--allow", "1"), "give --issuer"),
        (("--token-file", "token", "--issuer", "x", "--allow", "1"), "value for --issuer: it must"),
        (("--token-file", "token", *NEEDED, "--allow", ""), "value for --allow: it is neither"),
        (("--token-file", "token", *NEEDED, "--callback-url", "x"), "value for --callback-url:"),
        (("--token-file", "token", *NEEDED, "--api-url", "x"), "value for --api-url:"),
        (("--token-file", "missing", *NEEDED), "No such file or directory"),
        (("--token-file", "bad", *NEEDED), "for --token-file: it does not look like a bot token"),
        (("--token-file", "binary", *NEEDED), "for --token-file: it cannot be read as text"),
    ],
)
def test_a_wrong_option_is_a_wrong_command_line(
    folder: Path, run: Run, token_file: str, arguments: tuple[str, ...], complaint: str
) -> None:
    """Exit code 2, before Telegram is asked, and nothing is written; nothing repeats a secret."""
    assert token_file
    (folder / "bad").write_text("hunter2")
    (folder / "binary").write_bytes(b"\xff\xfe\x00")
    done = run("init", *arguments)
    assert 2 == done.exit_code
    assert complaint in done.stderr.replace("'--", "--").replace("':", ":")
    assert "hunter2" not in done.output
    assert "Asking Telegram" not in done.output
    assert not (folder / "tgauth.toml").exists()


def test_a_file_that_is_there_is_left_alone(folder: Path, run: Run, token_file: str) -> None:
    """Unless --force says otherwise; it is told before anything is asked."""
    path = folder / "tgauth.toml"
    path.write_text("mine")
    path.chmod(0o644)
    done = run("init")
    assert 73 == done.exit_code
    assert "tgauth: tgauth.toml is there already; --force replaces it\n" == done.stderr
    assert "mine" == path.read_text()
    with serving(bot(TOKEN)) as origin:
        done = run("init", "--force", "--token-file", token_file, *NEEDED, "--api-url", origin)
    assert 0 == done.exit_code
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)
    assert TOKEN in path.read_text()


def test_another_file_is_named_in_the_next_command(folder: Path, run: Run, token_file: str) -> None:
    """And what in the environment would go before it is told."""
    with serving(bot(TOKEN)) as origin:
        done = run(
            *("init", "--output", "my settings.toml", "--token-file", token_file, *NEEDED),
            *("--api-url", origin),
            TGAUTH_ISSUER="https://other.example",
        )
    assert 0 == done.exit_code
    assert (folder / "my settings.toml").exists()
    assert "Next: tgauth --config 'my settings.toml' check\n" in done.stdout
    assert "The environment overrides it, and has TGAUTH_ISSUER." in done.stdout
    done = run("init", "--output", "missing/tgauth.toml")
    assert 73 == done.exit_code
    assert f"the folder {folder}/missing does not exist" in done.stderr
