"""Promises of the package as a whole."""

import pytest

import tgauth.supervisor


def test_everything_public_is_there() -> None:
    """Each name that the package promises can be imported from it, and no other."""
    for name in tgauth.supervisor.__all__:
        assert getattr(tgauth.supervisor, name).__name__ == name
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        tgauth.supervisor.nothing  # noqa: B018 - the access is the test
