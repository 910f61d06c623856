"""Reply markup: what a bot may put under a message."""

from collections.abc import Mapping
from typing import Any, Final

from .errors import BadRequest
from .links import check_button_url

ACTIONS: Final = (
    "url",
    "callback_data",
    "login_url",
    "web_app",
    "switch_inline_query",
    "switch_inline_query_current_chat",
    "switch_inline_query_chosen_chat",
    "copy_text",
    "callback_game",
    "pay",
)
"""core.telegram.org/bots/api#inlinekeyboardbutton: exactly one of these beside the text."""

MAX_CALLBACK_DATA: Final = 64
"""core.telegram.org/bots/api#inlinekeyboardbutton: "callback_data … 1-64 bytes"."""

MAX_BUTTONS: Final = 100


def parse_markup(raw: object) -> dict[str, Any] | None:
    """Return the markup of a call in canonical form, or `None`; refuse what Telegram refuses.

    The order of the checks is that of Client.cpp `get_reply_markup`.
    """
    if raw is None or raw == "":
        return None
    if not isinstance(raw, Mapping):
        raise BadRequest("object expected as reply markup")
    if raw.get("keyboard"):
        return _reply_keyboard(raw)
    if raw.get("inline_keyboard"):
        rows = [
            [_inline_button(button) for button in row]
            for row in _rows(raw["inline_keyboard"], "inline_keyboard")
        ]
        if sum(map(len, rows)) > MAX_BUTTONS:
            raise BadRequest("reply markup is too long")
        rows = [row for row in rows if row]
        return {"inline_keyboard": rows} if rows else None
    if raw.get("remove_keyboard"):
        return {"remove_keyboard": True}
    if raw.get("force_reply"):
        return {"force_reply": True}
    return None


def inline_keyboard(markup: Mapping[str, Any] | None) -> list[list[dict[str, Any]]]:
    """Return the rows of an inline keyboard; none for anything else."""
    return list(markup.get("inline_keyboard", [])) if markup else []


def _rows(raw: object, name: str) -> list[list[Any]]:
    if not isinstance(raw, list) or not all(isinstance(row, list) for row in raw):
        owner = " of the InlineKeyboardMarkup" if name == "inline_keyboard" else ""
        raise BadRequest(f'field "{name}"{owner} must be an Array of Arrays')
    return raw


def _inline_button(raw: object) -> dict[str, Any]:
    wrong = "can't parse inline keyboard button: "
    if not isinstance(raw, Mapping):
        raise BadRequest(f"{wrong}InlineKeyboardButton must be an Object")
    if "text" not in raw:
        raise BadRequest(f'{wrong}Can\'t find field "text"')
    text = raw["text"]
    if not isinstance(text, str):
        raise BadRequest(f'{wrong}Field "text" must be of type String')
    # An empty value is no action: Client.cpp goes on to the next field, and finds none.
    given = [name for name in ACTIONS if raw.get(name) not in (None, "")]
    if not given and not any(raw.get(name) == "" for name in ACTIONS[4:6]):
        raise BadRequest(f"{wrong}Text buttons are unallowed in the inline keyboard")
    if len(given) > 1:
        # Stricter than Client.cpp, which takes the first: the documentation says exactly one.
        raise BadRequest(f"{wrong}exactly one action field must be used")
    if not text.strip():
        raise BadRequest("inline keyboard button text must be non-empty")
    action = given[0] if given else next(name for name in ACTIONS[4:6] if name in raw)
    value = raw[action]
    if action == "url":
        value = check_button_url(str(value))
    if action == "callback_data":
        value = str(value)
        if len(value.encode()) > MAX_CALLBACK_DATA:
            raise BadRequest("BUTTON_DATA_INVALID")
    return {"text": text, action: value}


def _reply_keyboard(raw: Mapping[str, Any]) -> dict[str, Any]:
    rows = []
    for row in _rows(raw["keyboard"], "keyboard"):
        buttons = [{"text": button} if isinstance(button, str) else button for button in row]
        for button in buttons:
            if not isinstance(button, Mapping) or not isinstance(button.get("text"), str):
                raise BadRequest("can't parse keyboard button: KeyboardButton must be an Object")
            if not button["text"].strip():
                raise BadRequest("keyboard button text must be non-empty")
        rows.append(buttons)
    kept = {k: bool(raw[k]) for k in ("resize_keyboard", "one_time_keyboard") if k in raw}
    return {"keyboard": rows, **kept}
