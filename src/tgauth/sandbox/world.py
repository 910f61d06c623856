"""The people, their chats and what was said: everything Telegram knows, in memory."""

import itertools
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .chats import Chat, Entry
from .errors import BadRequest, Forbidden, Migrated
from .people import Person
from .updates import Updates

ADMINISTRATORS: Final = frozenset({"creator", "administrator"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A press of a button that waits for its answer."""

    chat_id: int
    user_id: int
    at: float


@dataclass(slots=True, kw_only=True)
class World:
    """Everything that happens in chats. `clock` gives unix seconds; `run` names this start."""

    bot: Mapping[str, Any]
    updates: Updates
    clock: Callable[[], float]
    run: str = field(default_factory=lambda: secrets.token_hex(6))
    people: dict[int, Person] = field(default_factory=dict)
    chats: dict[int, Chat] = field(default_factory=dict)
    presses: dict[str, Press] = field(default_factory=dict)
    _seq: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def bot_id(self) -> int:
        """Return the bot's own id."""
        return int(self.bot["id"])

    def person(self, user_id: int, **names: str | None) -> Person:
        """Return the account, made on the fly; the names given replace those it has.

        An empty name takes a name away.
        """
        person = self.people.get(user_id)
        if person is None:
            person = self.people[user_id] = Person(id=user_id, first_name=f"Person {user_id}")
        for name, value in names.items():
            if value is not None:
                setattr(person, name, value or None)
        return person

    def chat(self, chat_id: int) -> Chat:
        """Return the chat, made on the fly: a group, unless the id is a person's."""
        if chat_id not in self.chats:
            title = None if chat_id > 0 else f"Group {-chat_id}"
            members = {} if chat_id > 0 else {self.bot_id: "member"}
            self.chats[chat_id] = Chat(id=chat_id, title=title, members=members)
        return self.chats[chat_id]

    def chat_json(self, chat: Chat) -> dict[str, Any]:
        """Return core.telegram.org/bots/api#chat."""
        if chat.id > 0:
            return {"id": chat.id, "type": "private", **self.person(chat.id).names()}
        content: dict[str, Any] = {"id": chat.id, "type": chat.type, "title": chat.title}
        if chat.username:
            content["username"] = chat.username
        if chat.is_forum:
            content["is_forum"] = True
        return content

    def user_json(self, user_id: int) -> dict[str, Any]:
        """Return core.telegram.org/bots/api#user of a person, or of the bot itself."""
        return dict(self.bot) if user_id == self.bot_id else self.person(user_id).to_json()

    def writable(self, chat_id: int) -> Chat:
        """Return a chat that the bot may write to, or refuse in Telegram's words."""
        if chat_id < 0:
            chat = self.known(chat_id)
            self._check_standing(chat)
            return chat
        person = self.people.get(chat_id)
        if person is None:
            raise BadRequest("chat not found")
        if person.is_bot:
            raise Forbidden("bot can't send messages to bots")
        if person.deactivated:
            raise Forbidden("user is deactivated")
        if person.blocked:
            raise Forbidden("bot was blocked by the user")
        if not person.wrote:
            raise Forbidden("bot can't initiate conversation with a user")
        return self.chat(chat_id)

    def _check_standing(self, chat: Chat) -> None:
        """Refuse as Client.cpp `check_chat_access` does: moved, thrown out, or without rights."""
        if chat.migrated_to:
            raise Migrated(chat.migrated_to)
        status = chat.members.get(self.bot_id, "left")
        if status == "kicked":
            raise Forbidden(f"bot was kicked from the {chat.type} chat")
        if status == "left":
            raise Forbidden(f"bot is not a member of the {chat.type} chat")
        if chat.type == "channel" and status not in ADMINISTRATORS:
            raise BadRequest("need administrator rights in the channel chat")
        if status == "restricted":
            raise BadRequest("not enough rights to send text messages to the chat")

    def known(self, chat_id: int) -> Chat:
        """Return a chat that exists, whether or not it can be written to."""
        if chat_id not in self.chats and chat_id not in self.people:
            raise BadRequest("chat not found")
        return self.chat(chat_id)

    def store(
        self, chat: Chat, content: dict[str, Any], *, own: bool = False, silent: bool = False
    ) -> Entry:
        """Give a message its id and keep it; `own` is what the bot itself sent."""
        content = {"message_id": chat.next_message, **content}
        chat.next_message += 1
        entry = Entry(seq=next(self._seq), content=content, own=own, silent=silent)
        chat.entries[content["message_id"]] = entry
        chat.wake()
        return entry

    def touch(self, chat: Chat, entry: Entry) -> None:
        """Note that a message changed."""
        entry.seq = next(self._seq)
        chat.wake()

    def tell(self, chat: Chat, answer: Mapping[str, Any]) -> None:
        """Show the answer to a press to whoever pressed."""
        chat.answers.append({"seq": next(self._seq), **answer})
        chat.wake()
