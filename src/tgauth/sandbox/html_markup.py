"""parse_mode HTML, after `parse_html` of tdlib/td td/telegram/MessageEntity.cpp.

Byte offsets in the errors are offsets in the UTF-8 text that was sent, as there.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from .errors import CantParseEntities
from .links import text_link
from .texts import Entity, Text, in_order, utf16_length

SIMPLE: Final = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "pre": "pre",
    "code": "code",
}
TAGS: Final = frozenset(SIMPLE) | {"a", "blockquote", "tg-emoji"}

_REFERENCE: Final = re.compile(r"&(?:#x([0-9A-Fa-f]{1,6})|#([0-9]{1,7})|(lt|gt|amp|quot)\b);?")
_NAMED: Final = {"lt": "<", "gt": ">", "amp": "&", "quot": '"'}
_SPACE: Final = " \t\r\n\v\0"
_MAX_CODE: Final = 0x10FFFF
_SURROGATES: Final = range(0xD800, 0xE000)
_USER_LINK: Final = re.compile(r"^tg://user\?id=(\d+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    tag: str
    attributes: Mapping[str, str]
    at: int
    begin: int


class _Reader:
    """One pass over the text; `position` is the next character to read."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.output: list[str] = []
        self.length = 0
        self.open: list[_Open] = []
        self.entities: list[Entity] = []

    def byte(self, position: int) -> int:
        return len(self.source[:position].encode())

    def peek(self) -> str:
        return self.source[self.position : self.position + 1]

    def emit(self, text: str) -> None:
        self.output.append(text)
        self.length += utf16_length(text)

    def take_while(self, stop: str) -> str:
        start = self.position
        while self.peek() and self.peek() not in stop:
            self.position += 1
        return self.source[start : self.position]

    def skip_space(self) -> None:
        while self.peek() and self.peek() in _SPACE:
            self.position += 1

    def reference(self) -> str | None:
        """Decode a character reference here; `None` where Telegram leaves it as it is."""
        match = _REFERENCE.match(self.source, self.position)
        if match is None:
            return None
        hexadecimal, decimal, name = match.groups()
        code = int(hexadecimal, 16) if hexadecimal else int(decimal or 0)
        if name is None and (code == 0 or code >= _MAX_CODE):
            return None
        if code in _SURROGATES:
            raise CantParseEntities(
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            )
        self.position = match.end()
        return _NAMED[name] if name else chr(code)


def parse_html(source: str) -> Text:
    """Return the text without its tags, and the entities they stand for."""
    reader = _Reader(source)
    while char := reader.peek():
        if char == "&" and (decoded := reader.reference()) is not None:
            reader.emit(decoded)
        elif char != "<":
            reader.emit(char)
            reader.position += 1
        elif reader.source.startswith("</", reader.position):
            _end_tag(reader)
        else:
            _start_tag(reader)
    if reader.open:
        tag = reader.open[-1].tag
        raise CantParseEntities(f'Can\'t find end tag corresponding to start tag "{tag}"')
    return Text(text="".join(reader.output), entities=in_order(reader.entities))


def _start_tag(reader: _Reader) -> None:
    begin = reader.byte(reader.position)
    reader.position += 1
    tag = reader.take_while(_SPACE + ">").lower()
    if not reader.peek():
        raise CantParseEntities(f"Unclosed start tag at byte offset {begin}")
    if tag not in TAGS:
        raise CantParseEntities(f'Unsupported start tag "{tag}" at byte offset {begin}')
    attributes: dict[str, str] = {}
    while reader.peek() != ">":
        reader.skip_space()
        if reader.peek() == ">":
            break
        name, value = _attribute(reader, tag=tag, begin=begin)
        attributes[name] = value
    reader.position += 1
    if tag == "span" and attributes.get("class") != "tg-spoiler":
        raise CantParseEntities(
            f'Tag "span" must have class "tg-spoiler" at byte offset {begin}',
        )
    opened = _Open(tag=tag, attributes=attributes, at=reader.length, begin=len(reader.output))
    reader.open.append(opened)


