"""The brand of an installation: the operator's choices, read and checked once at the start."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tgauth.api.colours import Palette, palette_of
from tgauth.api.options import Branding

DEFAULT_ACCENT: Final = "#1f6fb2"
#: Bytes: every page loads it. The settings allow no larger one either.
LARGEST_LOGO: Final = 256 * 1024

_SVG: Final = re.compile(
    rb"\s*(<\?xml[^>]*\?>|<!--.*?-->|<!DOCTYPE[^>]*>|\s)*+<svg[\s>]", re.DOTALL
)
_ADDRESS: Final = re.compile(r"https?://[^\s/?#]+[^\s]*")
_UTF8_MARK: Final = b"\xef\xbb\xbf"


class BrandingUnusable(ValueError):
    """A part of the branding cannot be shown.

    Attributes:
        part: Which field of `Branding`.
    """

    def __init__(self, part: str, why: str) -> None:
        super().__init__(f"{part}: {why}")
        self.part = part


@dataclass(frozen=True, slots=True, kw_only=True)
class Logo:
    """An image, as it is served.

    Attributes:
        content: The file.
        media_type: What it is, told from its content.
    """

    content: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Brand:
    """Whose login this is, ready to be shown.

    Attributes:
        name: The name above every page.
        logo: The image beside it.
        palette: Its colours.
        privacy_url: Where the privacy notice is.
        imprint_url: Where the imprint is.
    """

    name: str
    logo: Logo | None
    palette: Palette
    privacy_url: str | None
    imprint_url: str | None


def load_brand(branding: Branding, *, name: str) -> Brand:
    """Read what the operator chose.

    Args:
        branding: The choices.
        name: The name where none was chosen.

    Raises:
        BrandingUnusable: Something of it cannot be shown; the message says what and why.
    """
    try:
        palette = palette_of(branding.accent or DEFAULT_ACCENT)
    except ValueError as error:
        raise BrandingUnusable("accent", str(error)) from None
    for part in ("privacy_url", "imprint_url"):
        address = getattr(branding, part)
        if address is not None and not _ADDRESS.fullmatch(address):
            raise BrandingUnusable(part, "it is no address like https://example.org/privacy")
    return Brand(
        name=branding.name or name,
        logo=_logo(branding.logo) if branding.logo else None,
        palette=palette,
        privacy_url=branding.privacy_url,
        imprint_url=branding.imprint_url,
    )


def media_type_of(content: bytes) -> str | None:
    """Tell an image's type from its first bytes; none where it is not one that we serve."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP":
        return "image/webp"
    if _SVG.match(content.removeprefix(_UTF8_MARK)):
        return "image/svg+xml"
    return None


def _logo(path: Path) -> Logo:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST_LOGO + 1)
    except OSError as error:
        raise BrandingUnusable("logo", f"{path} cannot be read: {error.strerror}") from None
    if len(content) > LARGEST_LOGO:
        raise BrandingUnusable("logo", f"{path} is larger than {LARGEST_LOGO // 1024} KiB")
    media_type = media_type_of(content)
    if media_type is None:
        raise BrandingUnusable("logo", f"{path} is no SVG, PNG, WebP or JPEG image")
    return Logo(content=content, media_type=media_type)
