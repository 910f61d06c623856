"""The Bot API methods that change messages and take them back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .errors import BadRequest
from .flood import Kind
from .keyboards import parse_markup
from .messages import as_returned, formatted_text, preview, text_json
from .world import ADMINISTRATORS

if TYPE_CHECKING:
    from .chats import Chat, Entry
    from .methods import Api
    from .params import Params

DELETABLE_SECONDS: Final = 48 * 3600
"""core.telegram.org/bots/api#deletemessage: "sent less than 48 hours ago"."""

NOT_MODIFIED: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


def edit_message_text(api: "Api", params: "Params") -> dict[str, Any]:
    """Change the text of a message: core.telegram.org/bots/api#editmessagetext."""
    text = text_json(formatted_text(params))
    changes = {
        "text": text["text"],
        "entities": text.get("entities"),
        "link_preview_options": preview(params) or None,
    }
    return _edit(api, params, changes)


def edit_message_reply_markup(api: "Api", params: "Params") -> dict[str, Any]:
    """Change the buttons of a message: core.telegram.org/bots/api#editmessagereplymarkup."""
    return _edit(api, params, {})


def _edit(api: "Api", params: "Params", changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change a message; the keyboard goes unless the call brings one, as in life."""
    markup = parse_markup(params.nested("reply_markup", "reply keyboard markup"))
    if markup and "inline_keyboard" not in markup:
        raise BadRequest("inline keyboard expected")
    chat, entry = _own_message(api, params)
    if _unchanged(entry, {**changes, "reply_markup": markup}):
        raise BadRequest(NOT_MODIFIED)
    api.flood.spend(chat.id, Kind.EDIT)
    # Telegram marks a message as edited for its text; a change of buttons is hidden (edit_hide).
    entry.edited = entry.edited or any(
        entry.content.get(name) != changes.get(name) for name in ("text", "entities") if changes
    )
    content = {**entry.content, **changes, "edit_date": int(api.world.clock())}
    content["reply_markup"] = markup
    entry.content = {name: value for name, value in content.items() if value is not None}
    api.world.touch(chat, entry)
    return as_returned(entry.content)


def _unchanged(entry: "Entry", new: Mapping[str, Any]) -> bool:
    """Say whether an edit is none. A preview counts only where the text has a link to preview."""
    links = {"url", "text_link"}
    linked = any(entity["type"] in links for entity in new.get("entities") or ())
    names = [name for name in new if linked or name != "link_preview_options"]
    return all(entry.content.get(name) == new[name] for name in names)


def _own_message(api: "Api", params: "Params") -> tuple["Chat", "Entry"]:
    """Return the message to edit, or refuse as Client.cpp `check_message` does."""
    if params.text("inline_message_id"):
        raise BadRequest("MESSAGE_ID_INVALID")
    message_id = params.integer("message_id")
    if message_id <= 0:
        raise BadRequest("message identifier is not specified")
    chat = api.world.writable(params.chat_id())
    entry = chat.present(message_id)
    if entry is None:
        raise BadRequest("message to edit not found")
    if not entry.own or "text" not in entry.content:
        raise BadRequest("message can't be edited")
    return chat, entry


def delete_message(api: "Api", params: "Params") -> bool:
    """Delete a message: core.telegram.org/bots/api#deletemessage.

    In a private chat any message, elsewhere the bot's own and, for an administrator, all.
    """
    message_id = params.integer("message_id")
    if message_id <= 0:
        raise BadRequest("message identifier is not specified")
    chat = api.world.writable(params.chat_id())
    entry = chat.present(message_id)
    if entry is None:
        raise BadRequest("message to delete not found")
    allowed = chat.id > 0 or entry.own or chat.members.get(api.world.bot_id) in ADMINISTRATORS
    old = api.world.clock() - entry.content["date"] >= DELETABLE_SECONDS
    if old or not allowed:
        raise BadRequest("message can't be deleted for everyone")
    entry.deleted = True
    api.world.touch(chat, entry)
    return True