def _attribute(reader: _Reader, *, tag: str, begin: int) -> tuple[str, str]:
    name = reader.take_while(_SPACE + "=>")
    if not name:
        raise CantParseEntities(f'Empty attribute name in the tag "{tag}" at byte offset {begin}')
    reader.skip_space()
    if reader.peek() != "=":
        if not reader.peek():
            raise CantParseEntities(f'Unclosed start tag "{tag}" at byte offset {begin}')
        return name, ""
    reader.position += 1
    reader.skip_space()
    if not (quote := reader.peek()):
        raise CantParseEntities(f'Unclosed start tag "{tag}" at byte offset {begin}')
    if quote in "'\"":
        value = _quoted(reader, quote)
    else:
        start = reader.byte(reader.position)
        value = _name_token(reader)
        if reader.peek() not in tuple(_SPACE + ">"):
            raise CantParseEntities(f"Unexpected end of name token at byte offset {start}")
    if not reader.peek():
        raise CantParseEntities(f"Unclosed start tag at byte offset {begin}")
    return name, value


def _quoted(reader: _Reader, quote: str) -> str:
    reader.position += 1
    value = []
    while (char := reader.peek()) and char != quote:
        if char == "&" and (decoded := reader.reference()) is not None:
            value.append(decoded)
            continue
        value.append(char)
        reader.position += 1
    reader.position += 1 if reader.peek() else 0
    return "".join(value)


def _name_token(reader: _Reader) -> str:
    match = re.compile(r"[A-Za-z0-9.\-]*").match(reader.source, reader.position)
    value = match.group() if match else ""
    reader.position += len(value)
    return value.lower()


def _end_tag(reader: _Reader) -> None:
    begin = reader.byte(reader.position)
    if not reader.open:
        raise CantParseEntities(f"Unexpected end tag at byte offset {begin}")
    reader.position += 2
    name = reader.take_while(_SPACE + ">").lower()
    reader.skip_space()
    if reader.peek() != ">":
        raise CantParseEntities(f"Unclosed end tag at byte offset {begin}")
    reader.position += 1
    opened = reader.open.pop()
    if name and name != opened.tag:
        raise CantParseEntities(
            f"Unmatched end tag at byte offset {begin}, "
            f'expected "</{opened.tag}>", found "</{name}>"'
        )
    length = reader.length - opened.at
    if length > 0:
        inner = "".join(reader.output[opened.begin :])
        _close(reader.entities, opened, length=length, inner=inner)


def _close(entities: list[Entity], opened: _Open, *, length: int, inner: str) -> None:
    extra: dict[str, Any] = {}
    kind = SIMPLE.get(opened.tag, opened.tag)
    language = opened.attributes.get("class", "").removeprefix("language-")
    match opened.tag:
        case "a":
            kind, extra = link_entity(opened.attributes.get("href") or inner)
        case "blockquote" if "expandable" in opened.attributes:
            kind = "expandable_blockquote"
        case "tg-emoji":
            if not opened.attributes.get("emoji-id", "").isdigit():
                raise CantParseEntities("Invalid custom emoji identifier specified")
            kind, extra = "custom_emoji", {"custom_emoji_id": opened.attributes["emoji-id"]}
        case "code" if opened.attributes.get("class", "").startswith("language-"):
            extra = {"language": language}
        case "pre" if entities and entities[-1].type == "code" and entities[-1].length == length:
            extra = dict(entities.pop().extra)
        case _:
            pass
    if kind:
        entities.append(Entity(type=kind, offset=opened.at, length=length, extra=extra))


def link_entity(url: str) -> tuple[str, dict[str, Any]]:
    """Return the entity of a link; an empty type where Telegram drops it and keeps the text."""
    if match := _USER_LINK.match(url):
        user = {"id": int(match.group(1)), "is_bot": False, "first_name": "User"}
        return "text_mention", {"user": user}
    checked = text_link(url)
    return ("text_link", {"url": checked}) if checked else ("", {})
