"""The commands a bot registers, by scope and language."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from .errors import BadRequest

MAX_COMMANDS: Final = 100
MAX_DESCRIPTION: Final = 256
NAME: Final = re.compile(r"[a-z0-9_]{1,32}")
"""core.telegram.org/bots/api#botcommand: 1-32 lowercase letters, digits and underscores."""

SCOPES: Final[Mapping[str, tuple[str, ...]]] = {
    "default": (),
    "all_private_chats": (),
    "all_group_chats": (),
    "all_chat_administrators": (),
    "chat": ("chat_id",),
    "chat_administrators": ("chat_id",),
    "chat_member": ("chat_id", "user_id"),
}

Key = tuple[str, str]


@dataclass(slots=True, kw_only=True)
class Commands:
    """Lists of commands; each scope and language has its own."""

    _lists: dict[Key, list[dict[str, str]]] = field(default_factory=dict)

    def set(self, commands: object, *, scope: object, language: str) -> None:
        """Replace one list."""
        key = (_scope(scope), check_language(language))
        if commands in (None, ""):
            commands = []
        if not isinstance(commands, list):
            raise BadRequest("expected an Array of BotCommand")
        parsed = [_command(command) for command in commands]
        if len(parsed) > MAX_COMMANDS:
            raise BadRequest("BOT_COMMANDS_TOO_MUCH")
        self._lists[key] = parsed

    def get(self, *, scope: object, language: str) -> list[dict[str, str]]:
        """Return one list exactly as set; empty where none was."""
        return list(self._lists.get((_scope(scope), check_language(language)), []))

    def delete(self, *, scope: object, language: str) -> None:
        """Remove one list."""
        self._lists.pop((_scope(scope), check_language(language)), None)

    def shown_to(
        self, language: str, *, user_id: int, chat_id: int, administrator: bool = False
    ) -> list[dict[str, str]]:
        """Return what a person sees in a chat.

        The order of core.telegram.org/bots/api#determining-list-of-commands; a list in the
        person's language comes before the one for everybody else of the same scope.
        """
        here: dict[str, Any] = {"chat_id": chat_id}
        scopes: list[dict[str, Any]] = [{"type": "chat", **here}, {"type": "all_private_chats"}]
        if chat_id < 0:
            above = [{"type": "chat_administrators", **here}] if administrator else []
            every = [{"type": "all_chat_administrators"}] if administrator else []
            member = {"type": "chat_member", **here, "user_id": user_id}
            scopes = [member, *above, scopes[0], *every, {"type": "all_group_chats"}]
        for scope in (*scopes, {"type": "default"}):
            for code in (language, ""):
                if found := self._lists.get((_scope(scope), code)):
                    return list(found)
        return []


def _command(raw: object) -> dict[str, str]:
    wrong = "can't parse BotCommand: "
    if not isinstance(raw, Mapping):
        raise BadRequest(f"{wrong}expected an Object")
    for name in ("command", "description"):
        if not isinstance(raw.get(name), str):
            raise BadRequest(f'{wrong}Can\'t find field "{name}"')
    command = str(raw["command"]).strip().removeprefix("/")
    description = str(raw["description"]).strip()
    if not command:
        raise BadRequest("command must be non-empty")
    if not description:
        raise BadRequest("command description must be non-empty")
    if len(description) > MAX_DESCRIPTION:
        raise BadRequest(f"command description length must not exceed {MAX_DESCRIPTION}")
    if NAME.fullmatch(command) is None:
        raise BadRequest("BOT_COMMAND_INVALID")
    return {"command": command, "description": description}


def _scope(raw: object) -> str:
    wrong = "can't parse BotCommandScope: "
    if raw in (None, ""):
        raw = {"type": "default"}
    if not isinstance(raw, Mapping):
        raise BadRequest(f"{wrong}BotCommandScope must be an Object")
    kind = str(raw.get("type"))
    if kind not in SCOPES:
        raise BadRequest(f"{wrong}Unsupported type specified")
    key: dict[str, Any] = {"type": kind}
    for name in SCOPES[kind]:
        if name not in raw:
            raise BadRequest(f'{wrong}Can\'t find field "{name}"')
        if re.fullmatch(r"-?\d+", str(raw[name])) is None:
            raise BadRequest("chat not found" if name == "chat_id" else "user not found")
        key[name] = int(raw[name])
    return json.dumps(key)


def check_language(code: str) -> str:
    """Return a language code: core.telegram.org/bots/api#setmycommands, ISO 639-1 or empty."""
    if code and re.fullmatch(r"[a-z]{2}", code) is None:
        raise BadRequest("invalid language code specified")
    return code
