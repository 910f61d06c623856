"""The list of all settings, read from the structs: their two names, types and defaults."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
from msgspec import Meta, Struct

from tgauth.settings.model import Settings
from tgauth.settings.values import LogoFile, Secret

PREFIX: Final = "TGAUTH_"
DELIMITER: Final = "__"
#: Names the settings file; not a setting itself.
CONFIG_FILE: Final = "TGAUTH_CONFIG_FILE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One setting.

    Attributes:
        toml: Its place in the settings file, like `login.allow`.
        hint: Its type, with what is required of it.
        description: What is expected, in words.
        default: What it is where nobody sets it; `msgspec.NODEFAULT` where somebody must.
    """

    toml: str
    hint: Any
    description: str
    default: object

    @property
    def variable(self) -> str:
        """Its environment variable."""
        return PREFIX + self.toml.upper().replace(".", DELIMITER)

    @property
    def is_secret(self) -> bool:
        """Whether it is never shown, and may stand in a file of its own (`…_FILE`)."""
        return any(issubclass(one, Secret) for one in _types(self.hint))

    @property
    def is_path(self) -> bool:
        """Whether it names a file."""
        return any(issubclass(one, (Path, LogoFile)) for one in _types(self.hint))


@cache
def fields() -> tuple[Field, ...]:
    """Return every setting, in the order of the documentation."""
    return tuple(_walk(Settings, ""))


def keys() -> dict[str, str]:
    """Return every setting's environment variable and what is expected of it."""
    return {field.variable: field.description for field in fields()}


def sections() -> dict[str, type[Struct]]:
    """Return the sections and what they are made of."""
    return {
        one.name: one.type
        for one in msgspec.structs.fields(Settings)
        if isinstance(one.type, type) and issubclass(one.type, Struct)
    }


def _walk(struct: type[Struct], prefix: str) -> Iterator[Field]:
    for one in msgspec.structs.fields(struct):
        if one.name in sections() and struct is Settings:
            yield from _walk(one.type, f"{one.name}.")
        else:
            [meta] = [part for part in one.type.__metadata__ if isinstance(part, Meta)]
            yield Field(
                toml=prefix + one.name,
                hint=one.type,
                description=str(meta.description),
                default=one.default,
            )


def _types(hint: Any) -> list[type]:
    """Return the classes that an annotation is made of."""
    annotated = get_args(hint)[0]
    return [one for one in (get_args(annotated) or (annotated,)) if isinstance(one, type)]
