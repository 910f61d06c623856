"""The Bot API: every method that this Telegram knows, by name."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from . import callbacks, edits, messages
from .commands import Commands
from .descriptions import Descriptions
from .errors import ApiError, BadRequest, Conflict, LoggedOut
from .flood import Flood
from .params import Params
from .polling import MAX_LIMIT, MAX_TIMEOUT, SET_WEBHOOK, WEBHOOK_ACTIVE, Polling
from .standings import member_json
from .updates import Updates, allowed_from
from .webhooks import DEFAULT_CONNECTIONS, Webhook, Webhooks, check_secret, check_url
from .world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A result with the words that Telegram adds to some."""

    result: Any
    description: str | None = None


@dataclass(slots=True, kw_only=True)
class Api:
    """The state that the methods work on."""

    world: World
    updates: Updates
    polling: Polling
    webhooks: Webhooks
    flood: Flood
    commands: Commands
    descriptions: Descriptions
    logged_out: bool = False

    async def call(self, method: str, params: Params) -> Answer:
        """Run a method; names are case-insensitive, as in Client.cpp `on_cmd`."""
        name = method.lower()
        if name != "getupdates" and name not in METHODS:
            raise ApiError(404, "method not found")
        if self.logged_out:
            raise LoggedOut
        if name == "getupdates":
            return Answer(result=await self._get_updates(params))
        result = METHODS[name](self, params)
        return result if isinstance(result, Answer) else Answer(result=result)

    async def _get_updates(self, params: Params) -> list[dict[str, Any]]:
        if self.webhooks.current:
            raise Conflict(WEBHOOK_ACTIVE)
        return await self.polling.get_updates(
            offset=params.integer("offset"),
            limit=params.integer("limit", MAX_LIMIT, low=1, high=MAX_LIMIT),
            seconds=params.integer("timeout", low=0, high=MAX_TIMEOUT),
            allowed=_allowed(params),
        )


def _allowed(params: Params) -> list[str] | None:
    given = params.nested("allowed_updates", "allowed_updates")
    if given is None:
        return None
    if not isinstance(given, list):
        raise BadRequest("expected an Array of String as allowed_updates")
    return [str(name).lower() for name in given]


def get_me(api: Api, _params: Params) -> dict[str, Any]:
    """Return the bot itself, with what only getMe tells."""
    return {
        **api.world.bot,
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def set_webhook(api: Api, params: Params) -> Answer:
    """Set or, with an empty URL, remove the webhook."""
    url = params.text("url").strip()
    if not url:
        return delete_webhook(api, params)
    webhook = Webhook(
        url=check_url(url, allow_plain=api.webhooks.allow_plain),
        secret=check_secret(params.text("secret_token")),
        max_connections=params.integer("max_connections", DEFAULT_CONNECTIONS, low=1, high=100),
    )
    if (allowed := _allowed(params)) is not None:
        api.updates.allowed = allowed_from(allowed)
    if params.flag("drop_pending_updates"):
        api.updates.drop()
    if api.webhooks.current == webhook:
        return Answer(result=True, description="Webhook is already set")
    api.polling.terminate(SET_WEBHOOK)
    api.webhooks.set(webhook)
    return Answer(result=True, description="Webhook was set")


def delete_webhook(api: Api, params: Params) -> Answer:
    """Remove the webhook."""
    if params.flag("drop_pending_updates"):
        api.updates.drop()
    if api.webhooks.current is None:
        return Answer(result=True, description="Webhook is already deleted")
    api.webhooks.set(None)
    return Answer(result=True, description="Webhook was deleted")


def get_webhook_info(api: Api, _params: Params) -> dict[str, Any]:
    """Tell what is set and what went wrong."""
    return api.webhooks.info()


def set_my_commands(api: Api, params: Params) -> bool:
    """Replace a list of commands."""
    commands = params.nested("commands", "commands")
    api.commands.set(commands, scope=_scope(params), language=params.text("language_code"))
    return True


def get_my_commands(api: Api, params: Params) -> list[dict[str, str]]:
    """Return a list of commands."""
    return api.commands.get(scope=_scope(params), language=params.text("language_code"))


def delete_my_commands(api: Api, params: Params) -> bool:
    """Remove a list of commands."""
    api.commands.delete(scope=_scope(params), language=params.text("language_code"))
    return True


def _scope(params: Params) -> object:
    return params.nested("scope", "BotCommandScope")


def _describe(name: str) -> Callable[[Api, Params], bool]:
    def describe(api: Api, params: Params) -> bool:
        language = params.text("language_code")
        api.descriptions.set(name, params.text(name), language=language)
        return True

    return describe


def _described(name: str) -> Callable[[Api, Params], dict[str, str]]:
    def described(api: Api, params: Params) -> dict[str, str]:
        return {name: api.descriptions.get(name, language=params.text("language_code"))}

    return described


def set_chat_menu_button(_api: Api, params: Params) -> bool:
    """Accept a menu button of a known type."""
    button = params.nested("menu_button", "menu button")
    if button is not None and (
        not isinstance(button, Mapping)
        or button.get("type") not in {"default", "commands", "web_app"}
    ):
        raise BadRequest("can't parse menu button: MenuButton has unsupported type")
    return True


def get_chat(api: Api, params: Params) -> dict[str, Any]:
    """Return a chat in full."""
    chat = api.world.known(params.chat_id())
    return {
        **api.world.chat_json(chat),
        "accent_color_id": abs(chat.id) % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(
            (
                "unlimited_gifts",
                "limited_gifts",
                "unique_gifts",
                "premium_subscription",
                "gifts_from_channels",
            ),
            False,
        ),
    }


def get_chat_member(api: Api, params: Params) -> dict[str, Any]:
    """Return a person's standing in a chat."""
    chat = api.world.known(params.chat_id())
    user_id = params.integer("user_id")
    if user_id not in {*api.world.people, api.world.bot_id}:
        raise BadRequest("user not found")
    if chat.id > 0:
        status = "member" if user_id in {chat.id, api.world.bot_id} else "left"
    else:
        status = chat.members.get(user_id, "left")
    return member_json(api.world, user_id, status)


def log_out(api: Api, _params: Params) -> bool:
    """Leave this server; nothing answers after that (Client.cpp `get_closing_error`)."""
    api.logged_out = True
    api.polling.terminate("terminated by other getUpdates request")
    return True


METHODS: Final[Mapping[str, Callable[[Api, Params], Any]]] = {
    "getme": get_me,
    "setwebhook": set_webhook,
    "deletewebhook": delete_webhook,
    "getwebhookinfo": get_webhook_info,
    "sendmessage": messages.send_message,
    "editmessagetext": edits.edit_message_text,
    "editmessagereplymarkup": edits.edit_message_reply_markup,
    "deletemessage": edits.delete_message,
    "answercallbackquery": callbacks.answer_callback_query,
    "sendchataction": messages.send_chat_action,
    "setmycommands": set_my_commands,
    "getmycommands": get_my_commands,
    "deletemycommands": delete_my_commands,
    "setmydescription": _describe("description"),
    "getmydescription": _described("description"),
    "setmyshortdescription": _describe("short_description"),
    "getmyshortdescription": _described("short_description"),
    "setchatmenubutton": set_chat_menu_button,
    "getchat": get_chat,
    "getchatmember": get_chat_member,
    "logout": log_out,
}
"""What is not here is answered as a method that does not exist."""
