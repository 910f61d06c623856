"""Promises of reading cookies: exactly ours, and never what another host could slip in."""

from typing import Any

import pytest
from litestar import Request

from tgauth.api.cookies import cookie_of


def a_request(*lines: bytes) -> Request[Any, Any, Any]:
    """Build a request with these Cookie headers."""
    headers = [(b"cookie", line) for line in lines]
    return Request({"type": "http", "headers": headers})  # type: ignore[arg-type]  # as much as is read


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"tgauth=secret"], "secret"),
        ([b"a=b; tgauth=secret; c=d"], "secret"),
        ([b"a=b;\ttgauth=secret"], "secret"),
        ([b"a=b", b"tgauth=secret"], "secret"),
        ([b"tgauth=a=b"], "a=b"),
        ([b"tgauth="], ""),
        ([], None),
        ([b"other=secret"], None),
        ([b"tgauth"], ""),
        ([b"\xa0tgauth=evil"], None),
        ([b"\x85tgauth=evil"], None),
        ([b"\x1ctgauth=evil"], None),
        ([b"\x0btgauth=evil"], None),
        ([b"tgauth=secret; \xa0tgauth=evil"], "secret"),
        ([b"TGAUTH=evil"], None),
        ([b"tgauth=secret; tgauth=evil"], None),
        ([b"tgauth=secret", b"tgauth=secret"], None),
    ],
)
def test_only_our_own_name_counts_and_only_once(lines: list[bytes], expected: str | None) -> None:
    """A browser lets another host set a name that only begins with a space for some readers."""
    assert expected == cookie_of(a_request(*lines), "tgauth")
