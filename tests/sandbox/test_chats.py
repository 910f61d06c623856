"""Groups, channels and what people send there, over HTTP."""

import itertools
from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox

FAR = -1_000_000_000_000
_groups = itertools.count(700_000)


@pytest.fixture
def group() -> int:
    """A group that no other test uses."""
    return -next(_groups)


@pytest.fixture
def channel(sandbox: Sandbox) -> int:
    """A channel with the bot as an administrator."""
    chat_id = FAR - next(_groups)
    sandbox.post("/control/chats", chat_id=chat_id, type="channel", title="News", username="news")
    return chat_id


def updates(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Return what waits for the bot."""
    return list(sandbox.ok("getUpdates"))


def test_a_changed_name_is_in_the_next_message(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#user: names change, the id stays; an empty name is left out."""
    sandbox.say("one", first_name="Ann", username="ann")
    changed = {"user_id": sandbox.user_id, "first_name": "Anna", "username": ""}
    sandbox.post("/control/accounts", **changed)
    message = sandbox.say("two")
    names = {"first_name": "Anna", "language_code": "en"}
    assert message["from"] == {"id": sandbox.user_id, "is_bot": False, **names}
    assert message["chat"] == {"id": sandbox.user_id, "type": "private", "first_name": "Anna"}


def test_a_deleted_account_keeps_no_name(sandbox: Sandbox) -> None:
    """Td: a deleted user has an empty name; it writes no more."""
    sandbox.say("one", first_name="Ann", username="ann")
    sandbox.post("/control/accounts", user_id=sandbox.user_id, deactivated=True)
    chat = sandbox.ok("getChat", chat_id=sandbox.user_id)
    assert chat["first_name"] == ""
    assert "username" not in chat
    body = {"user_id": sandbox.user_id, "text": "x"}
    assert sandbox.client.post("/chat/messages", json=body).status_code == 409
    member = sandbox.ok("getChatMember", chat_id=sandbox.user_id, user_id=sandbox.user_id)
    assert member["user"] == {"id": sandbox.user_id, "is_bot": False, "first_name": ""}


def test_a_bot_is_not_written_to(sandbox: Sandbox) -> None:
    """Client.cpp `check_chat_access`: "bot can't send messages to bots"."""
    assert sandbox.say("/login", is_bot=True)["from"]["is_bot"] is True
    answer = sandbox.refused("sendMessage", chat_id=sandbox.user_id, text="x")
    assert answer == (403, "Forbidden: bot can't send messages to bots")


def test_a_reply_to_the_bot_is_seen_in_a_group(sandbox: Sandbox, group: int) -> None:
    """core.telegram.org/bots/features#privacy-mode: "Replies to any messages" of the bot."""
    said = sandbox.say("/login", chat_id=group)
    sent = sandbox.ok("sendMessage", chat_id=group, text="in private, please")
    reply = {"chat_id": group, "reply_to_message_id": sent["message_id"]}
    answered = sandbox.say("why?", **reply)
    assert answered["update_id"] is not None
    assert answered["reply_to_message"]["text"] == "in private, please"
    other = sandbox.say("so?", chat_id=group, reply_to_message_id=said["message_id"])
    assert other["update_id"] is None


@pytest.mark.parametrize(("status", "seen"), [("administrator", True), ("left", False)])
def test_the_bots_own_standing_decides_what_it_sees(
    sandbox: Sandbox,
    group: int,
    status: str,
    seen: bool,  # noqa: FBT001 - a table
) -> None:
    """core.telegram.org/bots/features#privacy-mode: administrators get all messages."""
    sandbox.post("/control/members", chat_id=group, user_id=Sandbox.bot_id, status=status)
    assert (sandbox.say("hello", chat_id=group)["update_id"] is not None) is seen
    assert (sandbox.say("/login", chat_id=group)["update_id"] is not None) is seen


@pytest.mark.parametrize(
    ("far", "status", "answer"),
    [
        (False, "kicked", (403, "Forbidden: bot was kicked from the group chat")),
        (True, "kicked", (403, "Forbidden: bot was kicked from the supergroup chat")),
        (False, "left", (403, "Forbidden: bot is not a member of the group chat")),
        (
            True,
            "restricted",
            (400, "Bad Request: not enough rights to send text messages to the chat"),
        ),
    ],
)
def test_a_bot_without_standing_cannot_write(
    sandbox: Sandbox,
    group: int,
    far: bool,  # noqa: FBT001 - a table
    status: str,
    answer: tuple[int, str],
) -> None:
    """Client.cpp `check_chat_access`; the bot hears of its standing as `my_chat_member`."""
    chat_id = FAR + group if far else group
    sandbox.say("/login", chat_id=chat_id)
    own = {"chat_id": chat_id, "user_id": Sandbox.bot_id}
    changed = sandbox.post("/control/members", **own, status=status)
    update = updates(sandbox)[-1]
    assert update["update_id"] == changed["update_id"]
    assert update["my_chat_member"]["old_chat_member"]["status"] == "member"
    assert update["my_chat_member"]["new_chat_member"]["status"] == status
    assert sandbox.refused("sendMessage", chat_id=chat_id, text="x") == answer


def test_others_standings_are_told_to_an_administrator_who_asks(
    sandbox: Sandbox, group: int
) -> None:
    """core.telegram.org/bots/api#update `chat_member`: administrator, and asked for."""
    person = {"chat_id": group, "user_id": sandbox.user_id}
    own = {"chat_id": group, "user_id": Sandbox.bot_id}
    sandbox.ok("getUpdates", allowed_updates=["chat_member"])
    assert sandbox.post("/control/members", **person, status="member")["update_id"] is None
    sandbox.post("/control/members", **own, status="administrator")
    assert sandbox.post("/control/members", **person, status="kicked")["update_id"] is not None
    change = updates(sandbox)[-1]["chat_member"]
    assert change["new_chat_member"]["user"]["id"] == sandbox.user_id
    sandbox.ok("getUpdates", allowed_updates=[])
    assert sandbox.post("/control/members", **person, status="member")["update_id"] is None


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        ("creator", {"is_anonymous"}),
        ("administrator", {"can_be_edited", "is_anonymous", "can_manage_chat"}),
        ("restricted", {"is_member", "can_send_messages", "can_send_polls", "until_date"}),
        ("kicked", {"until_date"}),
        ("member", set()),
        ("left", set()),
    ],
)
def test_a_standing_is_told_whole(
    sandbox: Sandbox, group: int, status: str, fields: set[str]
) -> None:
    """core.telegram.org/bots/api#chatmember: each status has fields that are always there."""
    own = {"chat_id": group, "user_id": Sandbox.bot_id}
    sandbox.post("/control/members", **own, status="left" if status == "member" else "member")
    sandbox.post("/control/members", **own, status=status)
    told = updates(sandbox)[-1]["my_chat_member"]["new_chat_member"]
    assert told == sandbox.ok("getChatMember", **own)
    assert told["status"] == status
    assert fields <= set(told)


