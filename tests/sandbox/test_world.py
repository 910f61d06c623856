"""What ages: presses, their updates, and messages; with a clock of its own."""

import pytest

from tgauth.sandbox.callbacks import ACCESSIBLE_SECONDS, ANSWERABLE_SECONDS, answer, press
from tgauth.sandbox.edits import delete_message, edit_message_text
from tgauth.sandbox.errors import ApiError, BadRequest
from tgauth.sandbox.messages import send_message
from tgauth.sandbox.params import Params
from tgauth.sandbox.sayings import Said, say
from tgauth.sandbox.telegram import Telegram

KEYBOARD = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now


@pytest.fixture
def clock() -> Clock:
    """A clock at a fixed time."""
    return Clock()


@pytest.fixture
def telegram(clock: Clock) -> Telegram:
    """A Telegram where person 7 has written."""
    telegram = Telegram.build(token="1:a", bot_username="demo_bot", limits=None, clock=clock)
    say(telegram.api.world, Said(user_id=7, text="hi"))
    telegram.api.updates.drop()
    return telegram


def send(telegram: Telegram) -> int:
    """Send a message with a button; return its id."""
    values = {"chat_id": 7, "text": "x", "reply_markup": KEYBOARD}
    return int(send_message(telegram.api, Params(values=values))["message_id"])


@pytest.mark.parametrize(("waited", "answered"), [(-1, True), (0, False)])
def test_a_press_can_be_answered_for_a_while(
    telegram: Telegram,
    clock: Clock,
    waited: int,
    answered: bool,  # noqa: FBT001 - a table
) -> None:
    """core.telegram.org/bots/api#answercallbackquery: "too old" afterwards."""
    world = telegram.api.world
    query_id, _ = press(world, world.person(7), chat_id=7, message_id=send(telegram), data="go")
    clock.now += ANSWERABLE_SECONDS + waited
    if answered:
        answer(world, query_id, {})
    else:
        with pytest.raises(BadRequest, match="query is too old"):
            answer(world, query_id, {})


@pytest.mark.parametrize(("waited", "date"), [(-1, True), (0, False)])
def test_a_press_under_an_old_message_brings_no_message_along(
    telegram: Telegram,
    clock: Clock,
    waited: int,
    date: bool,  # noqa: FBT001 - a table
) -> None:
    """core.telegram.org/bots/api#inaccessiblemessage: chat, message_id, and date 0."""
    world, sent = telegram.api.world, send(telegram)
    clock.now += ACCESSIBLE_SECONDS + waited
    press(world, world.person(7), chat_id=7, message_id=sent, data="go")
    (update,) = telegram.api.updates.read(offset=0, limit=1)
    message = update.content["message"]
    assert bool(message["date"]) is date
    if not date:
        assert set(message) == {"chat", "message_id", "date"}


def test_old_messages_can_still_be_edited(telegram: Telegram, clock: Clock) -> None:
    """core.telegram.org/bots/api#editmessagetext limits only business messages in time."""
    sent = send(telegram)
    clock.now += 30 * 24 * 3600
    params = Params(values={"chat_id": 7, "message_id": sent, "text": "over"})
    edited = edit_message_text(telegram.api, params)
    assert (edited["text"], edited["edit_date"]) == ("over", int(clock.now))


@pytest.mark.parametrize(("waited", "left"), [(149, 1), (150, 0)])
def test_the_update_of_a_press_lives_150_seconds(
    telegram: Telegram, clock: Clock, waited: int, left: int
) -> None:
    """Client.cpp process_new_callback_query_queue queues it for 150 s, not for a day."""
    world = telegram.api.world
    press(world, world.person(7), chat_id=7, message_id=send(telegram), data="go")
    clock.now += waited
    assert len(telegram.api.updates) == left


@pytest.mark.parametrize(("hours", "deleted"), [(47.9, True), (48, False)])
def test_old_messages_cannot_be_deleted(
    telegram: Telegram,
    clock: Clock,
    hours: float,
    deleted: bool,  # noqa: FBT001 - a table
) -> None:
    """core.telegram.org/bots/api#deletemessage: "sent less than 48 hours ago"."""
    params = Params(values={"chat_id": 7, "message_id": send(telegram)})
    clock.now += hours * 3600
    if deleted:
        assert delete_message(telegram.api, params) is True
    else:
        with pytest.raises(ApiError, match="message can't be deleted for everyone"):
            delete_message(telegram.api, params)


@pytest.mark.parametrize("token", ["", "abc", "1:", ":a", "1:a b"])
def test_a_token_must_look_like_one(token: str) -> None:
    """A wrong setting is found at the start."""
    with pytest.raises(ValueError, match="token"):
        Telegram.build(token=token, bot_username="b", limits=None)
