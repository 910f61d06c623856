"""A Bot API library reads all that the sandbox tells: nothing is missing, nothing unheard of."""

from typing import Any

import pytest
from telegram import ChatFullInfo, ChatMember, Update
from tests.sandbox.helpers import Sandbox

FAR = -1_000_000_000_000
GO = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
TYPES = [
    "message",
    "edited_message",
    "channel_post",
    "callback_query",
    "my_chat_member",
    "chat_member",
]


@pytest.fixture
def told(sandbox: Sandbox) -> list[dict[str, Any]]:
    """One update at least of each kind that the sandbox knows."""
    sandbox.ok("getUpdates", allowed_updates=TYPES)
    sandbox.say("/start")
    for origin in ("user", "hidden_user", "chat", "channel"):
        sandbox.say("x", origin=origin)
    sandbox.say("x", via_bot="gif", reply_to_message_id=1)
    sandbox.say("x", sent_as="channel")
    sandbox.say("/login", chat_id=-905, sent_as="group")
    own = {"chat_id": -905, "user_id": Sandbox.bot_id}
    for status in ("restricted", "left", "kicked", "creator", "administrator"):
        sandbox.post("/control/members", **own, status=status)
        sandbox.post("/control/members", chat_id=-905, user_id=8, status="member")
        sandbox.post("/control/members", chat_id=-905, user_id=8, status=status)
    sandbox.post("/control/migrations", chat_id=-905)
    topic = sandbox.post("/control/topics", chat_id=FAR - 905, name="T")["message_thread_id"]
    sandbox.say("/x", chat_id=FAR - 905, message_thread_id=topic)
    channel = {"chat_id": FAR - 906, "type": "channel", "linked_chat_id": FAR - 905}
    sandbox.post("/control/chats", **channel)
    sandbox.say("/login", chat_id=FAR - 906)
    sandbox.post("/chat/edits", user_id=sandbox.user_id, message_id=1, text="z")
    sandbox.post("/chat/blocks", user_id=sandbox.user_id, blocked=True)
    sandbox.post("/chat/blocks", user_id=sandbox.user_id, blocked=False)
    sent = sandbox.send("q", reply_markup=GO, protect_content=True)
    press = {"user_id": sandbox.user_id, "message_id": sent["message_id"], "data": "go"}
    sandbox.post("/chat/presses", **press)
    sandbox.ok("deleteMessage", chat_id=sandbox.user_id, message_id=sent["message_id"])
    sandbox.post("/chat/presses", **press, forged=True)
    return list(sandbox.ok("getUpdates"))


def test_every_update_is_read(told: list[dict[str, Any]]) -> None:
    """python-telegram-bot finds each required field, and knows each that there is."""
    assert {name for update in told for name in update} == {"update_id", *TYPES}
    for raw in told:
        update = Update.de_json(raw, None)
        assert update.api_kwargs == {}
        message = update.effective_message
        assert message is None or message.api_kwargs == {}


@pytest.mark.parametrize("chat_id", [-907, FAR - 907])
def test_chats_and_members_are_read(sandbox: Sandbox, chat_id: int) -> None:
    """core.telegram.org/bots/api#chatfullinfo and #chatmember."""
    sandbox.say("/login", chat_id=chat_id)
    chat = ChatFullInfo.de_json(sandbox.ok("getChat", chat_id=chat_id), None)
    assert chat.api_kwargs == {}
    person = {"chat_id": chat_id, "user_id": sandbox.user_id}
    for status in ("creator", "administrator", "restricted", "member", "left", "kicked"):
        sandbox.post("/control/members", **person, status=status)
        member = ChatMember.de_json(sandbox.ok("getChatMember", **person), None)
        assert (member.status, member.api_kwargs) == (status, {})
