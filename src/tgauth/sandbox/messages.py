"""The Bot API methods about messages."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .errors import BadRequest
from .html_markup import parse_html
from .keyboards import parse_markup
from .markdown_markup import parse_markdown
from .texts import Text, complete, given_entities

if TYPE_CHECKING:
    from .methods import Api
    from .params import Params
    from .world import Chat, Entry

DELETABLE_SECONDS: Final = 48 * 3600
"""core.telegram.org/bots/api#deletemessage: "sent less than 48 hours ago"."""

ACTIONS: Final = frozenset(
    {
        "typing",
        "upload_photo",
        "record_video",
        "upload_video",
        "record_voice",
        "upload_voice",
        "record_audio",
        "upload_audio",
        "upload_document",
        "choose_sticker",
        "find_location",
        "record_video_note",
        "upload_video_note",
        "cancel",
    }
)
"""core.telegram.org/bots/api#sendchataction, with the old names of Client.cpp `get_chat_action`."""

NOT_MODIFIED: Final = (
    "message is not modified: specified new message content and reply markup are exactly the same "
    "as a current content and reply markup of the message"
)


def formatted_text(params: "Params") -> Text:
    """Return the text of a call, parsed and completed."""
    text = params.text("text")
    mode = params.text("parse_mode").strip().lower()
    if mode == "html":
        parsed = parse_html(text)
    elif mode == "markdownv2":
        parsed = parse_markdown(text)
    elif mode in {"", "none"}:
        raw = params.nested("entities", "entities")
        parsed = given_entities(text, raw) if raw else Text(text=text)
    else:  # the legacy "Markdown" too: it is not worth a second parser here
        raise BadRequest("unsupported parse_mode")
    return complete(parsed)


def _text_json(text: Text) -> dict[str, Any]:
    content: dict[str, Any] = {"text": text.text}
    if text.entities:
        content["entities"] = [entity.to_json() for entity in text.entities]
    return content


def _preview(params: "Params") -> dict[str, Any]:
    options = params.nested("link_preview_options", "link preview options")
    if options is None and params.flag("disable_web_page_preview"):
        options = {"is_disabled": True}
    if options is not None and not isinstance(options, Mapping):
        raise BadRequest("object expected as link preview options")
    return {"link_preview_options": dict(options)} if options else {}


def send_message(api: "Api", params: "Params") -> dict[str, Any]:
    """Send a text: core.telegram.org/bots/api#sendmessage."""
    text = formatted_text(params)
    markup = parse_markup(params.nested("reply_markup", "reply keyboard markup"))
    chat = api.world.reachable(params.chat_id())
    reply = _replied_to(chat, params)
    api.flood.spend(chat.id)
    content: dict[str, Any] = {
        "from": dict(api.world.bot),
        "chat": api.world.chat_json(chat),
        "date": int(api.world.clock()),
        **_text_json(text),
        **_preview(params),
    }
    if reply:
        content["reply_to_message"] = {
            k: v for k, v in reply.content.items() if k != "reply_to_message"
        }
    if params.flag("protect_content"):
        content["has_protected_content"] = True
    stored = api.world.store(chat, content | ({"reply_markup": markup} if markup else {}))
    return _as_returned(stored.content)


def _as_returned(content: Mapping[str, Any]) -> dict[str, Any]:
    """Return a message as calls return it: only an inline keyboard is part of a Message."""
    result = dict(content)
    if "inline_keyboard" not in result.get("reply_markup", {}):
        result.pop("reply_markup", None)
    return result


def _replied_to(chat: "Chat", params: "Params") -> "Entry | None":
    given = params.nested("reply_parameters", "reply parameters")
    if given is None and params.text("reply_to_message_id"):
        optional = params.flag("allow_sending_without_reply")
        message_id = params.integer("reply_to_message_id")
    elif given is None:
        return None
    elif not isinstance(given, Mapping):
        raise BadRequest("object expected as reply parameters")
    else:
        optional = bool(given.get("allow_sending_without_reply"))
        message_id = int(given.get("message_id") or 0)
    entry = chat.entries.get(message_id)
    if (entry is None or entry.deleted) and not optional:
        raise BadRequest("message to be replied not found")
    return None if entry is None or entry.deleted else entry


def _own_message(api: "Api", params: "Params") -> tuple["Chat", "Entry"]:
    chat = api.world.known(params.chat_id())
    entry = chat.entries.get(params.integer("message_id"))
    if entry is None or entry.deleted:
        raise BadRequest("message to edit not found")
    if entry.content["from"]["id"] != api.world.bot["id"]:
        raise BadRequest("message can't be edited")
    return chat, entry


def _edit(api: "Api", params: "Params", changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change a message; the keyboard goes unless the call brings one, as in life."""
    markup = parse_markup(params.nested("reply_markup", "reply keyboard markup"))
    if markup and "inline_keyboard" not in markup:
        raise BadRequest("inline keyboard expected")
    chat, entry = _own_message(api, params)
    names = [*changes, "reply_markup"]
    before = {name: entry.content.get(name) for name in names}
    if before == {**changes, "reply_markup": markup}:
        raise BadRequest(NOT_MODIFIED)
    content = {**entry.content, **changes, "edit_date": int(api.world.clock())}
    content["reply_markup"] = markup
    entry.content = {name: value for name, value in content.items() if value is not None}
    entry.edited = True
    api.world.touch(chat, entry)
    return _as_returned(entry.content)


def edit_message_text(api: "Api", params: "Params") -> dict[str, Any]:
    """Change the text of a message: core.telegram.org/bots/api#editmessagetext."""
    text = _text_json(formatted_text(params))
    return _edit(api, params, {"text": text["text"], "entities": text.get("entities")})


def edit_message_reply_markup(api: "Api", params: "Params") -> dict[str, Any]:
    """Change the buttons of a message: core.telegram.org/bots/api#editmessagereplymarkup."""
    return _edit(api, params, {})


def delete_message(api: "Api", params: "Params") -> bool:
    """Delete a message: core.telegram.org/bots/api#deletemessage."""
    chat = api.world.known(params.chat_id())
    entry = chat.entries.get(params.integer("message_id"))
    if entry is None or entry.deleted:
        raise BadRequest("message to delete not found")
    own = entry.content["from"]["id"] == api.world.bot["id"]
    old = api.world.clock() - entry.content["date"] >= DELETABLE_SECONDS
    if old or (chat.id < 0 and not own):
        raise BadRequest("message can't be deleted for everyone")
    entry.deleted = True
    api.world.touch(chat, entry)
    return True


def answer_callback_query(api: "Api", params: "Params") -> bool:
    """Answer a press: core.telegram.org/bots/api#answercallbackquery."""
    text = params.text("text")
    limit = 200  # core.telegram.org/bots/api#answercallbackquery: 0-200 characters
    if len(text) > limit:
        raise BadRequest("MESSAGE_TOO_LONG")
    content = {"text": text, "show_alert": params.flag("show_alert")}
    api.world.answer(params.text("callback_query_id"), content)
    return True


def send_chat_action(api: "Api", params: "Params") -> bool:
    """Show that the bot is busy: core.telegram.org/bots/api#sendchataction."""
    if params.text("action").lower() not in ACTIONS:
        raise BadRequest("wrong parameter action in request")
    api.world.reachable(params.chat_id())
    return True
