"""What a refusal looks like: a status, and words for each audience."""

from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus


class Way(StrEnum):
    """Where a person can go on from a refusal."""

    HOW_TO_LOG_IN = "how_to_log_in"
    FRONT_PAGE = "front_page"
    ACCOUNT = "account"
    LOGIN = "login"
    START_OVER = "start_over"
    APPLICATION = "application"


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One refusal, in the words of each audience.

    Attributes:
        status: The HTTP status.
        error: The OAuth error code of the API (RFC 6749 §5.2).
        description: What the application's developer reads.
        title: What a person reads first.
        advice: What a person can do next.
        ways: Links to go on with, the best one first.
    """

    status: HTTPStatus
    error: str
    description: str
    title: str
    advice: str
    ways: tuple[Way, ...] = ()
