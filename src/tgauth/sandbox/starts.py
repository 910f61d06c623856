"""Links that open the chat with a bot, `…/BOT?start=PAYLOAD`, and their START button."""

import re
from typing import Final

import msgspec

from .chats import Entry
from .errors import BadRequest
from .people import DeepLinks
from .sayings import Said, say
from .world import World

LONGEST_PAYLOAD: Final = 64
PAYLOAD: Final = re.compile(rf"[A-Za-z0-9_-]{{1,{LONGEST_PAYLOAD}}}")
"""core.telegram.org/bots/features#deep-linking: "A-Z, a-z, 0-9, _ and -", "up to 64"."""


class Started(msgspec.Struct, kw_only=True, frozen=True):
    """A person who presses START behind a link."""

    user_id: int
    payload: str


def check_payload(payload: str) -> str:
    """Return what a link brings along, or refuse it.

    The words are those of core.telegram.org/method/messages.startBot.
    """
    if not payload:
        raise BadRequest("START_PARAM_EMPTY")
    if len(payload) > LONGEST_PAYLOAD:
        raise BadRequest("START_PARAM_TOO_LONG")
    if PAYLOAD.fullmatch(payload) is None:
        raise BadRequest("START_PARAM_INVALID")
    return payload


def start_bot(world: World, started: Started) -> tuple[Entry, int | None]:
    """Send what START sends; return it and the id of its update, if the bot gets one.

    Raises:
        BadRequest: No link can bring that payload along.
        Forbidden: The person cannot write to the bot.
    """
    payload = check_payload(started.payload)
    person = world.person(started.user_id)
    if person.deep_links is DeepLinks.DROP and person.wrote:
        return say(world, Said(user_id=person.id, text="/start"))
    return say(world, Said(user_id=person.id, text=f"/start {payload}"))
