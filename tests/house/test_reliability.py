"""Promises of docs/reliability.md: each names a test that there is, and no fault is left out."""

import re
from pathlib import Path

import pytest
from tests.house.naming import NAMED_TEST, require_test
from tests.house.sources import ROOT

TEXT = (ROOT / "docs" / "reliability.md").read_text("utf-8")
NAMED = NAMED_TEST.findall(TEXT)
MODULES = sorted((ROOT / "tests" / "faults").glob("test_*.py"))


@pytest.mark.parametrize(("path", "name"), NAMED, ids=[name for _, name in NAMED])
def test_each_test_that_is_named_exists(path: str, name: str) -> None:
    """Where it is said to be."""
    require_test(path, name)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_each_module_of_faults_is_named(module: Path) -> None:
    """By one of its tests at least."""
    assert str(module.relative_to(ROOT)) in {path for path, _ in NAMED}


def test_each_promise_names_its_test() -> None:
    """In the last column of its row."""
    rows = [line for line in TEXT.splitlines() if line.startswith("| ")]
    promises = [row for row in rows if row != "| promise | kept by |"]
    assert promises
    assert [] == [row for row in promises if not re.search(r"\| `tests/\S+::\w+` \|$", row)]
