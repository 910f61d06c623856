"""Controls for tests: the people and the chats that a bot meets."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import msgspec
from litestar import get, post
from litestar.exceptions import HTTPException
from litestar.params import JSONBody

from .chats import SUPERGROUPS_FROM
from .methods import Api
from .people import DeepLinks
from .standings import migrate, open_topic, set_status

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from .chats import Chat


class Account(msgspec.Struct, kw_only=True, frozen=True):
    """An account; what is given replaces what it has, and an empty name takes it away."""

    user_id: int
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None
    is_bot: bool | None = None
    deactivated: bool | None = None
    deep_links: DeepLinks | None = None


class Place(msgspec.Struct, kw_only=True, frozen=True):
    """A group, supergroup or channel; `linked_chat_id` is a channel's discussion group."""

    chat_id: int
    type: Literal["group", "supergroup", "channel"] | None = None
    title: str | None = None
    username: str | None = None
    is_forum: bool | None = None
    linked_chat_id: int | None = None


class Membership(msgspec.Struct, kw_only=True, frozen=True):
    """A person's standing in a group; the bot's own id works too."""

    chat_id: int
    user_id: int
    status: Literal["creator", "administrator", "member", "restricted", "left", "kicked"]
    title: str | None = None
    by_user_id: int = 1001


class Migration(msgspec.Struct, kw_only=True, frozen=True):
    """A group that becomes a supergroup."""

    chat_id: int


class Topic(msgspec.Struct, kw_only=True, frozen=True):
    """A topic to begin in a supergroup."""

    chat_id: int
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Populace:
    """Routes under `/control` about people and chats."""

    api: Api

    def handlers(self) -> list["HTTPRouteHandler"]:
        """Return the routes."""

        @post("/accounts")
        async def account(data: JSONBody[Account]) -> dict[str, Any]:
            return self.change_account(data)

        @post("/chats")
        async def place(data: JSONBody[Place]) -> dict[str, Any]:
            return self.change_chat(data)

        @get("/chats")
        async def places() -> dict[str, Any]:
            world = self.api.world
            return {"chats": [self.described(chat) for chat in world.chats.values()]}

        @post("/members")
        async def member(data: JSONBody[Membership]) -> dict[str, Any]:
            return self.change_member(data)

        @post("/migrations")
        async def migration(data: JSONBody[Migration]) -> dict[str, Any]:
            try:
                new = migrate(self.api.world, self.group(data.chat_id))
            except ValueError as error:
                raise HTTPException(status_code=409, detail=str(error)) from error
            self.api.polling.notify()
            return {"chat_id": data.chat_id, "migrated_to": new.id}

        @post("/topics")
        async def topic(data: JSONBody[Topic]) -> dict[str, Any]:
            chat = self.group(data.chat_id)
            if chat.type != "supergroup":
                raise HTTPException(status_code=409, detail="only a supergroup has topics")
            thread = open_topic(self.api.world, chat, data.name)
            self.api.polling.notify()
            return {"chat_id": chat.id, "message_thread_id": thread, "name": data.name}

        return [account, place, places, member, migration, topic]

    def change_account(self, data: Account) -> dict[str, Any]:
        """Make or change an account."""
        person = self.api.world.person(
            data.user_id,
            first_name=data.first_name,
            last_name=data.last_name,
            username=data.username,
            language_code=data.language_code,
        )
        if data.is_bot is not None:
            person.is_bot = data.is_bot
        if data.deactivated is not None:
            person.deactivated = data.deactivated
        if data.deep_links is not None:
            person.deep_links = data.deep_links
        return {"user_id": person.id, "deactivated": person.deactivated, "user": person.to_json()}

    def change_chat(self, data: Place) -> dict[str, Any]:
        """Make or change a group or channel; the bot is an administrator of a new channel."""
        if data.type in {"supergroup", "channel"} and data.chat_id > SUPERGROUPS_FROM:
            detail = f"the id of a {data.type} is at most {SUPERGROUPS_FROM}"
            raise HTTPException(status_code=400, detail=detail)
        if data.type == "group" and data.chat_id <= SUPERGROUPS_FROM:
            detail = f"the id of a group is above {SUPERGROUPS_FROM}"
            raise HTTPException(status_code=400, detail=detail)
        chat = self.group(data.chat_id)
        if data.type == "channel" and chat.type != "channel":
            chat.members[self.api.world.bot_id] = "administrator"
        chat.kind = data.type or chat.kind
        chat.title = data.title or chat.title
        chat.username = chat.username if data.username is None else data.username or None
        chat.is_forum = chat.is_forum if data.is_forum is None else data.is_forum
        chat.linked_chat_id = data.linked_chat_id or chat.linked_chat_id
        return self.described(chat)

    def change_member(self, data: Membership) -> dict[str, Any]:
        """Give somebody a standing."""
        chat = self.group(data.chat_id)
        chat.title = data.title or chat.title
        world = self.api.world
        update_id = set_status(world, chat, data.user_id, data.status, by=data.by_user_id)
        self.api.polling.notify()
        shown = {"chat_id": chat.id, "user_id": data.user_id, "status": data.status}
        return {**shown, "update_id": update_id}

    def group(self, chat_id: int) -> "Chat":
        """Return a group or channel, made on the fly."""
        if chat_id >= 0:
            raise HTTPException(status_code=400, detail="a group's id is negative")
        return self.api.world.chat(chat_id)

    def described(self, chat: "Chat") -> dict[str, Any]:
        """Return a chat with what only a test may know."""
        return {
            **self.api.world.chat_json(chat),
            "members": {str(user_id): status for user_id, status in chat.members.items()},
            "linked_chat_id": chat.linked_chat_id,
            "migrated_to": chat.migrated_to,
            "topics": {str(thread): name for thread, name in chat.topics.items()},
        }
