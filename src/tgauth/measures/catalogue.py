"""Every metric that there is: its name, what it means, its labels. docs/metrics.md has them too.

Names and units as Prometheus recommends (prometheus.io/docs/practices/naming): base units, `_total`
for counters. The values of every label come from a closed set, never from what somebody sent.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """What all metrics have.

    Attributes:
        name: Its name.
        help: What it means, in a sentence.
        labels: The names of its labels.
        known: Combinations of label values that are shown before they first occur, so that the
            first occurrence is an increase.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    known: tuple[tuple[str, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter(Metric):
    """A number that grows, over all processes together and across their deaths."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Histogram(Metric):
    """How long something took, over all processes together.

    Attributes:
        buckets: The upper bounds in seconds, growing; the last one, infinity, goes without saying.
    """

    buckets: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest(Metric):
    """The largest number that any process has told, shown as a gauge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge(Metric):
    """A number of this moment, found out when the page is asked for."""


_QUICK: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
_REPLY: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0)

#: What becomes of logins, by the door that they come through.
LOGIN_OUTCOMES: Final = {
    "chat": ("begun", "refused", "replaced", "withdrawn", "redeemed"),
    "browser": ("begun", "opened", "refused", "approved", "denied", "withdrawn", "redeemed"),
}

LOGINS: Final = Counter(
    name="tgauth_logins_total",
    help="Logins by the door that they came through and what became of them.",
    labels=("door", "outcome"),
    known=tuple(
        (door, outcome) for door, outcomes in LOGIN_OUTCOMES.items() for outcome in outcomes
    ),
)
LOGIN_REPLY: Final = Histogram(
    name="tgauth_login_reply_seconds",
    help="From receiving a /login to Telegram's acceptance of the message with its link.",
    buckets=_REPLY,
)
CODES: Final = Counter(
    name="tgauth_codes_total",
    help="Codes that applications brought to exchange, by outcome.",
    labels=("outcome",),
    known=(("exchanged",), ("code_unknown",)),
)
SESSIONS_ENDED: Final = Counter(
    name="tgauth_sessions_ended_total",
    help="Sessions that somebody ended, by who did.",
    labels=("actor",),
    known=(("person",),),
)
FAILED_ATTEMPTS: Final = Counter(
    name="tgauth_failed_attempts_total",
    help="Unknown codes, wrong secrets and forged tokens that were counted against an address.",
)
UPDATES: Final = Counter(
    name="tgauth_updates_total",
    help="Updates from Telegram: received, failed to be handled once, parked after three failures.",
    labels=("outcome",),
    known=(("received",), ("failed",), ("parked",)),
)
MESSAGES: Final = Counter(
    name="tgauth_messages_total",
    help="Messages to Telegram: sent, postponed for another attempt, given up on.",
    labels=("outcome",),
    known=(("sent",), ("postponed",), ("given_up",)),
)
TELEGRAM_ERRORS: Final = Counter(
    name="tgauth_telegram_errors_total",
    help="Requests to the Bot API that failed, by kind.",
    labels=("kind",),
    known=(("unreachable",), ("timed_out",), ("conflict",), ("too_many_requests",)),
)
TELEGRAM_CONTACT: Final = Latest(
    name="tgauth_telegram_last_contact_timestamp_seconds",
    help="When the Bot API last gave a good answer, in seconds since 1970.",
)
REQUESTS: Final = Histogram(
    name="tgauth_http_request_duration_seconds",
    help="How long HTTP requests took, by method, route template and class of status.",
    labels=("method", "route", "status"),
    buckets=_QUICK,
)
STORE_WAIT: Final = Histogram(
    name="tgauth_store_wait_seconds",
    help="How long a write transaction waited for its turn.",
    buckets=_QUICK,
)
STORE_BUSY: Final = Histogram(
    name="tgauth_store_busy_seconds",
    help="How long a write transaction had its turn, its commit included.",
    buckets=_QUICK,
)
CHILD_EXITS: Final = Counter(
    name="tgauth_child_exits_total",
    help="Ends of the supervisor's processes: clean (code 0), failed (another), killed (a signal).",
    labels=("child", "reason"),
)
CHILD_RESTARTS: Final = Counter(
    name="tgauth_child_restarts_total",
    help="Restarts of the supervisor's processes.",
    labels=("child",),
)

READY: Final = Gauge(
    name="tgauth_ready",
    help="Whether a login could be stored right now (1) or not (0), as /readyz says it.",
)
BUILD: Final = Gauge(
    name="tgauth_build_info",
    help="Always 1; the labels say what runs.",
    labels=("version", "python", "sqlite"),
)
INBOX: Final = Gauge(
    name="tgauth_inbox_updates",
    help="Updates from Telegram that wait to be handled, or were parked.",
    labels=("state",),
)
INBOX_AGE: Final = Gauge(
    name="tgauth_inbox_oldest_age_seconds",
    help="The age of the oldest update that waits to be handled; 0 where none does.",
)
OUTBOX: Final = Gauge(
    name="tgauth_outbox_messages",
    help="Messages that are owed now, and changes of messages that will be due later.",
    labels=("state",),
)
OUTBOX_AGE: Final = Gauge(
    name="tgauth_outbox_oldest_age_seconds",
    help="For how long the oldest message that is owed now has been waited for; 0 where none is.",
)
LOGINS_OPEN: Final = Gauge(
    name="tgauth_logins_open",
    help="Logins that could still be redeemed.",
)
STORE_SIZE: Final = Gauge(
    name="tgauth_store_size_bytes",
    help="The length of the database, and of its write-ahead log.",
    labels=("file",),
)
PROCESSES: Final = Gauge(
    name="tgauth_processes",
    help="Processes that live, by what they are.",
    labels=("process",),
)
MEMORY: Final = Gauge(
    name="tgauth_resident_memory_bytes",
    help="Resident memory of the processes that live, by what they are.",
    labels=("process",),
)

#: What processes keep, in the order of the page.
KEPT: Final[tuple[Counter | Histogram | Latest, ...]] = (
    LOGINS,
    LOGIN_REPLY,
    CODES,
    SESSIONS_ENDED,
    FAILED_ATTEMPTS,
    UPDATES,
    MESSAGES,
    TELEGRAM_ERRORS,
    TELEGRAM_CONTACT,
    REQUESTS,
    STORE_WAIT,
    STORE_BUSY,
    CHILD_EXITS,
    CHILD_RESTARTS,
)
#: What is found out when the page is asked for.
FOUND_OUT: Final = (
    READY,
    BUILD,
    INBOX,
    INBOX_AGE,
    OUTBOX,
    OUTBOX_AGE,
    LOGINS_OPEN,
    STORE_SIZE,
    PROCESSES,
    MEMORY,
)
ALL: Final[tuple[Metric, ...]] = (*KEPT, *FOUND_OUT)
