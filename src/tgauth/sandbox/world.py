"""The people, their chats and what was said: everything Telegram knows, in memory."""

import itertools
import random
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import anyio

from .errors import BadRequest, Forbidden
from .keyboards import inline_keyboard
from .texts import found_entities, in_order
from .updates import CALLBACK_SECONDS, Updates

ANSWERABLE_SECONDS: Final = 30
"""How long a press can be answered: no public number; clients give up after 15 to 30 s."""

SUPERGROUPS_FROM: Final = -1_000_000_000_000
"""Client.cpp `get_supergroup_chat_id`: supergroups are at and below this."""

GROUP_ANONYMOUS_BOT: Final = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
CHANNEL_BOT: Final = {
    "id": 136817688,
    "is_bot": True,
    "first_name": "Channel",
    "username": "Channel_Bot",
}


@dataclass(slots=True, kw_only=True)
class Person:
    """An account, as the bot sees it."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = "en"
    blocked: bool = False
    deactivated: bool = False
    wrote: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return core.telegram.org/bots/api#user."""
        return {"id": self.id, "is_bot": False, **self.names(), **_given(self, "language_code")}

    def names(self) -> dict[str, Any]:
        """Return the names that are set."""
        return {"first_name": self.first_name, **_given(self, "last_name", "username")}


def _given(person: Person, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(person, name))}


