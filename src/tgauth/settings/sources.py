"""Where settings come from: what stands in the file and in the environment, not yet understood."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Final

from tgauth.settings.fields import CONFIG_FILE, DELIMITER, PREFIX, Field, fields, sections
from tgauth.settings.mistakes import Mistake, nearest

FILE_NAME: Final = "tgauth.toml"
_FILE_SUFFIX: Final = "_file"
#: A secret or a settings file that is larger than this is something else.
_LARGEST: Final = 1024 * 1024

#: What Kubernetes puts into every container's environment when a Service is named `tgauth`.
_SERVICE_LINK: Final = re.compile(r"TGAUTH_(PORT(_.+)?|SERVICE_HOST|SERVICE_PORT(_.+)?)")


class Origin(Enum):
    """Who said what a setting is."""

    DEFAULT = "default"
    FILE = "file"
    ENVIRONMENT = "environment"
    PORT = "PORT"
    STATE_DIRECTORY = "STATE_DIRECTORY"


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a source holds for one setting.

    Attributes:
        value: As it stands there; for a secret in a file of its own, that file's content.
        origin: Which source.
        place: Where in it, exactly.
        secret_file: The file that holds the secret, where one does.
        mistake: Why the value cannot even be looked at.
    """

    value: object
    origin: Origin
    place: str
    secret_file: Path | None = None
    mistake: Mistake | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Everything that one source holds.

    Attributes:
        found: By the settings' names in the file.
        mistakes: What is wrong with the source as a whole.
        is_readable: Whether what is not in `found` is not in the source either.
    """

    found: Mapping[str, Found] = field(default_factory=dict)
    mistakes: tuple[Mistake, ...] = ()
    is_readable: bool = True


def in_environment(environment: Mapping[str, str]) -> Source:
    """Return what the environment holds."""
    names = {one.variable: one.toml for one in fields()}
    names |= {f"{one.variable}_FILE": one.toml + _FILE_SUFFIX for one in _secrets()}
    entries: dict[str, tuple[object, str]] = {}
    mistakes = []
    for key, text in sorted(environment.items()):
        if not key.startswith(PREFIX) or key == CONFIG_FILE or _SERVICE_LINK.fullmatch(key):
            continue
        if key in names:
            entries[names[key]] = (text.strip(), key)
        else:
            advice = nearest(key, [*names, CONFIG_FILE])
            mistakes.append(Mistake(key=key, found="no such setting", advice=advice))
    found = _resolve(entries, Origin.ENVIRONMENT, base=Path())
    return Source(found=found, mistakes=tuple(mistakes))


def in_file(path: Path, name: str) -> Source:
    """Return what a settings file holds.

    Args:
        path: The file.
        name: What the operator calls it.
    """
    try:
        tree = _parsed(path)
    except _Unreadable as error:
        mistake = Mistake(key=name, found=error.found, advice=error.advice)
        return Source(mistakes=(mistake,), is_readable=False)
    entries: dict[str, tuple[object, str]] = {}
    mistakes: list[Mistake] = []
    for key, value in _flattened(tree, name, mistakes):
        if key in _known_in_file():
            text = value.strip() if isinstance(value, str) else value
            entries[key] = (text, f"{name}: {key}")
        else:
            advice = nearest(_plain(key), _known_in_file())
            mistakes.append(Mistake(key=f"{name}: {key}", found="no such setting", advice=advice))
    found = _resolve(entries, Origin.FILE, base=path.parent)
    return Source(found=found, mistakes=tuple(mistakes))


def has_secret_for_others(path: Path, source: Source) -> bool:
    """Say whether others than its owner can read secrets in a settings file."""
    holds = any(
        one.toml in source.found and source.found[one.toml].secret_file is None
        for one in _secrets()
    )
    return holds and bool(path.stat().st_mode & 0o044)


class _Unreadable(Exception):
    def __init__(self, found: str, advice: str) -> None:
        super().__init__(found)
        self.found = found
        self.advice = advice


def _parsed(path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415 - whoever has no file need not wait for it

    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST)
        # A byte order mark is what some editors put first; TOML itself refuses it.
        return tomllib.loads(content.decode("utf-8-sig"))
    except (OSError, ValueError) as error:
        raise _explained(error) from None
    except RecursionError:
        raise _Unreadable("it is nested too deeply", "expected a settings file") from None


def _explained(error: OSError | ValueError) -> _Unreadable:
    if isinstance(error, FileNotFoundError):
        return _Unreadable("there is no such file", "`tgauth init` makes one")
    if isinstance(error, OSError):
        return _Unreadable(f"it cannot be read ({error.strerror})", "expected a readable file")
    if isinstance(error, UnicodeDecodeError):
        line = error.object[: error.start].count(b"\n") + 1
        return _Unreadable(f"line {line} is not UTF-8", "save the file as UTF-8")
    place = re.fullmatch(r"(.+) \(at (line \d+), (column \d+)\)", str(error), re.DOTALL)
    where = f"{place[2]}, {place[3]}: {place[1]}" if place else str(error)
    return _Unreadable(
        where, 'expected TOML: texts stand in "quotes", lists in [brackets], # begins a comment'
    )


def _flattened(
    tree: dict[str, Any], name: str, mistakes: list[Mistake]
) -> Iterable[tuple[str, object]]:
    for key, value in tree.items():
        if isinstance(value, dict) and value and key not in _known_in_file():
            yield from ((f"{key}.{inner}", deep) for inner, deep in value.items())
        elif key not in sections():
            yield key, value
        elif not isinstance(value, dict):
            # Not shown: it may be a secret that slipped.
            mistakes.append(
                Mistake(
                    key=f"{name}: {key}",
                    found="it is a value",
                    advice=f"expected a section: [{key}] and below it lines like name = …",
                )
            )


def _resolve(
    entries: Mapping[str, tuple[object, str]], origin: Origin, *, base: Path
) -> dict[str, Found]:
    """Read the files that hold secrets, and make paths whole."""
    resolved: dict[str, Found] = {}
    for one in fields():
        direct = entries.get(one.toml)
        by_file = entries.get(one.toml + _FILE_SUFFIX) if one.is_secret else None
        if by_file is not None:
            resolved[one.toml] = _secret_in(by_file, origin, base=base, rival=direct)
        elif direct is not None:
            value, place = direct
            if one.is_path and isinstance(value, str) and value:
                value = str(base / value)
            resolved[one.toml] = Found(value=value, origin=origin, place=place)
    return resolved


def _secret_in(
    named: tuple[object, str], origin: Origin, *, base: Path, rival: tuple[object, str] | None
) -> Found:
    value, place = named
    path = base / value if isinstance(value, str) and value else None
    text = ""
    if rival is not None:
        complaint = (f"{rival[1]} is set as well", "expected only one of the two")
    elif path is None:
        complaint = ("it is empty or no text", "expected the path of a file that holds the secret")
    else:
        text, why = _content(path)
        complaint = (f"{path} {why}", "expected a file that holds the secret and nothing else")
    mistake = None if text else Mistake(key=place, found=complaint[0], advice=complaint[1])
    return Found(value=text, origin=origin, place=place, secret_file=path, mistake=mistake)


def _content(path: Path) -> tuple[str, str]:
    """Return a small file's text, and what is wrong where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(_LARGEST).decode("utf-8-sig").strip(), "is empty"
    except UnicodeDecodeError:
        return "", "is not UTF-8"
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no path"
        return "", f"cannot be read: {why}"


def _secrets() -> list[Field]:
    return [one for one in fields() if one.is_secret]


def _known_in_file() -> list[str]:
    return [one.toml for one in fields()] + [one.toml + _FILE_SUFFIX for one in _secrets()]


def _plain(key: str) -> str:
    """Return a name as the file would spell it, for somebody who thought of the variable."""
    return key.removeprefix(PREFIX).lower().replace(DELIMITER, ".").replace("-", "_")
