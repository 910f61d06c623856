"""What an inspection finds."""

import os
from dataclasses import dataclass
from enum import Enum
from typing import Final

#: The exit code of what is wrong and may right itself.
_ORDINARY: Final = 1


class Verdict(Enum):
    """How good it is."""

    OK = "ok"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        name: What was looked at.
        verdict: How good it is.
        text: What was seen.
        advice: What to do, where something is to be done.
        is_configuration: Whether `serve` would end with 78 for it.
    """

    name: str
    verdict: Verdict
    text: str
    advice: str = ""
    is_configuration: bool = False


def ok(name: str, text: str) -> Finding:
    """Return that something is good."""
    return Finding(name=name, verdict=Verdict.OK, text=text)


def warning(name: str, text: str, advice: str) -> Finding:
    """Return that something should be looked at."""
    return Finding(name=name, verdict=Verdict.WARNING, text=text, advice=advice)


def wrong(name: str, text: str, advice: str, *, is_configuration: bool = False) -> Finding:
    """Return that something keeps tgauth from its work."""
    return Finding(
        name=name,
        verdict=Verdict.WRONG,
        text=text,
        advice=advice,
        is_configuration=is_configuration,
    )


def exit_code_of(findings: list[Finding]) -> int:
    """Return 0 when nothing is wrong, 78 for a mistake in the configuration, 1 otherwise."""
    wrongs = [one for one in findings if one.verdict is Verdict.WRONG]
    if any(one.is_configuration for one in wrongs):
        return os.EX_CONFIG
    return _ORDINARY if wrongs else os.EX_OK
