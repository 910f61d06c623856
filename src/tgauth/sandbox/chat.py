"""The person's side: the chat page, and the JSON that it and the tests use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio
import msgspec
from litestar import Response, Router, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, JSONBody

from .errors import Forbidden
from .methods import Api
from .pages import TYPES, static_file

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

MAX_WAIT: Final = 25.0
SAMPLE_PEOPLE: Final[Mapping[int, dict[str, str]]] = {
    1001: {"first_name": "Ada", "last_name": "Lovelace", "username": "ada"},
    1002: {"first_name": "Иван", "username": "ivan_p", "language_code": "ru"},
    1003: {"first_name": "Grace"},
}


class Said(msgspec.Struct, kw_only=True, frozen=True):
    """What a person writes."""

    user_id: int
    text: str
    chat_id: int | None = None
    forwarded: bool = False
    sender_chat: bool = False
    date: int | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None


class Pressed(msgspec.Struct, kw_only=True, frozen=True):
    """The button a person presses; `forged` data need not be on a button."""

    user_id: int
    message_id: int
    data: str
    chat_id: int | None = None
    forged: bool = False


class Blocked(msgspec.Struct, kw_only=True, frozen=True):
    """Whether a person blocks the bot."""

    user_id: int
    blocked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFace:
    """Routes of the chat page."""

    api: Api

    def __post_init__(self) -> None:
        for user_id, names in SAMPLE_PEOPLE.items():
            self.api.world.person(user_id, **names)

    def router(self) -> Router:
        """Return the routes; a list of them, so longer than a function should be."""

        @get("/")
        async def page() -> Response[bytes]:
            return static_file("chat.html")

        @get("/assets/{name:str}")
        async def asset(name: FromPath[str]) -> Response[bytes]:
            if name not in TYPES:
                raise HTTPException(status_code=404, detail="no such file")
            return static_file(name)

        @get("/chat/bot")
        async def bot(user_id: FromQuery[int] = 1001) -> dict[str, Any]:
            return self.about(user_id)

        @post("/chat/messages")
        async def say(data: JSONBody[Said]) -> dict[str, Any]:
            return self.say(data)

        @get("/chat/messages")
        async def read(
            user_id: FromQuery[int],
            after: FromQuery[int] = 0,
            chat_id: FromQuery[int | None] = None,
            wait: FromQuery[float] = 0,
        ) -> dict[str, Any]:
            return await self.read(chat_id or user_id, user_id=user_id, after=after, wait=wait)

        @post("/chat/presses")
        async def press(data: JSONBody[Pressed]) -> dict[str, Any]:
            return self.press(data)

        @post("/chat/blocks")
        async def block(data: JSONBody[Blocked]) -> dict[str, Any]:
            update_id = self.api.world.block(
                self.api.world.person(data.user_id), blocked=data.blocked
            )
            self.api.polling.notify()
            return {"user_id": data.user_id, "blocked": data.blocked, "update_id": update_id}

        handlers: list[HTTPRouteHandler] = [page, asset, bot, say, read, press, block]
        return Router("/", route_handlers=handlers)

    def about(self, user_id: int) -> dict[str, Any]:
        """Return what the page shows around the messages."""
        people = [self.api.world.person(user_id).to_json() for user_id in SAMPLE_PEOPLE]
        language = self.api.world.person(user_id).language_code or ""
        commands = self.api.commands.shown_to(language)
        return {"bot": dict(self.api.world.bot), "people": people, "commands": commands}

    def say(self, data: Said) -> dict[str, Any]:
        """Store what a person writes and queue it for the bot."""
        person = self.api.world.person(
            data.user_id,
            first_name=data.first_name,
            last_name=data.last_name,
            username=data.username,
            language_code=data.language_code,
        )
        try:
            entry, update_id = self.api.world.say(
                person,
                data.text,
                chat_id=data.chat_id,
                forwarded=data.forwarded,
                sender_chat=data.sender_chat,
                date=data.date,
            )
        except Forbidden as error:
            raise HTTPException(status_code=409, detail=error.description) from error
        self.api.polling.notify()
        return {**entry.to_json(), "update_id": update_id}

    async def read(self, chat_id: int, *, user_id: int, after: int, wait: float) -> dict[str, Any]:
        """Return what changed in a chat since a number, waiting for it if nothing has."""
        chat = self.api.world.chat(chat_id)
        with anyio.move_on_after(min(wait, MAX_WAIT)):
            while not self.api.polling.closing:
                changed = chat.changed
                if any(entry.seq > after for entry in chat.entries.values()) or any(
                    answer["seq"] > after for answer in chat.answers
                ):
                    break
                if wait <= 0:
                    break
                await changed.wait()
        entries = sorted(
            (entry for entry in chat.entries.values() if entry.seq > after),
            key=lambda entry: entry.seq,
        )
        answers = [a for a in chat.answers if a["seq"] > after and a["user_id"] == user_id]
        return {"messages": [entry.to_json() for entry in entries], "answers": answers}

    def press(self, data: Pressed) -> dict[str, Any]:
        """Queue a press for the bot."""
        try:
            query_id, update_id = self.api.world.press(
                self.api.world.person(data.user_id),
                chat_id=data.chat_id or data.user_id,
                message_id=data.message_id,
                data=data.data,
                forged=data.forged,
            )
        except LookupError as error:
            raise HTTPException(status_code=404, detail=str(error)) from error
        self.api.polling.notify()
        return {"callback_query_id": query_id, "update_id": update_id}

    def end_waits(self) -> None:
        """Let every page that waits have its answer now."""
        for chat in self.api.world.chats.values():
            chat.changed.set()
