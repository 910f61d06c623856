"""getMe, getUpdates and the ways to call them, over HTTP."""

import threading
import time
from typing import Any

import httpx
import pytest
from tests.sandbox.helpers import Sandbox


def test_a_wrong_token_is_unauthorized(sandbox: Sandbox) -> None:
    """Client.cpp get_closing_error: 401 "Unauthorized"."""
    answer = sandbox.client.get("/bot4242:other/getMe")
    assert answer.status_code == 401
    assert answer.json() == {"ok": False, "error_code": 401, "description": "Unauthorized"}


@pytest.mark.parametrize("path", ["/botnonsense/getMe", "/bot4242/getMe", "/bot:/getMe"])
def test_a_malformed_token_is_not_found(sandbox: Sandbox, path: str) -> None:
    """core.telegram.org/bots/api#making-requests: what is not a token is no path."""
    answer = sandbox.client.get(path)
    assert answer.status_code == 404
    assert answer.json() == {"ok": False, "error_code": 404, "description": "Not Found"}


def test_an_unknown_method_is_not_found(sandbox: Sandbox) -> None:
    """Client.cpp on_cmd: 404 "Not Found: method not found"."""
    assert sandbox.refused("getNothing") == (404, "Not Found: method not found")


@pytest.mark.parametrize("name", ["getMe", "getme", "GETME"])
def test_method_names_are_case_insensitive(sandbox: Sandbox, name: str) -> None:
    """core.telegram.org/bots/api#making-requests: "All methods … are case-insensitive"."""
    assert sandbox.ok(name) == {
        "id": Sandbox.bot_id,
        "is_bot": True,
        "first_name": "demo_bot",
        "username": "demo_bot",
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


@pytest.mark.parametrize(
    "request_",
    [
        {"params": {"offset": "-1", "allowed_updates": '["message"]'}},
        {"data": {"offset": "-1", "allowed_updates": '["message"]'}},
        {"files": {"offset": (None, "-1"), "allowed_updates": (None, '["message"]')}},
        {"json": {"offset": -1, "allowed_updates": ["message"]}},
    ],
    ids=["query", "form", "multipart", "json"],
)
def test_parameters_come_in_four_ways(sandbox: Sandbox, request_: dict[str, Any]) -> None:
    """core.telegram.org/bots/api#making-requests: query, form, JSON and multipart."""
    sandbox.say("one")
    second = sandbox.say("two")
    answer = sandbox.client.post(f"/bot{Sandbox.token}/getUpdates", **request_)
    assert [u["update_id"] for u in answer.json()["result"]] == [second["update_id"]]
    assert sandbox.ok("getWebhookInfo")["allowed_updates"] == ["message"]


def test_get_works_like_post(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#making-requests: "We support GET and POST HTTP methods"."""
    assert sandbox.client.get(f"/bot{Sandbox.token}/getMe").json()["ok"] is True


def test_a_body_that_does_not_parse_is_a_bad_request(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#making-requests: an error has a code and a description."""
    answer = sandbox.client.post(
        f"/bot{Sandbox.token}/getMe", content=b"{", headers={"content-type": "application/json"}
    )
    assert (answer.status_code, answer.json()["ok"]) == (400, False)


def test_a_message_looks_as_in_life(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#message: id, sender, chat, date, text and entities."""
    before = int(time.time())
    said = sandbox.say(
        "/start x", first_name="Ann", last_name="Lee", username="ann", language_code="ru"
    )
    (update,) = sandbox.ok("getUpdates")
    message = update["message"]
    assert update["update_id"] == said["update_id"]
    assert before <= message.pop("date") <= time.time()
    names = {"first_name": "Ann", "last_name": "Lee", "username": "ann"}
    assert message == {
        "message_id": 1,
        "from": {"id": sandbox.user_id, "is_bot": False, **names, "language_code": "ru"},
        "chat": {"id": sandbox.user_id, "type": "private", **names},
        "text": "/start x",
        "entities": [{"type": "bot_command", "offset": 0, "length": 6}],
    }


def test_an_offset_confirms(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#getupdates: confirmed once "called with an offset higher"."""
    ids = [sandbox.say(str(number))["update_id"] for number in range(3)]
    assert len(sandbox.ok("getUpdates")) == 3
    assert [u["update_id"] for u in sandbox.ok("getUpdates", offset=ids[1])] == ids[1:]
    assert [u["update_id"] for u in sandbox.ok("getUpdates", offset=ids[0])] == ids[1:]


@pytest.mark.parametrize(("limit", "count"), [(2, 2), (0, 1), (-5, 1), (1000, 100)])
def test_the_limit_is_clamped(sandbox: Sandbox, limit: int, count: int) -> None:
    """Client.cpp process_get_updates_query: get_integer_arg clamps to 1-100, refusing nothing."""
    for number in range(101):
        sandbox.say(str(number))
    assert len(sandbox.ok("getUpdates", limit=limit)) == count


def test_allowed_updates_are_remembered(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#getupdates: "the previous setting will be used"."""
    sandbox.ok("getUpdates", allowed_updates=["callback_query"])
    sandbox.ok("getUpdates")
    assert sandbox.say()["update_id"] is None
    sandbox.ok("getUpdates", allowed_updates=[])
    assert sandbox.say()["update_id"] is not None


def poll_in_thread(sandbox: Sandbox, answers: list[Any], **parameters: Any) -> threading.Thread:
    """Start a getUpdates that waits."""

    def poll() -> None:
        url = f"{sandbox.url}/bot{Sandbox.token}/getUpdates"
        try:
            answers.append(httpx.post(url, json=parameters, timeout=60, trust_env=False))
        except httpx.TransportError as error:
            answers.append(error)

    count = len(sandbox.calls())
    thread = threading.Thread(target=poll)
    thread.start()
    deadline = time.monotonic() + 10
    while len(sandbox.calls()) == count and time.monotonic() < deadline:
        pass
    return thread


def test_a_long_poll_wakes_at_once(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#getupdates: long polling, not its whole timeout."""
    answers: list[Any] = []
    thread = poll_in_thread(sandbox, answers, timeout=50)
    began = time.monotonic()
    said = sandbox.say("wake up")
    thread.join(10)
    assert time.monotonic() - began < 5
    assert answers[0].json()["result"][0]["update_id"] == said["update_id"]


def test_a_long_poll_ends_with_nothing(sandbox: Sandbox) -> None:
    """core.telegram.org/bots/api#getupdates: the timeout is in seconds."""
    began = time.monotonic()
    assert sandbox.ok("getUpdates", timeout=1) == []
    assert 0.9 < time.monotonic() - began < 10


def test_a_newer_poll_ends_the_older(sandbox: Sandbox) -> None:
    """Client.cpp abort_long_poll: the older call gets 409, the newer one the updates."""
    answers: list[Any] = []
    thread = poll_in_thread(sandbox, answers, timeout=50)
    newer = sandbox.call("getUpdates")
    thread.join(10)
    assert newer.json() == {"ok": True, "result": []}
    assert answers[0].status_code == 409
    assert answers[0].json()["description"] == (
        "Conflict: terminated by other getUpdates request; "
        "make sure that only one bot instance is running"
    )


def test_set_webhook_ends_a_poll(sandbox: Sandbox) -> None:
    """Client.cpp abort_long_poll: "terminated by setWebhook request"."""
    answers: list[Any] = []
    thread = poll_in_thread(sandbox, answers, timeout=50)
    sandbox.ok("setWebhook", url="https://bot.example.com/hook")
    thread.join(10)
    assert answers[0].json()["description"] == "Conflict: terminated by setWebhook request"


def test_polling_and_a_webhook_exclude_each_other(sandbox: Sandbox) -> None:
    """Client.cpp process_get_updates_query: 409 while a webhook is set."""
    sandbox.ok("setWebhook", url="https://bot.example.com/hook")
    assert sandbox.refused("getUpdates") == (
        409,
        (
            "Conflict: can't use getUpdates method while webhook is active; "
            "use deleteWebhook to delete the webhook first"
        ),
    )
    sandbox.ok("deleteWebhook")
    assert sandbox.ok("getUpdates") == []


def test_an_outage_ends_a_poll_without_an_answer(sandbox: Sandbox) -> None:
    """A bot sees a Telegram that went away as one that closes the connection."""
    answers: list[Any] = []
    thread = poll_in_thread(sandbox, answers, timeout=50)
    sandbox.post("/control/outage", on=True)
    thread.join(10)
    sandbox.post("/control/outage", on=False)
    assert isinstance(answers[0], httpx.RemoteProtocolError)
