"""What a person sees in the chat, from outside: links that close, taps, limits, languages."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.harness import Telegram, Tgauth, eventually, tgauth

#: The shortest lifetime that a link may have, in seconds.
SHORT = 10
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0"


@pytest.fixture
def installation(tmp_path: Path, sandbox: Telegram) -> Iterator[Tgauth]:
    """An installation whose links live shortly."""
    with tgauth(tmp_path, sandbox.url, TGAUTH_LOGIN__CODE_TTL=str(SHORT)) as prepared:
        yield prepared


def press_button_of(installation: Tgauth, code: str) -> httpx.Client:
    """Open a link in a browser and press the button of its page."""
    browser = httpx.Client(
        base_url=installation.url,
        follow_redirects=True,
        headers={"Accept": "text/html", "User-Agent": FIREFOX},
        timeout=20,
    )
    page = browser.get("/auth/callback", params={"code": code})
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    assert found is not None
    pressed = browser.post(
        "/auth/callback", data={"token": found[1]}, headers={"Origin": installation.url}
    )
    assert pressed.is_success
    return browser


def texts(sandbox: Telegram, user_id: int) -> list[str]:
    """Return what the bot's messages to a person say now."""
    return [message["text"] for message in sandbox.answers(user_id)]


def until_text(sandbox: Telegram, user_id: int, part: str, within: float = 10) -> dict[str, Any]:
    """Wait for a message that says something, new or changed."""
    return eventually(
        lambda: next((one for one in sandbox.answers(user_id) if part in one["text"]), None) or {},
        within=within,
    )


def until_count(sandbox: Telegram, user_id: int, part: str, number: int) -> None:
    """Wait until so many messages say something."""
    eventually(lambda: sum(part in text for text in texts(sandbox, user_id)) == number)


def data_of(message: dict[str, Any]) -> list[str]:
    """Return what the buttons under a message say to the bot."""
    rows = message.get("reply_markup", {}).get("inline_keyboard", [])
    return [button["callback_data"] for row in rows for button in row if "callback_data" in button]


