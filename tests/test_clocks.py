"""Promises of the machine's clocks: both are read, and the boot has a name."""

import time
from pathlib import Path

import pytest

from tgauth import clocks
from tgauth.clocks import system_clocks


def test_both_clocks_go_on() -> None:
    """By as much, in one boot."""
    read = system_clocks()
    first = read()
    time.sleep(0.05)
    second = read()
    assert second.is_of_the_boot_of(first)
    assert 50 <= second.since_boot - first.since_boot < 5000
    passed = second.wall - first.wall
    assert abs(passed - (second.since_boot - first.since_boot)) <= 2
    assert abs(first.wall - time.time() * 1000) < 5000
    assert Path("/proc/sys/kernel/random/boot_id").read_text().strip() == first.boot_id


def test_a_service_that_may_not_see_the_boots_name_has_the_machines(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """And none at all where there is none either."""
    machine = tmp_path / "machine-id"
    machine.write_text("0123abc\n")
    monkeypatch.setattr(clocks, "_NAMES", (tmp_path / "hidden", machine))
    assert "0123abc" == system_clocks()().boot_id
    machine.unlink()
    assert "" == system_clocks()().boot_id
