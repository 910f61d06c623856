"""Promises of the settings' sources: defaults, then the file, then the environment."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.builders import ALICE, BOB, TOKEN

from tgauth.settings import ConfigurationError, Origin, fields, load_settings, read_settings

SECRET = "0123456789abcdef"
GOOD = f"""
issuer = "https://login.example.org"
[telegram]
token = "{TOKEN}"
[login]
allow = [{ALICE}, {BOB}]
"""
MINIMAL = {
    "TGAUTH_ISSUER": "https://env.example.org",
    "TGAUTH_TELEGRAM__TOKEN": TOKEN,
    "TGAUTH_LOGIN__ALLOW": "everyone",
}


def write(folder: Path, text: str | bytes, name: str = "tgauth.toml") -> Path:
    """Write a settings file for its owner alone."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    path.chmod(0o600)
    return path


def mistakes(folder: Path, environment: dict[str, str] | None = None) -> list[str]:
    """Return all mistakes, a line each."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment or {}, folder)
    return str(caught.value).splitlines()


def test_a_file_in_the_current_folder_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without being named."""
    write(tmp_path, GOOD)
    monkeypatch.chdir(tmp_path)
    settings = load_settings({})
    assert "https://login.example.org" == settings.issuer
    assert TOKEN == settings.telegram.token.reveal()
    assert frozenset({ALICE, BOB}) == settings.login.allow.parsed.telegram_ids


def test_every_setting_can_stand_in_the_file(tmp_path: Path) -> None:
    """Under its own name there, in TOML's own types."""
    (tmp_path / "logo.png").write_bytes(b"x")
    values = {
        "issuer": '"https://login.example.org"',
        "telegram.token": f'"{TOKEN}"',
        "telegram.api_url": '"http://127.0.0.1:8081"',
        "telegram.mode": '"webhook"',
        "telegram.link_url": '"http://127.0.0.1:8081/telegram"',
        "telegram.webhook_networks": '["telegram", "10.0.0.0/8"]',
        "telegram.messages_per_second": "20",
        "login.allow": '"everyone"',
        "login.callback_url": '"https://app.example/cb"',
        "login.client_id": '"shop"',
        "login.client_secret": f'"{SECRET}"',
        "login.application_name": '"The Shop"',
        "login.requests_per_minute": "6",
        "login.code_ttl": "60",
        "login.places": '"/srv/places.mmdb"',
        "login.approval_ttl": "120",
        "login.token_ttl": "600",
        "database.path": '"x.db"',
        "secret_file": '"master.key"',
        "api.host": '"::1"',
        "api.port": "8001",
        "api.socket_mode": '"0600"',
        "api.workers": "2",
        "api.trusted_proxies": '["10.0.0.0/8", "::1"]',
        "api.failures_per_minute": "10",
        "api.logins_per_minute": "10",
        "session.ttl": "7200",
        "session.idle_ttl": "3600",
        "audit.keep_days": "30",
        "metrics.host": '"::1"',
        "metrics.port": "9100",
        "metrics.token": f'"{SECRET}"',
        "branding.name": '"Käse"',
        "branding.logo": '"logo.png"',
        "branding.accent": '"#112233"',
        "branding.privacy_url": '"https://x.example/p"',
        "branding.imprint_url": '"https://x.example/i"',
        "log.format": '"json"',
        "log.level": '"debug"',
    }
    assert {field.toml for field in fields()} == set(values)
    write(tmp_path, "".join(f"{name} = {text}\n" for name, text in values.items()))

    reading = read_settings({}, tmp_path)

    assert () == reading.mistakes
    assert {Origin.FILE} == {value.origin for value in reading.values}
    assert {f"tgauth.toml: {name}" for name in values} == {one.place for one in reading.values}
    assert 8001 == reading.settings.api.port
    assert ("10.0.0.0/8", "::1/128") == tuple(map(str, reading.settings.api.trusted_proxies.parsed))


def test_the_environment_goes_before_the_file(tmp_path: Path) -> None:
    """Setting by setting."""
    write(tmp_path, GOOD + "code_ttl = 60\n")
    settings = load_settings({"TGAUTH_ISSUER": "https://env.example.org"}, tmp_path)
    assert ("https://env.example.org", 60) == (settings.issuer, settings.login.code_ttl)


def test_a_named_file_must_be_there(tmp_path: Path) -> None:
    """Unlike the one that is read without being named."""
    [line, *_] = mistakes(tmp_path, {"TGAUTH_CONFIG_FILE": "other.toml"})
    assert "other.toml: there is no such file; `tgauth init` makes one" == line
    assert "TGAUTH_CONFIG_FILE: it is empty" in mistakes(tmp_path, {"TGAUTH_CONFIG_FILE": ""})[0]


