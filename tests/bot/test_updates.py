"""Promises of reading: who asked, for what, and which two deliveries are one."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from telegram import Update
from tests.builders import ALICE, BOB, NOW, a_profile, a_tap, an_update

from tgauth.bot.updates import Request, Tap, key_of, language_of, private_chat_of, read
from tgauth.domain.incoming import MESSAGES, UpdateKey, key_of_update
from tgauth.flows.begin_chat_login import Asked

GROUP: dict[str, Any] = {"chat": {"id": -5, "type": "group", "title": "G"}}
CHANNEL: dict[str, Any] = {"id": -9, "type": "channel", "title": "C"}

COMMANDS = {
    "/login": "login",
    "/LOGIN": "login",
    "/Login": "login",
    "/login ": "login",
    "/login now": "login",
    "/login\nnow": "login",
    "/login@tgauth_bot": "login",
    "/login@TGAUTH_bot": "login",
    "/login@tgauth_bot please": "login",
    "/login@otherbot": None,
    "/login@": None,
    "/login@tgauth_bot2": None,
    "/login!": None,
    "/loginx": "loginx",
    "/start": "start",
    "/start abc": "start",
    "/help": "help",
    "login": None,
    " /login": None,
    "please /login": None,
    "/": None,
    "/" + "a" * 33: None,
    "\uff0flogin": None,
    "/ login": None,
    "": None,
}


HANDLE = "abcdefghijklmnop-_0123"

HANDLES = {
    f"/start {HANDLE}": HANDLE,
    f"/start\n{HANDLE}\n": HANDLE,
    f"/START@tgauth_bot {HANDLE}": HANDLE,
    f"/start {HANDLE} more": f"{HANDLE} more",
    "/start anything": "anything",
    f"/start@otherbot {HANDLE}": None,
    f"/login {HANDLE}": None,
    f"/start{HANDLE[:10]}": None,
    "/start": None,
    "/start ": None,
    "/start@tgauth_bot": None,
    HANDLE: HANDLE,
    f" {HANDLE}\n": HANDLE,
    HANDLE[:-1]: None,
    f"{HANDLE}0": None,
    f"{HANDLE[:-1]}!": None,
    f"{HANDLE[:-1]}\u0661": None,
    f"{HANDLE} {HANDLE}": None,
    "": None,
}


def read_request(update: Update) -> Request:
    """Read an update that holds a message of somebody."""
    request = read(update, bot_username="tgauth_bot", now=NOW)
    assert isinstance(request, Request)
    return request


@pytest.mark.parametrize("text", COMMANDS)
def test_a_command_is_one_only_for_this_bot_and_at_the_start(text: str) -> None:
    """Its name in lower case, whatever follows it; nothing where another bot is meant."""
    request = read_request(an_update(text))
    assert COMMANDS[text] == request.command


def test_a_private_message_is_read_whole() -> None:
    """Chat, sender, command and Telegram's own moment."""
    asked = Asked(key=key_of(an_update()), chat_id=ALICE, profile=a_profile(), at=NOW)
    expected = Request(asked=asked, is_private=True, is_own_word=True, command="login", handle=None)
    assert expected == read_request(an_update())


def test_a_message_in_a_group_is_not_private() -> None:
    """The answer goes to the group, and the sender is known."""
    request = read_request(an_update(**GROUP))
    assert (-5, False, ALICE) == (
        request.asked.chat_id,
        request.is_private,
        request.asked.profile.telegram_id,
    )


