"""What Telegram hands over: kept until handled, tried a few times, parked when it is poison."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, TypeGuard

from tgauth.domain.instants import SECOND, Instant

#: An update that fails this often is parked, so that it cannot hold up the others.
ATTEMPTS: Final = 3

_RETRY_DELAY: Final = 1 * SECOND

#: The kinds of update that are messages (core.telegram.org/bots/api#update), in the order in which
#: they are looked for.
MESSAGES: Final = (
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "business_message",
    "edited_business_message",
)
#: What the store can hold.
_LARGEST_ID: Final = 2**63 - 1


class UpdateState(StrEnum):
    """What became of an update."""

    WAITING = "waiting"
    DONE = "done"
    PARKED = "parked"


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateKey:
    """What makes two deliveries one update.

    Attributes:
        update_id: Telegram's number. It restarts at random after a quiet week, so it is not enough.
        identity: What the update is about, e.g. `message:42:17:1760000000`.
    """

    update_id: int
    identity: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredUpdate:
    """An update in the inbox.

    Attributes:
        key: Its identity.
        payload: The JSON that Telegram sent; erased when done.
        state: What became of it.
        received_at: When it was stored.
        attempts: How often handling it failed.
        not_before: Not to be tried earlier.
    """

    key: UpdateKey
    payload: str | None
    state: UpdateState
    received_at: Instant
    attempts: int
    not_before: Instant

    def failed(self, *, now: Instant) -> "StoredUpdate":
        """Return this update for another attempt, or parked after the last one."""
        attempts = self.attempts + 1
        if attempts >= ATTEMPTS:
            return replace(self, attempts=attempts, state=UpdateState.PARKED)
        return replace(self, attempts=attempts, not_before=now + _RETRY_DELAY * attempts)


def key_of_message(update_id: int, *, chat_id: int, message_id: int, sent_at: int) -> UpdateKey:
    """Return the key of an update about a message; it begins with its kind and chat.

    Args:
        update_id: Telegram's number.
        chat_id: The chat.
        message_id: The message.
        sent_at: When it was sent, in seconds.
    """
    return UpdateKey(update_id=update_id, identity=f"message:{chat_id}:{message_id}:{sent_at}")


def key_of_tap(update_id: int, *, chat_id: int, query_id: str) -> UpdateKey:
    """Return the key of an update about a tap on a button; it begins with its kind and chat."""
    return UpdateKey(update_id=update_id, identity=f"callback:{chat_id}:{query_id}")


def key_of_other(update_id: int) -> UpdateKey:
    """Return the key of an update about anything else."""
    return UpdateKey(update_id=update_id, identity="other")


def key_of_update(update: Mapping[str, object]) -> UpdateKey:
    """Return the key of an update as Telegram sends it.

    What cannot be read is kept as well: whoever handles it says so, and parks it.

    Raises:
        ValueError: It has no number that could be kept.
    """
    update_id = update.get("update_id")
    if not _is_number(update_id):
        raise ValueError("it has no number")
    if not -_LARGEST_ID <= update_id <= _LARGEST_ID:
        raise ValueError("its number is too large")
    query = update.get("callback_query")
    if isinstance(query, Mapping):
        return _key_of_query(update_id, query)
    message = next((update[kind] for kind in MESSAGES if update.get(kind)), None)
    if not isinstance(message, Mapping):
        return key_of_other(update_id)
    chat_id = _id_in(message.get("chat"))
    message_id, sent_at = message.get("message_id"), message.get("date")
    if chat_id is None or not _is_number(message_id) or not _is_number(sent_at):
        return key_of_other(update_id)
    return key_of_message(update_id, chat_id=chat_id, message_id=message_id, sent_at=sent_at)


def _key_of_query(update_id: int, query: Mapping[str, object]) -> UpdateKey:
    message = query.get("message")
    chat = message.get("chat") if isinstance(message, Mapping) else query.get("from")
    chat_id, query_id = _id_in(chat), query.get("id")
    if chat_id is None or not isinstance(query_id, str):
        return key_of_other(update_id)
    return key_of_tap(update_id, chat_id=chat_id, query_id=query_id)


def _id_in(found: object) -> int | None:
    number = found.get("id") if isinstance(found, Mapping) else None
    return number if _is_number(number) else None


def _is_number(found: object) -> TypeGuard[int]:
    return isinstance(found, int) and not isinstance(found, bool)
