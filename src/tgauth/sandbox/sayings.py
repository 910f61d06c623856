"""What people write, in every form in which a bot can meet it."""

import re
from typing import Any, Literal

import msgspec

from .chats import SAMPLE_CHANNEL, SAMPLE_GROUP, Chat, Entry
from .errors import Forbidden
from .people import CHANNEL_BOT, GROUP_ANONYMOUS_BOT, SERVICE, Person, other_bot
from .texts import found_entities, in_order
from .world import ADMINISTRATORS, World


class Said(msgspec.Struct, kw_only=True, frozen=True):
    """What is written, by whom, where and in which form.

    `forwarded` is short for `origin` "user". `sender_chat` is short for `sent_as` "group" in a
    group and "channel" elsewhere. Names that are given change the account.
    """

    user_id: int
    text: str
    chat_id: int | None = None
    forwarded: bool = False
    origin: Literal["user", "hidden_user", "chat", "channel"] | None = None
    sender_chat: bool = False
    sent_as: Literal["person", "group", "channel"] = "person"
    sender_chat_id: int | None = None
    is_bot: bool | None = None
    via_bot: str | None = None
    message_thread_id: int | None = None
    reply_to_message_id: int | None = None
    date: int | None = None
    first_name: str | None = None
    last_name: str | None = None
    username: str | None = None
    language_code: str | None = None


def say(world: World, said: Said) -> tuple[Entry, int | None]:
    """Store what is written; return it and the id of its update, if the bot gets one.

    Raises:
        Forbidden: Whoever is to write cannot: blocked, deleted, thrown out, or in a dead chat.
        LookupError: The message replied to, or the topic, is not there.
    """
    person = world.person(
        said.user_id,
        first_name=said.first_name,
        last_name=said.last_name,
        username=said.username,
        language_code=said.language_code,
    )
    if said.is_bot is not None:
        person.is_bot = said.is_bot
    chat = world.chat(said.chat_id or person.id)
    _enter(chat, person, said)
    date = int(world.clock()) if said.date is None else said.date
    content: dict[str, Any] = {
        **_sender(world, chat, person, said),
        "chat": world.chat_json(chat),
        "date": date,
        **_origin(world, person, said, date=date),
        **_place(chat, said),
        **written(said.text),
    }
    if said.via_bot:
        own = said.via_bot.lower() == str(world.bot["username"]).lower()
        content["via_bot"] = dict(world.bot) if own else other_bot(said.via_bot)
    entry = world.store(chat, content)
    kind = "channel_post" if chat.type == "channel" else "message"
    update_id = world.updates.add(kind, entry.content) if _sees(world, chat, entry) else None
    if chat.type == "channel" and chat.linked_chat_id:
        _forward_to_discussion(world, chat, entry)
    return entry, update_id


def written(text: str) -> dict[str, Any]:
    """Return a text with what Telegram finds in it."""
    entities = [entity.to_json() for entity in in_order(found_entities(text))]
    return {"text": text, **({"entities": entities} if entities else {})}


def _enter(chat: Chat, person: Person, said: Said) -> None:
    """See that the person can write there, and that the chat knows it."""
    if person.deactivated:
        raise Forbidden("the account was deleted: it cannot write")
    if chat.migrated_to:
        raise Forbidden(f"the group moved to {chat.migrated_to}: write there")
    if chat.id > 0:
        if person.blocked:
            raise Forbidden("the person blocked the bot, and must unblock it before writing")
        person.wrote = True
        return
    if chat.members.get(person.id) == "kicked":
        raise Forbidden("the person was banned from this chat")
    if chat.type == "channel" or said.sent_as == "group" or said.sender_chat:
        chat.members[person.id] = "administrator"  # only they may do that
    elif chat.members.get(person.id, "left") == "left":
        chat.members[person.id] = "member"


def _sender(world: World, chat: Chat, person: Person, said: Said) -> dict[str, Any]:
    """Return `from` and `sender_chat`: core.telegram.org/bots/api#message."""
    if chat.type == "channel":
        return {"sender_chat": world.chat_json(chat)}
    if said.sent_as == "group" or (said.sender_chat and chat.id < 0):
        return {"from": dict(GROUP_ANONYMOUS_BOT), "sender_chat": world.chat_json(chat)}
    if said.sent_as == "channel" or said.sender_chat:
        channel = _channel(world, said.sender_chat_id)
        return {"from": dict(CHANNEL_BOT), "sender_chat": channel}
    return {"from": person.to_json()}


def _channel(world: World, chat_id: int | None) -> dict[str, Any]:
    if chat_id is None:
        return {"id": SAMPLE_CHANNEL, "type": "channel", "title": "Sample channel"}
    chat = world.chats.get(chat_id)
    if chat is None or chat.type != "channel":
        raise LookupError(f"{chat_id} is no channel: make it with POST /control/chats")
    return world.chat_json(chat)


