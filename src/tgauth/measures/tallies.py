"""One process's tallies: in memory, and in a file that is right whenever the process is killed.

Not through a memory map: a full disk would then end the process with SIGBUS in the middle of a
login. A write that fails here is lost for the file alone, and made good by the next one.

The file: eight bytes that say what it is, then records. A record is the length of its key and the
number of its values (two 32-bit integers), the key (JSON: the metric's name and its label values,
padded to eight bytes), and the values (64-bit floats). A record is written at once, and later its
values alone, so a kill leaves it as it was or as it shall be.
"""

import json
import os
import struct
import threading
from array import array
from bisect import bisect_left
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from tgauth.measures.catalogue import Counter, Histogram, Latest, Metric

#: The metric's name and its label values.
Key = tuple[str, ...]
Tallies = dict[Key, tuple[float, ...]]

_MAGIC: Final = b"tgauth-1"
_LENGTHS: Final = struct.Struct("<II")
_WORD: Final = 8
#: More than this in one record is none of ours.
_LONGEST_KEY: Final = 4096
_MOST_VALUES: Final = 256


@dataclass(slots=True)
class _Slot:
    """The values of one key, and where they stand in the file; nowhere yet after a failed write."""

    values: "array[float]"
    offset: int | None = None


class Tally:
    """Counts in memory and in a file. See `tgauth.measures.Measures`."""

    def __init__(self, descriptor: int) -> None:
        """Begin an empty file.

        Args:
            descriptor: The file, for writing; closed by `close`.

        Raises:
            OSError: Nothing can be written.
        """
        self._descriptor = descriptor
        self._slots: dict[Key, _Slot] = {}
        self._mutex = threading.Lock()
        os.pwrite(descriptor, _MAGIC, 0)
        self._end = len(_MAGIC)

    def count(self, counter: Counter, *labels: str, number: float = 1) -> None:
        """Add to a counter."""
        with self._mutex:
            slot = self._slot(counter, labels, 1)
            slot.values[0] += number
            self._write(slot, counter, labels)

    def observe(self, histogram: Histogram, seconds: float, *labels: str) -> None:
        """Put how long something took into a histogram."""
        # A clock that was set back makes nothing take less than no time.
        seconds = max(seconds, 0.0)
        with self._mutex:
            slot = self._slot(histogram, labels, length_of(histogram))
            slot.values[bisect_left(histogram.buckets, seconds)] += 1
            slot.values[-1] += seconds
            self._write(slot, histogram, labels)

    def mark(self, latest: Latest, value: float, *labels: str) -> None:
        """Keep a number that only grows."""
        with self._mutex:
            slot = self._slot(latest, labels, 1)
            slot.values[0] = max(slot.values[0], value)
            self._write(slot, latest, labels)

    def close(self) -> None:
        """Let go of the file: it counts as a dead process's from now on."""
        os.close(self._descriptor)

    def _slot(self, metric: Metric, labels: tuple[str, ...], length: int) -> _Slot:
        key = (metric.name, *labels)
        slot = self._slots.get(key)
        if slot is None:
            slot = self._slots[key] = _Slot(array("d", bytes(length * _WORD)))
        return slot

    def _write(self, slot: _Slot, metric: Metric, labels: tuple[str, ...]) -> None:
        values = slot.values.tobytes()
        # A full disk is readiness's to tell.
        with suppress(OSError):
            if slot.offset is not None:
                os.pwrite(self._descriptor, values, slot.offset)
                return
            head = _head((metric.name, *labels), len(slot.values))
            if os.pwrite(self._descriptor, head + values, self._end) == len(head) + len(values):
                slot.offset = self._end + len(head)
                self._end = slot.offset + len(values)
            else:
                os.ftruncate(self._descriptor, self._end)


def length_of(metric: Metric) -> int:
    """Return how many values a metric has: a histogram's are its buckets, infinity, and the sum."""
    return len(metric.buckets) + 2 if isinstance(metric, Histogram) else 1


def parse(content: bytes) -> Tallies:
    """Read a file as far as it can be read: its end may be torn, and nothing is asked of it."""
    found: Tallies = {}
    position = len(_MAGIC)
    if content[:position] != _MAGIC:
        return found
    while position + _LENGTHS.size <= len(content):
        key_length, number = _LENGTHS.unpack_from(content, position)
        position += _LENGTHS.size
        values_at = position + key_length + -key_length % _WORD
        end = values_at + number * _WORD
        if not (0 < key_length <= _LONGEST_KEY and 0 < number <= _MOST_VALUES):
            break
        key = _key(content[position : position + key_length])
        if key is None or end > len(content):
            break
        found[key] = struct.unpack_from(f"<{number}d", content, values_at)
        position = end
    return found


def _head(key: Key, number: int) -> bytes:
    text = json.dumps(key).encode()
    return _LENGTHS.pack(len(text), number) + text + b" " * (-len(text) % _WORD)


def _key(text: bytes) -> Key | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    if not isinstance(found, list) or not all(isinstance(part, str) for part in found):
        return None
    return tuple(found)
