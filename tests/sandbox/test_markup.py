"""The markup of messages: what parses into what, and the words of each refusal.

The cases are those of tdlib/td test/message_entities.cpp.
"""

from typing import Any

import pytest

from tgauth.sandbox.errors import BadRequest
from tgauth.sandbox.html_markup import parse_html
from tgauth.sandbox.markdown_markup import parse_markdown
from tgauth.sandbox.texts import Text, complete, utf16_length

Entities = list[tuple[str, int, int]]


def short(text: Text) -> tuple[str, Entities]:
    """Return a text with its entities as tuples."""
    return text.text, [(entity.type, entity.offset, entity.length) for entity in text.entities]


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("", "", []),
        ("a &lt;b&gt; &amp; &quot;c&quot; &Or;", 'a <b> & "c" &Or;', []),
        ("&#60;&#x3c;", "<<", []),
        ("➡️ ➡️<i>➡️ ➡️</i>", "➡️ ➡️➡️ ➡️", [("italic", 5, 5)]),
        ("🏟<b>🏟</b>", "🏟🏟", [("bold", 2, 2)]),
        ("<b>a<i>b</i></b>", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("<u>a</u><s>b</s><ins>c</ins><del>d</del>", "abcd", [
            ("underline", 0, 1),
            ("strikethrough", 1, 1),
            ("underline", 2, 1),
            ("strikethrough", 3, 1),
        ]),
        ("<tg-spoiler>a</tg-spoiler>", "a", [("spoiler", 0, 1)]),
        ('<span class="tg-spoiler">a</span>', "a", [("spoiler", 0, 1)]),
        ("<code>a</code>", "a", [("code", 0, 1)]),
        ('<pre><code class="language-py">a</code></pre>', "a", [("pre", 0, 1)]),
        ("<blockquote>a</blockquote>", "a", [("blockquote", 0, 1)]),
        ("<blockquote expandable>a</blockquote>", "a", [("expandable_blockquote", 0, 1)]),
        ("<b></b>", "", []),
        ("<B>a</>", "a", [("bold", 0, 1)]),
    ],
)  # fmt: skip
def test_html_that_parses(source: str, text: str, entities: Entities) -> None:
    """core.telegram.org/bots/api#html-style, in UTF-16 offsets."""
    assert short(parse_html(source)) == (text, entities)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("🏟 🏟&lt;<abacaba", "Unclosed start tag at byte offset 13"),
        ("🏟 🏟&lt;<abac aba>", 'Unsupported start tag "abac" at byte offset 13'),
        ("<p>a</p>", 'Unsupported start tag "p" at byte offset 0'),
        ("a<br>b", 'Unsupported start tag "br" at byte offset 1'),
        ("🏟 🏟&lt;<i   =aba>", 'Empty attribute name in the tag "i" at byte offset 13'),
        ("🏟 🏟&lt;<i    aba>", 'Can\'t find end tag corresponding to start tag "i"'),
        ("🏟 🏟&lt;<i    aba  =  ", 'Unclosed start tag "i" at byte offset 13'),
        ("🏟 🏟&lt;<i    aba  =  190azAz-.,", "Unexpected end of name token at byte offset 27"),
        ('🏟 🏟&lt;<i    aba  =  "&lt;&gt;&quot;>', "Unclosed start tag at byte offset 13"),
        ("🏟 🏟&lt;</", "Unexpected end tag at byte offset 13"),
        ("🏟 🏟&lt;<b></b></", "Unexpected end tag at byte offset 20"),
        ("🏟 🏟&lt;<i>a</i   ", "Unclosed end tag at byte offset 17"),
        (
            "🏟 🏟&lt;<i>a</em   >",
            'Unmatched end tag at byte offset 17, expected "</i>", found "</em>"',
        ),
        ("<span>a</span>", 'Tag "span" must have class "tg-spoiler" at byte offset 0'),
        (
            "&#xDFDF;",
            (
                "Text contains invalid Unicode characters after decoding HTML entities, "
                "check for unmatched surrogate code units"
            ),
        ),
    ],
)
def test_html_that_is_refused(source: str, words: str) -> None:
    """td/telegram/MessageEntity.cpp parse_html, with the byte offsets of the UTF-8 text."""
    with pytest.raises(BadRequest) as refused:
        parse_html(source)
    assert refused.value.description == f"Bad Request: can't parse entities: {words}"


@pytest.mark.parametrize(
    ("href", "extra"),
    [
        ("https://e.example/a?b=1&amp;c", {"url": "https://e.example/a?b=1&c"}),
        ("https://e.example", {"url": "https://e.example/"}),
        ("tg://resolve?domain=a", {"url": "tg://resolve?domain=a"}),
    ],
)
def test_html_links(href: str, extra: dict[str, Any]) -> None:
    """core.telegram.org/bots/api#messageentity: text_link carries its url."""
    (entity,) = parse_html(f'<a href="{href}">x</a>').entities
    assert (entity.type, dict(entity.extra)) == ("text_link", extra)


