"""Promises of the settings file that is made: whole or not at all, and nobody else's to read."""

import os
import stat
from pathlib import Path

import pytest

from tgauth.settings.writing import composed, write_new


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """Between the first look and the write somebody else may have made one."""
    path = tmp_path / "tgauth.toml"
    path.write_text("mine")
    with pytest.raises(FileExistsError):
        write_new(path, "new", may_replace=False)
    assert "mine" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


def test_a_file_that_may_be_replaced_is_another_afterwards(tmp_path: Path) -> None:
    """Whoever reads the old one at that moment reads it to its end."""
    path = tmp_path / "tgauth.toml"
    path.write_text("old")
    with path.open() as reading:
        write_new(path, "new", may_replace=True)
        assert "old" == reading.read()
    assert "new" == path.read_text()
    assert [path] == list(tmp_path.iterdir())


@pytest.mark.parametrize("umask", [0o000, 0o777])
def test_the_mode_is_the_same_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    """Nobody but its owner, and its owner in any case."""
    path = tmp_path / "tgauth.toml"
    before = os.umask(umask)
    try:
        write_new(path, "new", may_replace=False)
    finally:
        os.umask(before)
    assert 0o600 == stat.S_IMODE(path.stat().st_mode)


def test_what_was_left_open_is_an_example() -> None:
    """As a comment that only has to be uncommented; and no place is left unfilled."""
    text = composed({"issuer": "https://x.example", "telegram.token": "1:abc", "login.allow": "1"})
    assert '\n# callback_url = "https://app.example.org/callback"\n' in text
    assert "\nallow = [1]\n" in text
    assert "{" not in text
    assert text.isascii()
