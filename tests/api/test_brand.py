"""Promises of the brand: readable whatever colour is chosen, and an image that can do no harm."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.api.conftest import a_browser, an_app
from tests.gallery import the_pages

from tgauth.api.assets import assets_of
from tgauth.api.brand import LARGEST_LOGO, BrandingUnusable, load_brand, media_type_of
from tgauth.api.colours import DARK_GROUNDS, LIGHT_GROUNDS, contrast, palette_of
from tgauth.api.options import Branding
from tgauth.api.refusals import NO_CODE
from tgauth.flows.deployment import Deployment
from tgauth.texts import words_for

SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
PNG = b"\x89PNG\r\n\x1a\n" + bytes(20)
LOGOS = {
    "image/svg+xml": SVG,
    "image/png": PNG,
    "image/jpeg": b"\xff\xd8\xff\xe0" + bytes(20),
    "image/webp": b"RIFF\x00\x00\x00\x00WEBPVP8 ",
}
colours = st.integers(0, 0xFFFFFF).map("#{:06x}".format)


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("#000000", "#ffffff", 21.0),
        ("#ffffff", "#ffffff", 1.0),
        ("#777777", "#ffffff", 4.48),
        ("#767676", "#ffffff", 4.54),
        ("#ff0000", "#ffffff", 4.0),
        ("#0000ff", "#ffffff", 8.59),
    ],
)
def test_contrast_is_what_the_guidelines_say(one: str, other: str, expected: float) -> None:
    """Values that are published everywhere."""
    assert expected == pytest.approx(contrast(one, other), abs=0.005)
    assert contrast(one, other) == contrast(other, one)


@given(colours)
@example("#ffffff")
@example("#000000")
@example("#ffff00")
@example("#777777")
def test_any_accent_can_be_read(accent: str) -> None:
    """4.5:1 for the text of buttons, and for links on light and on dark ground."""
    palette = palette_of(accent)
    assert accent == palette.accent
    assert palette.on_accent in {"#000000", "#ffffff"}
    assert contrast(palette.on_accent, accent) >= 4.5
    assert min(contrast(palette.on_light, ground) for ground in LIGHT_GROUNDS) >= 4.5
    assert min(contrast(palette.on_dark, ground) for ground in DARK_GROUNDS) >= 4.5


@pytest.mark.parametrize(
    ("accent", "on_accent", "on_light", "on_dark"),
    [
        ("#1F6FB2", "#ffffff", "#1f6fb2", "#4e8dc2"),
        ("#ffff00", "#000000", "#757500", "#ffff00"),
        ("#000000", "#ffffff", "#000000", "#8a8a8a"),
    ],
)
def test_an_accent_changes_no_more_than_it_must(
    accent: str, on_accent: str, on_light: str, on_dark: str
) -> None:
    """A colour that can be read stays as it is; another keeps its hue."""
    palette = palette_of(accent)
    assert (on_accent, on_light, on_dark) == (
        palette.on_accent,
        palette.on_light,
        palette.on_dark,
    )


def test_the_grounds_are_those_of_the_style_sheet() -> None:
    """What was computed holds where it is used."""
    style = the_pages().assets.style.content.decode()
    light, dark = style.split("@media (prefers-color-scheme: dark)")[:2]
    for part, grounds in ((light, LIGHT_GROUNDS), (dark, DARK_GROUNDS)):
        found = {re.search(rf"--{name}: (#\w+);", part) for name in ("card", "ground")}
        assert set(grounds) == {one[1] for one in found if one}


@pytest.mark.parametrize("accent", ["red", "#12345", "#1234567", "1f6fb2", "#1f6fb2;}", "#gggggg"])
def test_an_accent_that_is_no_colour_stops_the_start(accent: str) -> None:
    """With the field, and nothing of it gets into the style sheet."""
    with pytest.raises(BrandingUnusable, match="like #1f6fb2") as caught:
        load_brand(Branding(accent=accent), name="x")
    assert "accent" == caught.value.part


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "example.org", "ftp://x", "https://", ""]
)
@pytest.mark.parametrize("part", ["privacy_url", "imprint_url"])
def test_a_link_that_is_no_web_address_stops_the_start(part: str, address: str) -> None:
    """It would stand on every page."""
    links: dict[str, Any] = {part: address}
    choice = Branding(**links)
    with pytest.raises(BrandingUnusable) as caught:
        load_brand(choice, name="x")
    assert part == caught.value.part


@pytest.mark.parametrize("media_type", LOGOS)
def test_an_images_type_is_told_from_its_content(media_type: str) -> None:
    """Whatever the file is called."""
    assert media_type == media_type_of(LOGOS[media_type])


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- x -->\n<svg>", "image/svg+xml"),
        (b"<!DOCTYPE svg PUBLIC 'x'>\n<svg\n", "image/svg+xml"),
        (b"<html><svg></svg></html>", None),
        (b"GIF89a", None),
        (b"<svgx>", None),
        (b"", None),
    ],
)
def test_what_is_no_image_of_ours_is_told(content: bytes, expected: str | None) -> None:
    """An HTML page is not an image because it holds one."""
    assert expected == media_type_of(content)


def test_a_logo_that_cannot_be_shown_stops_the_start(tmp_path: Path) -> None:
    """Missing, too large, or no image: the message names the file and says why."""
    large, text = tmp_path / "large.png", tmp_path / "logo.png"
    large.write_bytes(PNG + bytes(LARGEST_LOGO))
    text.write_text("hello")
    for path, why in (
        (tmp_path / "none.svg", "cannot be read"),
        (tmp_path, "cannot be read"),
        (large, "larger than 256 KiB"),
        (text, "no SVG, PNG, WebP or JPEG"),
    ):
        with pytest.raises(BrandingUnusable, match=why) as caught:
            load_brand(Branding(logo=path), name="x")
        assert "logo" == caught.value.part
        assert str(path) in str(caught.value)


@pytest.mark.anyio
@pytest.mark.may_block
@pytest.mark.parametrize("media_type", LOGOS)
async def test_a_logo_is_served_and_can_do_no_harm(
    deployment: Deployment, tmp_path: Path, media_type: str
) -> None:
    """From memory, as what it is; opened as a page an SVG runs nothing."""
    path = tmp_path / "logo"
    path.write_bytes(LOGOS[media_type])
    app = an_app(deployment, branding=Branding(name="ACME", logo=path))
    path.unlink()
    async with a_browser(app, deployment) as browser:
        page = await browser.get("/")
        [address] = set(re.findall(r'src="(/static/logo[^"]*)"', page.text))
        answer = await browser.get(address)
    assert "ACME" in page.text
    assert LOGOS[media_type] == answer.content
    assert media_type == answer.headers["content-type"].partition(";")[0]
    assert "nosniff" == answer.headers["x-content-type-options"]
    policy = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
    assert policy == answer.headers["content-security-policy"]
    assert "public, max-age=31536000, immutable" == answer.headers["cache-control"]


@pytest.mark.anyio
async def test_without_a_logo_there_is_none(browser: httpx.AsyncClient) -> None:
    """The mark of the house stands in its place."""
    assert 404 == (await browser.get("/static/logo")).status_code
    page = await browser.get("/")
    assert 'src="/static/icon.svg?v=' in page.text


@pytest.mark.anyio
async def test_what_pages_load_is_kept_for_long(browser: httpx.AsyncClient) -> None:
    """Under an address that changes with its content; another version only for a moment."""
    page = await browser.get("/")
    addresses = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text))
    assert 3 == len(addresses)
    for address in addresses:
        answer = await browser.get(address)
        assert (200, True) == (answer.status_code, "immutable" in answer.headers["cache-control"])
        other = await browser.get(address.partition("?")[0], params={"v": "older"})
        assert "public, max-age=60" == other.headers["cache-control"]
        assert other.content == answer.content


def test_the_address_changes_with_the_brand() -> None:
    """A new accent is seen at once."""
    one, other = (
        assets_of(load_brand(Branding(accent=accent), name="x"))
        for accent in ("#123456", "#654321")
    )
    assert one.style.address != other.style.address
    assert one.script.address == other.script.address
    assert b"--accent: #123456" in one.style.content
    assert b"#123456" in one.icon.content


def test_the_footer_links_what_the_operator_must_tell() -> None:
    """Privacy and imprint, where there are any."""
    branded = the_pages(
        Branding(privacy_url="https://a.example/p", imprint_url="https://a.example/i")
    )
    plain = the_pages()
    text = branded.refuse(NO_CODE, words_for("en")).content
    assert '<a href="https://a.example/p">Privacy</a>' in text
    assert '<a href="https://a.example/i">Imprint</a>' in text
    assert "<footer>" not in plain.refuse(NO_CODE, words_for("en")).content


def test_a_logo_that_is_almost_one_is_told_at_once(tmp_path: Path) -> None:
    """However many comments it begins with: this would take years otherwise."""
    logo = tmp_path / "logo.svg"
    logo.write_bytes(b"<!---->" * 60 + b"x")
    with pytest.raises(BrandingUnusable):
        load_brand(Branding(logo=logo), name="x")
