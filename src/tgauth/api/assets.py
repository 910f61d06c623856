"""What pages load: one style sheet, two small scripts, an icon, the logo. All from memory."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from typing import Any, Final

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from tgauth.api.brand import Brand
from tgauth.api.colours import Palette

_FOLDER: Final = "/static"
#: A year: the address changes with the content (RFC 8246).
_FOR_LONG: Final = "public, max-age=31536000, immutable"
#: Another version than was asked for: two releases serve side by side for a moment.
_FOR_NOW: Final = "public, max-age=60"
#: An image may be opened as a page of its own, and an SVG could then run scripts here.
_IMAGE_HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; sandbox"
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file that pages load.

    Attributes:
        path: Where it is served, without its version.
        content: What it holds.
        media_type: What it is.
        headers: What it carries besides what everything does.
        version: Changes with the content.
    """

    path: str
    content: bytes
    media_type: str
    headers: Mapping[str, str] = field(default_factory=dict)
    version: str = field(init=False)

    def __post_init__(self) -> None:
        digest = hashlib.sha256(self.content).hexdigest()[:16]
        object.__setattr__(self, "version", digest)

    @property
    def address(self) -> str:
        """Where pages load it from: with its version, so that it may be kept for long."""
        return f"{self.path}?v={self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Assets:
    """Everything that pages load.

    Attributes:
        style: The style sheet, with the brand's colours.
        script: Conveniences; every page works without.
        login_script: What lets the page of a login move on by itself.
        icon: A mark for who has no logo.
        logo: The brand's image, where there is one.
    """

    style: Asset
    script: Asset
    login_script: Asset
    icon: Asset
    logo: Asset | None

    def all(self) -> tuple[Asset, ...]:
        """Return every one of them once."""
        logo = () if self.logo is None else (self.logo,)
        return (self.style, self.script, self.login_script, self.icon, *logo)


def assets_of(brand: Brand) -> Assets:
    """Read what is shipped, and add the brand's."""
    style = _shipped("style.css") + _colours(brand.palette).encode()
    return Assets(
        style=Asset(path=f"{_FOLDER}/style.css", content=style, media_type="text/css"),
        script=_script("pages.js"),
        login_script=_script("login.js"),
        icon=_image("icon.svg", _icon(brand.palette), "image/svg+xml"),
        logo=_image("logo", brand.logo.content, brand.logo.media_type) if brand.logo else None,
    )


def asset_routes(assets: Assets) -> list[HTTPRouteHandler]:
    """Return the handlers that serve them."""
    return [_route(asset) for asset in assets.all()]


def _route(asset: Asset) -> HTTPRouteHandler:
    @get(asset.path, sync_to_thread=False)
    def serve(request: Request[Any, Any, Any]) -> Response[bytes]:
        fitting = request.query_params.get("v") == asset.version
        return Response(
            asset.content,
            media_type=asset.media_type,
            headers={**asset.headers, "Cache-Control": _FOR_LONG if fitting else _FOR_NOW},
        )

    return serve


def _image(name: str, content: bytes, media_type: str) -> Asset:
    path = f"{_FOLDER}/{name}"
    return Asset(path=path, content=content, media_type=media_type, headers=_IMAGE_HEADERS)


def _script(name: str) -> Asset:
    path = f"{_FOLDER}/{name}"
    return Asset(path=path, content=_shipped(name), media_type="text/javascript")


def _shipped(name: str) -> bytes:
    return (files("tgauth.api") / "static" / name).read_bytes()


def _icon(palette: Palette) -> bytes:
    drawing = _shipped("icon.svg").decode()
    return (
        drawing.replace("ON-ACCENT", palette.on_accent).replace("ACCENT", palette.accent).encode()
    )


def _colours(palette: Palette) -> str:
    """Return the brand's part of the style sheet; the colours were checked, so nothing leaks in."""
    return (
        f":root {{ --accent: {palette.accent}; --on-accent: {palette.on_accent}; "
        f"--link: {palette.on_light}; }}\n"
        "@media (prefers-color-scheme: dark) { :root { "
        f"--link: {palette.on_dark}; }} }}\n"
    )
