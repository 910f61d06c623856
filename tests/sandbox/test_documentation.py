"""Every example of docs/sandbox.md, run with the real curl in the order of the page."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.sandbox.helpers import started

TEXT = (Path(__file__).parents[2] / "docs" / "sandbox.md").read_text("utf-8")
EXAMPLE = re.compile(r"```sh\n(.*?)```\n```json\n(.*?)```", re.DOTALL)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


def matches(expected: Any, actual: Any) -> bool:
    """Say whether an answer holds what the page shows; "…" stands for anything but null."""
    if expected == "…":
        return actual is not None
    if isinstance(expected, dict) and isinstance(actual, dict):
        return all(name in actual and matches(expected[name], actual[name]) for name in expected)
    if isinstance(expected, list) and isinstance(actual, list) and expected:
        pairs = list(zip(expected, actual, strict=False))
        return len(pairs) == len(expected) and all(matches(*pair) for pair in pairs)
    return bool(expected == actual)


def last_document(text: str) -> Any:
    """Return the last of several JSON documents that stand one after the other."""
    decoder, document, rest = json.JSONDecoder(), None, text.strip()
    while rest:
        document, end = decoder.raw_decode(rest)
        rest = rest[end:].lstrip()
    return document


def test_every_example_answers_as_the_page_says() -> None:
    """From the first to the last, on one sandbox."""
    examples = EXAMPLE.findall(TEXT)
    assert len(examples) == TEXT.count("```sh\n") >= 15
    with started("telegram", "--token", "4242:demo") as url:
        for script, shown in examples:
            command = script.replace("http://127.0.0.1:8081", url)
            ran = subprocess.run(
                ["/bin/sh", "-euc", command],
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            assert ran.returncode == 0, (script, ran.stderr)
            answer = last_document(ran.stdout)
            assert matches(json.loads(shown), answer), (script, answer)


@pytest.mark.parametrize(
    ("expected", "actual", "same"),
    [
        ({"a": "…"}, {"a": 1, "b": 2}, True),
        ({"a": "…"}, {"a": None}, False),
        ({"a": []}, {"a": [1]}, False),
        ({"a": ["…"]}, {"a": []}, False),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, False),
    ],
)
def test_the_comparison_can_fail(
    expected: Any,
    actual: Any,
    same: bool,  # noqa: FBT001 - a table
) -> None:
    """An example that no longer holds is found."""
    assert matches(expected, actual) is same
