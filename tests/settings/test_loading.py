"""Promises of the settings: a mistake names its key and what was expected, and never a secret."""

from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders import ALICE, BOB, TOKEN

from tgauth.domain.person import AllowList
from tgauth.settings import (
    PREFIX,
    Branding,
    ConfigurationError,
    Secret,
    Settings,
    fields,
    keys,
    load_settings,
)

MINIMAL = {
    "TGAUTH_ISSUER": "https://login.example.org",
    "TGAUTH_TELEGRAM__TOKEN": TOKEN,
    "TGAUTH_LOGIN__ALLOW": "everyone",
}

SECRET = "0123456789abcdef"
HERE = Path(__file__).parent
LOGO = str(HERE / "data" / "logo.svg")

#: key → (good texts with what they become, bad texts). Written by hand.
TABLE: dict[str, tuple[dict[str, Any], list[str]]] = {
    "ISSUER": (
        {
            "https://Login.Example.org/": "https://login.example.org",
            "http://localhost:8000": "http://localhost:8000",
        },
        [
            "",
            "login.example.org",
            "http://login.example.org",
            "https://x.example/path",
            "https://x:y",
        ],
    ),
    "TELEGRAM__TOKEN": (
        {TOKEN: TOKEN, f"  {TOKEN}\n": TOKEN},
        ["", "nonsense", "123456:", ":abcdef", "123456:abc def", "123456:ab", "\u0661:abcdef"],
    ),
    "TELEGRAM__API_URL": (
        {
            "http://127.0.0.1:8081": "http://127.0.0.1:8081",
            "https://api.telegram.org": "https://api.telegram.org",
        },
        ["", "api.telegram.org", "ftp://x", "https://x?y", "https://x#y", "https://"],
    ),
    "TELEGRAM__MODE": ({"polling": "polling", "webhook": "webhook"}, ["", "Webhook", "push"]),
    "TELEGRAM__WEBHOOK_NETWORKS": (
        {
            "": (),
            "telegram": (ip_network("149.154.160.0/20"), ip_network("91.108.4.0/22")),
            "192.0.2.7, 2001:db8::/32": (ip_network("192.0.2.7"), ip_network("2001:db8::/32")),
            "10.0.0.0/8 telegram": (
                ip_network("10.0.0.0/8"),
                ip_network("149.154.160.0/20"),
                ip_network("91.108.4.0/22"),
            ),
        },
        ["Telegram", "10.0.0.1/8", "0.0.0.0/0", "telegram.org"],
    ),
    "TELEGRAM__MESSAGES_PER_SECOND": ({"1": 1, "1000": 1000}, ["", "0", "1001"]),
    "DATABASE__PATH": ({"/srv/x.db": Path("/srv/x.db")}, ["", "  "]),
    "SECRET_FILE": ({"/run/secret": Path("/run/secret")}, ["", " "]),
    "API__HOST": (
        {
            "::1": "::1",
            "0.0.0.0": "0.0.0.0",  # noqa: S104 - only a text
            "unix:/run/api.sock": "unix:/run/api.sock",
        },
        ["", "unix:", "unix:api.sock", "unix:/run/", f"unix:/{'x' * 107}"],
    ),
    "API__SOCKET_MODE": (
        {"0660": "0660", "666": "666"},
        ["", "0", "0668", "66", "00660", "1777", "rw-rw----"],
    ),
    "API__PORT": ({"0": 0, " 65535 ": 65535}, ["", "-1", "65536", "http", "1.5", "0x10", "true"]),
    "API__WORKERS": ({"1": 1, "64": 64}, ["", "0", "65", "two"]),
    "API__TRUSTED_PROXIES": (
        {
            "": (),
            "10.0.0.0/8": (ip_network("10.0.0.0/8"),),
            "192.0.2.7, 2001:db8::/32": (ip_network("192.0.2.7"), ip_network("2001:db8::/32")),
        },
        ["proxy", "10.0.0.1/8", "10.0.0.0/33", "0.0.0.0/0", "::/0", "10.0.0.0/8;::1"],
    ),
    "API__FAILURES_PER_MINUTE": ({"1": 1, "10000": 10000}, ["", "0", "10001", "few"]),
    "TELEGRAM__LINK_URL": (
        {
            "https://t.me": "https://t.me",
            "http://127.0.0.1:8081/telegram": "http://127.0.0.1:8081/telegram",
        },
        ["", "t.me", "https://t.me/", "https://t.me?x=1", "https://t.me#x", "javascript:alert(1)"],
    ),
    "API__LOGINS_PER_MINUTE": ({"1": 1, "10000": 10000}, ["", "0", "10001", "few"]),
    "LOGIN__ALLOW": (
        {
            "everyone": AllowList(everyone=True),
            f"{ALICE}": AllowList(everyone=False, telegram_ids=frozenset({ALICE})),
            f"{ALICE}, {BOB}": AllowList(everyone=False, telegram_ids=frozenset({ALICE, BOB})),
            f"{ALICE} {BOB}": AllowList(everyone=False, telegram_ids=frozenset({ALICE, BOB})),
        },
        ["", "Everyone", "alice", "-1", "0", "1.5", "1,x", "*", "²", "everyone,1"],
    ),
    "LOGIN__CALLBACK_URL": (
        {
            "https://app.example/cb?x=1": "https://app.example/cb?x=1",
            "http://localhost:3000/cb": "http://localhost:3000/cb",
        },
        [
            "",
            "app.example/cb",
            "http://app.example/cb",
            "https://app.example/cb#x",
            "https://user@app.example/cb",
            "https://app.example/c b",
            "https://app.example/ü",
            "https://app.example;script-src/cb",
            "https://app.example:0/cb",
            "https://app.example:x/cb",
            "https://[::1/cb",
            "javascript:alert(1)",
        ],
    ),
    "LOGIN__CLIENT_ID": ({"shop": "shop", "x" * 100: "x" * 100}, ["", "x" * 101, "a b", "ü"]),
    "LOGIN__CLIENT_SECRET": (
        {SECRET: SECRET, f" {SECRET}\n": SECRET, "käse" * 4: "käse" * 4},
        ["", SECRET[1:], f"{SECRET}\n{SECRET}", f"{SECRET}\0"],
    ),
    "LOGIN__APPLICATION_NAME": (
        {"Der Käseladen": "Der Käseladen", "x" * 60: "x" * 60},
        ["", "x" * 61, "a\nb", "a\u202eb"],
    ),
    "LOGIN__REQUESTS_PER_MINUTE": ({"1": 1, "60": 60}, ["", "0", "61"]),
    "LOGIN__PLACES": ({"/srv/places.mmdb": Path("/srv/places.mmdb")}, []),
    "LOGIN__APPROVAL_TTL": ({"30": 30, "900": 900}, ["", "29", "901", "5m"]),
    "LOGIN__CODE_TTL": ({"10": 10, "3600": 3600}, ["", "9", "3601", "2m"]),
    "LOGIN__TOKEN_TTL": ({"60": 60, "86400": 86400}, ["", "59", "86401", "1h"]),
    "SESSION__TTL": ({"300": 300, "31536000": 31536000}, ["", "299", "31536001", "30d"]),
    "SESSION__IDLE_TTL": (
        {"300": 300, "2592000": 2592000},
        ["", "299", "31536001"],
    ),
    "AUDIT__KEEP_DAYS": ({"1": 1, "3650": 3650}, ["", "0", "3651", "90d"]),
    "METRICS__HOST": ({"::1": "::1", "metrics.internal": "metrics.internal"}, [""]),
    "METRICS__PORT": ({"0": 0, "9100": 9100}, ["", "-1", "65536", "http"]),
    "METRICS__TOKEN": (
        {SECRET: SECRET, f" {SECRET}\n": SECRET},
        ["", SECRET[1:], f"{SECRET} {SECRET}", "käse" * 4],
    ),
    "BRANDING__NAME": ({"Käse & Co": "Käse & Co"}, ["", "x" * 61, "a\tb"]),
    "BRANDING__LOGO": (
        {LOGO: LOGO},
        ["", "/no/such/file.png", str(HERE), str(HERE) + "/data/logo.txt", __file__, "a\0.png"],
    ),
    "BRANDING__ACCENT": (
        {"#2a6fdb": "#2a6fdb", "#2A6FDB": "#2a6fdb"},
        ["", "2a6fdb", "#2a6", "blue", "#2a6fdg", "#2a6fdb;x"],
    ),
    "BRANDING__PRIVACY_URL": (
        {"https://x.example/privacy#data": "https://x.example/privacy#data"},
        ["", "x.example", "http://x.example", "javascript:alert(1)", "https://u@x.example"],
    ),
    "BRANDING__IMPRINT_URL": (
        {"http://localhost/imprint": "http://localhost/imprint"},
        ["", "/imprint", "http://x.example", "https://x.example/a b"],
    ),
    "LOG__FORMAT": ({"text": "text", "json": "json"}, ["", "xml", "JSON"]),
    "LOG__LEVEL": ({"debug": "debug", "error": "error"}, ["", "trace", "INFO"]),
}