def test_a_named_file_replaces_the_one_in_the_folder(tmp_path: Path) -> None:
    """One file is read, never two."""
    write(tmp_path, GOOD)
    write(tmp_path, "[log]\nlevel = 'debug'\n", "other.toml")
    settings = load_settings(MINIMAL | {"TGAUTH_CONFIG_FILE": "other.toml"}, tmp_path)
    assert ("https://env.example.org", "debug") == (settings.issuer, settings.log.level)


def test_the_null_device_means_no_file(tmp_path: Path) -> None:
    """For whoever wants the environment alone."""
    write(tmp_path, "nonsense")
    settings = load_settings(MINIMAL | {"TGAUTH_CONFIG_FILE": os.devnull}, tmp_path)
    assert "https://env.example.org" == settings.issuer


def test_relative_paths_in_the_file_start_at_the_file(tmp_path: Path) -> None:
    """So that it does not matter where tgauth is started; the environment's start there."""
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "token").write_text(TOKEN)
    (folder / "logo.png").write_bytes(b"x")
    write(
        folder,
        "secret_file = 'master.key'\ndatabase.path = '/srv/x.db'\nbranding.logo = 'logo.png'\n"
        "telegram.token_file = 'token'\n",
    )
    environment = {key: text for key, text in MINIMAL.items() if "TOKEN" not in key}
    settings = load_settings(
        environment | {"TGAUTH_CONFIG_FILE": str(folder / "tgauth.toml")}, tmp_path
    )
    assert folder / "master.key" == settings.secret_file
    assert Path("/srv/x.db") == settings.database.path
    assert str(folder / "logo.png") == settings.branding.logo
    changed = {"TGAUTH_SECRET_FILE": "here.key"}
    assert Path("here.key") == load_settings(MINIMAL | changed, folder).secret_file


@pytest.mark.parametrize("content", [TOKEN, f"{TOKEN}\n", f"  {TOKEN}\r\n", f"\ufeff{TOKEN}\n"])
def test_a_secret_can_stand_in_a_file_of_its_own(tmp_path: Path, content: str) -> None:
    """What editors and shells put around it is not part of it."""
    (tmp_path / "token").write_text(content, "utf-8")
    environment = {key: text for key, text in MINIMAL.items() if "TOKEN" not in key}
    settings = load_settings(
        environment | {"TGAUTH_TELEGRAM__TOKEN_FILE": str(tmp_path / "token")}, tmp_path
    )
    assert TOKEN == settings.telegram.token.reveal()


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe1\x00", "is not UTF-8"),
        (None, "cannot be read: No such file or directory"),
    ],
)
def test_a_secret_that_cannot_be_read_names_its_key(
    tmp_path: Path, content: bytes | None, complaint: str
) -> None:
    """The key of the form that was used."""
    path = tmp_path / "secret"
    if content is not None:
        path.write_bytes(content)
    [line] = mistakes(tmp_path, MINIMAL | {"TGAUTH_LOGIN__CLIENT_SECRET_FILE": str(path)})
    assert line.startswith(f"TGAUTH_LOGIN__CLIENT_SECRET_FILE: {path} {complaint}; expected")


def test_a_wrong_secret_in_a_file_is_not_repeated(tmp_path: Path) -> None:
    """The line says what is wrong, and which key led there."""
    (tmp_path / "token").write_text("hunter2")
    write(tmp_path, "telegram.token_file = 'token'\nlogin.allow = 'everyone'\n")
    [line] = mistakes(tmp_path, {"TGAUTH_ISSUER": "https://x.example"})
    assert line.startswith("tgauth.toml: telegram.token_file: it does not look like a bot token")
    assert "hunter2" not in line


def test_both_forms_of_a_secret_at_one_level_are_a_mistake(tmp_path: Path) -> None:
    """Nobody could say which one counts."""
    (tmp_path / "token").write_text(TOKEN)
    path = str(tmp_path / "token")
    [line] = mistakes(tmp_path, MINIMAL | {"TGAUTH_TELEGRAM__TOKEN_FILE": path})
    assert (
        "TGAUTH_TELEGRAM__TOKEN_FILE: TGAUTH_TELEGRAM__TOKEN is set as well; "
        "expected only one of the two"
    ) == line
    write(tmp_path, GOOD.replace("[login]", f"token_file = '{path}'\n[login]"))
    [line] = mistakes(tmp_path)
    assert line.startswith("tgauth.toml: telegram.token_file: tgauth.toml: telegram.token is set")


