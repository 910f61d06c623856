"""Promises of what the bot owes: tried again with patience, and given up on after a day."""

import pytest
from tests.builders import ALICE, NOW, an_outgoing

from tgauth.domain.instants import DAY, SECOND
from tgauth.domain.outgoing import Notice, owe


@pytest.mark.parametrize(
    ("attempts", "seconds"),
    [(0, 1), (1, 2), (2, 5), (3, 10), (4, 15), (5, 15), (1000, 15)],
)
def test_waits_grow_up_to_a_quarter_of_a_minute(attempts: int, seconds: int) -> None:
    """Each failure waits longer than the one before, and never longer than people do."""
    postponed = an_outgoing(attempts=attempts).postponed(now=NOW + 9)
    expected = an_outgoing(attempts=attempts + 1, not_before=NOW + 9 + seconds * SECOND)
    assert expected == postponed


@pytest.mark.parametrize("wait", [0, 7, 3600 * SECOND])
def test_telegrams_own_wait_is_honoured(wait: int) -> None:
    """Where Telegram says how long to wait, that counts instead of our schedule."""
    postponed = an_outgoing(attempts=3).postponed(now=NOW, wait=wait)
    assert (NOW + wait, 4) == (postponed.not_before, postponed.attempts)


@pytest.mark.parametrize(
    ("age", "given_up"),
    [
        (DAY - SECOND, False),
        (DAY - 1, False),
        (DAY, True),
        (DAY + 1, True),
        (DAY + SECOND, True),
    ],
)
def test_after_a_day_a_message_is_given_up_on(age: int, *, given_up: bool) -> None:
    """A message that could not be delivered for a day is given up on, with the reason."""
    outcome = an_outgoing().postponed(now=NOW + age, wait=5)
    assert given_up == (outcome.given_up_at == NOW + age)
    assert given_up == (outcome.reason == "undeliverable for a day")
    assert given_up == (outcome.attempts == 0)


@pytest.mark.parametrize(("attempts", "given_up"), [(0, False), (1, False), (2, True), (3, True)])
def test_odd_failures_end_at_the_third(attempts: int, *, given_up: bool) -> None:
    """What fails in a way that nobody foresaw is tried three times, with patience in between."""
    outcome = an_outgoing(attempts=attempts).failed(reason="odd", now=NOW + 1)
    assert given_up == (outcome.given_up_at == NOW + 1)
    assert given_up == (outcome.reason == "odd")
    assert given_up == (outcome.not_before == an_outgoing().not_before)


def test_an_accepted_message_keeps_telegrams_id() -> None:
    """What Telegram accepted is marked with its id and moment."""
    expected = an_outgoing(sent_at=NOW + 3, message_id=77)
    assert expected == an_outgoing().sent(message_id=77, now=NOW + 3)


def test_giving_up_keeps_why() -> None:
    """What is given up on says why and when."""
    expected = an_outgoing(given_up_at=NOW + 3, reason="blocked")
    assert expected == an_outgoing().given_up(reason="blocked", now=NOW + 3)


def test_a_promise_is_due_at_once() -> None:
    """What is promised is due now, was never tried, and speaks its reader's language."""
    expected = an_outgoing(notice=Notice.LOGIN_LINK, login_id="login-1", language="ru")
    assert expected == owe(
        Notice.LOGIN_LINK, chat_id=ALICE, language="ru", now=NOW, login_id="login-1"
    )


@pytest.mark.parametrize("later", [0, NOW - 1, NOW + 1, NOW + DAY])
def test_a_promise_for_later_keeps_its_instant(later: int) -> None:
    """Whatever instant is asked for, the beginning of time included, is when it is due."""
    expected = an_outgoing(notice=Notice.LOGIN_CLOSED, edits=7, not_before=later)
    assert expected == owe(
        Notice.LOGIN_CLOSED, chat_id=ALICE, language=None, now=NOW, edits=7, not_before=later
    )
