"""Promises of the pace: never more than Telegram allows, however slow the way there is."""

import random
from collections import deque
from dataclasses import dataclass, field

import pytest

from tgauth.bot.pace import AWAY_DELAYS, MANY_CHATS, PER_SECOND, Kind, Limits, Pace


@dataclass
class Time:
    """Seconds that are set by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        """Return the current second."""
        return self.now


@pytest.fixture
def time() -> Time:
    """Return a clock that stands still."""
    return Time()


@pytest.fixture
def pace(time: Time) -> Pace:
    """Return Telegram's usual limits."""
    return Pace(clock=time)


def speak(pace: Pace, chat_id: int, kind: Kind = Kind.SEND) -> None:
    """Make a call that takes no time."""
    pace.depart()
    pace.arrive(chat_id, kind)


def test_as_many_as_are_allowed_go_within_a_second(pace: Pace, time: Time) -> None:
    """Then nothing, until a second after the answer to the first."""
    for chat_id in range(1, PER_SECOND + 1):
        assert pace.room()
        speak(pace, chat_id)
        time.now += 0.01
    assert 0 == pace.room()
    assert 1001.0 == pace.next_at()
    time.now = 1000.999
    assert 0 == pace.room()
    time.now = 1001.0
    assert 1 == pace.room()


def test_what_is_under_way_counts_until_a_second_after_its_answer(pace: Pace, time: Time) -> None:
    """Nobody knows at which end of a slow way Telegram counts."""
    pace = Pace(clock=time, limits=Limits(per_second=2))
    pace.depart()
    pace.depart()
    time.now += 30
    assert (0, None) == (pace.room(), pace.next_at())
    pace.arrive(1, Kind.SEND)
    time.now += 0.5
    assert 0 == pace.room()
    time.now += 0.5
    assert 1 == pace.room()


def test_no_more_than_so_many_are_under_way(pace: Pace) -> None:
    """A Telegram that is slow with everybody is not asked by ever more at once."""
    limits = Limits()
    for _ in range(limits.at_once):
        pace.depart()
    assert 0 == pace.room()


def test_a_chat_has_a_burst_and_then_one_a_second(pace: Pace, time: Time) -> None:
    """Of three, which an ordinary conversation fits into."""
    spoken = []
    for tick in range(60):
        if pace.may(7, Kind.SEND):
            speak(pace, 7)
            spoken.append(tick / 10)
        time.now = 1000 + (tick + 1) / 10
    assert [0.0, 0.1, 0.2, 1.0, 2.0, 3.0, 4.0, 5.0] == spoken


def test_a_resting_chat_says_until_when_and_holds_up_no_other(pace: Pace) -> None:
    """Neither another chat, nor a change of a message in the same one."""
    for _ in range(3):
        speak(pace, 7)
    assert (False, True, True) == (
        pace.may(7, Kind.SEND),
        pace.may(7, Kind.EDIT),
        pace.may(8, Kind.SEND),
    )
    assert (1, 1001.0) == (pace.resting(), pace.next_at())


def test_a_group_hears_less_than_twenty_in_any_minute(pace: Pace, time: Time) -> None:
    """Whatever is owed to it."""
    spoken = deque[float]()
    for tick in range(3000):
        time.now = 1000 + tick / 10
        if pace.may(-5, Kind.SEND):
            speak(pace, -5)
            spoken.append(time.now)
        assert sum(time.now - one < 60 for one in spoken) < 20


def test_a_flooded_chat_is_left_alone_for_as_long_as_it_wants(pace: Pace, time: Time) -> None:
    """It alone, and in every kind."""
    pace.flood(7, 5.0)
    assert (False, False, True) == (
        pace.may(7, Kind.SEND),
        pace.may(7, Kind.EDIT),
        pace.may(8, Kind.SEND),
    )
    assert 0 < pace.room()
    time.now += 4.999
    assert not pace.may(7, Kind.SEND)
    time.now += 0.001
    assert pace.may(7, Kind.SEND)


def test_several_flooded_chats_are_the_bot_itself(pace: Pace, time: Time) -> None:
    """Then everything waits for as long as Telegram wants."""
    for chat_id in range(1, MANY_CHATS):
        pace.flood(chat_id, 5.0)
        assert pace.room()
    pace.flood(MANY_CHATS, 7.0)
    assert (0, 1007.0) == (pace.room(), pace.next_at())
    time.now += 7
    assert pace.room()


