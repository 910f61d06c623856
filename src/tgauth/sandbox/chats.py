"""Chats and the messages in them."""

from dataclasses import dataclass, field
from typing import Any, Final

import anyio

SUPERGROUPS_FROM: Final = -1_000_000_000_000
"""Client.cpp `get_supergroup_chat_id`: supergroups and channels are at and below this."""

SAMPLE_CHANNEL: Final = SUPERGROUPS_FROM - 4242
SAMPLE_GROUP: Final = SUPERGROUPS_FROM - 4243


@dataclass(slots=True, kw_only=True)
class Entry:
    """One message in a chat; `seq` grows with each change, so that a page can ask for the rest.

    `silent` came without a notification, which only the person's side knows.
    """

    seq: int
    content: dict[str, Any]
    own: bool = False
    edited: bool = False
    deleted: bool = False
    silent: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it for the chat page."""
        if self.deleted:
            kept = {"message_id": self.content["message_id"], "chat": self.content["chat"]}
            return {**kept, "seq": self.seq, "deleted": True}
        marks = {"edited": self.edited, "deleted": False, "silent": self.silent}
        return {**self.content, "seq": self.seq, **marks}

    def quoted(self) -> dict[str, Any]:
        """Return it as `reply_to_message`, which holds no further reply.

        core.telegram.org/bots/api#message: "will not contain further reply_to_message fields".
        """
        return {name: value for name, value in self.content.items() if name != "reply_to_message"}


@dataclass(slots=True, kw_only=True)
class Chat:
    """A chat of any kind, with its messages by id; `topics` are those of a forum."""

    id: int
    kind: str | None = None
    title: str | None = None
    username: str | None = None
    is_forum: bool = False
    linked_chat_id: int | None = None
    migrated_to: int | None = None
    topics: dict[int, str] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    answers: list[dict[str, Any]] = field(default_factory=list)
    members: dict[int, str] = field(default_factory=dict)
    next_message: int = 1
    changed: anyio.Event = field(default_factory=anyio.Event)

    @property
    def type(self) -> str:
        """Return core.telegram.org/bots/api#chat `type`."""
        if self.id > 0:
            return "private"
        return self.kind or ("supergroup" if self.id <= SUPERGROUPS_FROM else "group")

    def present(self, message_id: int) -> Entry | None:
        """Return a message that is still there."""
        entry = self.entries.get(message_id)
        return None if entry is None or entry.deleted else entry

    def wake(self) -> None:
        """Tell whoever reads along that something changed."""
        self.changed.set()
        self.changed = anyio.Event()