def test_an_anonymous_administrator(sandbox: Sandbox, group: int) -> None:
    """core.telegram.org/bots/api#message: `sender_chat` is the group, `from` a stand-in."""
    message = sandbox.say("/login", chat_id=group, sent_as="group")
    assert message["from"]["id"] == 1087968824
    assert message["sender_chat"] == message["chat"]
    member = {"chat_id": group, "user_id": sandbox.user_id}
    assert sandbox.ok("getChatMember", **member)["status"] == "administrator"


def test_a_message_on_behalf_of_a_channel(sandbox: Sandbox, group: int, channel: int) -> None:
    """core.telegram.org/bots/api#message `sender_chat`: the channel; `from` is Channel_Bot."""
    message = sandbox.say("/login", chat_id=group, sent_as="channel", sender_chat_id=channel)
    assert message["from"]["id"] == 136817688
    assert (message["sender_chat"]["id"], message["sender_chat"]["type"]) == (channel, "channel")
    wrong = {"user_id": 5, "text": "x", "sent_as": "channel", "sender_chat_id": group}
    assert sandbox.client.post("/chat/messages", json=wrong).status_code == 404


def test_a_post_in_a_channel(sandbox: Sandbox, channel: int) -> None:
    """core.telegram.org/bots/api#update `channel_post`: no `from`, and the channel as sender."""
    said = sandbox.say("/login", chat_id=channel)
    (update,) = updates(sandbox)
    assert set(update) == {"update_id", "channel_post"}
    post = update["channel_post"]
    assert (post["message_id"], post["text"]) == (said["message_id"], "/login")
    assert "from" not in post
    chat = {"id": channel, "type": "channel", "title": "News", "username": "news"}
    assert post["chat"] == post["sender_chat"] == chat


