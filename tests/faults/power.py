"""A power cut, from a record of what was written: what a disk may hold afterwards.

A disk promises what was synced and nothing else. What was written after the last sync of a file may
be there, or not, or a part of it, sector by sector; names made or removed since the last sync of
their folder may have been, in their order.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

_LINE: Final = re.compile(r"(\d+) +(\d+\.\d+) (.*)")
_RESUMED: Final = re.compile(r"<\.\.\. (\w+) resumed>(.*)")
_TEXT: Final = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
_FILE: Final = re.compile(r"(?:\d+|AT_FDCWD)<((?:\\x[0-9a-f]{2})*)(?:\(deleted\))?>")
_RESULT: Final = re.compile(r"= (-?\d+)")
_SECTOR: Final = 512


class What(StrEnum):
    """What happened to a file."""

    OPENED = "opened"
    WRITTEN = "written"
    TRUNCATED = "truncated"
    LINKED = "linked"
    REMOVED = "removed"
    SYNCING = "syncing"
    SYNCED = "synced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing that happened to a file.

    Attributes:
        at: When, in unix seconds.
        by: Which thread did it.
        what: What.
        path: To which file.
        offset: Where it was written; at the end where that is below 0. Or the new length.
        content: What was written.
        target: The new name.
    """

    at: float
    by: int
    what: What
    path: str
    offset: int = 0
    content: bytes = b""
    target: str = ""


class Unreadable(Exception):
    """A line of the record that this module does not understand."""


def read_record(log: Path, folder: Path) -> list[Change]:
    """Return what happened to the files of a folder, in its order.

    Args:
        log: What `tests.strace.recording` wrote.
        folder: The folder, absolute.

    Raises:
        Unreadable: There is something in it that was not foreseen.
    """
    inside = str(folder)
    return [one for one in _changes(log) if one.path == inside or Path(one.path).parent == folder]


def _changes(log: Path) -> Iterator[Change]:
    begun: dict[tuple[int, str], str] = {}
    for line in log.read_text("ascii").splitlines():
        match = _LINE.fullmatch(line)
        if match is None:
            raise Unreadable(line[:200])
        thread, at, call = int(match[1]), float(match[2]), match[3]
        if call.startswith(("+++", "---")):
            continue
        resumed = _RESUMED.fullmatch(call)
        if resumed:
            name = resumed[1]
            call = begun.pop((thread, name)) + resumed[2]
        else:
            name = call.partition("(")[0]
            if name in {"fsync", "fdatasync"}:
                yield _change(thread, at, call, What.SYNCING)
            if call.endswith("<unfinished ...>"):
                begun[thread, name] = call.removesuffix("<unfinished ...>")
                continue
        yield from _done(thread, at, name, call)


def _done(thread: int, at: float, name: str, call: str) -> Iterator[Change]:
    result = _RESULT.search(call, call.rindex(")"))
    if result is None or int(result[1]) < 0:
        return  # it failed, or the process was killed in it
    match name:
        case "fsync" | "fdatasync":
            yield _change(thread, at, call, What.SYNCED)
        case "pwrite64":
            yield _change(thread, at, call, What.WRITTEN, offset=_last_number(call, result))
        case "write":
            yield _change(thread, at, call, What.WRITTEN, offset=-1)
        case "ftruncate":
            yield _change(thread, at, call, What.TRUNCATED, offset=_last_number(call, result))
        case "openat" | "unlink" | "unlinkat" | "link" | "linkat" | "rename":
            yield from _named(thread, at, name, call)
        case _:
            if _FILE.search(call):
                raise Unreadable(f"{name}: {call[:200]}")


def _last_number(call: str, result: "re.Match[str]") -> int:
    return int(call[: result.start()].rpartition(", ")[2].rstrip(") "))


def _named(thread: int, at: float, name: str, call: str) -> Iterator[Change]:
    paths = [_unescaped(text) for text in _TEXT.findall(call)]
    folders = [_unescaped(text) for text in _FILE.findall(call.partition('"')[0])]
    paths = [str(Path(*folders, path)) for path in paths]
    if name == "openat":
        if "O_CREAT" in call:
            what = What.OPENED
            yield Change(at=at, by=thread, what=what, path=paths[0])
            if "O_TRUNC" in call:
                yield Change(at=at, by=thread, what=What.TRUNCATED, path=paths[0])
    elif name in {"unlink", "unlinkat"}:
        yield Change(at=at, by=thread, what=What.REMOVED, path=paths[0])
    else:
        yield Change(at=at, by=thread, what=What.LINKED, path=paths[0], target=paths[1])
        if name == "rename":
            yield Change(at=at, by=thread, what=What.REMOVED, path=paths[0])


