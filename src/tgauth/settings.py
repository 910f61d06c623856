"""Settings: read once at the start, and a mistake in one stops the start with its exact key."""

import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_type_hints
from urllib.parse import urlsplit

import msgspec
from msgspec import Meta, Struct

from tgauth.domain.links import HOST, Issuer, is_loopback, parse_issuer
from tgauth.domain.person import AllowList

PREFIX: Final = "TGAUTH_"
_DELIMITER: Final = "__"

#: What Kubernetes puts into every container's environment when a Service is named `tgauth`.
_SERVICE_LINK: Final = re.compile(r"TGAUTH_(PORT(_.+)?|SERVICE_HOST|SERVICE_PORT(_.+)?)")

#: What Telegram's BotFather hands out: the bot's id, a colon, and the secret.
_TOKEN: Final = re.compile(r"[0-9]+:[A-Za-z0-9_-]{3,}")
_CLIENT_ID: Final = re.compile(r"[\x21-\x7e]{1,100}")


class ConfigurationError(Exception):
    """A setting is wrong or missing.

    Attributes:
        key: The environment variable.
    """

    def __init__(self, key: str, *, found: str, expected: str = "", advice: str = "") -> None:
        super().__init__(f"{key}: {found}; {advice or f'expected {expected}'}")
        self.key = key


class Secret:
    """A text that prints as `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"


class IssuerUrl(str):
    """The text of an issuer that has been found good."""

    __slots__ = ()

    @property
    def parsed(self) -> Issuer:
        """What it says."""
        return parse_issuer(self)


class Allowed(str):
    """The text of an allow list that has been found good."""

    __slots__ = ()

    @property
    def parsed(self) -> AllowList:
        """What it says."""
        return _allow_list(self)


class CallbackUrl(str):
    """An application's address that a browser may be sent to."""

    __slots__ = ()


