"""Read what matters from an update."""

import re
from dataclasses import dataclass
from typing import Final

from telegram import CallbackQuery, Message, Update, User
from telegram.constants import ChatType

from tgauth.domain.approval import looks_like_a_name
from tgauth.domain.incoming import (
    MESSAGES,
    UpdateKey,
    key_of_message,
    key_of_other,
    key_of_tap,
)
from tgauth.domain.instants import SECOND, Instant
from tgauth.domain.person import TelegramProfile
from tgauth.flows.begin_chat_login import Asked

#: What we want to hear of, by polling and by webhook.
UPDATES: Final = ("message", "callback_query")

_COMMAND: Final = re.compile(
    r"/(?P<name>[A-Za-z0-9_]{1,32})(?:@(?P<bot>\w+))?(?:\s+(?P<payload>.*))?", re.DOTALL
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A message that may want an answer.

    Attributes:
        asked: Who asks, where and when.
        is_private: Whether the sender is alone with the bot there.
        is_own_word: Whether the sender wrote it: not forwarded, not through another bot, not in the
            name of a group or channel.
        command: The command's name in lower case, if it is one for this bot.
        handle: What was written after /start, as a deep link makes people do; or what has the shape
            of a link's end and was sent alone.
    """

    asked: Asked
    is_private: bool
    is_own_word: bool
    command: str | None
    handle: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Tap:
    """A tap on a button under one of our messages.

    Attributes:
        asked: Who taps; the moment is when we learnt of it, as Telegram tells none.
        query_id: What to answer, so that the button stops waiting.
        message_id: The message that the button is under.
        is_private: Whether that is in the private chat of the one who taps.
        data: What the button says.
    """

    asked: Asked
    query_id: str
    message_id: int
    is_private: bool
    data: str


def key_of(update: Update) -> UpdateKey:
    """Return what makes two deliveries of an update one: as `key_of_update`, once it is parsed."""
    query = update.callback_query
    if query is not None:
        chat_id = query.message.chat.id if query.message else query.from_user.id
        return key_of_tap(update.update_id, chat_id=chat_id, query_id=query.id)
    message: Message | None = next(filter(None, (getattr(update, kind) for kind in MESSAGES)), None)
    if message is None:
        return key_of_other(update.update_id)
    return key_of_message(
        update.update_id,
        chat_id=message.chat_id,
        message_id=message.message_id,
        sent_at=int(message.date.timestamp()),
    )


def private_chat_of(update: Update) -> int | None:
    """Return the private chat that an update came from, if it did."""
    chat = update.effective_chat
    return chat.id if chat is not None and chat.type == ChatType.PRIVATE else None


def language_of(update: Update) -> str | None:
    """Return the language of whoever an update came from."""
    return update.effective_user.language_code if update.effective_user else None


def read(update: Update, *, bot_username: str, now: Instant) -> Request | Tap | None:
    """Return the request in an update; none where nobody in particular did something new."""
    if update.callback_query is not None:
        return _tap(update, update.callback_query, now)
    message = update.message
    if message is None or message.from_user is None:
        return None
    is_anonymous = message.sender_chat is not None
    if message.from_user.is_bot and not is_anonymous:
        return None
    command, handle = _command(message, bot_username)
    is_own_word = not is_anonymous and message.forward_origin is None and message.via_bot is None
    return Request(
        asked=Asked(
            key=key_of(update),
            chat_id=message.chat_id,
            profile=_profile(message.from_user),
            at=int(message.date.timestamp()) * SECOND,
        ),
        is_private=message.chat.type == ChatType.PRIVATE,
        is_own_word=is_own_word,
        command=command,
        handle=handle,
    )


def _tap(update: Update, query: CallbackQuery, now: Instant) -> Tap | None:
    if query.message is None or query.data is None or query.from_user.is_bot:
        return None
    chat = query.message.chat
    return Tap(
        asked=Asked(key=key_of(update), chat_id=chat.id, profile=_profile(query.from_user), at=now),
        query_id=query.id,
        message_id=query.message.message_id,
        is_private=chat.type == ChatType.PRIVATE and chat.id == query.from_user.id,
        data=query.data,
    )


def _command(message: Message, bot_username: str) -> tuple[str | None, str | None]:
    """Return the command and the handle in a message, where there are any."""
    text = message.text or ""
    found = _COMMAND.fullmatch(text)
    if found is None:
        return None, text.strip() if looks_like_a_name(text.strip()) else None
    addressee = found["bot"]
    if addressee is not None and addressee.lower() != bot_username.lower():
        return None, None
    command = found["name"].lower()
    payload = (found["payload"] or "").strip()
    return command, payload or None if command == "start" else None


def _profile(user: User) -> TelegramProfile:
    return TelegramProfile(
        telegram_id=user.id,
        first_name=user.first_name,
        last_name=user.last_name,
        username=user.username,
        language=user.language_code,
    )
