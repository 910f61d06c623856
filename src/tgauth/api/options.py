"""What an operator can choose about the HTTP face alone."""

from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path

from tgauth.domain.links import TELEGRAM_LINKS


@dataclass(frozen=True, slots=True, kw_only=True)
class Branding:
    """Whose login this is, as the pages show it.

    Attributes:
        name: The name above every page.
        logo: An image beside it: svg, png, webp or jpeg.
        accent: The colour of buttons and links, `#rrggbb`.
        privacy_url: Where the privacy notice is.
        imprint_url: Where the imprint is.
    """

    name: str | None = None
    logo: Path | None = None
    accent: str | None = None
    privacy_url: str | None = None
    imprint_url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """How the metrics are shown.

    Attributes:
        folder: Where the processes keep what they count.
        token_hash: Hash of what whoever asks has to send; none: nothing.
        port: Their own port; none: they are on the API's address.
    """

    folder: Path
    token_hash: str | None
    port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookOptions:
    """What is asked of whoever posts updates, besides the secret.

    Attributes:
        networks: From where; none: from anywhere.
    """

    networks: tuple[IPv4Network | IPv6Network, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiOptions:
    """Options of the HTTP face.

    Attributes:
        branding: How the pages look.
        trusted_proxies: Networks whose `X-Forwarded-For` is believed.
        metrics: How the metrics are shown, where they are on.
        webhook: How Telegram posts updates; none: the bot fetches them.
        link_url: Where the links lead that open the bot's chat.
        places: A file that says where addresses are; none: nobody looks.
    """

    branding: Branding = Branding()
    trusted_proxies: tuple[IPv4Network | IPv6Network, ...] = ()
    metrics: Metrics | None = None
    webhook: WebhookOptions | None = None
    link_url: str = TELEGRAM_LINKS
    places: Path | None = None
