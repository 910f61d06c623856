"""The clients' own journal: what each did and saw, written down before and after.

Append-only JSON lines on one clock, in a file. Nothing is kept in memory: whatever is judged later
is judged from what can be kept and looked at again.
"""

import json
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class Journal:
    """The writing end."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        """Begin a new file."""
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._clock = clock
        self._began = clock()
        self._number = 0

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def note(self, event: str, **fields: object) -> None:
        """Write that something happened."""
        at = round(self._clock() - self._began, 4)
        kept = {name: value for name, value in fields.items() if value is not None}
        os.write(self._file, json.dumps({"at": at, "event": event, **kept}).encode() + b"\n")

    def begin(self, who: int, do: str, **fields: object) -> int:
        """Write that a client is about to do something; return the number to end it by."""
        self._number += 1
        self.note("begun", number=self._number, who=who, do=do, **fields)
        return self._number

    def end(self, number: int, outcome: str, value: str | None = None) -> None:
        """Write what came of it."""
        self.note("ended", number=number, outcome=outcome, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """One operation as the journal has it.

    Attributes:
        who: Whose it is.
        do: What was done.
        begun: When.
        ended: When it ended, however; none where the journal does not say.
        outcome: How it ended.
        code: The code that was presented.
        browser: The browser that it was done in.
        value: What was answered.
    """

    who: int
    do: str
    begun: float
    ended: float | None
    outcome: str | None
    code: str | None
    browser: str | None
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notes:
    """A whole journal, read back.

    Attributes:
        deeds: All operations, in the order of their beginnings.
        events: Everything else, in order.
    """

    deeds: tuple[Deed, ...]
    events: tuple[dict[str, Any], ...]

    def of(self, event: str) -> Iterator[dict[str, Any]]:
        """Return the events of one kind."""
        return (one for one in self.events if one["event"] == event)


def read(path: Path) -> Notes:
    """Read a journal back."""
    lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    ends = {line["number"]: line for line in lines if line["event"] == "ended"}
    deeds = []
    for line in lines:
        if line["event"] == "begun":
            end = ends.get(line["number"], {})
            deeds.append(
                Deed(
                    who=line["who"],
                    do=line["do"],
                    begun=line["at"],
                    ended=end.get("at"),
                    outcome=end.get("outcome"),
                    code=line.get("code"),
                    browser=line.get("browser"),
                    value=end.get("value"),
                )
            )
    events = tuple(line for line in lines if line["event"] not in {"begun", "ended"})
    return Notes(deeds=tuple(deeds), events=events)
