"""Updates on their way past python-telegram-bot's own reading of them."""

from collections.abc import Mapping
from typing import Any

from telegram.error import NetworkError


class Intake:
    """Holds one batch of updates as Telegram sent them, until each has reached the inbox.

    python-telegram-bot would make objects of them at once, of which the inbox makes JSON again:
    more work than all the rest of receiving one. And one that it cannot read holds up the whole
    batch for ever. So it gets updates that have nothing but their number; what they say is read
    when they are handled, one by one.
    """

    def __init__(self) -> None:
        self._batch: dict[int, Mapping[str, Any]] = {}

    def leave(self, batch: list[object]) -> list[dict[str, int]]:
        """Keep a batch; return what python-telegram-bot shall make of it.

        Raises:
            NetworkError: They cannot even be counted.
        """
        self._batch = dict(map(_numbered, batch))
        return [{"update_id": update_id} for update_id in self._batch]

    def sent(self, update_id: int) -> Mapping[str, Any] | None:
        """Return an update of this batch as Telegram sent it."""
        return self._batch.get(update_id)


def _numbered(update: object) -> tuple[int, Mapping[str, Any]]:
    update_id = update.get("update_id") if isinstance(update, dict) else None
    if not isinstance(update, dict) or not isinstance(update_id, int):
        raise NetworkError("an update without a number: no Bot API answers like that")
    return update_id, update