def test_groups_in_slow_mode_silence_nobody_else(pace: Pace, time: Time) -> None:
    """Any stranger may own some, and let the bot speak in them once an hour."""
    for chat_id in range(1, 3 * MANY_CHATS):
        pace.flood(-chat_id, 900.0)
    assert pace.room()
    assert (False, True) == (pace.may(-1, Kind.SEND), pace.may(7, Kind.SEND))
    for chat_id in range(1, MANY_CHATS):
        pace.flood(chat_id, 5.0)
    assert pace.room()
    pace.flood(MANY_CHATS, 5.0)
    assert 0 == pace.room()
    time.now += 5
    assert pace.room()


def test_chats_that_were_flooded_long_ago_are_not_counted(pace: Pace, time: Time) -> None:
    """Only those that are to be left alone at the same time."""
    for chat_id in range(1, 3 * MANY_CHATS):
        pace.flood(chat_id, 5.0)
        time.now += 5
    assert pace.room()


def test_one_chats_trouble_stops_nobody(pace: Pace) -> None:
    """However often it fails."""
    for _ in range(10):
        pace.depart()
        pace.arrive(7, Kind.SEND)
        pace.fail(7)
    assert not pace.is_away
    assert pace.room()


def test_a_telegram_that_is_away_is_asked_by_one_at_a_time(pace: Pace, time: Time) -> None:
    """With growing pauses; and when it answers whoever it is, all go on."""
    pace.fail(1)
    pace.fail(2)
    pauses = []
    for _ in range(6):
        began = time.now
        while not pace.room():
            assert time.now < began + 60
            time.now += 0.125
        pauses.append(time.now - began)
        assert 1 == pace.room()
        pace.depart()
        assert 0 == pace.room()
        pace.arrive(3, Kind.SEND)
        pace.fail(3)
    assert [*AWAY_DELAYS, AWAY_DELAYS[-1], AWAY_DELAYS[-1]] == pauses
    time.now += AWAY_DELAYS[-1]
    pace.succeed()
    assert 1 < pace.room()


def test_those_under_way_when_an_outage_begins_make_it_no_longer(pace: Pace, time: Time) -> None:
    """Twenty failures of one moment are one."""
    for chat_id in range(1, 21):
        pace.fail(chat_id)
    time.now += AWAY_DELAYS[0]
    assert 1 == pace.room()


@dataclass
class Counting:
    """What Telegram counts, for itself: an oracle that knows nothing of the pace."""

    overall: deque[float] = field(default_factory=deque)
    chats: dict[tuple[int, Kind], tuple[float, float]] = field(default_factory=dict)

    def accepts(self, chat_id: int, kind: Kind, now: float) -> bool:
        """Say whether a call that comes now is within the limits, and count it."""
        while self.overall and self.overall[0] <= now - 1:
            self.overall.popleft()
        tokens, at = self.chats.get((chat_id, kind), (3.0, now))
        tokens = min(3.0, tokens + now - at)
        if len(self.overall) >= 30 or tokens < 1 - 1e-9:
            return False
        self.overall.append(now)
        self.chats[chat_id, kind] = tokens - 1, now
        return True


@pytest.mark.parametrize("seed", range(5))
def test_telegram_never_refuses_however_slow_the_way_is(seed: int) -> None:
    """A thousand calls whose departure, count and answer are up to two seconds apart."""
    chance = random.Random(seed)  # noqa: S311 - a case that can be repeated
    time, counting = Time(0.0), Counting()
    pace = Pace(clock=time)
    owed = deque((chance.randrange(1, 200), chance.choice(list(Kind))) for _ in range(1000))
    events: list[tuple[float, str, tuple[int, Kind]]] = []
    busy: set[int] = set()
    while owed or events:
        for _ in range(len(owed)):
            if not pace.room():
                break
            chat_id, kind = owed.popleft()
            if chat_id in busy or not pace.may(chat_id, kind):
                owed.append((chat_id, kind))
                continue
            busy.add(chat_id)
            pace.depart()
            counted = time.now + chance.expovariate(20)
            events += [(counted, "count", (chat_id, kind))]
            events += [(counted + min(2.0, chance.expovariate(5)), "arrive", (chat_id, kind))]
        events.sort()
        step = time.now + 0.05
        while events and events[0][0] <= step:
            time.now, what, (chat_id, kind) = events.pop(0)
            if what == "count":
                assert counting.accepts(chat_id, kind, time.now)
            else:
                busy.discard(chat_id)
                pace.arrive(chat_id, kind)
        time.now = step
    assert time.now < 60