@pytest.mark.parametrize("form", ["TOKEN", "TOKEN_FILE"])
@pytest.mark.parametrize("below", ["token = '1:from-the-file'", "token_file = '/no/such/file'"])
def test_either_form_of_a_secret_goes_before_either_form_below(
    tmp_path: Path, form: str, below: str
) -> None:
    """The environment before the file, whichever way each says it."""
    (tmp_path / "token").write_text(TOKEN)
    write(tmp_path, f"issuer = 'https://x.example'\nlogin.allow = 'everyone'\n[telegram]\n{below}")
    text = TOKEN if form == "TOKEN" else str(tmp_path / "token")
    settings = load_settings({f"TGAUTH_TELEGRAM__{form}": text}, tmp_path)
    assert TOKEN == settings.telegram.token.reveal()


@pytest.mark.parametrize(
    ("line", "mistake"),
    [
        (
            "[login]\nalow = 'everyone'",
            ("tgauth.toml: login.alow: no such setting; did you mean login.allow?"),
        ),
        (
            "[logn]\nallow = 'x'",
            ("tgauth.toml: logn.allow: no such setting; did you mean login.allow?"),
        ),
        (
            "token = 'x'",
            "tgauth.toml: token: no such setting; did you mean telegram.token or metrics.token?",
        ),
        (
            "TGAUTH_LOGIN__ALLOW = 'x'",
            ("tgauth.toml: TGAUTH_LOGIN__ALLOW: no such setting; did you mean login.allow?"),
        ),
        (
            "[branding]\nprivacy-url = 'x'",
            (
                "tgauth.toml: branding.privacy-url: no such setting; "
                "did you mean branding.privacy_url?"
            ),
        ),
        (
            "[qqqqqqqq]",
            ("tgauth.toml: qqqqqqqq: no such setting; docs/settings.md lists all there are"),
        ),
        (
            "[login]\nallow = []",
            (
                "tgauth.toml: login.allow: [] is wrong (it is neither 'everyone' "
                "nor a list of Telegram ids); expected either"
            ),
        ),
        (
            "[login]\nallow = true",
            (
                "tgauth.toml: login.allow: true is wrong (it is neither a text "
                "nor a list); expected either"
            ),
        ),
        (
            "[login]\nallow = ['alice']",
            (
                'tgauth.toml: login.allow: ["alice"] is wrong (it is '
                "neither 'everyone' nor a list of Telegram ids); expected either"
            ),
        ),
        (
            "[api]\nport = '8000'",
            (
                "tgauth.toml: api.port: '8000' is wrong (it is no "
                "whole number); expected a port number"
            ),
        ),
        ("[api]\nport = true", "tgauth.toml: api.port: true is wrong (it is no whole number)"),
        ("[api]\nport = 99999999999999999999", "tgauth.toml: api.port: 99999999999999999999 is"),
        (
            "[api]\nhost = 1979-05-27",
            'tgauth.toml: api.host: "1979-05-27" is wrong (it is not a text',
        ),
        (
            "[api.host]\nx = 1",
            'tgauth.toml: api.host: {"x": 1} is wrong (it is not a text in quotes)',
        ),
        ("issuer = 5", "tgauth.toml: issuer: 5 is wrong (it is not a text in quotes); expected"),
        ("[database]\npath = ['x']", 'tgauth.toml: database.path: ["x"] is wrong (it is no path)'),
        (
            "telegram = '123:hunter2'",
            (
                "tgauth.toml: telegram: it is a value; expected a section: "
                "[telegram] and below it lines like name = …"
            ),
        ),
        (
            "[telegram]\ntoken = 5",
            ("tgauth.toml: telegram.token: it is not a text in quotes; expected the bot's token"),
        ),
        (
            "[telegram]\ntoken_file = 5",
            ("tgauth.toml: telegram.token_file: it is empty or no text; expected the path"),
        ),
        (
            "[api]\ntrusted_proxies = ['10.0.0.1/8']",
            (
                "tgauth.toml: api.trusted_proxies: "
                '["10.0.0.1/8"] is wrong (10.0.0.1/8 has host bits set); expected'
            ),
        ),
    ],
)
def test_a_mistake_in_the_file_names_its_place(tmp_path: Path, line: str, mistake: str) -> None:
    """The file, the section and the name; and what was expected there."""
    write(tmp_path, line)
    set_there = {"TELEGRAM": "TGAUTH_TELEGRAM__TOKEN", "ISSUER": "TGAUTH_ISSUER"}
    environment = {
        key: text
        for key, text in MINIMAL.items()
        if not any(key == variable and word.lower() in line for word, variable in set_there.items())
        and not (key == "TGAUTH_LOGIN__ALLOW" and "[login]\nallow" in line)
    }
    lines = mistakes(tmp_path, environment)
    assert lines[0].startswith(mistake)
    assert "hunter2" not in "".join(lines)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("issuer = https://x", "tgauth.toml: line 1, column 10: Invalid value; expected TOML"),
        ("a\n[login\n", "tgauth.toml: line 1, column 2: "),
        ("[log]\n[log]\n", "tgauth.toml: line 2, column 5: Cannot declare"),
        ('x = "a', "tgauth.toml: Unterminated string (at end of document); expected TOML"),
        ("x = " + "[" * 100_000, "tgauth.toml: it is nested too deeply; expected a settings file"),
        (b"x = 1\ny = '\xff'", "tgauth.toml: line 2 is not UTF-8; save the file as UTF-8"),
        ("x = 1".encode("utf-16"), "tgauth.toml: line 1 is not UTF-8; save the file as UTF-8"),
    ],
)
def test_broken_toml_is_told_with_its_line(tmp_path: Path, text: str | bytes, told: str) -> None:
    """And what the file would have set is not called missing."""
    write(tmp_path, text)
    [line] = mistakes(tmp_path)
    assert line.startswith(told)


