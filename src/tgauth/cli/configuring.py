"""`tgauth settings`: what is set, and who said so."""

import json
import os
from typing import Any

import click

from tgauth.cli.running import fail
from tgauth.settings import Reading, Secret, Value, read_settings

_NOTHING = "–"  # noqa: RUF001 - what the documentation shows for it as well


@click.command("settings")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show_settings(*, as_json: bool) -> None:
    """Show each setting and where it comes from.

    Secrets are masked. Mistakes are told, too.
    """
    reading = read_settings(os.environ)
    click.echo(_json(reading) if as_json else _table(reading))
    if reading.mistakes:
        fail("\n".join(map(str, reading.mistakes)), os.EX_CONFIG)


def _table(reading: Reading) -> str:
    rows = [(one.field.toml, _text(one), _whence(one)) for one in reading.values]
    first, second = (max(len(row[column]) for row in rows) for column in (0, 1))
    return "\n".join(
        f"{name:<{first}}  {text:<{min(second, 60)}}  {whence}" for name, text, whence in rows
    )


def _json(reading: Reading) -> str:
    return json.dumps(
        {
            "file": str(reading.file) if reading.file else None,
            "settings": [
                {
                    "name": one.field.toml,
                    "variable": one.field.variable,
                    "value": _plain(one.value),
                    "origin": one.origin.value,
                    "place": one.place,
                    "secret_file": str(one.secret_file) if one.secret_file else None,
                    "is_wrong": one.mistake is not None,
                }
                for one in reading.values
            ],
            "mistakes": [
                {"key": one.key, "found": one.found, "advice": one.advice}
                for one in reading.mistakes
            ],
        },
        indent=2,
        ensure_ascii=False,
    )


def _text(value: Value) -> str:
    if value.mistake is not None:
        return "(missing)" if value.is_missing else "(wrong)"
    text = "" if value.value is None else str(_plain(value.value))
    return text or _NOTHING


def _whence(value: Value) -> str:
    return f"{value.place} ({value.secret_file})" if value.secret_file else value.place


def _plain(value: object) -> Any:
    if isinstance(value, Secret):
        return repr(value)
    return value if value is None or isinstance(value, int) else str(value)
