"""What a login that began in a browser asks of a person in a chat, and how it is answered.

Three values name such a login, and none of them can be told from another: the handle, by which it
is found from the chat; the secret in the browser's cookie, without which nobody finishes it; and
the stream, by which its page hears of what came of it (RFC 10027: bind the session that began).
"""

import re
from base64 import urlsafe_b64encode
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from tgauth.domain.code import derive
from tgauth.domain.instants import DAY, HOUR, Instant
from tgauth.domain.session import Visitor

#: How many numbers a person picks from.
CHOICES: Final = 3
_FIRST_NUMBER, _NUMBERS = 10, 90

#: So many requests that somebody answered wrongly or not by now, within so long, are too many.
FAILURES_BEFORE_PAUSE: Final = 3
PAUSE_WINDOW: Final = 1 * HOUR
#: How long somebody who wants no requests gets none.
BLOCK_LIFETIME: Final = 1 * DAY
#: How long a network may begin nothing after somebody's "that wasn't me".
NETWORK_BLOCK_LIFETIME: Final = 1 * HOUR
#: Characters of what an application wants to have back.
LONGEST_STATE: Final = 512

#: Bytes of a handle or a stream: 128 bits, so that a QR code stays small.
_NAME_BYTES: Final = 16
#: The length of both in base64url without padding.
NAME_LENGTH: Final = 22
_NAME: Final = re.compile(rf"[A-Za-z0-9_-]{{{NAME_LENGTH}}}")


class Denial(StrEnum):
    """Why a login was denied."""

    DECLINED = "declined"
    WRONG_NUMBER = "wrong_number"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """The number that the page shows, and those that the chat offers.

    Attributes:
        right: What the page shows.
        offered: What can be picked, in their order; one of them is right.
    """

    right: int
    offered: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """What is asked for one login.

    Attributes:
        login_id: The login.
        handle_hash: Hash of what the deep link holds.
        stream_hash: Hash of what the page's stream of events is named by.
        created_at: When the login began.
        state_parameter: What the application gets back with its code, if it sent anything.
        visitor: The browser that waits.
        network: What its address is counted under.
        place: Where that is, as a person reads it, where that is known.
        opened_by: The Telegram id of the one person who is asked, once somebody is.
        opened_at: When they were.
        denial: Why it was denied, if it was.
    """

    login_id: str
    handle_hash: str
    stream_hash: str
    created_at: Instant
    state_parameter: str | None
    visitor: Visitor = field(default_factory=Visitor)
    network: str
    place: str | None = None
    opened_by: int | None = None
    opened_at: Instant | None = None
    denial: Denial | None = None

    def open(self, *, telegram_id: int, now: Instant) -> "Approval":
        """Return this with the one person who is asked: the first one stays, whoever comes."""
        if self.opened_by is not None:
            return self
        return replace(self, opened_by=telegram_id, opened_at=now)

    def denied(self, denial: Denial) -> "Approval":
        """Return this with the reason why its login was denied."""
        return replace(self, denial=denial)


def derive_handle(master_key: bytes, login_id: str) -> str:
    """Return what the deep link holds; it permits nothing but to be asked."""
    return _name(derive(master_key, "handle", login_id))


def derive_stream(master_key: bytes, login_id: str) -> str:
    """Return what the page's stream of events is named by; it permits nothing but to hear."""
    return _name(derive(master_key, "stream", login_id))


def derive_numbers(master_key: bytes, login_id: str) -> Numbers:
    """Return the numbers of a login: different ones, of two digits, always the same for one login.

    Nobody can tell them from anything that stands in an address: the key is missing.
    """
    drawn: list[int] = []
    round_ = 0
    while len(drawn) < CHOICES:
        for byte in derive(master_key, f"numbers/{round_}", login_id):
            # What would make some numbers likelier than others is left out.
            number = _FIRST_NUMBER + byte % _NUMBERS
            if byte < 2 * _NUMBERS and number not in drawn and len(drawn) < CHOICES:
                drawn.append(number)
        round_ += 1
    place = int.from_bytes(derive(master_key, "number", login_id)) % CHOICES
    return Numbers(right=drawn[place], offered=tuple(drawn))


def looks_like_a_name(text: str) -> bool:
    """Say whether `text` has the shape of a handle or a stream."""
    return _NAME.fullmatch(text) is not None


def _name(raw: bytes) -> str:
    return urlsafe_b64encode(raw[:_NAME_BYTES]).decode().rstrip("=")
