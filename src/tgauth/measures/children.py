"""Counts what a supervisor tells of its children."""

from typing import Protocol

from tgauth.measures import Measures
from tgauth.measures.catalogue import CHILD_EXITS, CHILD_RESTARTS


class Report(Protocol):
    """Where a supervisor tells what happens."""

    def __call__(self, event: str, /, **fields: object) -> None:
        """Take one event and its fields."""
        ...


def counted(report: Report, measures: Measures) -> Report:
    """Return a report that counts, and then passes on to another."""

    def count(event: str, /, **fields: object) -> None:
        name = str(fields.get("name"))
        match event:
            case "child.exited":
                measures.count(CHILD_EXITS, name, _reason(fields))
            case "child.restarting":
                measures.count(CHILD_RESTARTS, name)
            case _:
                pass
        report(event, **fields)

    return count


def _reason(fields: dict[str, object]) -> str:
    if "signal" in fields:
        return "killed"
    return "failed" if fields.get("code") else "clean"
