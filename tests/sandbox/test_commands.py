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


def test_descriptions_and_menu_buttons(bot: Sandbox) -> None:
    """core.telegram.org/bots/api#setmydescription: 512 characters, the short one 120."""
    assert bot.ok("setMyDescription", description="x" * 512) is True
    assert bot.refused("setMyDescription", description="x" * 513)[0] == 400
    assert bot.ok("setMyShortDescription", short_description="x" * 120) is True
    assert bot.refused("setMyShortDescription", short_description="x" * 121)[0] == 400
    assert bot.ok("setChatMenuButton", menu_button={"type": "commands"}) is True
    assert bot.refused("setChatMenuButton", menu_button={"type": "song"})[1] == (
        "Bad Request: can't parse menu button: MenuButton has unsupported type"
    )