GOOD = [(key, text, value) for key, (good, _) in TABLE.items() for text, value in good.items()]
BAD = [(key, text) for key, (_, bad) in TABLE.items() for text in bad]


SECRETS = {one.variable.removeprefix(PREFIX) for one in fields() if one.is_secret}


def read(settings: Settings, key: str) -> Any:
    """Return what a key became, as its user sees it."""
    value: Any = settings
    for name in key.lower().split("__"):
        value = getattr(value, name)
    if isinstance(value, Secret):
        return value.reveal()
    is_parsed = key in {"LOGIN__ALLOW", "API__TRUSTED_PROXIES", "TELEGRAM__WEBHOOK_NETWORKS"}
    return value.parsed if is_parsed else value


@pytest.fixture(autouse=True)
def _in_a_folder_without_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep somebody's own settings out of the tests."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(("key", "text", "expected"), GOOD)
def test_a_good_value_is_taken(key: str, text: str, expected: Any) -> None:
    """Whatever the table calls good becomes what the table says."""
    settings = load_settings(MINIMAL | {PREFIX + key: text})
    assert expected == read(settings, key)


@pytest.mark.parametrize(("key", "text"), BAD)
def test_a_bad_value_names_its_key_and_what_was_expected(key: str, text: str) -> None:
    """The exact environment variable, and the same words as in the documentation."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(MINIMAL | {PREFIX + key: text})
    assert PREFIX + key == caught.value.key
    assert str(caught.value).startswith(f"{PREFIX}{key}: ")
    assert f"expected {keys()[PREFIX + key]}" in str(caught.value)
    if key not in SECRETS:
        assert repr(text.strip()) in str(caught.value) or repr(text) in str(caught.value)


def test_the_table_is_complete() -> None:
    """A new setting needs its good and bad values here."""
    assert {PREFIX + key for key in TABLE} == set(keys())


def test_the_secrets_are_known_as_such() -> None:
    """What has a `…_FILE` form and is masked everywhere."""
    assert {"TELEGRAM__TOKEN", "LOGIN__CLIENT_SECRET", "METRICS__TOKEN"} == SECRETS


@pytest.mark.parametrize(
    ("metrics", "api", "is_fine"),
    [("8000", None, False), ("9000", "9000", False), ("9000", None, True), ("0", "0", True)],
)
def test_the_metrics_have_another_port_than_everybody_else(
    metrics: str, api: str | None, *, is_fine: bool
) -> None:
    """Or they would be shown to whoever comes there."""
    given = {"TGAUTH_METRICS__PORT": metrics} | ({"TGAUTH_API__PORT": api} if api else {})
    if is_fine:
        assert int(metrics) == load_settings(MINIMAL | given).metrics.port
    else:
        with pytest.raises(ConfigurationError, match=f"{metrics} is TGAUTH_API__PORT as well"):
            load_settings(MINIMAL | given)


def test_metrics_are_on_when_somebody_says_where() -> None:
    """By a port or a token; a host alone says nothing."""
    for settings, is_on in (
        ({}, False),
        ({"TGAUTH_METRICS__HOST": "::1"}, False),
        ({"TGAUTH_METRICS__PORT": "9000"}, True),
        ({"TGAUTH_METRICS__TOKEN": SECRET}, True),
    ):
        assert is_on == load_settings(MINIMAL | settings).metrics.is_on


def test_a_wrong_client_secret_is_never_repeated() -> None:
    """Not even where it is only too short."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(MINIMAL | {"TGAUTH_LOGIN__CLIENT_SECRET": "hunter2"})
    assert "hunter2" not in f"{caught.value!r} {caught.value}"


