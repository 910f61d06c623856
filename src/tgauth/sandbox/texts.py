"""Text and its entities: lengths in UTF-16, what Telegram finds by itself, what it refuses."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from .errors import BadRequest
from .links import LinkRefused, check_link

MAX_TEXT: Final = 4096
"""core.telegram.org/bots/api#sendmessage: "1-4096 characters after entities parsing".

Counted in UTF-16 units, as entity offsets are: the strictest reading.
"""

FOUND_TYPES: Final = frozenset(
    {
        "mention",
        "hashtag",
        "cashtag",
        "bot_command",
        "url",
        "email",
        "phone_number",
        "bank_card_number",
    }
)
GIVEN_TYPES: Final[Mapping[str, str]] = {
    "bold": "",
    "italic": "",
    "underline": "",
    "strikethrough": "",
    "spoiler": "",
    "blockquote": "",
    "expandable_blockquote": "",
    "code": "",
    "pre": "",
    "text_link": "url",
    "text_mention": "user",
    "custom_emoji": "custom_emoji_id",
}
"""core.telegram.org/bots/api#messageentity: what a bot may give, and the field that it needs."""

_COMMAND: Final = re.compile(
    r"(?<![\w/<>@])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/<>@])"
)
_URL: Final = re.compile(
    r"(?<![\w@.])https?://(?:[\w-]+(?:\.[\w-]+)+)(?::\d{1,5})?(?:[/?#][^\s<>\"'«»]*)?",
    re.IGNORECASE,
)
_MENTION: Final = re.compile(r"(?<![\w@])@[A-Za-z][A-Za-z0-9_]{3,31}(?![\w@])")
_TRAILING: Final = ".,:;!?)…"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entity:
    """A part of a text with a meaning; offset and length in UTF-16 units."""

    type: str
    offset: int
    length: int
    extra: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end(self) -> int:
        """Return the offset just after it."""
        return self.offset + self.length

    def to_json(self) -> dict[str, Any]:
        """Return core.telegram.org/bots/api#messageentity."""
        return {"type": self.type, "offset": self.offset, "length": self.length, **self.extra}


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A text with its entities."""

    text: str
    entities: tuple[Entity, ...] = ()


def utf16_length(text: str) -> int:
    """Return the length of a text as Telegram counts it."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def in_order(entities: Iterable[Entity]) -> tuple[Entity, ...]:
    """Sort as Telegram does: by offset, the longer first, and without empty ones."""
    kept = (entity for entity in entities if entity.length > 0)
    return tuple(sorted(kept, key=lambda entity: (entity.offset, -entity.length)))


def found_entities(text: str) -> list[Entity]:
    """Find what Telegram finds by itself: commands, links and mentions."""
    found: list[Entity] = []
    for kind, pattern in (("url", _URL), ("bot_command", _COMMAND), ("mention", _MENTION)):
        for match in pattern.finditer(text):
            value = match.group().rstrip(_TRAILING) if kind == "url" else match.group()
            offset = utf16_length(text[: match.start()])
            entity = Entity(type=kind, offset=offset, length=utf16_length(value))
            if not any(entity.offset < e.end and e.offset < entity.end for e in found):
                found.append(entity)
    return found


def complete(text: Text) -> Text:
    """Trim the text and add what Telegram finds by itself; refuse an empty or too long one."""
    trimmed = _trim(text)
    if not trimmed.text:
        raise BadRequest("message text is empty")
    if utf16_length(trimmed.text) > MAX_TEXT:
        raise BadRequest("message is too long")
    opaque = [e for e in trimmed.entities if e.type in {"code", "pre", "text_link", "text_mention"}]
    extra = [
        entity
        for entity in found_entities(trimmed.text)
        if not any(entity.offset < e.end and e.offset < entity.end for e in opaque)
    ]
    return replace(trimmed, entities=in_order([*trimmed.entities, *extra]))


def _trim(text: Text) -> Text:
    """Cut white space at both ends and move the entities along."""
    stripped = text.text.strip()
    start = utf16_length(text.text[: len(text.text) - len(text.text.lstrip())]) if stripped else 0
    end = utf16_length(stripped)
    moved = []
    for entity in text.entities:
        low, high = max(0, entity.offset - start), min(end, entity.end - start)
        moved.append(replace(entity, offset=low, length=max(0, high - low)))
    return Text(text=stripped, entities=in_order(moved))


def given_entities(text: str, raw: object) -> Text:
    """Read the `entities` parameter of a call, as Client.cpp `get_text_entity` does.

    Types that Telegram finds by itself are ignored; the last checks are td's `fix_entities`.
    """
    if not isinstance(raw, list):
        raise BadRequest("can't parse entities JSON object")
    size = utf16_length(text)
    entities = [entity for item in raw if (entity := _given_entity(item))]
    for entity in entities:
        if entity.offset < 0 or entity.length < 0:
            name = "offset" if entity.offset < 0 else "length"
            raise BadRequest(f"receive an entity with incorrect {name} {getattr(entity, name)}")
        if entity.end > size:
            raise BadRequest(
                f"entity beginning at UTF-16 offset {entity.offset} ends after the end of the "
                f"text at UTF-16 offset {entity.end}"
            )
    return Text(text=text, entities=in_order(entities))


def _given_entity(item: object) -> Entity | None:
    wrong = "can't parse MessageEntity: "
    if not isinstance(item, Mapping):
        raise BadRequest(f"{wrong}expected an Object")
    for name in ("offset", "length", "type"):
        if name not in item:
            raise BadRequest(f'{wrong}Can\'t find field "{name}"')
    if not isinstance(item["offset"], int) or not isinstance(item["length"], int):
        raise BadRequest(f'{wrong}Fields "offset" and "length" must be of type Number')
    if item["type"] in FOUND_TYPES:
        return None
    if item["type"] not in GIVEN_TYPES:
        raise BadRequest(f"{wrong}Unsupported type specified")
    if (needed := GIVEN_TYPES[item["type"]]) and not item.get(needed):
        raise BadRequest(f'{wrong}Can\'t find field "{needed}"')
    extra = {k: item[k] for k in ("url", "user", "language", "custom_emoji_id") if item.get(k)}
    if item["type"] == "text_link":
        try:
            extra["url"] = check_link(str(item["url"]))
        except LinkRefused as reason:
            message = f"entity URL '{item['url']}' is invalid: {reason}"
            raise BadRequest(message) from reason
    return Entity(type=item["type"], offset=item["offset"], length=item["length"], extra=extra)