def test_a_bot_posts_in_a_channel_as_an_administrator(sandbox: Sandbox, channel: int) -> None:
    """Client.cpp `check_chat_access`: "need administrator rights in the channel chat"."""
    sent = sandbox.ok("sendMessage", chat_id=channel, text="x")
    assert "from" not in sent
    assert sent["sender_chat"]["id"] == channel
    target = {"chat_id": channel, "message_id": sent["message_id"]}
    assert sandbox.ok("editMessageText", **target, text="y")["text"] == "y"
    sandbox.post("/control/members", chat_id=channel, user_id=Sandbox.bot_id, status="member")
    assert sandbox.refused("sendMessage", chat_id=channel, text="x") == (
        400,
        "Bad Request: need administrator rights in the channel chat",
    )


def test_a_post_comes_to_the_discussion_by_itself(
    sandbox: Sandbox, group: int, channel: int
) -> None:
    """core.telegram.org/bots/api#message `is_automatic_forward`: from 777000, with its origin."""
    discussion = FAR + group
    sandbox.post("/control/chats", chat_id=discussion, type="supergroup")
    sandbox.post("/control/chats", chat_id=channel, linked_chat_id=discussion)
    sandbox.say("/login", chat_id=channel)
    post, forward = (next(iter(u.values())) for u in map(_content, updates(sandbox)))
    assert forward["is_automatic_forward"] is True
    assert forward["from"]["id"] == 777000
    assert forward["sender_chat"]["id"] == channel
    assert forward["forward_origin"] == {
        "type": "channel",
        "date": post["date"],
        "chat": post["chat"],
        "message_id": post["message_id"],
    }


def _content(update: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in update.items() if name != "update_id"}


@pytest.mark.parametrize(
    ("origin", "field"),
    [
        ("user", "sender_user"),
        ("hidden_user", "sender_user_name"),
        ("chat", "sender_chat"),
        ("channel", "chat"),
    ],
)
def test_every_kind_of_origin(sandbox: Sandbox, origin: str, field: str) -> None:
    """core.telegram.org/bots/api#messageorigin: four kinds, each with its own field."""
    found = sandbox.say("x", origin=origin, date=1_700_000_000)["forward_origin"]
    extra = {"message_id"} if origin == "channel" else set()
    assert set(found) == {"type", "date", field} | extra
    assert (found["type"], found["date"]) == (origin, 1_700_000_000)


def test_a_message_via_a_bot(sandbox: Sandbox, group: int) -> None:
    """core.telegram.org/bots/api#message `via_bot`; seen in a group when it is this bot."""
    message = sandbox.say("x", via_bot="gif")
    assert (message["via_bot"]["username"], message["via_bot"]["is_bot"]) == ("gif", True)
    assert message["from"]["id"] == sandbox.user_id
    assert sandbox.say("x", chat_id=group, via_bot="gif")["update_id"] is None
    own = sandbox.say("x", chat_id=group, via_bot="demo_bot")
    assert own["update_id"] is not None
    assert own["via_bot"]["id"] == Sandbox.bot_id