def test_a_link_expires_in_the_chat_with_nobody_writing(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """Within five seconds of the moment; also when the bot was killed and came back meanwhile."""
    installation.start("serve")
    began = time.monotonic()
    sandbox.send(42, "/login")
    sandbox.code(42)
    message = until_text(sandbox, 42, "has expired", within=SHORT + 5)
    assert time.monotonic() - began > SHORT - 1
    assert ["new"] == data_of(message)

    sandbox._post(
        "/chat/presses", {"user_id": 42, "message_id": message["message_id"], "data": "new"}
    )
    eventually(lambda: len(sandbox.codes(42)) == 1)  # the expired one holds no link any more
    began = time.monotonic()
    for process in installation.running:
        process.end()
    time.sleep(SHORT + 1)
    installation.start("serve")
    eventually(lambda: sandbox.codes(42) == [], within=5)
    assert 2 == sum("has expired" in text for text in texts(sandbox, 42))


def test_a_newer_link_replaces_the_earlier_one(sandbox: Telegram, installation: Tgauth) -> None:
    """In the chat, for the application and in the browser; the newer one works."""
    installation.start("serve")
    sandbox.send(42, "/login")
    first = sandbox.code(42)
    sandbox.send(42, "/login")
    until_text(sandbox, 42, "was replaced by a newer one", within=5)
    [second] = sandbox.codes(42)

    assert first != second
    refused = installation.exchange(first)
    assert (400, "invalid_grant") == (refused.status_code, refused.json()["error"])
    assert installation.exchange(second).is_success


def test_a_used_link_says_from_where_and_can_be_undone(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """A tap on "That wasn't me" ends the session, and the message says so."""
    installation.start("serve")
    sandbox.send(42, "/login")
    browser = press_button_of(installation, sandbox.code(42))
    used = until_text(sandbox, 42, "You logged in to")
    assert "Firefox, Linux, from 127.0.0.1" in used["text"]
    assert [] == sandbox.codes(42)
    assert "logged in as" in browser.get("/account").text

    [data] = data_of(used)
    sandbox._post("/chat/presses", {"user_id": 42, "message_id": used["message_id"], "data": data})
    until_text(sandbox, 42, "has been ended")
    assert "not logged in" in browser.get("/account").text
    browser.close()


def test_sessions_are_listed_and_ended_in_the_chat(sandbox: Telegram, installation: Tgauth) -> None:
    """One by its button, its tokens with it; the list changes; /logout ends the rest."""
    installation.start("serve")
    tokens = []
    for number in (1, 2):
        sandbox.send(42, "/login")
        code = eventually(lambda: sandbox.codes(42))[-1]
        tokens.append(installation.exchange(code).json()["access_token"])
        until_count(sandbox, 42, "You logged in to", number)
    sandbox.send(42, "/sessions")
    listed = until_text(sandbox, 42, "You are logged in here")
    newest, oldest, everything = data_of(listed)
    assert "all" == everything

    sandbox._post(
        "/chat/presses", {"user_id": 42, "message_id": listed["message_id"], "data": oldest}
    )
    eventually(lambda: installation.me(tokens[0]).status_code == 401)
    assert installation.me(tokens[1]).is_success
    eventually(
        lambda: data_of(until_text(sandbox, 42, "You are logged in here")) == [newest, "all"]
    )
    sandbox.send(42, "/logout")
    until_text(sandbox, 42, "logged out everywhere")
    assert 401 == installation.me(tokens[1]).status_code


def test_too_many_logins_get_a_polite_answer_also_after_a_restart(
    sandbox: Telegram, installation: Tgauth
) -> None:
    """As many within a minute as are set; then none for them, whatever is restarted."""
    installation.environment["TGAUTH_LOGIN__REQUESTS_PER_MINUTE"] = "5"
    served = installation.start("serve")
    for number in range(1, 6):
        sandbox.send(42, "/login")
        until_count(sandbox, 42, "", number)
    served.stop()
    installation.start("serve")
    sandbox.send(42, "/login")
    until_text(sandbox, 42, "Too many logins")
    assert 6 == len(texts(sandbox, 42))
    assert 1 == len(sandbox.codes(42))
    sandbox.send(43, "/login")
    sandbox.code(43)


def test_a_person_is_answered_in_their_language(sandbox: Telegram, installation: Tgauth) -> None:
    """Texts, buttons and the command menu."""
    installation.start("serve")
    sandbox.send(44, "/login", language_code="ru")
    until_text(sandbox, 44, "Вот ваша ссылка для входа")
    eventually(lambda: len(_menus(sandbox)) == 2)
    menus = _menus(sandbox)
    assert ["Get a link to log in", "Получить ссылку для входа"] == [
        json.loads(menus[language])[0]["description"] for language in ("None", "ru")
    ]


def _menus(sandbox: Telegram) -> dict[str, str]:
    called = [call for call in sandbox.calls() if call["method"].lower() == "setmycommands"]
    return {
        str(call["parameters"].get("language_code")): str(call["parameters"]["commands"])
        for call in called
    }


def test_a_deleted_account_breaks_nothing(sandbox: Telegram, installation: Tgauth) -> None:
    """What is owed to it is given up; the others get theirs, and the account stays who it was."""
    installation.start("serve")
    sandbox.send(42, "/login", username="ann", first_name="Ann")
    first = installation.exchange(sandbox.code(42)).json()["user"]
    until_text(sandbox, 42, "You logged in to")
    sandbox.outage(on=True)
    sandbox.send(45, "/login")
    sandbox._post("/control/accounts", {"user_id": 45, "deactivated": True})
    sandbox.outage(on=False)
    eventually(lambda: "message.given_up" in installation.output)
    sandbox.send(42, "/login", username="renamed", first_name="Anna")
    second = installation.exchange(eventually(lambda: sandbox.codes(42))[0]).json()["user"]
    assert first["sub"] == second["sub"]
    assert ("renamed", "Anna") == (second["username"], second["first_name"])
