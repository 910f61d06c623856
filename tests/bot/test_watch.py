"""Promises of the watch: what changes is told once, in the log and in the status."""

import logging

import pytest
from tests.builders import NOW, Clock

from tgauth.bot.watch import CONFLICT_OVER_AFTER, CONTACT_EVERY, TelegramWatch
from tgauth.domain.instants import SECOND

OTHER_POLLER = "Conflict: terminated by other getUpdates request; make sure that only one runs"
WEBHOOK = "Conflict: can't use getUpdates method while webhook is active"


class Told:
    """What whoever supervises the bot hears."""

    def __init__(self) -> None:
        self.statuses: list[str] = []
        self.contacts: list[str] = []

    def __call__(self, **fields: str) -> None:
        """Hear one notification."""
        self.statuses += [text for name, text in fields.items() if name == "STATUS"]
        self.contacts += [text for name, text in fields.items() if name == "X_TGAUTH_CONTACT"]


@pytest.fixture
def told() -> Told:
    """Return what hears everything."""
    return Told()


@pytest.fixture
def watch(told: Told, clock: Clock) -> TelegramWatch:
    """Return a watch over a bot that polls."""
    watch = TelegramWatch(told, clock)
    watch.working("polling as @bot")
    return watch


def test_an_outage_is_a_status_until_telegram_answers(
    watch: TelegramWatch, told: Told, clock: Clock
) -> None:
    """With when it began, however often it is noticed."""
    for _ in range(3):
        watch.missed("Connection refused")
        clock.advance(SECOND)
    watch.reached()
    assert [
        "polling as @bot",
        "Telegram unreachable since 2027-01-15 08:00:00 UTC (Connection refused)",
        "polling as @bot",
    ] == told.statuses


def test_a_conflict_is_told_once_with_what_to_do(
    watch: TelegramWatch, told: Told, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """However long it goes on, and although polls succeed in between."""
    with caplog.at_level(logging.INFO, "tgauth.bot"):
        for _ in range(10):
            watch.conflicted(OTHER_POLLER)
            clock.advance(CONFLICT_OVER_AFTER - 1)
            watch.polled()
    assert ["telegram.conflict"] == [record.message for record in caplog.records]
    assert "stop it" in str(caplog.records[0].__dict__["fields"]["advice"])
    assert 2 == len(told.statuses)
    assert told.statuses[1].startswith("another process polls")


def test_a_conflict_is_over_when_none_came_for_a_while(
    watch: TelegramWatch, told: Told, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """By itself, and that is said as well; another one is another episode."""
    with caplog.at_level(logging.INFO, "tgauth.bot"):
        watch.conflicted(OTHER_POLLER)
        clock.advance(CONFLICT_OVER_AFTER)
        watch.polled()
        watch.polled()
        watch.conflicted(OTHER_POLLER)
    events = [record.message for record in caplog.records]
    assert ["telegram.conflict", "telegram.conflict_over", "telegram.conflict"] == events
    assert "polling as @bot" == told.statuses[2]


def test_a_webhook_of_somebody_else_is_a_conflict_of_its_own_kind(
    watch: TelegramWatch, told: Told, clock: Clock
) -> None:
    """It is over with the first poll, and how long it lasts can be asked."""
    assert watch.webhook_conflict() is None
    watch.conflicted(WEBHOOK)
    clock.advance(7)
    assert 7 == watch.webhook_conflict()
    assert told.statuses[1].startswith("a webhook is set for this bot")
    watch.polled()
    assert watch.webhook_conflict() is None
    assert "polling as @bot" == told.statuses[2]


def test_the_worst_trouble_is_the_status(watch: TelegramWatch, told: Told) -> None:
    """And what is left when it ends."""
    watch.conflicted(OTHER_POLLER)
    watch.missed("no route")
    watch.reached()
    assert ["polling", "another", "Telegram", "another"] == [
        status.split()[0] for status in told.statuses
    ]


@pytest.mark.parametrize(
    ("wait", "number"), [(0, 1), (CONTACT_EVERY - 1, 1), (CONTACT_EVERY, 2), (-1, 2)]
)
def test_the_last_contact_is_told_now_and_then(
    watch: TelegramWatch, told: Told, clock: Clock, wait: int, number: int
) -> None:
    """In milliseconds; also when the clock was set back."""
    watch.reached()
    clock.advance(wait)
    watch.reached()
    assert number == len(told.contacts)
    assert str(NOW) == told.contacts[0]


def test_a_refused_token_is_no_outage(
    watch: TelegramWatch, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    """The process ends with one line about the token, and says nothing else before."""
    with caplog.at_level(logging.INFO, "tgauth.bot"):
        watch.refuse()
        watch.missed("Unauthorized")
    assert [] == caplog.records
    assert ["polling as @bot"] == told.statuses


def test_trouble_with_our_own_webhook_is_told_when_it_changes(
    watch: TelegramWatch, told: Told
) -> None:
    """And ends without a word of its own."""
    for text in ("no certificate", "no certificate", "403", ""):
        watch.webhook_troubled(text)
    assert ["polling as @bot", "no certificate", "403", "polling as @bot"] == told.statuses