def test_a_group_becomes_a_supergroup(sandbox: Sandbox, group: int) -> None:
    """core.telegram.org/bots/api#responseparameters and #message `migrate_to_chat_id`."""
    sandbox.say("/login", chat_id=group)
    sent = sandbox.ok("sendMessage", chat_id=group, text="x")
    moved = sandbox.post("/control/migrations", chat_id=group)["migrated_to"]
    old, new = (update["message"] for update in updates(sandbox)[-2:])
    assert (old["chat"]["id"], old["migrate_to_chat_id"]) == (group, moved)
    assert (new["chat"]["id"], new["migrate_from_chat_id"]) == (moved, group)
    assert new["chat"]["type"] == "supergroup"
    calls: list[tuple[str, dict[str, Any]]] = [
        ("sendMessage", {"text": "y"}),
        ("editMessageText", {"message_id": sent["message_id"], "text": "y"}),
    ]
    for method, parameters in calls:
        assert sandbox.call(method, chat_id=group, **parameters).json() == {
            "ok": False,
            "error_code": 400,
            "description": "Bad Request: group chat was upgraded to a supergroup chat",
            "parameters": {"migrate_to_chat_id": moved},
        }
    assert sandbox.ok("sendMessage", chat_id=moved, text="y")["chat"]["id"] == moved
    again = sandbox.client.post("/control/migrations", json={"chat_id": group})
    assert again.status_code == 409


def test_messages_in_topics(sandbox: Sandbox, group: int) -> None:
    """core.telegram.org/bots/api#message `message_thread_id`, `is_topic_message`."""
    forum = FAR + group
    topic = sandbox.post("/control/topics", chat_id=forum, name="Access")["message_thread_id"]
    created = updates(sandbox)[-1]["message"]
    assert (created["message_id"], created["forum_topic_created"]["name"]) == (topic, "Access")
    said = sandbox.say("/login", chat_id=forum, message_thread_id=topic)
    assert (said["message_thread_id"], said["is_topic_message"]) == (topic, True)
    assert said["chat"]["is_forum"] is True
    sent = sandbox.ok("sendMessage", chat_id=forum, text="x", message_thread_id=topic)
    assert (sent["message_thread_id"], sent["is_topic_message"]) == (topic, True)
    reply = {"message_id": said["message_id"]}
    replied = sandbox.ok("sendMessage", chat_id=forum, text="x", reply_parameters=reply)
    assert replied["message_thread_id"] == topic
    assert "message_thread_id" not in sandbox.ok("sendMessage", chat_id=forum, text="x")


@pytest.mark.parametrize("thread", [1, 4242])
def test_a_topic_that_is_not_there(sandbox: Sandbox, group: int, thread: int) -> None:
    """Client.cpp `check_reply_parameters`: "message thread not found", also for the general one."""
    sandbox.say("/login", chat_id=group)
    answer = sandbox.refused("sendMessage", chat_id=group, text="x", message_thread_id=thread)
    assert answer == (400, "Bad Request: message thread not found")


def test_people_edit_what_they_wrote(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#update `edited_message`."""
    said = sandbox.say("/logn")
    target = {"user_id": sandbox.user_id, "message_id": said["message_id"]}
    edited = sandbox.post("/chat/edits", **target, text="/login")
    update = updates(sandbox)[-1]
    assert update["update_id"] == edited["update_id"]
    message = update["edited_message"]
    assert (message["text"], message["date"]) == ("/login", said["date"])
    assert message["edit_date"] >= said["date"]
    sent = sandbox.send("mine")
    other = {**target, "message_id": sent["message_id"], "text": "x"}
    assert sandbox.client.post("/chat/edits", json=other).status_code == 404


def test_ids_must_fit_the_kind_of_chat(sandbox: Sandbox) -> None:
    """Client.cpp `get_supergroup_chat_id`: supergroups and channels have long ids."""
    for body in (
        {"chat_id": -5, "type": "channel"},
        {"chat_id": FAR - 5, "type": "group"},
        {"chat_id": 5},
    ):
        assert sandbox.client.post("/control/chats", json=body).status_code == 400
