"""What each page shows: one frozen struct for each template, and nothing else reaches it."""

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

from tgauth.api.browser_views import ApprovedPage, CurrentPage, WaitingPage


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What stands around every page.

    Attributes:
        language: The language of the page.
        direction: How it is written: `ltr` or `rtl`.
        brand: The name above the page.
        logo: Address of the image beside it, which the tab shows as well.
        style: Address of the style sheet.
        script: Address of the script.
        privacy_url: Where the privacy notice is.
        imprint_url: Where the imprint is.
    """

    language: str
    direction: str
    brand: str
    logo: str
    style: str
    script: str
    privacy_url: str | None
    imprint_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link on a page."""

    href: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A time, for programs and for people."""

    iso: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class WayOut:
    """How a login link gets from this browser into another.

    Attributes:
        link: The link itself; it is a secret.
        opening: An address that opens it in the standard browser, where the system knows one.
        likely: Whether this looks like a browser inside an application.
    """

    link: str
    opening: str | None
    likely: bool

    def __repr__(self) -> str:
        """Print no secret."""
        return "WayOut(***)"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedSession:
    """One session in the list.

    Attributes:
        id: By which its button names it.
        application: What one is logged in to.
        device: The browser and system, where known.
        address: The network address, where known.
        since: When it began.
        seen: When it was last used.
        here: Whether it is this browser's.
    """

    id: str
    application: str
    device: str | None
    address: str | None
    since: Moment
    seen: Moment
    here: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ContinuePage:
    """`continue.html`: whose login this is, and the button that spends it."""

    template: ClassVar[str] = "continue.html"
    account: str
    name: str
    initial: str
    telegram_id: int
    application: str
    target: str | None
    other: str | None
    form_token: str
    action: str
    way_out: WayOut


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountPage:
    """`account.html`: who is logged in, where, and what they can do."""

    template: ClassVar[str] = "account.html"
    account: str
    name: str
    initial: str
    telegram_id: int
    sessions: tuple[ListedSession, ...]
    application: str
    target: str | None
    one_ended: bool
    form_token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeletePage:
    """`delete.html`: what it means to delete the account, and the button that does."""

    template: ClassVar[str] = "delete.html"
    account: str
    delay: str
    form_token: str


class Done(StrEnum):
    """What was just done, in the address of the page that says so."""

    LOGGED_OUT = "logged-out"
    LOGGED_OUT_EVERYWHERE = "logged-out-everywhere"
    SESSION_ENDED = "session-ended"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomePage:
    """`welcome.html`: nobody is logged in; how to begin.

    Attributes:
        title: What it says first.
        done: What was done just now, if anything.
        delay: How long an application may take to notice that.
        application: What one logs in to.
        target: Where that is, where it is anywhere.
        bot: The bot's username; none before it has reached Telegram for the first time.
        chat: Where its chat is.
    """

    template: ClassVar[str] = "welcome.html"
    title: str
    done: Done | None
    delay: str
    application: str
    target: str | None
    bot: str | None
    chat: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalPage:
    """`refusal.html`: what happened, and what to do next."""

    template: ClassVar[str] = "refusal.html"
    title: str
    advice: str
    telegram_id: int | None
    ways: tuple[Link, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One answer of an operation of the API."""

    status: str
    meaning: str
    kind: str
    headers: str
    example: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One operation of the API."""

    anchor: str
    method: str
    path: str
    summary: str
    description: str
    proof: str
    body: str
    answers: tuple[Answer, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One member of a body."""

    name: str
    type: str
    required: bool
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of body."""

    name: str
    meaning: str
    members: tuple[Member, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferencePage:
    """`reference.html`: what applications call, for their developers."""

    template: ClassVar[str] = "reference.html"
    version: str
    introduction: str
    document: str
    operations: tuple[Operation, ...]
    kinds: tuple[Kind, ...]


Page = (
    ContinuePage
    | WaitingPage
    | ApprovedPage
    | CurrentPage
    | AccountPage
    | DeletePage
    | WelcomePage
    | RefusalPage
    | ReferencePage
)
