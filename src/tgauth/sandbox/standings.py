"""Who stands where: blocking the bot, membership of groups, groups that move, topics."""

from typing import Any, Final

from .chats import SUPERGROUPS_FROM, Chat
from .people import Person
from .world import ADMINISTRATORS, World

RIGHTS: Final = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
"""core.telegram.org/bots/api#chatmemberadministrator, those that are always there."""

PERMISSIONS: Final = (
    "can_send_messages",
    "can_send_audios",
    "can_send_documents",
    "can_send_photos",
    "can_send_videos",
    "can_send_video_notes",
    "can_send_voice_notes",
    "can_send_polls",
    "can_send_other_messages",
    "can_add_web_page_previews",
    "can_change_info",
    "can_invite_users",
    "can_pin_messages",
    "can_manage_topics",
    "can_edit_tag",
    "can_react_to_messages",
)
"""core.telegram.org/bots/api#chatmemberrestricted."""


def block(world: World, person: Person, *, blocked: bool) -> int | None:
    """Let a person block the bot, or take it back; the bot hears of it as it does in life."""
    if person.blocked == blocked:
        return None
    person.blocked = blocked
    old, new = ("member", "kicked") if blocked else ("kicked", "member")
    chat = world.chat(person.id)
    content = _changed(world, chat, world.bot_id, by=person.id, change=(old, new))
    return world.updates.add("my_chat_member", content)


def set_status(world: World, chat: Chat, user_id: int, status: str, *, by: int) -> int | None:
    """Give somebody a standing in a chat; return the id of the update, if the bot gets one.

    core.telegram.org/bots/api#update: `my_chat_member` is about the bot itself; for
    `chat_member` it "must be an administrator in the chat" and must ask for it.
    """
    own = user_id == world.bot_id
    old = chat.members.get(user_id, "left")
    chat.members[user_id] = status
    if old == status or not (own or chat.members.get(world.bot_id) in ADMINISTRATORS):
        return None
    content = _changed(world, chat, user_id, by=by, change=(old, status))
    return world.updates.add("my_chat_member" if own else "chat_member", content)


def _changed(
    world: World, chat: Chat, user_id: int, *, by: int, change: tuple[str, str]
) -> dict[str, Any]:
    """Return core.telegram.org/bots/api#chatmemberupdated, from one status to another."""
    old, new = change
    return {
        "chat": world.chat_json(chat),
        "from": world.user_json(by),
        "date": int(world.clock()),
        "old_chat_member": member_json(world, user_id, old),
        "new_chat_member": member_json(world, user_id, new),
    }


def member_json(world: World, user_id: int, status: str) -> dict[str, Any]:
    """Return core.telegram.org/bots/api#chatmember, whole: libraries refuse one with gaps."""
    extra: dict[str, Any] = {}
    match status:
        case "creator":
            extra = {"is_anonymous": False}
        case "administrator":
            extra = {"can_be_edited": False, "is_anonymous": False, **dict.fromkeys(RIGHTS, True)}
        case "restricted":
            permissions = dict.fromkeys(PERMISSIONS, False)
            extra = {"is_member": True, **permissions, "until_date": 0}
        case "kicked":
            extra = {"until_date": 0}
    return {"user": world.user_json(user_id), "status": status, **extra}


def migrate(world: World, chat: Chat) -> Chat:
    """Turn a group into a supergroup, with the two service messages of #message.

    Raises:
        ValueError: It is no group, or moved already.
    """
    if chat.type != "group" or chat.migrated_to:
        raise ValueError("only a group that has not moved yet can become a supergroup")
    new = world.chat(SUPERGROUPS_FROM + chat.id)
    new.title, new.members = chat.title, dict(chat.members)
    for here, service in (
        (chat, {"migrate_to_chat_id": new.id}),
        (new, {"migrate_from_chat_id": chat.id}),
    ):
        _service(world, here, service)
    chat.migrated_to = new.id
    return new


def open_topic(world: World, chat: Chat, name: str) -> int:
    """Begin a topic; its id is that of its first message, as in core.telegram.org/api/forum."""
    chat.is_forum = True
    created = {"forum_topic_created": {"name": name, "icon_color": 7322096}}
    topic = chat.next_message
    _service(world, chat, {"message_thread_id": topic, "is_topic_message": True, **created})
    chat.topics[topic] = name
    return topic


def _service(world: World, chat: Chat, content: dict[str, Any]) -> None:
    """Put a service message into a group; bots see all of them (#privacy-mode)."""
    whole = {
        "from": world.user_json(next((m for m in chat.members if m != world.bot_id), 1001)),
        "chat": world.chat_json(chat),
        "date": int(world.clock()),
        **content,
    }
    entry = world.store(chat, whole)
    if chat.members.get(world.bot_id) not in {"left", "kicked", None}:
        world.updates.add("message", entry.content)
