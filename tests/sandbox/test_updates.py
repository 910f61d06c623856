"""The queue of updates, by itself."""

import pytest

from tgauth.sandbox.updates import DEFAULT_TYPES, Updates, allowed_from


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at a fixed time."""
    return Clock()


@pytest.fixture
def updates(clock: Clock) -> Updates:
    """An empty queue whose first id is 100."""
    return Updates(clock=clock, next_id=100)


def ids(updates: Updates, *, offset: int = 0, limit: int = 100) -> list[int]:
    """Read and return the ids only."""
    return [update.id for update in updates.read(offset=offset, limit=limit)]


def test_ids_are_sequential(updates: Updates) -> None:
    """Ids grow by one: core.telegram.org/bots/api#update."""
    assert [updates.add("message", {}) for _ in range(3)] == [100, 101, 102]


def test_the_start_is_random() -> None:
    """Two queues do not start at the same id: core.telegram.org/bots/api#update."""
    starts = {Updates(clock=lambda: 0.0).next_id for _ in range(5)}
    assert len(starts) > 1


def test_reading_again_gives_the_same(updates: Updates) -> None:
    """Nothing is confirmed before an offset says so: core.telegram.org/bots/api#getupdates."""
    updates.add("message", {})
    assert ids(updates) == [100]
    assert ids(updates) == [100]


def test_an_offset_confirms_for_ever(updates: Updates) -> None:
    """A lower offset afterwards brings nothing back: core.telegram.org/bots/api#getupdates."""
    for _ in range(4):
        updates.add("message", {})
    assert ids(updates, offset=102) == [102, 103]
    assert ids(updates, offset=100) == [102, 103]


def test_a_negative_offset_counts_from_the_end(updates: Updates) -> None:
    """The last ones stay and "all previous updates will be forgotten" (#getupdates)."""
    for _ in range(5):
        updates.add("message", {})
    assert ids(updates, offset=-2) == [103, 104]
    assert ids(updates) == [103, 104]


def test_an_offset_far_in_the_future_is_not_believed(updates: Updates) -> None:
    """tddb/td/db/TQueue.cpp: more than 10 beyond the tail is an error, and all is given.

    So a bot that kept a high offset over a restart of the ids loses nothing.
    """
    updates.add("message", {})
    assert ids(updates, offset=112) == [100]
    assert ids(updates, offset=111) == []


def test_the_limit_holds(updates: Updates) -> None:
    """No more than the limit comes at once: core.telegram.org/bots/api#getupdates."""
    for _ in range(5):
        updates.add("message", {})
    assert ids(updates, limit=2) == [100, 101]


@pytest.mark.parametrize(("waited", "left"), [(86_399.0, [100]), (86_400.0, [])])
def test_updates_live_for_a_day(
    updates: Updates, clock: Clock, waited: float, left: list[int]
) -> None:
    """Kept "not longer than 24 hours": core.telegram.org/bots/api#getting-updates."""
    updates.add("message", {})
    clock.now += waited
    assert ids(updates) == left


def test_types_not_asked_for_are_lost(updates: Updates) -> None:
    """Client.cpp add_update_impl drops them when they happen, not when they are read."""
    updates.allowed = allowed_from(["callback_query"])
    assert updates.add("message", {}) is None
    updates.allowed = allowed_from([])
    assert ids(updates) == []


@pytest.mark.parametrize("kind", ["chat_member", "message_reaction", "message_reaction_count"])
def test_the_default_leaves_three_types_out(updates: Updates, kind: str) -> None:
    """An empty list means all but these three: core.telegram.org/bots/api#getupdates."""
    assert kind not in DEFAULT_TYPES
    assert updates.add(kind, {}) is None
    updates.allowed = allowed_from([kind])
    assert updates.add(kind, {}) == 100


def test_unknown_types_are_ignored() -> None:
    """Client.cpp get_allowed_update_types knows no other names and refuses none."""
    assert allowed_from(["message", "nonsense"]) == {"message"}
    assert allowed_from(["nonsense"]) == DEFAULT_TYPES


def test_a_repeat_comes_although_it_was_confirmed(updates: Updates) -> None:
    """A test can see what a bot does with an update that it had before."""
    updates.add("message", {"text": "again"})
    assert ids(updates, offset=101) == []
    assert updates.repeat(100) is True
    assert ids(updates, offset=101) == [100]
    assert ids(updates, offset=101) == []
    assert updates.repeat(99) is False


def test_ids_can_restart_lower(updates: Updates) -> None:
    """After a week without updates the next id is random: core.telegram.org/bots/api#update."""
    updates.add("message", {})
    with pytest.raises(ValueError, match="pending"):
        updates.restart_ids(5)
    assert ids(updates, offset=101) == []
    updates.restart_ids(5)
    updates.add("message", {})
    assert ids(updates, offset=101) == [5]
