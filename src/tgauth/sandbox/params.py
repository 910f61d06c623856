"""Parameters of a call, read as leniently as the Bot API reads them."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .errors import BadRequest


@dataclass(frozen=True, slots=True, kw_only=True)
class Params:
    """What came by query, form or JSON; nested values are JSON text in a form.

    core.telegram.org/bots/api#making-requests lists the four ways.
    """

    values: Mapping[str, Any]

    def text(self, name: str) -> str:
        """Return a string; empty when it is missing."""
        value = self.values.get(name)
        return "" if value is None else str(value)

    def integer(
        self, name: str, default: int = 0, *, low: int | None = None, high: int | None = None
    ) -> int:
        """Return an integer, clamped; Client.cpp `get_integer_arg` never refuses one."""
        match = re.match(r"\s*(-?\d+)", self.text(name))
        value = int(match.group(1)) if match else default
        if low is not None:
            value = max(low, value)
        return value if high is None else min(high, value)

    def flag(self, name: str) -> bool:
        """Return a boolean; Client.cpp `to_bool`."""
        return self.text(name).strip().lower() in {"true", "yes", "1"}

    def nested(self, name: str, what: str) -> Any:
        """Return an object or array; `None` when it is missing."""
        value = self.values.get(name)
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            return json.loads(value)
        except ValueError as error:
            raise BadRequest(f"can't parse {what} JSON object") from error

    def chat_id(self) -> int:
        """Return the chat's id; a name is nobody's here."""
        raw = self.text("chat_id").strip()
        if not raw:
            raise BadRequest("chat_id is empty")
        if re.fullmatch(r"-?\d+", raw) is None:
            raise BadRequest("chat not found")
        return int(raw)
