"""Defaults, then the file, then the environment; and every mistake at once."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from tgauth.domain.links import is_loopback
from tgauth.settings.fields import CONFIG_FILE, Field, fields, sections
from tgauth.settings.mistakes import ConfigurationError, Mistake, in_words, shown
from tgauth.settings.model import Settings
from tgauth.settings.sources import (
    FILE_NAME,
    Found,
    Origin,
    Source,
    has_secret_for_others,
    in_environment,
    in_file,
)
from tgauth.settings.values import DisplayName

_PORT: Final = "PORT"
_STATE: Final = "STATE_DIRECTORY"
_DATABASE: Final = "tgauth.db"
_WEBHOOK: Final = "webhook"
#: core.telegram.org/bots/api#setwebhook: "Ports currently supported for webhooks".
_WEBHOOK_PORTS: Final = frozenset({443, 80, 88, 8443})
_TELEGRAM: Final = "api.telegram.org"
_EVERYWHERE: Final = "0.0.0.0"  # noqa: S104 - a platform that sets PORT connects from outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """One setting as it was read.

    Attributes:
        field: Which one.
        value: What it is; None as well where it is not set or wrong.
        origin: Who said so.
        place: Where exactly: a variable, or a file and a place in it.
        secret_file: The file that holds the secret, where one does.
        mistake: What is wrong with it.
    """

    field: Field
    value: object
    origin: Origin
    place: str
    secret_file: Path | None = None
    mistake: Mistake | None = None

    @property
    def is_missing(self) -> bool:
        """Whether somebody has to set it, and nobody did."""
        return self.origin is Origin.DEFAULT and self.mistake is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """All settings as they were read, good or not.

    Attributes:
        file: The settings file, where there is one.
        values: Every setting.
        mistakes: Everything that is wrong.
        is_exposed: Whether the file holds a secret and others can read it.
    """

    file: Path | None
    values: tuple[Value, ...]
    mistakes: tuple[Mistake, ...]
    is_exposed: bool

    @property
    def settings(self) -> Settings:
        """The settings.

        Raises:
            ConfigurationError: Something is wrong.
        """
        if self.mistakes:
            raise ConfigurationError.of(self.mistakes)
        tree: dict[str, Any] = {name: {} for name in sections()}
        for one in self.values:
            section, _, name = one.field.toml.rpartition(".")
            (tree[section] if section else tree)[name] = one.value
        return Settings(**tree | {name: made(**tree[name]) for name, made in sections().items()})

    @property
    def hint(self) -> str | None:
        """What helps whoever has set up nothing yet."""
        is_new = self.file is None and any(one.is_missing for one in self.values)
        return "`tgauth init` asks what is needed, and writes tgauth.toml" if is_new else None

    def value_of(self, name: str) -> object:
        """Return what a setting is, by its place in the file; None as well where it is wrong."""
        return next(one.value for one in self.values if one.field.toml == name)

    def places(self) -> dict[str, str]:
        """Return where each setting that somebody set stands, by its variable."""
        return {
            one.field.variable: one.place for one in self.values if one.origin is not Origin.DEFAULT
        }


def load_settings(environment: Mapping[str, str], folder: Path | None = None) -> Settings:
    """Read the settings.

    Args:
        environment: The process's environment.
        folder: Where a `tgauth.toml` may be; by default the current folder.

    Raises:
        ConfigurationError: Something is wrong, missing or unknown; it tells all mistakes.
    """
    return read_settings(environment, folder).settings


def read_settings(environment: Mapping[str, str], folder: Path | None = None) -> Reading:
    """Read the settings as far as they can be read. See `load_settings`."""
    path, file = _file(environment, folder or Path())
    variables = in_environment(environment)
    found = {**file.found, **variables.found}
    _honour_port(environment, found)
    _honour_state_directory(environment, found)
    values = {one.toml: _understood(one, found.get(one.toml), file) for one in fields()}
    _agree(values)
    _apart(values)
    return Reading(
        file=path,
        values=tuple(values.values()),
        mistakes=(
            *file.mistakes,
            *(one.mistake for one in values.values() if one.mistake),
            *variables.mistakes,
        ),
        is_exposed=path is not None and has_secret_for_others(path, file),
    )


def understand(field: Field, value: object, *, as_text: bool = True) -> object:
    """Return what a value means for a setting.

    Args:
        field: The setting.
        value: What somebody wrote.
        as_text: Whether it is the text of a number where a number is wanted.

    Raises:
        ValueError: It is wrong; the message says why, and does not repeat a secret.
    """
    try:
        return msgspec.convert(value, field.hint, strict=not as_text, dec_hook=_decode)
    except msgspec.ValidationError as error:
        raise ValueError(in_words(str(error))) from None


def _file(environment: Mapping[str, str], folder: Path) -> tuple[Path | None, Source]:
    named = environment.get(CONFIG_FILE)
    name = FILE_NAME if named is None else named.strip()
    if not name:
        mistake = Mistake(
            key=CONFIG_FILE, found="it is empty", advice="expected the path of a settings file"
        )
        return None, Source(mistakes=(mistake,), is_readable=False)
    path = folder / name
    if named is None and not path.exists():
        return None, Source()
    return path, in_file(path, name)


def _honour_port(environment: Mapping[str, str], found: dict[str, Found]) -> None:
    """Listen where a platform says, unless the operator said something else."""
    port = environment.get(_PORT, "").strip()
    if not port or "api.port" in found:
        return
    found["api.port"] = Found(value=port, origin=Origin.PORT, place=_PORT)
    found.setdefault("api.host", Found(value=_EVERYWHERE, origin=Origin.PORT, place=_PORT))


def _honour_state_directory(environment: Mapping[str, str], found: dict[str, Found]) -> None:
    """Keep the store where systemd made a folder for it, unless the operator said otherwise."""
    made = environment.get(_STATE, "").partition(":")[0]  # systemd.exec(5): one or more folders
    if made and "database.path" not in found:
        path = str(Path(made) / _DATABASE)
        found["database.path"] = Found(value=path, origin=Origin.STATE_DIRECTORY, place=_STATE)


def _understood(field: Field, found: Found | None, file: Source) -> Value:
    if found is None:
        return _unset(field, file)
    value = Value(
        field=field,
        value=None,
        origin=found.origin,
        place=found.place,
        secret_file=found.secret_file,
        mistake=found.mistake,
    )
    if found.mistake:
        return value
    try:
        as_text = found.origin is not Origin.FILE
        return replace(value, value=understand(field, found.value, as_text=as_text))
    except ValueError as error:
        why = str(error) if field.is_secret else f"{shown(found.value)} is wrong ({error})"
        return replace(value, mistake=_expected(field, found.place, why))


def _unset(field: Field, file: Source) -> Value:
    mistake = None
    if field.default is msgspec.NODEFAULT and field.toml not in _DERIVED and file.is_readable:
        mistake = _expected(field, field.variable, "not set")
    default = None if field.default is msgspec.NODEFAULT else field.default
    return Value(
        field=field, value=default, origin=Origin.DEFAULT, place="default", mistake=mistake
    )


def _agree(values: dict[str, Value]) -> None:
    """Fill in the defaults that hang on other settings, and compare what must fit together."""
    for name, derive in _DERIVED.items():
        if values[name].origin is Origin.DEFAULT:
            values[name] = replace(values[name], value=derive(values))
    ttl, idle = values["session.ttl"].value, values["session.idle_ttl"].value
    if isinstance(ttl, int) and isinstance(idle, int) and idle > ttl:
        one = values["session.idle_ttl"]
        why = f"{idle} is above TGAUTH_SESSION__TTL, which is {ttl}"
        values[one.field.toml] = replace(
            one, value=None, mistake=_expected(one.field, one.place, why)
        )

    _agree_on_webhook(values)


def _agree_on_webhook(values: dict[str, Value]) -> None:
    """Make sure that Telegram can reach the issuer, where it shall post updates there."""
    mode, issuer = values["telegram.mode"], values["issuer"].value
    if mode.value != _WEBHOOK or not isinstance(issuer, str):
        return
    parts, api_url = urlsplit(issuer), str(values["telegram.api_url"].value)
    is_local = is_loopback(parts.hostname or "")
    if is_local and (urlsplit(api_url).hostname or "") != _TELEGRAM:
        return  # a Bot API server of one's own, on this machine
    if not is_local and parts.scheme == "https" and (parts.port or 443) in _WEBHOOK_PORTS:
        return
    mistake = Mistake(
        key=mode.place,
        found=f"webhook, and Telegram cannot post to TGAUTH_ISSUER, which is {shown(issuer)}",
        advice="expected a public https address on port 443, 80, 88 or 8443 as the issuer; or "
        "leave it at polling",
    )
    values["telegram.mode"] = replace(mode, value=None, mistake=mistake)


def _apart(values: dict[str, Value]) -> None:
    """Keep the metrics off the port where everybody else comes in."""
    one, port = values["metrics.port"], values["api.port"].value
    if one.value is not None and one.value == port != 0:
        why = f"{port} is TGAUTH_API__PORT as well"
        values[one.field.toml] = replace(
            one, value=None, mistake=_expected(one.field, one.place, why)
        )


def _named_like_the_client(values: Mapping[str, Value]) -> object:
    client_id = values["login.client_id"].value
    return DisplayName(client_id) if isinstance(client_id, str) else None


def _idle_within_the_session(values: Mapping[str, Value]) -> object:
    ttl, default = values["session.ttl"].value, values["session.idle_ttl"].value
    return min(ttl, default) if isinstance(ttl, int) and isinstance(default, int) else default


_DERIVED: Final = {
    "login.application_name": _named_like_the_client,
    "session.idle_ttl": _idle_within_the_session,
}


def _expected(field: Field, place: str, found: str) -> Mistake:
    return Mistake(key=place, found=found, advice=f"expected {field.description}")


def _decode(wanted: type, found: object) -> object:
    if issubclass(wanted, Path):
        if not isinstance(found, str) or not found:
            raise ValueError("it is no path" if found else "it is empty")
        return wanted(found)
    parse = getattr(wanted, "parse")  # noqa: B009 - every type in values.py has one
    return parse(found)
