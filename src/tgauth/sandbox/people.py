"""The accounts that a bot meets: people, other bots, and Telegram's own stand-ins."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

GROUP_ANONYMOUS_BOT: Final[Mapping[str, Any]] = {
    "id": 1087968824,
    "is_bot": True,
    "first_name": "Group",
    "username": "GroupAnonymousBot",
}
"""core.telegram.org/bots/api#message: `from` of an anonymous administrator is "a fake sender"."""

CHANNEL_BOT: Final[Mapping[str, Any]] = {
    "id": 136817688,
    "is_bot": True,
    "first_name": "Channel",
    "username": "Channel_Bot",
}
"""Client.cpp `channel_bot_user_id_`: `from` of a message sent on behalf of a channel."""

SERVICE: Final[Mapping[str, Any]] = {"id": 777000, "is_bot": False, "first_name": "Telegram"}
"""Client.cpp `service_notifications_user_id_`: `from` of an automatic forward to a discussion."""


class DeepLinks(StrEnum):
    """What a person's application does with a link to a chat that was started before.

    A chat that was not shows START in all of them, and START sends the payload.
    """

    #: core.telegram.org/bots/features#deep-linking: "showing a START button in the place of the
    #: input field". So does Telegram Desktop (telegramdesktop/tdesktop issue 27064).
    ASK = "ask"
    #: Phones, the web and macOS, by telegramdesktop/tdesktop issues 27064 and 28127: no button,
    #: the message is sent at once.
    SEND = "send"
    #: Telegram Desktop 1.9.3, by telegramdesktop/tdesktop issue 6978: START sends /start alone.
    #: Since it is not said when, this is the reading that a bot must be able to live with.
    DROP = "drop"


@dataclass(slots=True, kw_only=True)
class Person:
    """An account, as the bot sees it."""

    id: int
    first_name: str
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = "en"
    is_bot: bool = False
    blocked: bool = False
    deactivated: bool = False
    wrote: bool = False
    deep_links: DeepLinks = DeepLinks.ASK

    def to_json(self) -> dict[str, Any]:
        """Return core.telegram.org/bots/api#user."""
        language = {} if self.deactivated else _given(self, "language_code")
        return {"id": self.id, "is_bot": self.is_bot, **self.names(), **language}

    def names(self) -> dict[str, Any]:
        """Return the names that are set; a deleted account is left with an empty one."""
        if self.deactivated:
            return {"first_name": ""}
        return {"first_name": self.first_name, **_given(self, "last_name", "username")}


def _given(person: Person, *names: str) -> dict[str, Any]:
    return {name: value for name in names if (value := getattr(person, name))}


def other_bot(username: str) -> dict[str, Any]:
    """Return a bot that is not the one under test, the same for the same name."""
    number = sum(ord(char) * 31**place for place, char in enumerate(username.lower()))
    return {
        "id": 6_000_000_000 + number % 1_000_000_000,
        "is_bot": True,
        "first_name": username,
        "username": username,
    }
