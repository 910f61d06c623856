"""parse_mode MarkdownV2, after `parse_markdown_v2` of tdlib/td td/telegram/MessageEntity.cpp."""

from dataclasses import dataclass
from typing import Any, Final

from .errors import CantParseEntities
from .html_markup import link_entity
from .texts import Entity, Text, in_order, utf16_length

RESERVED: Final = frozenset("_*[]()~`>#+-=|{}.!")
"""core.telegram.org/bots/api#markdownv2-style: these "must be escaped with the preceding"."""

NAMES: Final = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji",
    "blockquote": "BlockQuote",
}
_CLOSERS: Final = {
    "bold": "*",
    "italic": "_",
    "underline": "__",
    "strikethrough": "~",
    "spoiler": "||",
    "code": "`",
    "pre": "```",
    "text_link": "]",
    "custom_emoji": "]",
}
_OPENERS: Final = (
    ("```", "pre"),
    ("`", "code"),
    ("__", "underline"),
    ("_", "italic"),
    ("*", "bold"),
    ("~", "strikethrough"),
    ("||", "spoiler"),
    ("![", "custom_emoji"),
    ("[", "text_link"),
)
_LAST_ASCII: Final = 126
_VERBATIM: Final = frozenset({"code", "pre"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    type: str
    at: int
    begin: int
    byte: int
    language: str = ""

    @property
    def name(self) -> str:
        return "PreCode" if self.language else NAMES[self.type]


class _Reader:
    def __init__(self, source: str) -> None:
        self.source = source
        self.position = 0
        self.output: list[str] = []
        self.length = 0
        self.open: list[_Open] = []
        self.entities: list[Entity] = []

    def at(self, text: str) -> bool:
        return self.source.startswith(text, self.position)

    def byte(self) -> int:
        return len(self.source[: self.position].encode())

    def emit(self, text: str) -> None:
        self.output.append(text)
        self.length += utf16_length(text)
        self.position += 1


def parse_markdown(source: str) -> Text:
    """Return the text without its markup, and the entities it stands for."""
    reader = _Reader(source)
    while reader.position < len(source):
        char = source[reader.position]
        following = source[reader.position + 1 : reader.position + 2]
        verbatim = bool(reader.open) and reader.open[-1].type in _VERBATIM
        if char == "\\" and following and 0 < ord(following) <= _LAST_ASCII:
            reader.position += 1
            reader.emit(following)
        elif reader.open and _closes(reader):
            _close(reader)
        elif (char not in RESERVED) if not verbatim else (char != "`"):
            continued = char == "\n" and _quote_goes_on(reader)
            reader.emit(char)
            reader.position += 1 if continued else 0
        else:
            _open(reader, char)
    _quote_goes_on(reader)
    if reader.open:
        left = reader.open[-1]
        raise CantParseEntities(f"Can't find end of {left.name} entity at byte offset {left.byte}")
    return Text(text="".join(reader.output), entities=in_order(reader.entities))


def _closes(reader: _Reader) -> bool:
    opened = reader.open[-1].type
    if opened == "blockquote":
        return False
    if opened == "italic":
        return reader.at("_") and not reader.at("__")
    return reader.at(_CLOSERS[opened])


def _open(reader: _Reader, char: str) -> None:
    byte = reader.byte()
    at_line_start = reader.position == 0 or reader.source[reader.position - 1] == "\n"
    if char == ">" and at_line_start and not any(o.type == "blockquote" for o in reader.open):
        kind, token = "blockquote", ">"
    else:
        for candidate, candidate_kind in _OPENERS:
            if reader.at(candidate):
                kind, token = candidate_kind, candidate
                break
        else:
            raise CantParseEntities(
                f"Character '{char}' is reserved and must be escaped with the preceding '\\'"
            )
    if reader.open and reader.open[-1].type in _VERBATIM:
        # Only a lone ` inside ``` comes here: it is reserved, and nothing nests in code.
        raise CantParseEntities(
            "Character '`' is reserved and must be escaped with the preceding '\\'"
        )
    reader.position += len(token)
    language = _language(reader) if kind == "pre" else ""
    opened = _Open(
        type=kind, at=reader.length, begin=len(reader.output), byte=byte, language=language
    )
    reader.open.append(opened)


def _language(reader: _Reader) -> str:
    end = reader.position
    while end < len(reader.source) and not reader.source[end].isspace():
        if reader.source[end] == "`":
            return ""
        end += 1
    language = reader.source[reader.position : end] if end < len(reader.source) else ""
    reader.position = end if language else reader.position
    if reader.at("\n"):
        reader.position += 1
    return language


def _close(reader: _Reader) -> None:
    opened = reader.open.pop()
    reader.position += len(_CLOSERS[opened.type])
    extra: dict[str, Any] = {}
    kind = opened.type
    if kind == "pre" and opened.language:
        extra = {"language": opened.language}
    if kind == "text_link":
        kind, extra = link_entity(_target(reader) or "".join(reader.output[opened.begin :]))
    if kind == "custom_emoji":
        emoji = _target(reader).removeprefix("tg://emoji?id=")
        if not emoji.isdigit():
            raise CantParseEntities("Custom emoji entity must contain a tg://emoji URL")
        extra = {"custom_emoji_id": emoji}
    if kind:
        length = reader.length - opened.at
        reader.entities.append(Entity(type=kind, offset=opened.at, length=length, extra=extra))


def _target(reader: _Reader) -> str:
    """Read `(…)` after a link; empty when there is none."""
    if not reader.at("("):
        return ""
    reader.position += 1
    begin = reader.byte()
    url = []
    while reader.position < len(reader.source) and not reader.at(")"):
        if reader.at("\\") and reader.position + 1 < len(reader.source):
            reader.position += 1
        url.append(reader.source[reader.position])
        reader.position += 1
    if not reader.at(")"):
        raise CantParseEntities(f"Can't find end of a URL at byte offset {begin}")
    reader.position += 1
    return "".join(url)


def _quote_goes_on(reader: _Reader) -> bool:
    """Say whether the next line belongs to an open quotation; end the quotation if not."""
    if not reader.open or reader.open[-1].type != "blockquote":
        return False
    if reader.source.startswith(">", reader.position + 1):
        return True
    opened = reader.open.pop()
    length = reader.length - opened.at
    reader.entities.append(Entity(type="blockquote", offset=opened.at, length=length))
    return False
