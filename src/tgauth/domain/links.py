"""Every address that both faces speak of, made in one place."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlencode, urlsplit, urlunsplit

CALLBACK_PATH: Final = "/auth/callback"
LOGIN_PATH: Final = "/login"
WEBHOOK_PATH: Final = "/telegram/webhook"
#: Where Telegram's own links lead; a Bot API test environment has the same.
TELEGRAM_LINKS: Final = "https://t.me"
_LOOPBACK_NAMES: Final = frozenset({"localhost", "ip6-localhost"})
#: Host names as browsers send them (a name outside ASCII as punycode), and addresses.
HOST: Final = re.compile(r"[a-z0-9._:-]+")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """The address under which this provider is known: an origin, nothing more.

    Attributes:
        url: `scheme://host[:port]`, in lower case, without a trailing slash.
    """

    url: str

    @property
    def is_https(self) -> bool:
        """Whether cookies can be Secure and carry the `__Host-` prefix."""
        return self.url.startswith("https://")

    @property
    def session_cookie(self) -> str:
        """Name of the session cookie: made from the issuer, never from a request's headers."""
        return "__Host-tgauth" if self.is_https else "tgauth"

    @property
    def login_cookie(self) -> str:
        """Name of the short-lived cookie that holds a code between a link and its button."""
        return "__Host-tgauth-login" if self.is_https else "tgauth-login"

    @property
    def browser_cookie(self) -> str:
        """Name of the cookie that names a browser, so that only it can finish what it began."""
        return "__Host-tgauth-browser" if self.is_https else "tgauth-browser"

    @property
    def webhook_url(self) -> str:
        """Where Telegram posts updates, in webhook mode."""
        return f"{self.url}{WEBHOOK_PATH}"

    def login_link(self, code: str) -> str:
        """Return the link that the bot sends."""
        return f"{self.url}{CALLBACK_PATH}?{urlencode({'code': code})}"


def parse_issuer(text: str) -> Issuer:
    """Read an issuer.

    Raises:
        ValueError: It is no http(s) origin, or plain http to anything but this machine. The
            message says which.
    """
    parts = urlsplit(text.strip())
    if parts.scheme not in _DEFAULT_PORTS or not HOST.fullmatch(parts.hostname or ""):
        raise ValueError("it must be an address like https://login.example.org")
    if parts.path not in {"", "/"} or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError("it must be only scheme, host and port: no path, query, fragment or user")
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("plain http is only for this machine itself; use https")
    return Issuer(url=origin_of(text.strip()))


def origin_of(url: str) -> str:
    """Return the origin of an address as a browser's Origin header writes it (RFC 6454 §6.2)."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if ":" in host:
        host = f"[{ip_address(host).compressed}]"
    port = parts.port
    suffix = "" if port is None or port == _DEFAULT_PORTS.get(parts.scheme) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}"


def host_of(url: str) -> str:
    """Return what people read of an address: its host, and its port where it is not the usual."""
    return origin_of(url).partition("://")[2]


def with_code(callback_url: str, code: str, state: str | None = None) -> str:
    """Return the application's address with a code added to whatever query it has.

    Args:
        callback_url: The address.
        code: The code.
        state: What the application wants to have back, if it sent anything (RFC 6749 §4.1.2).
    """
    parts = urlsplit(callback_url)
    added = {"code": code} if state is None else {"code": code, "state": state}
    query = "&".join(filter(None, [parts.query, urlencode(added)]))
    return urlunsplit((parts.scheme, parts.netloc, parts.path, query, ""))


def login_address(state: str | None = None) -> str:
    """Return where a login begins in a browser, with what the application wants to have back."""
    return LOGIN_PATH if state is None else f"{LOGIN_PATH}?{urlencode({'state': state})}"


def chat_link(base: str, bot: str) -> str:
    """Return the link that opens the bot's chat, and nothing more.

    Args:
        base: Where links lead.
        bot: The bot's username.
    """
    return f"{base}/{bot}"


def deep_links(base: str, bot: str, handle: str) -> tuple[str, str | None]:
    """Return the links that open the bot's chat: for everywhere, and for an installed Telegram.

    Where the first is blocked, the second still works. It knows Telegram alone, so there is none
    where links lead elsewhere (core.telegram.org/api/links#bot-links).

    Args:
        base: Where links lead.
        bot: The bot's username.
        handle: What the bot is started with.
    """
    query = urlencode({"start": handle})
    app_link = f"tg://resolve?{urlencode({'domain': bot})}&{query}"
    return f"{chat_link(base, bot)}?{query}", app_link if base == TELEGRAM_LINKS else None


def is_loopback(host: str) -> bool:
    """Say whether a host name can only mean this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host in _LOOPBACK_NAMES or host.endswith(".localhost")


def fits_a_button(url: str) -> bool:
    """Say whether Telegram takes this address as an inline button's URL.

    It refuses localhost, names without a dot and plain IP addresses ("Wrong HTTP URL"); the link
    then goes into the text instead.
    """
    host = urlsplit(url).hostname or ""
    try:
        ip_address(host)
    except ValueError:
        return "." in host and not is_loopback(host)
    return False