def _origin(world: World, person: Person, said: Said, *, date: int) -> dict[str, Any]:
    """Return where a forwarded message comes from: core.telegram.org/bots/api#messageorigin."""
    kind = said.origin or ("user" if said.forwarded else None)
    origin: dict[str, Any] = {"type": kind, "date": date}
    match kind:
        case None:
            return {}
        case "user":
            origin["sender_user"] = person.to_json()
        case "hidden_user":
            origin["sender_user_name"] = person.first_name
        case "chat":
            group = {"id": SAMPLE_GROUP, "type": "supergroup", "title": "Sample group"}
            origin["sender_chat"] = group
        case "channel":
            origin |= {"chat": _channel(world, said.sender_chat_id), "message_id": 1}
    return {"forward_origin": origin}


def _place(chat: Chat, said: Said) -> dict[str, Any]:
    """Return the topic and the reply: core.telegram.org/bots/api#message."""
    content: dict[str, Any] = {}
    replied = None
    if said.reply_to_message_id is not None:
        replied = chat.present(said.reply_to_message_id)
        if replied is None:
            raise LookupError("the message replied to is not there")
    thread = said.message_thread_id
    if thread is None and replied:
        thread = replied.content.get("message_thread_id")
    if thread is not None:
        if thread not in chat.topics:
            raise LookupError("no such topic: make it with POST /control/topics")
        content |= {"message_thread_id": thread, "is_topic_message": True}
        replied = replied or chat.present(thread)
    if replied:
        content["reply_to_message"] = replied.quoted()
    return content


def _sees(world: World, chat: Chat, entry: Entry) -> bool:
    """Say whether a bot in privacy mode gets a message.

    core.telegram.org/bots/features#privacy-mode: commands meant for it, its name, replies to it,
    what was sent through it. An administrator sees all, and whoever left sees nothing.
    """
    if chat.id > 0:
        return True
    standing = chat.members.get(world.bot_id, "left")
    if standing in {"left", "kicked"}:
        return False
    if standing in ADMINISTRATORS or chat.type == "channel":
        return True
    return _is_meant_for_bot(world, entry.content)


def _is_meant_for_bot(world: World, content: dict[str, Any]) -> bool:
    if content.get("via_bot", {}).get("id") == world.bot_id:
        return True
    replied = content.get("reply_to_message", {})
    if replied.get("from", {}).get("id") == world.bot_id:
        return True
    name = str(world.bot["username"]).lower()
    text = str(content["text"])
    if match := re.match(r"/\w+(@\w+)?", text):
        return (match.group(1) or f"@{name}").lower() == f"@{name}"
    return re.search(rf"(?<!\w)@{name}\b", text.lower()) is not None


def _forward_to_discussion(world: World, channel: Chat, post: Entry) -> None:
    """Put a channel's post into its discussion group: `is_automatic_forward` (#message)."""
    group = world.chat(channel.linked_chat_id or 0)
    source = world.chat_json(channel)
    origin = {
        "type": "channel",
        "date": post.content["date"],
        "chat": source,
        "message_id": post.content["message_id"],
    }
    entry = world.store(
        group,
        {
            "from": dict(SERVICE),
            "sender_chat": source,
            "chat": world.chat_json(group),
            "date": post.content["date"],
            "forward_origin": origin,
            "is_automatic_forward": True,
            **written(post.content["text"]),
        },
    )
    if _sees(world, group, entry):
        world.updates.add("message", entry.content)


def _by(entry: Entry, person: Person) -> bool:
    return not entry.own and bool(entry.content.get("from", {}).get("id") == person.id)


def rewrite(
    world: World, person: Person, *, chat_id: int, message_id: int, text: str
) -> tuple[Entry, int | None]:
    """Let a person change what they wrote; the bot hears of it as `edited_message`."""
    chat = world.chat(chat_id)
    entry = chat.present(message_id)
    if entry is None or not _by(entry, person):
        raise LookupError("no such message of this person")
    kept = {k: v for k, v in entry.content.items() if k != "entities"}
    entry.content = {**kept, **written(text), "edit_date": int(world.clock())}
    entry.edited = True
    world.touch(chat, entry)
    seen = _sees(world, chat, entry)
    return entry, world.updates.add("edited_message", entry.content) if seen else None


def remove(world: World, person: Person, *, chat_id: int, message_id: int) -> None:
    """Let a person delete a message: any in their own chat, their own elsewhere.

    The bot is not told: core.telegram.org/bots/api#update has nothing for it.
    """
    chat = world.chat(chat_id)
    entry = chat.present(message_id)
    if entry is None or (chat.id < 0 and not _by(entry, person)):
        raise LookupError("no such message that this person may delete")
    entry.deleted = True
    world.touch(chat, entry)