class Telegram(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`TGAUTH_TELEGRAM__…`."""

    token: Annotated[
        Secret, Meta(description="the bot's token from @BotFather, like 123456:ABC-DEF")
    ]
    api_url: Annotated[
        str,
        Meta(
            description="an http(s) address of a Bot API server, without a trailing slash",
            pattern="^https?://[^/?#]+(/[^?#]*)?$",
        ),
    ] = "https://api.telegram.org"


class Database(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`TGAUTH_DATABASE__…`."""

    path: Annotated[Path, Meta(description="where the SQLite file is or shall be")] = Path(
        "tgauth.db"
    )


class Api(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`TGAUTH_API__…`."""

    host: Annotated[
        str, Meta(description="an address or name of this machine to listen on", min_length=1)
    ] = "127.0.0.1"
    port: Annotated[int, Meta(description="a port number, 0 to 65535", ge=0, le=65535)] = 8000
    workers: Annotated[int, Meta(description="a number of processes, 1 to 64", ge=1, le=64)] = 1


class Login(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`TGAUTH_LOGIN__…`."""

    allow: Annotated[
        Allowed,
        Meta(
            description="either 'everyone', or the Telegram ids of the people who may log in, "
            "like 12345678,87654321"
        ),
    ]
    callback_url: Annotated[
        CallbackUrl | None,
        Meta(
            description="the https address in your application that takes ?code=… (plain http "
            "only on this machine), without a fragment"
        ),
    ] = None
    client_id: Annotated[
        str,
        Meta(
            description="1 to 100 visible ASCII characters",
            pattern=f"^{_CLIENT_ID.pattern}$",
        ),
    ] = "default"
    code_ttl: Annotated[
        int, Meta(description="a number of seconds, 10 to 3600", ge=10, le=3600)
    ] = 120
    token_ttl: Annotated[
        int, Meta(description="a number of seconds, 60 to 86400", ge=60, le=86400)
    ] = 900


class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`TGAUTH_LOG__…`."""

    format: Annotated[Literal["text", "json"], Meta(description="'text' or 'json'")] = "text"
    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="'debug', 'info', 'warning' or 'error'"),
    ] = "info"


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that an operator can set."""

    issuer: Annotated[
        IssuerUrl,
        Meta(
            description="the address under which browsers reach tgauth, like "
            "https://login.example.org (plain http only on this machine)"
        ),
    ]
    telegram: Telegram
    login: Login
    database: Database = Database()
    secret_file: Annotated[
        Path | None,
        Meta(description="where the master key is; by default beside the database"),
    ] = None
    api: Api = Api()
    log: LogSettings = LogSettings()

    @property
    def master_key_path(self) -> Path:
        """Where the master key is."""
        if self.secret_file is not None:
            return self.secret_file
        return self.database.path.with_name(self.database.path.name + ".key")


def load_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings from the environment.

    Raises:
        ConfigurationError: One is wrong, missing or unknown.
    """
    tree: dict[str, Any] = {"telegram": {}, "login": {}}
    known = keys()
    for key, text in sorted(environment.items()):
        if not key.startswith(PREFIX) or _SERVICE_LINK.fullmatch(key):
            continue
        if key not in known:
            raise ConfigurationError(key, found="no such setting", advice=_nearest(key))
        *sections, name = key.removeprefix(PREFIX).lower().split(_DELIMITER)
        branch = tree
        for section in sections:
            branch = branch.setdefault(section, {})
        branch[name] = text.strip()
    try:
        return msgspec.convert(tree, Settings, strict=False, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise _explained(str(error), environment, known) from None


def keys() -> dict[str, str]:
    """Return every setting's environment variable and what is expected of it."""
    return dict(_walk(Settings, PREFIX))


def _walk(struct: type[Struct], prefix: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for name, hint in get_type_hints(struct, include_extras=True).items():
        key = prefix + name.upper()
        if isinstance(hint, type) and issubclass(hint, Struct):
            found += _walk(hint, key + _DELIMITER)
        else:
            found.append((key, _description(hint)))
    return found


def _description(hint: Any) -> str:
    [meta] = [part for part in hint.__metadata__ if isinstance(part, Meta)]
    return str(meta.description)


def _decode(wanted: type, found: object) -> object:
    text = str(found)
    if wanted is IssuerUrl:
        return IssuerUrl(parse_issuer(text).url)
    if wanted is Allowed:
        _allow_list(text)
        return Allowed(text)
    if wanted is Secret:
        return _token(text)
    if wanted is CallbackUrl:
        return _callback_url(text)
    if not text:
        raise ValueError("it is empty")
    return Path(text)


def _token(text: str) -> Secret:
    if not _TOKEN.fullmatch(text):
        # What was found is a secret, even when it is wrong.
        raise ValueError("it does not look like a bot token")
    return Secret(text)


def _allow_list(text: str) -> AllowList:
    if text == "everyone":
        return AllowList(everyone=True)
    words = re.split(r"[,\s]+", text)
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise ValueError("it is neither 'everyone' nor a list of Telegram ids")
    return AllowList(everyone=False, telegram_ids=frozenset(map(int, words)))


def _callback_url(text: str) -> CallbackUrl:
    parts = urlsplit(text)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not HOST.fullmatch(host) or "@" in parts.netloc:
        raise ValueError("it is no http(s) address")
    if parts.fragment or not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("it has a fragment, a space or a character outside ASCII")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("plain http would show login codes to the network")
    if parts.port == 0:
        raise ValueError("it has port 0")
    return CallbackUrl(text)


def _explained(
    message: str, environment: Mapping[str, str], known: Mapping[str, str]
) -> ConfigurationError:
    """Turn msgspec's message, which names a path like `$.api.port`, into ours."""
    what, _, path = message.partition(" - at `$")
    sections = path.rstrip("`").strip(".").split(".") if path else []
    missing = re.fullmatch(r"Object missing required field `(\w+)`", what)
    if missing:
        sections.append(missing.group(1))
    key = PREFIX + _DELIMITER.join(part for part in sections if part).upper()
    if missing:
        return ConfigurationError(key, found="not set", expected=known[key])
    found = environment.get(key, "")
    secret = key.endswith(("TOKEN", "SECRET"))
    shown = what if secret else f"{found!r} is wrong ({what})"
    return ConfigurationError(key, found=shown, expected=known[key])


def _nearest(key: str) -> str:
    close = difflib.get_close_matches(key, keys(), n=1)
    return f"did you mean {close[0]}?" if close else "docs/settings.md lists all there are"
