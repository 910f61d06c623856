"""Promises of docs/troubleshooting.md: whatever may worry an operator is explained there."""

import ast
from collections.abc import Iterator

import pytest
from tests.house.sources import FILES, PACKAGE, ROOT

from tgauth import processes

TEXT = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
WORRYING = {"warning", "error", "exception"}


def worrying_events() -> Iterator[str]:
    """Return the name of every event that is logged as a warning or worse."""
    for path in FILES:
        if path.is_relative_to(PACKAGE / "sandbox"):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in WORRYING
                and ast.unparse(node.func.value).endswith("_log")
                and node.args
                and isinstance(node.args[0], ast.Constant)
            ):
                yield str(node.args[0].value)


def test_something_is_logged() -> None:
    """The search works: an empty set would make the other promise empty."""
    assert {"store.unavailable", "telegram.conflict"} <= set(worrying_events())


@pytest.mark.parametrize("event", sorted({*worrying_events(), *processes._TROUBLES}))
def test_every_worrying_event_is_explained(event: str) -> None:
    """By its exact name."""
    assert f"`{event}`" in TEXT