@pytest.mark.parametrize("href", ["http://localhost:8000/", "ftp://e.example", "http://nodot"])
def test_links_that_telegram_drops(href: str) -> None:
    """MessageEntity.cpp: get_checked_link gives nothing, and the text stays without a link."""
    assert short(parse_html(f'<a href="{href}">x</a>')) == ("x", [])
    assert short(parse_markdown(f"[x]({href})")) == ("x", [])


@pytest.mark.parametrize(
    ("source", "text", "entities"),
    [
        ("*a* _b_ __c__ ~d~ ||e|| `f`", "a b c d e f", [
            ("bold", 0, 1),
            ("italic", 2, 1),
            ("underline", 4, 1),
            ("strikethrough", 6, 1),
            ("spoiler", 8, 1),
            ("code", 10, 1),
        ]),
        (r"1\. a\-b\!", "1. a-b!", []),
        ("```py\na.b()```", "a.b()", [("pre", 0, 5)]),
        ("`a.b-c`", "a.b-c", [("code", 0, 5)]),
        ("*a_b_*", "ab", [("bold", 0, 2), ("italic", 1, 1)]),
        ("[x](https://e.example/)", "x", [("text_link", 0, 1)]),
        (">a\n>b\nc", "a\nb\nc", [("blockquote", 0, 3)]),
        ("🏟*🏟*", "🏟🏟", [("bold", 2, 2)]),
    ],
)  # fmt: skip
def test_markdown_that_parses(source: str, text: str, entities: Entities) -> None:
    """core.telegram.org/bots/api#markdownv2-style."""
    assert short(parse_markdown(source)) == (text, entities)


@pytest.mark.parametrize("char", list("])>#+-=|{}.!("))
def test_reserved_characters_must_be_escaped(char: str) -> None:
    """td/telegram/MessageEntity.cpp parse_markdown_v2, for each of them."""
    with pytest.raises(BadRequest) as refused:
        parse_markdown(f"a{char}")
    assert refused.value.description == (
        f"Bad Request: can't parse entities: Character '{char}' is reserved "
        "and must be escaped with the preceding '\\'"
    )
    assert parse_markdown(f"a\\{char}").text == f"a{char}"


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("🏟 🏟_abacaba", "Can't find end of Italic entity at byte offset 9"),
        ("🏟 🏟_abac * asd ", "Can't find end of Bold entity at byte offset 15"),
        ("🏟 🏟_abac * asd _", "Can't find end of Italic entity at byte offset 21"),
        ("🏟 🏟`", "Can't find end of Code entity at byte offset 9"),
        ("🏟 🏟```a", "Can't find end of Pre entity at byte offset 9"),
        ("🏟 🏟```a ", "Can't find end of PreCode entity at byte offset 9"),
        ("🏟 🏟__🏟 🏟_", "Can't find end of Italic entity at byte offset 20"),
        ("🏟 🏟_🏟 🏟__", "Can't find end of Underline entity at byte offset 19"),
        ("[x](http://e.example", "Can't find end of a URL at byte offset 4"),
    ],
)
def test_markdown_that_is_refused(source: str, words: str) -> None:
    """tdlib/td test/message_entities.cpp, parse_markdown_v2."""
    with pytest.raises(BadRequest) as refused:
        parse_markdown(source)
    assert refused.value.description == f"Bad Request: can't parse entities: {words}"


@pytest.mark.parametrize(
    ("text", "entities"),
    [
        ("/login", [("bot_command", 0, 6)]),
        ("/start abc_-1", [("bot_command", 0, 6)]),
        ("/login@demo_bot now", [("bot_command", 0, 15)]),
        ("a/login", []),
        ("see https://e.example/a?b.", [("url", 4, 21)]),
        ("see http://127.0.0.1:8000/x", [("url", 4, 23)]),
        ("see http://localhost:8000/x", []),
        ("ask @somebody", [("mention", 4, 9)]),
        ("🏟 /login", [("bot_command", 3, 6)]),
    ],
)
def test_what_telegram_finds_by_itself(text: str, entities: Entities) -> None:
    """core.telegram.org/bots/api#messageentity: commands, links and mentions are marked."""
    assert short(complete(Text(text=text)))[1] == entities


def test_nothing_is_found_inside_code() -> None:
    """A command inside code stays code."""
    assert short(complete(parse_html("<code>/login</code>")))[1] == [("code", 0, 6)]


def test_white_space_around_is_cut() -> None:
    """The entities move along with the text."""
    assert short(complete(parse_html("  \n<b>a</b> \n"))) == ("a", [("bold", 0, 1)])


def test_lengths_are_utf16() -> None:
    """core.telegram.org/bots/api#messageentity: "Offset in UTF-16 code units"."""
    assert [utf16_length(text) for text in ("a", "я", "🏟")] == [1, 1, 2]
