"""Tests that documents name: `tests/…/test_x.py::test_y`."""

import ast
import re
from typing import Final

from tests.house.sources import ROOT, tree_of

NAMED_TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(\w+)`")


def require_test(path: str, name: str) -> None:
    """Fail where there is no such test."""
    functions = {
        node.name
        for node in tree_of(ROOT / path).body
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
    }
    assert name in functions
