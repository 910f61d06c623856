"""Promises of one process's tallies: right whenever it is killed, and no trouble to anybody."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tgauth.measures.catalogue import CODES, LOGINS, STORE_BUSY, TELEGRAM_CONTACT
from tgauth.measures.tallies import Tally, parse

BEGUN = ("tgauth_logins_total", "chat", "begun")
BUSY = ("tgauth_store_busy_seconds",)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where a tally is."""
    return tmp_path / "tally"


@pytest.fixture
def tally(file: Path) -> Iterator[Tally]:
    """Return a new tally."""
    begun = Tally(os.open(file, os.O_RDWR | os.O_CREAT))
    yield begun
    begun.close()


def test_a_new_file_holds_nothing(tally: Tally, file: Path) -> None:
    """It can be read all the same."""
    assert isinstance(tally, Tally)
    assert {} == parse(file.read_bytes())


def test_what_is_counted_is_in_the_file_at_once(tally: Tally, file: Path) -> None:
    """By its labels; whoever is killed has lost nothing."""
    tally.count(LOGINS, "chat", "begun")
    tally.count(LOGINS, "chat", "begun", number=3)
    tally.count(LOGINS, "chat", "redeemed")
    assert {BEGUN: (4.0,), ("tgauth_logins_total", "chat", "redeemed"): (1.0,)} == parse(
        file.read_bytes()
    )


def test_what_is_timed_falls_into_its_bucket(tally: Tally, file: Path) -> None:
    """A bucket holds what takes as long as its bound, or less; the last one all the rest."""
    bounds = STORE_BUSY.buckets
    for seconds in (0.0, bounds[0], bounds[0] + 1e-9, bounds[-1], 1e6, -5.0):
        tally.observe(STORE_BUSY, seconds)
    *counts, total = parse(file.read_bytes())[BUSY]
    assert [3, 1, *[0] * (len(bounds) - 3), 1, 1] == counts
    assert 2 * bounds[0] + 1e-9 + bounds[-1] + 1e6 == pytest.approx(total)


def test_a_moment_never_goes_back(tally: Tally, file: Path) -> None:
    """Whatever the clock does."""
    for moment in (5.0, 9.0, 7.0):
        tally.mark(TELEGRAM_CONTACT, moment)
    assert {(TELEGRAM_CONTACT.name,): (9.0,)} == parse(file.read_bytes())


def test_any_text_can_be_a_label(tally: Tally, file: Path) -> None:
    """Of whatever length after padding, in every script."""
    texts = ["", "x", "xy" * 20, "käse", '"\\\n', "東京"]
    for text in texts:
        tally.count(CODES, text)
    assert {(CODES.name, text): (1.0,) for text in texts} == parse(file.read_bytes())


def test_a_torn_end_costs_only_itself(tally: Tally, file: Path) -> None:
    """Cut at any byte, what stands before it is read as it was."""
    for outcome in ("a", "b", "c"):
        tally.count(CODES, outcome)
    tally.observe(STORE_BUSY, 0.1)
    whole = file.read_bytes()
    everything = parse(whole)
    assert 4 == len(everything)
    found = [parse(whole[:length]) for length in range(len(whole) + 1)]
    assert everything == found[-1]
    assert [0, 1, 2, 3, 4] == sorted({len(one) for one in found})
    assert all(one.items() <= everything.items() for one in found)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"tgauth-2" + b"\0" * 64,
        b"tgauth-1" + b"\0" * 64,
        b"tgauth-1" + b"\xff" * 64,
        b"tgauth-1" + b"\x02\0\0\0\x01\0\0\0" + b"{}      " + b"\0" * 8,
        b"tgauth-1" + b"\x03\0\0\0\x01\0\0\0" + b"[1]     " + b"\0" * 8,
        os.urandom(4096),
    ],
)
def test_nonsense_is_read_as_nothing(content: bytes) -> None:
    """Whatever stands in a file, nobody fails by it."""
    assert {} == parse(content)


class FullDisk:
    """Lets so many bytes through, and then none."""

    def __init__(self, room: int) -> None:
        self.room = room

    def pwrite(self, descriptor: int, content: bytes, offset: int) -> int:
        """Write as a disk does that becomes full."""
        if self.room == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = min(len(content), self.room)
        self.room -= written
        return _pwrite(descriptor, content[:written], offset)


_pwrite = os.pwrite


@pytest.mark.parametrize("room", [0, 1, 20, 60])
def test_a_full_disk_troubles_nobody_and_nothing_is_lost_when_it_ends(
    tally: Tally, file: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """What was counted meanwhile is written when there is room again."""
    tally.count(LOGINS, "chat", "begun")
    size = file.stat().st_size
    with monkeypatch.context() as patched:
        patched.setattr(os, "pwrite", FullDisk(room).pwrite)
        for _ in range(3):
            tally.count(CODES, "exchanged")
            tally.count(LOGINS, "chat", "begun")
        before = parse(file.read_bytes())
        assert ((CODES.name, "exchanged") in before) == (room == 60)
        # Half a record is taken back: nothing that comes later may be read together with it.
        assert (file.stat().st_size == size) == (room < 60)
    tally.count(CODES, "exchanged")
    tally.count(LOGINS, "chat", "begun")
    assert {BEGUN: (5.0,), (CODES.name, "exchanged"): (4.0,)} == parse(file.read_bytes())
