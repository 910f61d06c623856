"""The bot's commands and descriptions, over HTTP."""

from typing import Any

import pytest
from tests.sandbox.helpers import Sandbox

LOGIN = {"command": "login", "description": "Log in"}
START = {"command": "start", "description": "Begin"}


@pytest.fixture
def bot(sandbox: Sandbox) -> Sandbox:
    """A bot without commands."""
    for scope in ("default", "all_private_chats"):
        for language in ("", "ru"):
            sandbox.ok("deleteMyCommands", scope={"type": scope}, language_code=language)
    return sandbox


def test_each_scope_and_language_has_its_own_list(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#getmycommands: the list "for the given scope and language"."""
    private = {"scope": {"type": "all_private_chats"}}
    assert bot.ok("setMyCommands", commands=[LOGIN]) is True
    assert bot.ok("setMyCommands", commands=[START], **private, language_code="ru") is True
    assert bot.ok("getMyCommands") == [LOGIN]
    assert bot.ok("getMyCommands", **private) == []
    assert bot.ok("getMyCommands", **private, language_code="ru") == [START]
    assert bot.ok("deleteMyCommands") is True
    assert bot.ok("getMyCommands") == []


def test_people_see_the_narrowest_list(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#determining-list-of-commands."""
    bot.ok("setMyCommands", commands=[LOGIN])
    bot.ok("setMyCommands", commands=[START], language_code="ru")

    def shown(user_id: int) -> Any:
        return bot.client.get("/chat/bot", params={"user_id": user_id}).json()["commands"]

    assert shown(1001) == [LOGIN]
    assert shown(1002) == [START]
    bot.ok("setMyCommands", commands=[LOGIN], scope={"type": "all_private_chats"})
    assert shown(1002) == [LOGIN]


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ({"command": "Login", "description": "x"}, "BOT_COMMAND_INVALID"),
        ({"command": "log-in", "description": "x"}, "BOT_COMMAND_INVALID"),
        ({"command": "x" * 33, "description": "x"}, "BOT_COMMAND_INVALID"),
        ({"command": "", "description": "x"}, "command must be non-empty"),
        ({"command": "x", "description": " "}, "command description must be non-empty"),
        (
            {"command": "x", "description": "x" * 257},
            "command description length must not exceed 256",
        ),
        ({"command": "x"}, "can't parse BotCommand: Can't find field \"description\""),
    ],
)
def test_commands_that_are_refused(bot: Sandbox, command: dict[str, str], words: str) -> None:
    """core.telegram.org/bots/api#botcommand and core.telegram.org/method/bots.setBotCommands."""
    assert bot.refused("setMyCommands", commands=[command]) == (400, f"Bad Request: {words}")


def test_a_hundred_commands_at_most(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#setmycommands: "At most 100 commands can be specified"."""
    many = [{"command": f"c{number}", "description": "x"} for number in range(101)]
    assert bot.ok("setMyCommands", commands=many[:100]) is True
    assert bot.refused("setMyCommands", commands=many)[1] == "Bad Request: BOT_COMMANDS_TOO_MUCH"


def test_scopes_that_are_refused(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#botcommandscope: seven types, some with a chat."""
    for scope, words in (
        ({"type": "everywhere"}, "Unsupported type specified"),
        ({"type": "chat"}, 'Can\'t find field "chat_id"'),
    ):
        assert bot.refused("setMyCommands", commands=[LOGIN], scope=scope)[1] == (
            f"Bad Request: can't parse BotCommandScope: {words}"
        )


def shown(bot: Sandbox, user_id: int, chat_id: int | None = None) -> Any:
    """Return the names of the commands that a person sees."""
    query = {"user_id": user_id, "chat_id": chat_id or user_id}
    commands = bot.client.get("/chat/bot", params=query).json()["commands"]
    return [command["command"] for command in commands]


def test_every_scope_in_its_order(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#determining-list-of-commands, from the widest to the narrowest."""
    group = -99_001
    bot.say("/login", chat_id=group)
    member = {"chat_id": group, "user_id": 1002}
    bot.post("/control/members", **member, status="administrator")
    scopes = [
        {"type": "default"},
        {"type": "all_group_chats"},
        {"type": "all_chat_administrators"},
        {"type": "chat", "chat_id": group},
        {"type": "chat_administrators", "chat_id": group},
        {"type": "chat_member", "chat_id": group, "user_id": 1002},
    ]
    for number, scope in enumerate(scopes):
        for language in ("", "ru"):
            name = {"command": f"c{number}{language}", "description": "x"}
            bot.ok("setMyCommands", commands=[name], scope=scope, language_code=language)
            assert shown(bot, 1002, group) == [f"c{number}{language}"]
    assert shown(bot, 1003, group) == ["c3"]
    assert shown(bot, 1002) == ["c0ru"]
    for scope in scopes:
        bot.ok("deleteMyCommands", scope=scope, language_code="ru")
        bot.ok("deleteMyCommands", scope=scope)
    assert shown(bot, 1002, group) == []


@pytest.mark.parametrize("language", ["russian", "RU", "e", "r1"])
def test_languages_that_are_refused(bot: Sandbox, language: str) -> None:
    """core.telegram.org/bots/api#setmycommands: "A two-letter ISO 639-1 language code"."""
    for method, parameters in (
        ("setMyCommands", {"commands": [LOGIN]}),
        ("getMyCommands", {}),
        ("setMyDescription", {"description": "x"}),
    ):
        answer = bot.refused(method, language_code=language, **parameters)
        assert answer == (400, "Bad Request: invalid language code specified")


@pytest.mark.parametrize(
    ("what", "limit"), [("description", 512), ("short_description", 120)], ids=["long", "short"]
)
def test_each_language_has_its_own_description(bot: Sandbox, what: str, limit: int) -> None:
    """core.telegram.org/bots/api#setmydescription and #setmyshortdescription."""
    method = "MyDescription" if what == "description" else "MyShortDescription"
    assert bot.ok(f"set{method}", **{what: "Logs you in"}) is True
    assert bot.ok(f"set{method}", **{what: "Впускает"}, language_code="ru") is True
    assert bot.ok(f"get{method}") == {what: "Logs you in"}
    assert bot.ok(f"get{method}", language_code="ru") == {what: "Впускает"}
    assert bot.ok(f"get{method}", language_code="de") == {what: ""}
    for user_id, text in ((1001, "Logs you in"), (1002, "Впускает"), (1003, "Logs you in")):
        page = bot.client.get("/chat/bot", params={"user_id": user_id}).json()
        assert page[what] == text
    assert bot.ok(f"set{method}", **{what: "x" * limit}) is True
    words = f"Bad Request: bot {what.replace('_', ' ')} is too long"
    assert bot.refused(f"set{method}", **{what: "x" * (limit + 1)}) == (400, words)
    for language in ("", "ru"):
        assert bot.ok(f"set{method}", language_code=language) is True
    assert bot.ok(f"get{method}") == {what: ""}


def test_menu_buttons(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#setchatmenubutton: commands, web_app or default."""
    assert bot.ok("setChatMenuButton", menu_button={"type": "commands"}) is True
    assert bot.refused("setChatMenuButton", menu_button={"type": "song"})[1] == (
        "Bad Request: can't parse menu button: MenuButton has unsupported type"
    )