def test_broken_toml_never_shows_its_secrets(tmp_path: Path) -> None:
    """A token without quotes is the commonest of these mistakes."""
    write(tmp_path, f"[telegram]\ntoken = {TOKEN}\n")
    [line] = mistakes(tmp_path)
    assert "tgauth.toml: line 2, column" in line
    assert TOKEN not in line
    assert TOKEN.partition(":")[2] not in line


def test_a_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    """And so is every other file that cannot be read."""
    (tmp_path / "tgauth.toml").mkdir()
    [line] = mistakes(tmp_path)
    assert "tgauth.toml: it cannot be read (Is a directory); expected a readable file" == line


def test_what_windows_editors_write_is_read(tmp_path: Path) -> None:
    """A byte order mark and Windows line ends."""
    write(tmp_path, b"\xef\xbb\xbf" + GOOD.replace("\n", "\r\n").encode())
    assert "https://login.example.org" == load_settings({}, tmp_path).issuer


def test_mistakes_of_both_places_come_together(tmp_path: Path) -> None:
    """One start shows all that has to be put right."""
    write(tmp_path, "[login]\nallow = 'x'\n[log]\nlevle = 'info'\n")
    keys = [line.partition("; ")[0] for line in mistakes(tmp_path, {"TGAUTH_API__PORT": "x"})]
    assert [
        "tgauth.toml: log.levle: no such setting",
        "TGAUTH_ISSUER: not set",
        "TGAUTH_TELEGRAM__TOKEN: not set",
        (
            "tgauth.toml: login.allow: 'x' is wrong (it is neither 'everyone' nor a list of "
            "Telegram ids)"
        ),
        "TGAUTH_API__PORT: 'x' is wrong (it is no whole number)",
    ] == keys


@pytest.mark.parametrize(("mode", "expected"), [(0o600, False), (0o640, True), (0o604, True)])
def test_a_secret_that_others_can_read_is_noticed(
    tmp_path: Path, mode: int, *, expected: bool
) -> None:
    """It works, and somebody should know."""
    write(tmp_path, GOOD).chmod(mode)
    assert expected == read_settings({}, tmp_path).is_exposed


def test_a_file_without_secrets_may_be_read_by_all(tmp_path: Path) -> None:
    """Which is what `token_file` is for."""
    (tmp_path / "token").write_text(TOKEN)
    write(tmp_path, "telegram.token_file = 'token'\n").chmod(0o644)
    assert not read_settings({}, tmp_path).is_exposed


def test_port_is_honoured_where_nothing_else_is_said(tmp_path: Path) -> None:
    """Platforms that set it connect from outside."""
    settings = load_settings(MINIMAL | {"PORT": "4000"}, tmp_path)
    assert (4000, "0.0.0.0") == (settings.api.port, settings.api.host)  # noqa: S104 - a text