@dataclass(slots=True, kw_only=True)
class Entry:
    """One message in a chat; `seq` grows with each change, so that a page can ask for the rest."""

    seq: int
    content: dict[str, Any]
    edited: bool = False
    deleted: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return it for the chat page."""
        if self.deleted:
            kept = {"message_id": self.content["message_id"], "chat": self.content["chat"]}
            return {**kept, "seq": self.seq, "deleted": True}
        return {**self.content, "seq": self.seq, "edited": self.edited, "deleted": False}


@dataclass(slots=True, kw_only=True)
class Chat:
    """A private chat or a group, with its messages by id."""

    id: int
    title: str | None = None
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
        return "supergroup" if self.id <= SUPERGROUPS_FROM else "group"


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A press of a button that waits for its answer."""

    chat_id: int
    user_id: int
    at: float


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that happens in chats. `clock` gives unix seconds."""

    bot: Mapping[str, Any]
    updates: Updates
    clock: Callable[[], float]
    people: dict[int, Person] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    presses: dict[str, Press] = field(default_factory=dict)
    _seq: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def person(self, user_id: int, **names: str | None) -> Person:
        """Return the account, made on the fly; the names given replace those it has."""
        person = self.people.get(user_id)
        if person is None:
            person = self.people[user_id] = Person(id=user_id, first_name=f"Person {user_id}")
        for name, value in names.items():
            if value is not None:
                setattr(person, name, value or None)
        return person

    def chat(self, chat_id: int) -> Chat:
        """Return the chat, made on the fly."""
        if chat_id not in self.chats:
            title = None if chat_id > 0 else f"Group {-chat_id}"
            members = {} if chat_id > 0 else {int(self.bot["id"]): "member"}
            self.chats[chat_id] = Chat(id=chat_id, title=title, members=members)
        return self.chats[chat_id]

    def chat_json(self, chat: Chat) -> dict[str, Any]:
        """Return core.telegram.org/bots/api#chat."""
        if chat.id > 0:
            return {"id": chat.id, "type": "private", **self.person(chat.id).names()}
        return {"id": chat.id, "type": chat.type, "title": chat.title}

    def reachable(self, chat_id: int) -> Chat:
        """Return a chat that the bot may write to, or refuse in Telegram's words."""
        if chat_id < 0:
            return self.known(chat_id)
        person = self.people.get(chat_id)
        if person is None:
            raise BadRequest("chat not found")
        if person.deactivated:
            raise Forbidden("user is deactivated")
        if person.blocked:
            raise Forbidden("bot was blocked by the user")
        if not person.wrote:
            raise Forbidden("bot can't initiate conversation with a user")
        return self.chat(chat_id)

    def known(self, chat_id: int) -> Chat:
        """Return a chat that exists, whether or not it can be written to."""
        if chat_id not in self.chats and chat_id not in self.people:
            raise BadRequest("chat not found")
        return self.chat(chat_id)

    def store(self, chat: Chat, content: dict[str, Any]) -> Entry:
        """Give a message its id and keep it."""
        content = {"message_id": chat.next_message, **content}
        chat.next_message += 1
        entry = Entry(seq=next(self._seq), content=content)
        chat.entries[content["message_id"]] = entry
        self._wake(chat)
        return entry

    def touch(self, chat: Chat, entry: Entry) -> None:
        """Note that a message changed."""
        entry.seq = next(self._seq)
        self._wake(chat)

    def _wake(self, chat: Chat) -> None:
        chat.changed.set()
        chat.changed = anyio.Event()

    # What people do.

    def say(  # noqa: PLR0913 - the ways in which a message can differ
        self,
        person: Person,
        text: str,
        *,
        chat_id: int | None = None,
        forwarded: bool = False,
        sender_chat: bool = False,
        date: int | None = None,
    ) -> tuple[Entry, int | None]:
        """Let a person write; return the message and the id of its update, if the bot gets one."""
        if person.blocked or person.deactivated:
            raise Forbidden("the person cannot write: blocked the bot, or deactivated")
        chat = self.chat(chat_id or person.id)
        if chat.id > 0:
            person.wrote = True
        else:
            chat.members.setdefault(person.id, "member")
        content: dict[str, Any] = {
            "from": person.to_json(),
            "chat": self.chat_json(chat),
            "date": int(self.clock()) if date is None else date,
        }
        if sender_chat:
            content |= self._on_behalf_of(chat)
        if forwarded:
            origin = {"type": "user", "sender_user": person.to_json(), "date": content["date"]}
            content["forward_origin"] = origin
        content["text"] = text
        if entities := [entity.to_json() for entity in in_order(found_entities(text))]:
            content["entities"] = entities
        entry = self.store(chat, content)
        if chat.id < 0 and not self._sees(content):
            return entry, None
        return entry, self.updates.add("message", entry.content)

    def _on_behalf_of(self, chat: Chat) -> dict[str, Any]:
        if chat.id < 0:
            return {"from": GROUP_ANONYMOUS_BOT, "sender_chat": self.chat_json(chat)}
        channel = {"id": SUPERGROUPS_FROM - 4242, "type": "channel", "title": "Sample channel"}
        return {"from": CHANNEL_BOT, "sender_chat": channel}

    def _sees(self, content: Mapping[str, Any]) -> bool:
        """Say whether a bot in privacy mode sees a group's message.

        core.telegram.org/bots/features#privacy-mode: commands meant for it, and its name.
        """
        name = str(self.bot["username"]).lower()
        match = re.match(r"/\w+(@\w+)?", str(content["text"]))
        if match:
            return (match.group(1) or f"@{name}").lower() == f"@{name}"
        return re.search(rf"(?<!\w)@{name}\b", str(content["text"]).lower()) is not None

    def press(
        self, person: Person, *, chat_id: int, message_id: int, data: str, forged: bool = False
    ) -> tuple[str, int | None]:
        """Let a person press a button; return the ids of the query and of its update.

        A modified client can send any data, so `forged` skips the look at the keyboard.
        """
        chat = self.chat(chat_id)
        entry = chat.entries.get(message_id)
        if entry is None or entry.deleted:
            raise LookupError("no such message")
        keyboard = inline_keyboard(entry.content.get("reply_markup"))
        if not forged and data not in [b.get("callback_data") for row in keyboard for b in row]:
            raise LookupError("no such button under the message")
        query_id = str(random.randrange(1 << 60, 1 << 63))  # noqa: S311 - an id, not a secret
        now = self.clock()
        self.presses = {
            key: value for key, value in self.presses.items() if now - value.at < ANSWERABLE_SECONDS
        }
        self.presses[query_id] = Press(chat_id=chat.id, user_id=person.id, at=now)
        query = {
            "id": query_id,
            "from": person.to_json(),
            "message": dict(entry.content),
            "chat_instance": str(hash(("chat", chat.id))),
            "data": data,
        }
        return query_id, self.updates.add("callback_query", query, seconds=CALLBACK_SECONDS)

    def answer(self, query_id: str, content: Mapping[str, Any]) -> None:
        """Answer a press, once and in time."""
        press = self.presses.pop(query_id, None)
        if press is None or self.clock() - press.at >= ANSWERABLE_SECONDS:
            raise BadRequest("query is too old and response timeout expired or query ID is invalid")
        chat = self.chat(press.chat_id)
        answer = {"callback_query_id": query_id, "user_id": press.user_id, "seq": next(self._seq)}
        chat.answers.append({**answer, **content})
        self._wake(chat)

    def block(self, person: Person, *, blocked: bool) -> int | None:
        """Let a person block the bot, or take it back; the bot hears of it as it does in life."""
        if person.blocked == blocked:
            return None
        person.blocked = blocked
        states = ("member", "kicked") if blocked else ("kicked", "member")
        old, new = (self._own_standing(status) for status in states)
        return self.updates.add(
            "my_chat_member",
            {
                "chat": self.chat_json(self.chat(person.id)),
                "from": person.to_json(),
                "date": int(self.clock()),
                "old_chat_member": old,
                "new_chat_member": new,
            },
        )

    def _own_standing(self, status: str) -> dict[str, Any]:
        until = {"until_date": 0} if status == "kicked" else {}
        return {"user": dict(self.bot), "status": status, **until}