def _change(thread: int, at: float, call: str, what: What, *, offset: int = 0) -> Change:
    file = _FILE.search(call.partition(",")[0])
    if file is None:  # a pipe or a socket
        return Change(at=at, by=thread, what=what, path="")
    text = _TEXT.search(call, file.end()) if what is What.WRITTEN else None
    return Change(
        at=at,
        by=thread,
        what=what,
        path=_unescaped(file[1]),
        offset=offset,
        content=bytes.fromhex(text[1].replace("\\x", "")) if text else b"",
    )


def _unescaped(text: str) -> str:
    return bytes.fromhex(text.replace("\\x", "")).decode()


class Loss(StrEnum):
    """What becomes of what was not synced."""

    ALL = "all of it"
    NONE = "nothing"
    SOME = "some of it"
    TORN = "parts of it"


@dataclass(slots=True)
class _File:
    """Content that will last, and what was done to it since."""

    lasting: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)
    synced: int = 0

    def length(self) -> int:
        length = len(self.lasting)
        for one in self.pending:
            if one.what is What.TRUNCATED:
                length = one.offset
            else:
                start = length if one.offset < 0 else one.offset
                length = max(length, start + len(one.content))
        return length

    def taken(self) -> int:
        """Count the changes so far."""
        return self.synced + len(self.pending)

    def sync(self, until: int) -> None:
        number = max(0, until - self.synced)
        for one in self.pending[:number]:
            _apply(self.lasting, one)
        del self.pending[:number]
        self.synced += number

    def after(self, loss: Loss, chance: random.Random) -> bytes:
        content = bytearray(self.lasting)
        for one in self.pending:
            if loss is Loss.NONE or (loss is not Loss.ALL and chance.random() < 0.5):
                _apply(content, one, torn=chance if loss is Loss.TORN else None)
        return bytes(content)


def _apply(content: bytearray, one: Change, *, torn: random.Random | None = None) -> None:
    if one.what is What.TRUNCATED:
        del content[one.offset :]
        content.extend(bytes(one.offset - len(content)))
        return
    start = 0
    for cut in range(_SECTOR - one.offset % _SECTOR, len(one.content) + _SECTOR, _SECTOR):
        part = one.content[start:cut]
        if torn is None or torn.random() < 0.5:
            at = one.offset + start
            content.extend(bytes(max(0, at - len(content))))
            content[at : at + len(part)] = part
        start = cut


class Disk:
    """A disk under a record: it takes the changes in, and can lose its power at any moment."""

    def __init__(self) -> None:
        """Begin with an empty folder."""
        self._lasting: dict[str, _File] = {}
        self._now: dict[str, _File] = {}
        self._renamed: list[tuple[str, _File | None]] = []
        self._names_synced = 0
        self._syncing: dict[int, tuple[_File | None, int]] = {}

    def take(self, one: Change) -> None:
        """Take a change in."""
        match one.what:
            case What.OPENED:
                if one.path not in self._now:
                    self._name(one.path, _File())
            case What.LINKED:
                self._name(one.target, self._now[one.path])
            case What.REMOVED:
                self._name(one.path, None)
            case What.WRITTEN | What.TRUNCATED:
                self._write(one)
            case What.SYNCING:
                file = self._now.get(one.path)
                until = file.taken() if file else self._names_synced + len(self._renamed)
                self._syncing[one.by] = (file, until)
            case What.SYNCED:
                self._sync(*self._syncing.pop(one.by))

    def cut(self, folder: Path, loss: Loss, chance: random.Random) -> None:
        """Write what is left after a power cut at this moment into an empty folder."""
        names = dict(self._lasting)
        kept = {Loss.ALL: 0, Loss.NONE: len(self._renamed)}
        for path, file in self._renamed[: kept.get(loss, chance.randint(0, len(self._renamed)))]:
            _rename(names, path, file)
        for path, file in names.items():
            target = folder / Path(path).name
            target.write_bytes(file.after(loss, chance))
            target.chmod(0o600)

    def _name(self, path: str, file: _File | None) -> None:
        _rename(self._now, path, file)
        self._renamed.append((path, file))

    def _write(self, one: Change) -> None:
        file = self._now.get(one.path)
        if file is None:
            return  # removed, while somebody still has it open
        at = file.length() if one.offset < 0 else one.offset
        file.pending.append(
            Change(
                at=one.at, by=one.by, what=one.what, path=one.path, offset=at, content=one.content
            )
        )

    def _sync(self, file: _File | None, until: int) -> None:
        if file is not None:
            file.sync(until)
            return
        number = max(0, until - self._names_synced)
        for path, named in self._renamed[:number]:
            _rename(self._lasting, path, named)
        del self._renamed[:number]
        self._names_synced += number


def _rename(names: dict[str, _File], path: str, file: _File | None) -> None:
    if file is None:
        names.pop(path, None)
    else:
        names[path] = file
