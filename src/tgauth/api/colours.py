"""Colours that can be read: black or white on the accent, the accent on light and on dark ground.

Pure arithmetic of the Web Content Accessibility Guidelines (WCAG 2.2).
"""

import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

#: What accents stand on, as `static/style.css` has it: card, page and code.
LIGHT_GROUNDS: Final = ("#ffffff", "#f4f6f9")
DARK_GROUNDS: Final = ("#1a222b", "#10151b")

#: WCAG 2.2 §1.4.3, level AA, for text of any size.
READABLE: Final = 4.5

_HEX: Final = re.compile(r"#[0-9a-fA-F]{6}")
_STEPS: Final = 100

_Channels = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """What becomes of one accent colour.

    Attributes:
        accent: The colour itself: the ground of buttons.
        on_accent: Black or white, whichever is better read on it.
        on_light: The accent as text and outline on light ground.
        on_dark: The same on dark ground.
    """

    accent: str
    on_accent: str
    on_light: str
    on_dark: str


def palette_of(accent: str) -> Palette:
    """Work out what can be read with this accent.

    Raises:
        ValueError: It is not written as `#rrggbb`.
    """
    if not _HEX.fullmatch(accent):
        raise ValueError("it is no colour like #1f6fb2")
    accent = accent.lower()
    return Palette(
        accent=accent,
        on_accent=max("#ffffff", "#000000", key=lambda text: contrast(text, accent)),
        on_light=readable(accent, LIGHT_GROUNDS, towards="#000000"),
        on_dark=readable(accent, DARK_GROUNDS, towards="#ffffff"),
    )


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of two colours, 1 to 21 (WCAG 2.2, "contrast ratio")."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def readable(colour: str, grounds: Collection[str], *, towards: str) -> str:
    """Return the colour, mixed with as little as needed to be read on all of these grounds."""
    mixed = (_mix(colour, towards, step / _STEPS) for step in range(_STEPS + 1))
    return next(
        (one for one in mixed if min(contrast(one, ground) for ground in grounds) >= READABLE),
        towards,
    )


def _mix(colour: str, other: str, share: float) -> str:
    pairs = zip(_channels(colour), _channels(other), strict=True)
    return "#" + "".join(f"{round(255 * (a + (b - a) * share)):02x}" for a, b in pairs)


def _luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2, "relative luminance")."""
    red, green, blue = map(_linear, _channels(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - the constants of sRGB


def _channels(colour: str) -> _Channels:
    red, green, blue = (int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5))
    return red, green, blue