@pytest.mark.parametrize("bad", ["987654321", "987654321:sec ret", ":secret-secret", "secret"])
def test_a_wrong_token_is_never_repeated(bad: str) -> None:
    """What somebody put there is a secret, even where it is wrong."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(MINIMAL | {"TGAUTH_TELEGRAM__TOKEN": bad})
    assert bad not in str(caught.value)


def test_no_message_and_no_print_shows_the_token() -> None:
    """Whichever other setting is wrong."""
    for key, text in BAD:
        if key in SECRETS:
            continue
        with pytest.raises(ConfigurationError) as caught:
            load_settings(MINIMAL | {PREFIX + key: text})
        assert TOKEN not in f"{caught.value!r} {caught.value}"
    settings = load_settings(MINIMAL)
    assert TOKEN not in f"{settings!r} {settings} {settings.telegram!r}"
    assert "***" in repr(settings)


@pytest.mark.parametrize("key", MINIMAL)
def test_a_missing_setting_is_told_with_its_choices(key: str) -> None:
    """What has no default is asked for by its exact name."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings({name: text for name, text in MINIMAL.items() if name != key})
    assert f"{key}: not set; expected {keys()[key]}" == str(caught.value)


def test_a_missing_allow_list_shows_both_choices() -> None:
    """There is no silent default for who may log in."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings({key: text for key, text in MINIMAL.items() if "ALLOW" not in key})
    assert "'everyone'" in str(caught.value)
    assert "12345678,87654321" in str(caught.value)


def test_nothing_at_all_names_what_is_needed() -> None:
    """An empty environment ends in a message, not in a traceback."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings({})
    assert list(MINIMAL) == [mistake.key for mistake in caught.value.mistakes]


