"""The types of settings: each is a text that has been found good, and knows what it says."""

import re
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from tgauth.domain.links import HOST, Issuer, is_loopback, parse_issuer
from tgauth.domain.person import AllowList

#: What Telegram's BotFather hands out: the bot's id, a colon, and the secret.
_TOKEN: Final = re.compile(r"[0-9]+:[A-Za-z0-9_-]{3,}")
_COLOUR: Final = re.compile(r"#[0-9a-fA-F]{6}")
_SEPARATORS: Final = re.compile(r"[,\s]+")
_SHORTEST_SECRET: Final = 16
_LONGEST_NAME: Final = 60

#: From where Telegram posts updates (core.telegram.org/bots/webhooks).
TELEGRAM_NETWORKS: Final = ("149.154.160.0/20", "91.108.4.0/22")

#: How a logo's file may end, and what it is sent as.
LOGO_TYPES: Final = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".jpg": "image/jpeg",
}
LARGEST_LOGO: Final = 256 * 1024


class Secret:
    """A text that prints as `***`."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """Return the text itself."""
        return self._text

    def __repr__(self) -> str:
        return "***"


class BotToken(Secret):
    """What the bot proves itself to Telegram with."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "BotToken":
        """Read it; the complaint does not repeat it, because even a wrong one is a secret."""
        text = _text(found)
        if not _TOKEN.fullmatch(text):
            raise ValueError("it does not look like a bot token")
        return cls(text)


class ClientSecret(Secret):
    """What an application proves itself to tgauth with."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "ClientSecret":
        """Read it; the complaint does not repeat it."""
        text = _text(found)
        if len(text) < _SHORTEST_SECRET:
            raise ValueError(f"it is shorter than {_SHORTEST_SECRET} characters")
        if not text.isprintable():
            raise ValueError("it holds a line break or another character that cannot be printed")
        return cls(text)


class IssuerUrl(str):
    """The address under which tgauth is known."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "IssuerUrl":
        """Read it."""
        return cls(parse_issuer(_text(found)).url)

    @property
    def parsed(self) -> Issuer:
        """What it says."""
        return parse_issuer(self)


class Allowed(str):
    """Who may log in."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "Allowed":
        """Read it: a text, a number, or a list of them."""
        text = _listed(found)
        _allow_list(text)
        return cls(text)

    @property
    def parsed(self) -> AllowList:
        """What it says."""
        return _allow_list(self)


class Networks(str):
    """Addresses and networks; none when it is empty."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "Networks":
        """Read them: a text or a list of texts."""
        return cls(",".join(str(network) for network in _networks(_listed(found))))

    @property
    def parsed(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What they are."""
        return _networks(self)


class Senders(str):
    """Networks that updates may come from; from anywhere when it is empty."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "Senders":
        """Read them: a text or a list of texts; `telegram` stands for Telegram's own."""
        words = _SEPARATORS.split(_listed(found))
        networks = (TELEGRAM_NETWORKS if word == "telegram" else (word,) for word in words)
        return cls(Networks.parse([word for some in networks for word in some]))

    @property
    def parsed(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """What they are."""
        return _networks(self)


class CallbackUrl(str):
    """An application's address that a browser may be sent to."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "CallbackUrl":
        """Read it."""
        text = _text(found)
        _check_address(text, why_https="plain http would show login codes to the network")
        if "#" in text:
            raise ValueError("it has a fragment (#…)")
        return cls(text)


class LinkUrl(str):
    """An address that a page links to."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "LinkUrl":
        """Read it."""
        text = _text(found)
        _check_address(text, why_https="plain http is only for this machine itself")
        return cls(text)


class DisplayName(str):
    """A name that people read."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "DisplayName":
        """Read it."""
        text = _text(found)
        if not 1 <= len(text) <= _LONGEST_NAME:
            raise ValueError(f"it has {len(text)} characters")
        if not text.isprintable():
            raise ValueError("it holds a character that cannot be printed")
        return cls(text)


class Colour(str):
    """A colour, `#rrggbb` in lower case."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "Colour":
        """Read it."""
        text = _text(found)
        if not _COLOUR.fullmatch(text):
            raise ValueError("it is not # and six hexadecimal digits")
        return cls(text.lower())


class LogoFile(str):
    """The path of a picture that was there when the settings were read."""

    __slots__ = ()

    @classmethod
    def parse(cls, found: object) -> "LogoFile":
        """Look at the file."""
        text = _text(found)
        path = Path(text)
        if path.suffix.lower() not in LOGO_TYPES:
            raise ValueError(f"its name does not end in {', '.join(LOGO_TYPES)}")
        try:
            with path.open("rb") as file:
                size = len(file.read(LARGEST_LOGO + 1))
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no path"
            raise ValueError(f"it cannot be read: {why}") from None
        if not 0 < size <= LARGEST_LOGO:
            raise ValueError("it is larger than 256 KiB" if size else "the file is empty")
        return cls(text)

    @property
    def path(self) -> Path:
        """Where it is."""
        return Path(self)

    @property
    def media_type(self) -> str:
        """What it is sent as."""
        return LOGO_TYPES[self.path.suffix.lower()]


def _text(found: object) -> str:
    if not isinstance(found, str):
        raise ValueError("it is not a text in quotes")  # noqa: TRY004 - what msgspec passes on
    if not found:
        raise ValueError("it is empty")
    return found


def _listed(found: object) -> str:
    """Return a list as the environment would hold it."""
    parts = found if isinstance(found, list) else [found]
    if not all(isinstance(part, str | int) and not isinstance(part, bool) for part in parts):
        raise ValueError("it is neither a text nor a list")
    return ",".join(str(part).strip() for part in parts)


def _allow_list(text: str) -> AllowList:
    if text == "everyone":
        return AllowList(everyone=True)
    words = _SEPARATORS.split(text)
    if not all(word.isascii() and word.isdigit() and int(word) > 0 for word in words):
        raise ValueError("it is neither 'everyone' nor a list of Telegram ids")
    return AllowList(everyone=False, telegram_ids=frozenset(map(int, words)))


def _networks(text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    networks = tuple(ip_network(word) for word in _SEPARATORS.split(text) if word)
    if any(network.prefixlen == 0 for network in networks):
        # Then every hop counts as a proxy, and each client says itself who it is.
        raise ValueError("it trusts the whole internet: anybody could pretend to be anybody")
    return networks


def _check_address(text: str, *, why_https: str) -> None:
    parts = urlsplit(text)
    host = parts.hostname or ""
    if parts.scheme not in {"http", "https"} or not HOST.fullmatch(host) or "@" in parts.netloc:
        raise ValueError("it is no http(s) address")
    if not text.isascii() or not text.isprintable() or " " in text:
        raise ValueError("it has a space or a character outside ASCII")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(why_https)
    if parts.port == 0:
        raise ValueError("it has port 0")
