"""Which links Telegram accepts in buttons and in text."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

from .errors import BadRequest

_SCHEME: Final = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):(?://)?(.*)$", re.DOTALL)
_TG_HOST: Final = re.compile(r"^[A-Za-z0-9_-]+$")
_PORT_MAX: Final = 65_535


class LinkRefused(ValueError):
    """Why a link is not accepted."""


def check_link(link: str) -> str:
    """Return the link as Telegram stores it, or raise `LinkRefused`.

    tdlib/td td/telegram/LinkManager.cpp `check_link_impl`: http, https and tg, and a host that
    has a dot. Refusing bare IP addresses is stricter than that file: Telegram's servers are the
    ones that do it.
    """
    if link.lower().startswith("tg:"):
        return _check_tg(link)
    if "://" in link:
        match = _SCHEME.match(link)
        if match is None or match.group(1).lower() not in {"http", "https"}:
            raise LinkRefused("Unsupported URL protocol")
    else:
        link = f"http://{link}"
    try:
        parts = urlsplit(link)
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        raise LinkRefused("Wrong HTTP URL") from error
    if "." not in host or _is_ip(host) or re.search(r"\s", link) or (port or 0) > _PORT_MAX:
        raise LinkRefused("Wrong HTTP URL")
    return link if parts.path or parts.query or parts.fragment else f"{link}/"


def _check_tg(link: str) -> str:
    rest = link[3:].removeprefix("//")
    host = re.split(r"[/?#]", rest, maxsplit=1)[0]
    if not _TG_HOST.match(host):
        raise LinkRefused("Wrong tg URL")
    return f"tg://{rest}"


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return bool(re.fullmatch(r"[\d.]+", host))
    return True


def check_button_url(url: str) -> str:
    """Return the URL of an inline button, or refuse it in Telegram's words.

    tdlib/td td/telegram/ReplyMarkup.cpp: "Inline keyboard button URL '…' is invalid: …".
    """
    try:
        return check_link(url)
    except LinkRefused as reason:
        raise BadRequest(f"inline keyboard button URL '{url}' is invalid: {reason}") from reason


def text_link(url: str) -> str | None:
    """Return the URL of a link in text; `None` where Telegram silently drops the link.

    MessageEntity.cpp uses `get_checked_link`, which gives nothing for a link it refuses.
    """
    try:
        return check_link(url)
    except LinkRefused:
        return None
