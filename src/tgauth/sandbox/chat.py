"""The person's side: the chat page, and the JSON that it and the tests use."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import anyio
import msgspec
from litestar import Response, Router, get, post
from litestar.exceptions import HTTPException
from litestar.params import FromPath, FromQuery, JSONBody

from .callbacks import ANSWERABLE_SECONDS, press
from .errors import BadRequest, Forbidden
from .methods import Api
from .pages import TYPES, static_file
from .sayings import Said, remove, rewrite, say
from .standings import block
from .starts import Started, check_payload, start_bot
from .world import ADMINISTRATORS

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler

    from .chats import Chat

MAX_WAIT: Final = 25.0
SAMPLE_PEOPLE: Final[Mapping[int, dict[str, str]]] = {
    1001: {"first_name": "Ada", "last_name": "Lovelace", "username": "ada"},
    1002: {"first_name": "Иван", "username": "ivan_p", "language_code": "ru"},
    1003: {"first_name": "Grete", "language_code": "de"},
}
"""English, Russian, and a language that a bot may not speak; the last has no username."""


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


class Rewritten(msgspec.Struct, kw_only=True, frozen=True):
    """A message that a person changes."""

    user_id: int
    message_id: int
    text: str
    chat_id: int | None = None


class Removed(msgspec.Struct, kw_only=True, frozen=True):
    """A message that a person deletes."""

    user_id: int
    message_id: int
    chat_id: int | None = None


@contextmanager
def refusals() -> Iterator[None]:
    """Turn what nobody can do into 400, what the person cannot into 409, the missing into 404."""
    try:
        yield
    except BadRequest as error:
        detail = error.description.removeprefix("Bad Request: ")
        raise HTTPException(status_code=400, detail=detail) from error
    except Forbidden as error:
        detail = error.description.removeprefix("Forbidden: ")
        raise HTTPException(status_code=409, detail=detail) from error
    except LookupError as error:
        raise HTTPException(status_code=404, detail=str(error)) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatFace:
    """Routes of the chat page; `application` is where a login can begin in a browser."""

    api: Api
    application: str = ""

    def __post_init__(self) -> None:
        for user_id, names in SAMPLE_PEOPLE.items():
            self.api.world.person(user_id, **names)

    def router(self) -> Router:
        """Return the routes."""

        @get("/chat/bot")
        async def bot(user_id: FromQuery[int] = 1001, chat_id: FromQuery[int] = 0) -> Any:
            return self.about(user_id, chat_id or user_id)

        @get("/chat/messages")
        async def read(
            user_id: FromQuery[int],
            after: FromQuery[int] = 0,
            chat_id: FromQuery[int | None] = None,
            wait: FromQuery[float] = 0,
            run: FromQuery[str] = "",
        ) -> dict[str, Any]:
            if run and run != self.api.world.run:
                after, wait = 0, 0.0  # what the page has seen was another run's
            return await self.read(chat_id or user_id, user_id=user_id, after=after, wait=wait)

        handlers: list[HTTPRouteHandler] = [*self._pages(), bot, read]
        return Router("/", route_handlers=[*handlers, *self._deeds()])

    def _pages(self) -> list["HTTPRouteHandler"]:
        """Return the routes of the page and its files."""

        @get("/")
        async def page() -> Response[bytes]:
            return static_file("chat.html")

        @get("/{username:str}")
        async def linked(
            username: FromPath[str], start: FromQuery[str | None] = None
        ) -> Response[bytes]:
            return self.linked(username, start)

        @get("/assets/{name:str}")
        async def asset(name: FromPath[str]) -> Response[bytes]:
            if name not in TYPES:
                raise HTTPException(status_code=404, detail="no such file")
            return static_file(name)

        return [page, linked, asset]

    def _deeds(self) -> list["HTTPRouteHandler"]:
        """Return the routes of what people do."""

        @post("/chat/messages")
        async def write(data: JSONBody[Said]) -> dict[str, Any]:
            with refusals():
                entry, update_id = say(self.api.world, data)
            self.api.polling.notify()
            return {**entry.to_json(), "update_id": update_id}

        @post("/chat/starts")
        async def begin(data: JSONBody[Started]) -> dict[str, Any]:
            with refusals():
                entry, update_id = start_bot(self.api.world, data)
            self.api.polling.notify()
            return {**entry.to_json(), "update_id": update_id}

        @post("/chat/presses")
        async def push(data: JSONBody[Pressed]) -> dict[str, Any]:
            return self.press(data)

        @post("/chat/blocks")
        async def stop(data: JSONBody[Blocked]) -> dict[str, Any]:
            person = self.api.world.person(data.user_id)
            update_id = block(self.api.world, person, blocked=data.blocked)
            self.api.polling.notify()
            return {"user_id": data.user_id, "blocked": data.blocked, "update_id": update_id}

        return [write, begin, push, stop, *self._second_thoughts()]

    def _second_thoughts(self) -> list["HTTPRouteHandler"]:
        """Return the routes by which people change and delete what is there."""

        @post("/chat/edits")
        async def edit(data: JSONBody[Rewritten]) -> dict[str, Any]:
            target = {"chat_id": data.chat_id or data.user_id, "message_id": data.message_id}
            person = self.api.world.person(data.user_id)
            with refusals():
                entry, update_id = rewrite(self.api.world, person, text=data.text, **target)
            self.api.polling.notify()
            return {**entry.to_json(), "update_id": update_id}

        @post("/chat/deletions")
        async def delete(data: JSONBody[Removed]) -> dict[str, Any]:
            target = {"chat_id": data.chat_id or data.user_id, "message_id": data.message_id}
            with refusals():
                remove(self.api.world, self.api.world.person(data.user_id), **target)
            return {**target, "deleted": True}

        return [edit, delete]

    def linked(self, username: str, payload: str | None) -> Response[bytes]:
        """Return the chat page behind a link, which offers START where the link has a payload."""
        if username.lower() != str(self.api.world.bot["username"]).lower():
            raise HTTPException(status_code=404, detail="no such bot: only one lives here")
        if payload is not None:
            with refusals():
                check_payload(payload)
        return static_file("chat.html")

    def about(self, user_id: int, chat_id: int) -> dict[str, Any]:
        """Return what the page shows around the messages, in the person's language."""
        world = self.api.world
        person = world.person(user_id)
        language = person.language_code or ""
        standing = world.chat(chat_id).members.get(user_id) if chat_id < 0 else None
        commands = self.api.commands.shown_to(
            language, user_id=user_id, chat_id=chat_id, administrator=standing in ADMINISTRATORS
        )
        return {
            "run": world.run,
            "bot": dict(world.bot),
            "people": [world.person(one).to_json() for one in SAMPLE_PEOPLE],
            "person": {
                **person.to_json(),
                "blocked": person.blocked,
                "wrote": person.wrote,
                "deep_links": person.deep_links,
            },
            "application": self.application,
            "commands": commands,
            "description": self.api.descriptions.shown_to("description", language),
            "short_description": self.api.descriptions.shown_to("short_description", language),
        }

    async def read(self, chat_id: int, *, user_id: int, after: int, wait: float) -> dict[str, Any]:
        """Return what changed in a chat since a number, waiting for it if nothing has."""
        chat = self.api.world.chat(chat_id)
        with anyio.move_on_after(min(wait, MAX_WAIT)):
            while wait > 0 and not self.api.polling.closing and not _is_new(chat, after):
                await chat.changed.wait()
        entries = sorted(
            (entry for entry in chat.entries.values() if entry.seq > after),
            key=lambda entry: entry.seq,
        )
        answers = [a for a in chat.answers if a["seq"] > after and a["user_id"] == user_id]
        return {
            "run": self.api.world.run,
            "messages": [entry.to_json() for entry in entries],
            "answers": answers,
        }

    def press(self, data: Pressed) -> dict[str, Any]:
        """Queue a press for the bot."""
        with refusals():
            query_id, update_id = press(
                self.api.world,
                self.api.world.person(data.user_id),
                chat_id=data.chat_id or data.user_id,
                message_id=data.message_id,
                data=data.data,
                forged=data.forged,
            )
        self.api.polling.notify()
        return {
            "callback_query_id": query_id,
            "update_id": update_id,
            "answerable_seconds": ANSWERABLE_SECONDS,
        }

    def end_waits(self) -> None:
        """Let every page that waits have its answer now."""
        for chat in self.api.world.chats.values():
            chat.changed.set()


def _is_new(chat: "Chat", after: int) -> bool:
    return any(entry.seq > after for entry in chat.entries.values()) or any(
        answer["seq"] > after for answer in chat.answers
    )