@pytest.mark.parametrize(
    ("key", "nearest"),
    [
        ("TGAUTH_TELEGRAM__TOKN", "TGAUTH_TELEGRAM__TOKEN"),
        ("TGAUTH_LOGIN_ALLOW", "TGAUTH_LOGIN__ALLOW"),
        ("TGAUTH_LOGIN__CALLBACKURL", "TGAUTH_LOGIN__CALLBACK_URL"),
        ("TGAUTH_ISSUERS", "TGAUTH_ISSUER"),
        ("TGAUTH_API__PORTS", "TGAUTH_API__PORT"),
    ],
)
def test_an_unknown_setting_suggests_the_nearest(key: str, nearest: str) -> None:
    """A slip of the pen stops the start instead of being ignored; its value is not shown."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(MINIMAL | {key: TOKEN})
    assert (key, True) == (caught.value.key, f"did you mean {nearest}?" in str(caught.value))
    assert TOKEN not in str(caught.value)


def test_an_unknown_setting_far_from_all_points_to_the_documentation() -> None:
    """Where nothing is near, the list is named."""
    with pytest.raises(ConfigurationError, match=r"docs/settings\.md"):
        load_settings(MINIMAL | {"TGAUTH_QQQQQQQQQ": "x"})


@pytest.mark.parametrize("key", ["PATH", "tgauth_issuer", "XTGAUTH_ISSUER", "TGAUTH"])
def test_what_is_not_ours_is_ignored(key: str) -> None:
    """The rest of the environment is nobody's business."""
    settings = load_settings(MINIMAL | {key: "nonsense"})
    assert MINIMAL["TGAUTH_ISSUER"] == settings.issuer


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, Path("tgauth.db.key")),
        ({"TGAUTH_DATABASE__PATH": "/srv/a.sqlite"}, Path("/srv/a.sqlite.key")),
        ({"TGAUTH_SECRET_FILE": "/run/secret"}, Path("/run/secret")),
    ],
)
def test_the_master_key_is_beside_the_database_or_where_it_was_put(
    changed: dict[str, str], expected: Path
) -> None:
    """By default it follows the database."""
    assert expected == load_settings(MINIMAL | changed).master_key_path


