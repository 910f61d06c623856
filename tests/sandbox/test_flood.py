"""Flood limits, with a clock of their own."""

import pytest

from tgauth.sandbox.errors import TooManyRequests
from tgauth.sandbox.flood import PRIVATE_BURST, Flood, Kind, Limits


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at a fixed time."""
    return Clock()


@pytest.fixture
def flood(clock: Clock) -> Flood:
    """Telegram's limits."""
    return Flood(limits=Limits(), clock=clock)


def refused(flood: Flood, chat_id: int) -> int:
    """Return the seconds to wait, or 0 when the message went."""
    try:
        flood.spend(chat_id)
    except TooManyRequests as error:
        return error.retry_after or -1
    return 0


def test_thirty_a_second_overall(flood: Flood, clock: Clock) -> None:
    """core.telegram.org/bots/faq: about 30 messages per second over all chats."""
    assert [refused(flood, chat) for chat in range(1, 32)] == [0] * 30 + [1]
    clock.now += 0.99
    assert refused(flood, 99) == 1
    clock.now += 0.01
    assert refused(flood, 99) == 0


def test_one_a_second_to_a_person_after_a_burst(flood: Flood, clock: Clock) -> None:
    """core.telegram.org/bots/faq: one message per second in a chat, short bursts allowed."""
    assert [refused(flood, 7) for _ in range(PRIVATE_BURST + 1)] == [0] * PRIVATE_BURST + [1]
    clock.now += 0.99
    assert refused(flood, 7) == 1
    clock.now += 0.02
    assert [refused(flood, 7), refused(flood, 7)] == [0, 1]


def test_twenty_a_minute_to_a_group(flood: Flood, clock: Clock) -> None:
    """core.telegram.org/bots/faq: no more than 20 messages per minute to one group."""
    assert [refused(flood, -7) for _ in range(21)] == [0] * 20 + [60]
    clock.now += 59.5
    assert refused(flood, -7) == 1
    clock.now += 0.5
    assert refused(flood, -7) == 0


def test_one_chat_does_not_slow_another(flood: Flood) -> None:
    """The limit of a chat is its own."""
    for _ in range(PRIVATE_BURST):
        flood.spend(7)
    assert refused(flood, 8) == 0


def test_edits_have_a_count_of_their_own(flood: Flood) -> None:
    """Not public: an edit costs no message of the chat, but is limited like one."""
    for _ in range(PRIVATE_BURST):
        flood.spend(7)
        flood.spend(7, Kind.EDIT)
    assert refused(flood, 7) == 1
    with pytest.raises(TooManyRequests):
        flood.spend(7, Kind.EDIT)


def test_edits_and_messages_share_the_limit_overall(flood: Flood) -> None:
    """core.telegram.org/bots/faq: about 30 a second over all chats."""
    for chat in range(1, 16):
        flood.spend(chat)
        flood.spend(chat, Kind.EDIT)
    assert refused(flood, 99) == 1


def test_the_words_carry_the_seconds(flood: Flood) -> None:
    """core.telegram.org/bots/api#responseparameters: retry_after, and the same in the words."""
    for _ in range(PRIVATE_BURST):
        flood.spend(7)
    with pytest.raises(TooManyRequests, match=r"^Too Many Requests: retry after 1$"):
        flood.spend(7)


def test_no_limits_at_all(clock: Clock) -> None:
    """A load test may lift them."""
    flood = Flood(limits=None, clock=clock)
    assert [refused(flood, 7) for _ in range(500)] == [0] * 500


def test_idle_chats_are_forgotten(flood: Flood, clock: Clock) -> None:
    """A Telegram of many people does not keep a counter for each for ever."""
    flood.spend(7)
    clock.now += 600
    flood.spend(8)
    assert list(flood._privates) == [(8, Kind.SEND)]
