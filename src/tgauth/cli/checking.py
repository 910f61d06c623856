"""`tgauth check`: is this installation all right?"""

import json
import os
import sys
from typing import TYPE_CHECKING, Final

import anyio
import click

from tgauth.cli.operating import breakable
from tgauth.settings import read_settings

if TYPE_CHECKING:
    from tgauth.inspection.findings import Finding

_COLOURS: Final = {"ok": "green", "warning": "yellow", "wrong": "red"}


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--offline", "is_offline", is_flag=True, help="Ask neither Telegram nor the issuer.")
def check(*, as_json: bool, is_offline: bool) -> None:
    """Say what is wrong here, and what to do.

    Nothing is changed: what is missing is made by the first start.
    """
    from tgauth.inspection.findings import exit_code_of
    from tgauth.inspection.installation import inspect

    reading = read_settings(os.environ)

    async def look() -> "list[Finding]":
        return await inspect(reading, is_offline=is_offline)

    with breakable("nothing was changed"):
        findings = anyio.run(look)
    code = exit_code_of(findings)
    if as_json:
        told = [
            {
                "name": one.name,
                "verdict": one.verdict.value,
                "text": one.text,
                "advice": one.advice,
            }
            for one in findings
        ]
        click.echo(json.dumps({"findings": told, "exit_code": code}, indent=2, ensure_ascii=False))
    else:
        for one in findings:
            verdict = click.style(f"{one.verdict.value:<8}", fg=_COLOURS[one.verdict.value])
            advice = f"; {one.advice}" if one.advice else ""
            click.echo(f"{verdict} {one.name:<11} {one.text}{advice}")
    sys.exit(code)
