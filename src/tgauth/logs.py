"""Logs: one line an event on stderr, and never a secret in it.

Event names are nouns (`login.approved`), the rest are fields. Lines are for people by default and
JSON when asked. Other libraries' records come through the same door: one line each, no traceback,
because theirs print addresses that hold tokens.
"""

import json
import logging
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import Any, Final

_OWN: Final = "tgauth"
_LEVELS: Final = {"debug": 10, "info": 20, "warning": 30, "error": 40}
#: How far causes of causes are told.
_DEEPEST: Final = 5
MASK: Final = "***"


class Log:
    """Logs events of one part of tgauth."""

    def __init__(self, part: str) -> None:
        self._logger = logging.getLogger(f"{_OWN}.{part}")

    def debug(self, event: str, /, **fields: object) -> None:
        """Log what only somebody who looks for a fault wants to see."""
        self._write(logging.DEBUG, event, fields)

    def info(self, event: str, /, **fields: object) -> None:
        """Log what happened."""
        self._write(logging.INFO, event, fields)

    def warning(self, event: str, /, **fields: object) -> None:
        """Log what somebody may have to look at."""
        self._write(logging.WARNING, event, fields)

    def error(self, event: str, /, **fields: object) -> None:
        """Log what somebody has to look at."""
        self._write(logging.ERROR, event, fields)

    def exception(self, event: str, error: BaseException, /, **fields: object) -> None:
        """Log a fault of our own, with where it came from."""
        self._logger.error(event, extra={"fields": fields}, exc_info=error)

    def _write(self, level: int, event: str, fields: dict[str, object]) -> None:
        self._logger.log(level, "%s", event, extra={"fields": fields})


class _Formatter(logging.Formatter):
    def __init__(self, process: str, *, as_json: bool, secrets: Iterable[str]) -> None:
        super().__init__()
        self._process = process
        self.as_json = as_json
        self._secrets = tuple(secret for secret in secrets if secret)

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as one line (several only for a fault of our own, as text)."""
        fields: dict[str, object] = dict(getattr(record, "fields", {}))
        event = record.getMessage()
        if not record.name.startswith(_OWN):
            fields["library"] = record.name.partition(".")[0]
        trace = self._explain(record, fields)
        text = (
            self._json(record, event, fields, trace)
            if self.as_json
            else self._text(record, event, fields, trace)
        )
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    @staticmethod
    def _explain(record: logging.LogRecord, fields: dict[str, object]) -> str | None:
        error = record.exc_info[1] if record.exc_info else None
        if error is None:
            return None
        fields["error"] = f"{type(error).__name__}: {error}"
        if not record.name.startswith(_OWN):
            return None
        return "".join(_story(error))

    def _text(
        self,
        record: logging.LogRecord,
        event: str,
        fields: dict[str, object],
        trace: str | None,
    ) -> str:
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        pairs = "".join(f" {name}={_readable(value)}" for name, value in fields.items())
        level = record.levelname.lower()
        line = f"{moment} {level:<7} [{self._process}] {_flat(event)}{pairs}"
        return f"{line}\n{trace.rstrip()}" if trace else line

    def _json(
        self,
        record: logging.LogRecord,
        event: str,
        fields: dict[str, object],
        trace: str | None,
    ) -> str:
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        entry: dict[str, Any] = {
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "process": self._process,
            "event": event,
            **fields,
        }
        if trace:
            entry["trace"] = trace
        line = json.dumps(entry, default=str, ensure_ascii=False)
        # JSON itself lets U+2028, U+0085 and terminal controls stand as they are.
        return line if line.isprintable() else json.dumps(entry, default=str)


def configure(
    process: str, *, level: str = "info", as_json: bool = False, secrets: Iterable[str] = ()
) -> None:
    """Send all logs of this process to stderr.

    Args:
        process: The name that stands before each line.
        level: `debug`, `info`, `warning` or `error`.
        as_json: Whether each line is a JSON object.
        secrets: Texts that are masked wherever they turn up.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Formatter(process, as_json=as_json, secrets=secrets))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    # Only our own events follow the level: what other libraries tell below a warning holds
    # addresses and headers, and with them tokens and codes (httpx, hpack, h11, …).
    root.setLevel(logging.WARNING)
    logging.getLogger(_OWN).setLevel(_LEVELS[level])


def is_json() -> bool:
    """Say whether the logs of this process are JSON."""
    formatters = [handler.formatter for handler in logging.getLogger().handlers]
    return any(isinstance(one, _Formatter) and one.as_json for one in formatters)


def _story(error: BaseException, depth: int = 0) -> Iterator[str]:
    """Tell where an error came from, and what it came of.

    Frames are enough to find a fault, and unlike a whole traceback they hold no values.
    """
    yield from traceback.format_tb(error.__traceback__)
    if depth == _DEEPEST:
        return
    causes = list(error.exceptions) if isinstance(error, BaseExceptionGroup) else []
    if error.__cause__ is not None:
        causes.append(error.__cause__)
    for cause in causes:
        yield f"  because of {type(cause).__name__}: {str(cause)!a}\n"
        yield from _story(cause, depth + 1)


def _flat(event: str) -> str:
    """Keep an event on one line, and its controls away from the terminal."""
    line = " ".join(event.split())
    return line if line.isprintable() else json.dumps(line)


def _readable(value: object) -> str:
    text = str(value)
    return (
        json.dumps(text, ensure_ascii=not text.isprintable())
        if not text or not text.isprintable() or (set(text) & set(' "='))
        else text
    )