def test_the_defaults_are_those_of_the_documentation() -> None:
    """What nobody sets."""
    settings = load_settings(MINIMAL)
    assert ("127.0.0.1", 8000, 1) == (settings.api.host, settings.api.port, settings.api.workers)
    assert ("default", None, 120, 900) == (
        settings.login.client_id,
        settings.login.callback_url,
        settings.login.code_ttl,
        settings.login.token_ttl,
    )
    assert ("default", None, 10) == (
        settings.login.application_name,
        settings.login.client_secret,
        settings.login.requests_per_minute,
    )
    assert ((), 100) == (settings.api.trusted_proxies.parsed, settings.api.failures_per_minute)
    assert (2592000, 604800) == (settings.session.ttl, settings.session.idle_ttl)
    assert Branding() == settings.branding
    assert ("text", "info") == (settings.log.format, settings.log.level)
    assert ("https://api.telegram.org", Path("tgauth.db")) == (
        settings.telegram.api_url,
        settings.database.path,
    )
    assert ("polling", (), 30) == (
        settings.telegram.mode,
        settings.telegram.webhook_networks.parsed,
        settings.telegram.messages_per_second,
    )


@pytest.mark.parametrize(
    ("key", "text", "why"),
    [
        ("API__PORT", "http", "it is no whole number"),
        ("API__PORT", "-1", "it is below 0"),
        ("API__PORT", "65536", "it is above 65535"),
        ("API__HOST", "", "it is empty"),
        ("TELEGRAM__API_URL", "x", "it has another form"),
        ("LOG__LEVEL", "loud", "it is none of those there are"),
        ("LOGIN__ALLOW", "x", "it is neither 'everyone' nor a list of Telegram ids"),
    ],
)
def test_why_a_value_is_wrong_is_said_in_plain_words(key: str, text: str, why: str) -> None:
    """For people who know no Python."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(MINIMAL | {PREFIX + key: text})
    assert f"{PREFIX}{key}: {text!r} is wrong ({why}); expected" in str(caught.value)


OWN_SERVER = "http://127.0.0.1:8081"
TELEGRAMS = "https://api.telegram.org"


@pytest.mark.parametrize(
    ("issuer", "api_url", "is_good"),
    [
        ("https://login.example.org", TELEGRAMS, True),
        ("https://login.example.org:8443", TELEGRAMS, True),
        ("https://login.example.org:88", TELEGRAMS, True),
        ("https://login.example.org:80", TELEGRAMS, True),
        ("https://login.example.org:8000", TELEGRAMS, False),
        ("https://localhost", TELEGRAMS, False),
        ("http://127.0.0.1:8000", TELEGRAMS, False),
        ("http://127.0.0.1:8000", OWN_SERVER, True),
        ("https://login.example.org:8000", OWN_SERVER, False),
    ],
)
def test_a_webhook_needs_an_issuer_that_telegram_reaches(
    issuer: str, api_url: str, *, is_good: bool
) -> None:
    """On a port that it posts to; except on this machine, with a Bot API server of one's own."""
    chosen = MINIMAL | {
        "TGAUTH_ISSUER": issuer,
        "TGAUTH_TELEGRAM__API_URL": api_url,
        "TGAUTH_TELEGRAM__MODE": "webhook",
    }
    if is_good:
        assert "webhook" == load_settings(chosen).telegram.mode
        return
    with pytest.raises(ConfigurationError) as caught:
        load_settings(chosen)
    assert str(caught.value).startswith("TGAUTH_TELEGRAM__MODE: webhook, and Telegram cannot")
    assert issuer in str(caught.value)
    assert "polling" == load_settings(chosen | {"TGAUTH_TELEGRAM__MODE": "polling"}).telegram.mode