@pytest.mark.parametrize(
    "fields",
    [
        {
            "from": {"id": 1087968824, "is_bot": True, "first_name": "Group"},
            "sender_chat": GROUP["chat"],
        },
        {
            "from": {"id": 136817688, "is_bot": True, "first_name": "Channel"},
            "sender_chat": CHANNEL,
        },
        {"via_bot": {"id": 5, "is_bot": True, "first_name": "Bot"}},
        {"forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "X"}},
        {
            "forward_origin": {
                "type": "user",
                "date": 1,
                "sender_user": {"id": 7, "is_bot": False, "first_name": "B"},
            }
        },
    ],
    ids=["anonymous", "a channel", "via a bot", "forwarded from hidden", "forwarded from a person"],
)
def test_somebody_elses_words_are_told_apart(fields: dict[str, Any]) -> None:
    """A login must come from the person themselves; they are answered, but not logged in."""
    assert not read_request(an_update(**fields)).is_own_word


@pytest.mark.parametrize(
    "fields",
    [{"from": {"id": 5, "is_bot": True, "first_name": "Bot"}}, {"from": None}],
    ids=["a bot", "nobody"],
)
def test_a_bot_and_nobody_are_not_answered(fields: dict[str, Any]) -> None:
    """Two bots that answer each other would never stop."""
    assert read(an_update(**fields), bot_username="tgauth_bot", now=NOW) is None


@pytest.mark.parametrize("kind", ["edited_message", "channel_post", "edited_channel_post"])
def test_only_a_new_message_is_a_request(kind: str) -> None:
    """An edit of an old message asks for nothing."""
    message = an_update().to_dict()["message"]
    update = Update.de_json({"update_id": 5, kind: message}, None)
    assert read(update, bot_username="tgauth_bot", now=NOW) is None


def test_a_tap_is_read_whole() -> None:
    """Who tapped what under which message; and the moment is ours, as Telegram tells none."""
    update = a_tap("new", message_id=77)
    asked = Asked(key=key_of(update), chat_id=ALICE, profile=a_profile(), at=NOW + 5)
    expected = Tap(asked=asked, query_id="query-1", message_id=77, is_private=True, data="new")
    assert expected == read(update, bot_username="tgauth_bot", now=NOW + 5)


@pytest.mark.parametrize(
    ("changes", "is_private"),
    [
        ({}, True),
        ({"date": 0}, True),
        ({"chat": {"id": BOB, "type": "private"}}, False),
        ({"chat": {"id": -5, "type": "group", "title": "G"}}, False),
    ],
    ids=["own chat", "an old message", "another's chat", "a group"],
)
def test_a_tap_counts_in_the_own_private_chat_only(
    changes: dict[str, Any], *, is_private: bool
) -> None:
    """The one who taps is the one whose chat it is, also under messages that are long gone."""
    tap = read(a_tap("new", **changes), bot_username="tgauth_bot", now=NOW)
    assert isinstance(tap, Tap)
    assert is_private == tap.is_private


@pytest.mark.parametrize("missing", ["message", "data"])
def test_a_tap_on_nothing_of_ours_is_nothing(missing: str) -> None:
    """Games and inline messages are not ours."""
    raw = a_tap("new").to_dict()
    del raw["callback_query"][missing]
    assert read(Update.de_json(raw, None), bot_username="tgauth_bot", now=NOW) is None


def test_the_language_is_the_senders() -> None:
    """Of a message, of a tap, or unknown."""
    assert ["en", "en", None] == [
        language_of(one) for one in (an_update(), a_tap("new"), Update(update_id=1))
    ]


@pytest.mark.parametrize("text", HANDLES)
def test_a_handle_follows_start_or_stands_alone(text: str) -> None:
    """As a deep link sends it, as people copy it, and for no other bot and no other command."""
    assert HANDLES[text] == read_request(an_update(text)).handle


def test_a_photo_has_no_command() -> None:
    """A message without text asks for nothing in particular."""
    assert read_request(an_update(None)).command is None


@pytest.mark.parametrize(
    ("update", "identity"),
    [
        (an_update(), f"message:{ALICE}:11:{NOW // 1000}"),
        (an_update(**GROUP), f"message:-5:11:{NOW // 1000}"),
        (an_update("other text"), f"message:{ALICE}:11:{NOW // 1000}"),
        (an_update(date=5), f"message:{ALICE}:11:5"),
        (an_update(message_id=9), f"message:{ALICE}:9:{NOW // 1000}"),
        (a_tap("new"), f"callback:{ALICE}:query-1"),
        (Update.de_json({"update_id": 1}, None), "other"),
    ],
)
def test_an_update_is_what_it_is_about(update: Update, identity: str) -> None:
    """Chat, message and moment: a number that Telegram used again is another update."""
    assert UpdateKey(update_id=1, identity=identity) == key_of(update)


def test_a_repeat_has_the_same_key() -> None:
    """As Telegram sends it, and as the inbox keeps it."""
    update = an_update()
    again = Update.de_json(update.to_dict(), None)
    assert key_of(update) == key_of(again)


@pytest.mark.parametrize(
    ("update", "expected"),
    [(an_update(), ALICE), (an_update(**GROUP), None), (Update(update_id=1), None)],
)
def test_only_a_private_chat_is_apologised_to(update: Update, expected: int | None) -> None:
    """Nothing is said in front of others."""
    assert expected == private_chat_of(update)


@given(st.text(max_size=60))
def test_any_text_is_read_without_a_fault(text: str) -> None:
    """Whatever people write."""
    request = read_request(an_update(text))
    assert request.command is None or text.lower().startswith(f"/{request.command}")


def raw(**fields: Any) -> dict[str, Any]:
    """Return an update as Telegram sends it."""
    return {"update_id": 7, **fields}


MESSAGE: dict[str, Any] = an_update().to_dict()["message"]
POST: dict[str, Any] = {"message_id": 3, "date": 5, "chat": CHANNEL, "text": "/login"}
QUERY: dict[str, Any] = a_tap("new").to_dict()["callback_query"]
ALIKE: dict[str, dict[str, Any]] = {
    **{kind: raw(**{kind: POST if "post" in kind else MESSAGE}) for kind in MESSAGES},
    "a tap": raw(callback_query=QUERY),
    "a tap under a message that is gone": raw(
        callback_query=QUERY | {"message": {"message_id": 9, "date": 0, "chat": MESSAGE["chat"]}}
    ),
    "a tap under an inline message": raw(
        callback_query={name: QUERY[name] for name in QUERY if name != "message"}
        | {"inline_message_id": "x"}
    ),
    "a tap in a group": raw(callback_query=QUERY | {"message": MESSAGE | GROUP}),
    "nothing": raw(),
    "a poll": raw(poll={"id": "1", "question": "?"}),
}


@pytest.mark.parametrize("case", ALIKE)
def test_an_update_has_one_key_whether_it_was_posted_or_fetched(case: str) -> None:
    """So that one which comes both ways is handled once, and can be settled."""
    known = {name: found for name, found in ALIKE[case].items() if name != "poll"}
    parsed = Update.de_json(known, None)
    assert key_of_update(ALIKE[case]) == key_of(parsed)
    assert key_of_update(ALIKE[case]) == key_of_update(parsed.to_dict())


@given(
    update_id=st.integers(0, 2**31),
    chat_id=st.integers(-(2**52), 2**52),
    message_id=st.integers(1, 2**31),
    date=st.integers(0, 2**32),
    kind=st.sampled_from(MESSAGES),
)
def test_every_message_has_one_key(
    update_id: int, chat_id: int, message_id: int, date: int, kind: str
) -> None:
    """Whatever its numbers are."""
    message = {"message_id": message_id, "date": date, "chat": {"id": chat_id, "type": "private"}}
    found = {"update_id": update_id, kind: message}
    assert key_of_update(found) == key_of(Update.de_json(dict(found), None))
