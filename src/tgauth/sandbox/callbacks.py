"""Presses of callback buttons, and the bot's answers to them."""

import random
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

from .chats import Entry
from .errors import BadRequest, Forbidden
from .keyboards import inline_keyboard
from .people import Person
from .starts import PAYLOAD
from .texts import utf16_length
from .updates import CALLBACK_SECONDS
from .world import Press, World

if TYPE_CHECKING:
    from .methods import Api
    from .params import Params

ANSWERABLE_SECONDS: Final = 30
"""How long a press can be answered: no public number; clients give up after 15 to 30 s."""

ACCESSIBLE_SECONDS: Final = 48 * 3600
"""How long a press still brings the whole message along: no public number.

core.telegram.org/bots/api#callbackquery said that "message content and message date will not be
available if the message is too old", and #inaccessiblemessage is what comes in its place. The
only age that the documentation gives for messages is that of #deletemessage.
"""

MAX_ANSWER: Final = 200
"""core.telegram.org/bots/api#answercallbackquery: "0-200 characters", here in UTF-16 units."""

_TELEGRAM_HOSTS: Final = frozenset({"t.me", "telegram.me", "telegram.dog"})


def press(  # noqa: PLR0913 - who, where and what
    world: World,
    person: Person,
    *,
    chat_id: int,
    message_id: int,
    data: str,
    forged: bool = False,
) -> tuple[str, int | None]:
    """Let a person press a button; return the ids of the query and of its update.

    A modified client can send any data, and a press can cross with a deletion: `forged` skips
    the look at the keyboard.

    Raises:
        Forbidden: The person cannot do anything there.
        LookupError: The message is gone, or has no such button.
    """
    chat = world.chat(chat_id)
    if person.deactivated or (chat.id > 0 and person.blocked):
        raise Forbidden("the person cannot press: blocked the bot, or deleted the account")
    entry = chat.entries.get(message_id)
    if entry is None or (entry.deleted and not forged):
        raise LookupError("no such message")
    keyboard = inline_keyboard(entry.content.get("reply_markup"))
    if not forged and data not in [b.get("callback_data") for row in keyboard for b in row]:
        raise LookupError("no such button under the message")
    query_id = str(random.randrange(1 << 60, 1 << 63))  # noqa: S311 - an id, not a secret
    now = world.clock()
    world.presses = {
        key: value for key, value in world.presses.items() if now - value.at < ANSWERABLE_SECONDS
    }
    world.presses[query_id] = Press(chat_id=chat.id, user_id=person.id, at=now)
    query = {
        "id": query_id,
        "from": person.to_json(),
        "message": _message(entry, now=now),
        "chat_instance": str(hash(("chat", chat.id))),
        "data": data,
    }
    return query_id, world.updates.add("callback_query", query, seconds=CALLBACK_SECONDS)


def _message(entry: Entry, *, now: float) -> dict[str, Any]:
    """Return core.telegram.org/bots/api#maybeinaccessiblemessage: date 0 where it is too old."""
    if not entry.deleted and now - entry.content["date"] < ACCESSIBLE_SECONDS:
        return dict(entry.content)
    return {
        "chat": entry.content["chat"],
        "message_id": entry.content["message_id"],
        "date": 0,
    }


def answer(world: World, query_id: str, content: Mapping[str, Any]) -> None:
    """Answer a press, once and in time."""
    waiting = world.presses.pop(query_id, None)
    if waiting is None or world.clock() - waiting.at >= ANSWERABLE_SECONDS:
        raise BadRequest("query is too old and response timeout expired or query ID is invalid")
    who = {"callback_query_id": query_id, "user_id": waiting.user_id}
    world.tell(world.chat(waiting.chat_id), {**who, **content})


def answer_callback_query(api: "Api", params: "Params") -> bool:
    """Answer a press: core.telegram.org/bots/api#answercallbackquery."""
    text = params.text("text")
    if utf16_length(text) > MAX_ANSWER:
        raise BadRequest("MESSAGE_TOO_LONG")
    content = {"text": text, "show_alert": params.flag("show_alert")}
    if url := params.text("url"):
        content["url"] = _own_link(url, str(api.world.bot["username"]))
    answer(api.world, params.text("callback_query_id"), content)
    return True


def _own_link(url: str, username: str) -> str:
    """Return a link that opens this bot with a parameter; all others are for games.

    core.telegram.org/bots/api#answercallbackquery `url`: "links like t.me/your_bot?start=XXXX
    that open your bot with a parameter"; core.telegram.org/method/messages.setBotCallbackAnswer:
    URL_INVALID.
    """
    parts = urlsplit(url if "://" in url else f"https://{url}")
    query = parse_qs(parts.query)
    name, start = parts.path.strip("/"), query.get("start", [""])[0]
    if parts.scheme == "tg" and parts.netloc == "resolve":
        name = query.get("domain", [""])[0]
    elif parts.scheme not in {"http", "https"} or parts.netloc.lower() not in _TELEGRAM_HOSTS:
        name = ""
    if name.lower() != username.lower() or PAYLOAD.fullmatch(start) is None:
        raise BadRequest("URL_INVALID")
    return url