@pytest.mark.parametrize(
    ("environment", "file", "expected"),
    [
        ({"TGAUTH_API__PORT": "5000"}, "", (5000, "127.0.0.1")),
        ({}, "api.port = 5000", (5000, "127.0.0.1")),
        ({"TGAUTH_API__HOST": "::1"}, "", (4000, "::1")),
        ({}, "api.host = '::1'", (4000, "::1")),
        ({"PORT": ""}, "", (8000, "127.0.0.1")),
    ],
)
def test_port_yields_to_whatever_the_operator_said(
    tmp_path: Path, environment: dict[str, str], file: str, expected: tuple[int, str]
) -> None:
    """It is the platform's wish, not the operator's."""
    write(tmp_path, file)
    settings = load_settings(MINIMAL | {"PORT": "4000"} | environment, tmp_path)
    assert expected == (settings.api.port, settings.api.host)


def test_a_port_that_is_none_is_a_mistake_of_its_own(tmp_path: Path) -> None:
    """Under the name that the platform gave it."""
    [line] = mistakes(tmp_path, MINIMAL | {"PORT": "tcp://10.0.0.1:80"})
    assert line.startswith("PORT: 'tcp://10.0.0.1:80' is wrong")


@pytest.mark.parametrize("made", ["/var/lib/tgauth", "/var/lib/tgauth:/var/lib/other"])
def test_the_store_is_where_systemd_made_a_folder_for_it(tmp_path: Path, made: str) -> None:
    """The first, where there are several."""
    reading = read_settings(MINIMAL | {"STATE_DIRECTORY": made}, tmp_path)
    assert Path("/var/lib/tgauth/tgauth.db") == reading.settings.database.path
    [value] = [one for one in reading.values if one.field.toml == "database.path"]
    assert (Origin.STATE_DIRECTORY, "STATE_DIRECTORY") == (value.origin, value.place)


@pytest.mark.parametrize(
    ("environment", "file", "expected"),
    [
        ({"TGAUTH_DATABASE__PATH": "/srv/x.db"}, "", "/srv/x.db"),
        ({}, "database.path = '/srv/y.db'", "/srv/y.db"),
        ({"STATE_DIRECTORY": ""}, "", "tgauth.db"),
    ],
)
def test_that_folder_yields_to_whatever_the_operator_said(
    tmp_path: Path, environment: dict[str, str], file: str, expected: str
) -> None:
    """Who has chosen a path keeps it."""
    write(tmp_path, file)
    settings = load_settings(MINIMAL | {"STATE_DIRECTORY": "/var/lib"} | environment, tmp_path)
    assert Path(expected) == settings.database.path


def test_what_kubernetes_puts_there_is_no_mistake(tmp_path: Path) -> None:
    """A Service that is named tgauth."""
    links = {
        "TGAUTH_PORT": "tcp://10.0.0.1:80",
        "TGAUTH_PORT_80_TCP_ADDR": "10.0.0.1",
        "TGAUTH_SERVICE_HOST": "10.0.0.1",
        "TGAUTH_SERVICE_PORT_HTTP": "80",
    }
    assert 8000 == load_settings(MINIMAL | links, tmp_path).api.port


def test_each_value_knows_where_it_came_from(tmp_path: Path) -> None:
    """Down to the file that holds a secret."""
    (tmp_path / "token").write_text(TOKEN)
    write(tmp_path, "issuer = 'https://x.example'\ntelegram.token_file = 'token'\n")
    reading = read_settings({"TGAUTH_LOGIN__ALLOW": "everyone", "PORT": "4000"}, tmp_path)
    values = {one.field.toml: one for one in reading.values}

    def origin(name: str) -> tuple[Any, ...]:
        return values[name].origin, values[name].place, values[name].secret_file

    assert (Origin.FILE, "tgauth.toml: issuer", None) == origin("issuer")
    assert (Origin.FILE, "tgauth.toml: telegram.token_file", tmp_path / "token") == origin(
        "telegram.token"
    )
    assert (Origin.ENVIRONMENT, "TGAUTH_LOGIN__ALLOW", None) == origin("login.allow")
    assert (Origin.PORT, "PORT", None) == origin("api.host")
    assert (Origin.DEFAULT, "default", None) == origin("log.level")


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.one_of(st.text(), st.binary()))
def test_any_file_is_read_or_explained(tmp_path: Path, text: str | bytes) -> None:
    """Whatever stands in it, nothing but a message comes of it."""
    path = tmp_path / "tgauth.toml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass"))
    try:
        load_settings(MINIMAL, tmp_path)
    except ConfigurationError as error:
        assert "tgauth.toml" in str(error)  # noqa: PT017 - any outcome but another error is fine
