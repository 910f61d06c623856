"""What the pages of a login show that begins in a browser; see `tgauth.api.views`."""

from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True, kw_only=True)
class QrCode:
    """A QR code: how many modules it is wide, and where it is dark."""

    size: int
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatLink:
    """How one gets from a page into the bot's chat, with what names the login.

    Attributes:
        bot: The bot's username.
        link: Opens the chat everywhere.
        app_link: Opens an installed Telegram; none where it could not lead to the same place.
        qr: The link for a phone's camera.
        command: What one can send instead.
    """

    bot: str
    link: str
    app_link: str | None
    qr: QrCode
    command: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingPage:
    """`waiting.html`: how to approve a login in the chat, while the page waits for that.

    Attributes:
        application: What one logs in to.
        domain: Where that is.
        number: What to pick in the chat.
        chat: The way into it; none before the bot has reached Telegram for the first time.
        is_opened: Whether somebody is asked in the chat by now.
        time_left: How long the login waits still, in words.
        seconds: The same in seconds.
        current: Who is logged in in this browser already, if anybody is.
        back: Where one can continue as who is.
        events: The address of the page's events.
        action: Where its form goes.
        form_token: The form's token.
        start_over: Where another login begins.
        script: The address of the script.
    """

    template: ClassVar[str] = "waiting.html"
    application: str
    domain: str
    number: int
    chat: ChatLink | None
    is_opened: bool
    time_left: str
    seconds: int
    current: str | None
    back: str
    events: str
    action: str
    form_token: str
    start_over: str
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovedPage:
    """`approved.html`: who approved a login, and the button that finishes it."""

    template: ClassVar[str] = "approved.html"
    account: str
    name: str
    initial: str
    telegram_id: int
    application: str
    target: str | None
    other: str | None
    form_token: str
    action: str
    start_over: str
    script: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentPage:
    """`current.html`: somebody is logged in here already, and may continue or be another."""

    template: ClassVar[str] = "current.html"
    account: str
    name: str
    initial: str
    telegram_id: int
    application: str
    target: str | None
    form_token: str
    action: str
    another: str
