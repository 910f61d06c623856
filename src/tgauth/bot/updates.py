"""Read what matters from an update."""

import re
from dataclasses import dataclass
from typing import Final

from telegram import Message, Update, User
from telegram.constants import ChatType

from tgauth.domain.incoming import UpdateKey
from tgauth.domain.instants import SECOND, Instant
from tgauth.domain.person import TelegramProfile

_COMMAND: Final = re.compile(r"/(?P<name>[A-Za-z0-9_]{1,32})(?:@(?P<bot>\w+))?(?:\s|$)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A message that may want an answer.

    Attributes:
        chat_id: The chat to answer in.
        is_private: Whether the sender is alone with the bot there.
        profile: Who sent it.
        command: The command's name in lower case, if it is one for this bot.
        sent_at: When it was sent, by Telegram's clock.
    """

    chat_id: int
    is_private: bool
    profile: TelegramProfile
    command: str | None
    sent_at: Instant


def key_of(update: Update) -> UpdateKey:
    """Return what makes two deliveries of an update one."""
    message = update.effective_message
    if message is None:
        return UpdateKey(update_id=update.update_id, identity="other")
    sent_at = int(message.date.timestamp())
    return UpdateKey(
        update_id=update.update_id,
        identity=f"message:{message.chat_id}:{message.message_id}:{sent_at}",
    )


def private_chat_of(update: Update) -> int | None:
    """Return the private chat that an update came from, if it did."""
    chat = update.effective_chat
    return chat.id if chat is not None and chat.type == ChatType.PRIVATE else None


def read(update: Update, *, bot_username: str) -> Request | None:
    """Return the request in an update; none where nobody in particular wrote something new."""
    message = update.message
    if message is None or message.from_user is None or message.from_user.is_bot:
        return None
    if message.sender_chat is not None or message.forward_origin is not None:
        # Somebody else's words, or nobody's: a login must come from the person themselves.
        return None
    return Request(
        chat_id=message.chat_id,
        is_private=message.chat.type == ChatType.PRIVATE,
        profile=_profile(message.from_user),
        command=_command(message, bot_username),
        sent_at=int(message.date.timestamp()) * SECOND,
    )


def _command(message: Message, bot_username: str) -> str | None:
    found = _COMMAND.match(message.text or "")
    if found is None:
        return None
    addressee = found["bot"]
    if addressee is not None and addressee.lower() != bot_username.lower():
        return None
    return found["name"].lower()


def _profile(user: User) -> TelegramProfile:
    return TelegramProfile(
        telegram_id=user.id,
        first_name=user.first_name,
        last_name=user.last_name,
        username=user.username,
        language=user.language_code,
    )