def test_people_read_the_client_id_where_no_name_is_given() -> None:
    """An application has a name in any case."""
    settings = load_settings(MINIMAL | {"TGAUTH_LOGIN__CLIENT_ID": "x" * 100})
    assert "x" * 100 == settings.login.application_name


def test_a_short_session_shortens_the_idle_time_too() -> None:
    """Who sets one of the two need not set the other."""
    settings = load_settings(MINIMAL | {"TGAUTH_SESSION__TTL": "3600"})
    assert (3600, 3600) == (settings.session.ttl, settings.session.idle_ttl)


def test_an_idle_time_above_the_sessions_own_is_a_mistake() -> None:
    """It would never be reached."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(MINIMAL | {"TGAUTH_SESSION__TTL": "3600", "TGAUTH_SESSION__IDLE_TTL": "3601"})
    assert str(caught.value).startswith("TGAUTH_SESSION__IDLE_TTL: 3601 is above")


@pytest.mark.parametrize(
    ("name", "media_type"),
    [("a.PNG", "image/png"), ("a.webp", "image/webp"), ("a.jpg", "image/jpeg")],
)
def test_a_logo_knows_what_it_is_sent_as(tmp_path: Path, name: str, media_type: str) -> None:
    """By the end of its name; a full 256 KiB are fine, one byte more is not."""
    logo = tmp_path / name
    logo.write_bytes(b"x" * 262144)
    found = load_settings(MINIMAL | {"TGAUTH_BRANDING__LOGO": str(logo)}).branding.logo
    assert found is not None
    assert (logo, media_type) == (found.path, found.media_type)
    logo.write_bytes(b"x" * 262145)
    with pytest.raises(ConfigurationError, match="larger than 256 KiB"):
        load_settings(MINIMAL | {"TGAUTH_BRANDING__LOGO": str(logo)})
    logo.write_bytes(b"")
    with pytest.raises(ConfigurationError, match="the file is empty"):
        load_settings(MINIMAL | {"TGAUTH_BRANDING__LOGO": str(logo)})


def test_every_mistake_is_told_at_once() -> None:
    """One line each, each with its own key."""
    with pytest.raises(ConfigurationError) as caught:
        load_settings(
            {
                "TGAUTH_ISSUER": "nonsense",
                "TGAUTH_TELEGRAM__TOKEN": TOKEN,
                "TGAUTH_API__PORT": "http",
                "TGAUTH_LOGN__ALLOW": "everyone",
            }
        )
    assert [
        "TGAUTH_ISSUER",
        "TGAUTH_LOGIN__ALLOW",
        "TGAUTH_API__PORT",
        "TGAUTH_LOGN__ALLOW",
    ] == [mistake.key for mistake in caught.value.mistakes]
    assert 4 == len(str(caught.value).splitlines())


@given(key=st.sampled_from(sorted(keys())), text=st.text())
def test_any_text_is_taken_or_explained(key: str, text: str) -> None:
    """No value ends in anything but the settings or a message that names its key."""
    try:
        load_settings(MINIMAL | {key: text})
    except ConfigurationError as error:
        assert key == error.key  # noqa: PT017 - any outcome but another error is fine
