"""The Bot API methods that send."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from .errors import BadRequest
from .html_markup import parse_html
from .keyboards import parse_markup
from .markdown_markup import parse_markdown
from .texts import Text, complete, given_entities

if TYPE_CHECKING:
    from .chats import Chat, Entry
    from .methods import Api
    from .params import Params

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


def text_json(text: Text) -> dict[str, Any]:
    """Return the fields of a message that hold its text."""
    content: dict[str, Any] = {"text": text.text}
    if text.entities:
        content["entities"] = [entity.to_json() for entity in text.entities]
    return content


PREVIEW_FLAGS: Final = (
    "is_disabled",
    "prefer_small_media",
    "prefer_large_media",
    "show_above_text",
)


def preview(params: "Params") -> dict[str, Any] | None:
    """Return core.telegram.org/bots/api#linkpreviewoptions of a call; `None` when there are none.

    Client.cpp `get_link_preview_options`; the older parameter is still read.
    """
    options = params.nested("link_preview_options", "link preview options")
    if options is None:
        return {"is_disabled": True} if params.flag("disable_web_page_preview") else None
    wrong = "can't parse link preview options: "
    if not isinstance(options, Mapping):
        raise BadRequest("object expected as link preview options")
    for name in PREVIEW_FLAGS:
        if not isinstance(options.get(name, False), bool):
            raise BadRequest(f'{wrong}Field "{name}" must be of type Boolean')
    if not isinstance(options.get("url", ""), str):
        raise BadRequest(f'{wrong}Field "url" must be of type String')
    kept = {name: True for name in PREVIEW_FLAGS if options.get(name)}
    return kept | ({"url": options["url"]} if options.get("url") else {})


def send_message(api: "Api", params: "Params") -> dict[str, Any]:
    """Send a text: core.telegram.org/bots/api#sendmessage."""
    text = formatted_text(params)
    markup = parse_markup(params.nested("reply_markup", "reply keyboard markup"))
    options = preview(params)
    chat = api.world.writable(params.chat_id())
    reply = _replied_to(chat, params)
    thread = _thread(chat, params, reply)
    api.flood.spend(chat.id)
    chat_json = api.world.chat_json(chat)
    sender = {"sender_chat": chat_json} if chat.type == "channel" else {"from": dict(api.world.bot)}
    content: dict[str, Any] = {
        **sender,
        "chat": chat_json,
        "date": int(api.world.clock()),
        **text_json(text),
    }
    if options:
        content["link_preview_options"] = options
    if thread:
        content |= {"message_thread_id": thread, "is_topic_message": True}
    if reply:
        content["reply_to_message"] = reply.quoted()
    if params.flag("protect_content"):
        content["has_protected_content"] = True
    content |= {"reply_markup": markup} if markup else {}
    # "Users will receive a notification with no sound" (core.telegram.org/bots/api#sendmessage):
    # the message that the bot gets back says nothing of it.
    silent = params.flag("disable_notification")
    return as_returned(api.world.store(chat, content, own=True, silent=silent).content)


def as_returned(content: Mapping[str, Any]) -> dict[str, Any]:
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
        message_id = given.get("message_id", 0)
        if not isinstance(message_id, int):
            raise BadRequest('can\'t parse reply parameters: Field "message_id" must be a Number')
    entry = chat.present(message_id)
    if entry is None and not optional:
        raise BadRequest("message to be replied not found")
    return entry


def _thread(chat: "Chat", params: "Params", reply: "Entry | None") -> int | None:
    """Return the topic of a message: the one named, or that of the message replied to.

    Client.cpp `check_reply_parameters`: "message thread not found". The general topic is named by
    leaving the parameter out: 1 is refused for messages.
    """
    thread = params.integer("message_thread_id")
    if thread and thread not in chat.topics:
        raise BadRequest("message thread not found")
    return thread or (reply.content.get("message_thread_id") if reply else None)


def send_chat_action(api: "Api", params: "Params") -> bool:
    """Show that the bot is busy: core.telegram.org/bots/api#sendchataction."""
    if params.text("action").lower() not in ACTIONS:
        raise BadRequest("wrong parameter action in request")
    api.world.writable(params.chat_id())
    return True
