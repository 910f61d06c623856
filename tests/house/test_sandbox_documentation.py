"""Promises of docs/sandbox.md: every route, field, fault and option is in it, and nothing else."""

import argparse
import re

import msgspec
import pytest
from tests.house.sources import ROOT

from tgauth.sandbox.__main__ import parser
from tgauth.sandbox.chat import Blocked, Pressed, Removed, Rewritten
from tgauth.sandbox.control import FaultOrder, Outage, Repeat, RestartIds
from tgauth.sandbox.faults import Kind
from tgauth.sandbox.methods import METHODS
from tgauth.sandbox.people import DeepLinks
from tgauth.sandbox.populace import Account, Membership, Migration, Place, Topic
from tgauth.sandbox.sayings import Said
from tgauth.sandbox.starts import Started
from tgauth.sandbox.telegram import Telegram

TEXT = (ROOT / "docs" / "sandbox.md").read_text("utf-8")
BODIES = (
    *(Said, Started, Pressed, Blocked, Rewritten, Removed),
    *(Account, Place, Membership, Migration, Topic),
    *(FaultOrder, Outage, Repeat, RestartIds),
)


def routes() -> set[str]:
    """Return every route of the chat and control sides, as the page writes it."""
    wire, _ = Telegram.build(token="1:a", bot_username="b", limits=None).app()
    return {
        f"{method} {route.path_format}".replace(":str}", "}")
        for route in wire.app.routes
        for method in route.methods
        if method not in {"OPTIONS", "HEAD"} and "{bot" not in route.path_format
    }


@pytest.mark.parametrize("route", sorted(routes()))
def test_every_route_is_documented(route: str) -> None:
    """By method and path."""
    assert f"`{route}`" in TEXT


def test_no_route_is_documented_that_there_is_not() -> None:
    """A route that was renamed is renamed there too."""
    documented = set(re.findall(r"`((?:GET|POST|DELETE|PUT|PATCH) /[^`]*)`", TEXT))
    assert set() == documented - routes()


@pytest.mark.parametrize("body", BODIES, ids=lambda body: body.__name__)
def test_every_field_is_documented(body: type[msgspec.Struct]) -> None:
    """In prose, in a table or in an example."""
    names = body.__struct_fields__
    assert [] == [name for name in names if f"`{name}`" not in TEXT and f'"{name}"' not in TEXT]


@pytest.mark.parametrize("kind", list(Kind))
def test_every_fault_is_documented(kind: Kind) -> None:
    """In the table of faults."""
    assert f"| `{kind}` |" in TEXT


@pytest.mark.parametrize("way", list(DeepLinks))
def test_every_way_with_a_link_is_documented(way: DeepLinks) -> None:
    """In the table of an account's `deep_links`."""
    assert f"| `{way}` |" in TEXT


def test_every_method_is_documented() -> None:
    """And no other is claimed."""
    start = TEXT.index("It knows\ngetMe") + len("It knows")
    listed = re.findall(r"\w+", TEXT[start : TEXT.index("Any other is")].replace(" and ", " "))
    assert {name.lower() for name in listed} == {*METHODS, "getupdates"}


def test_every_option_is_documented_and_explains_itself() -> None:
    """Of both servers."""
    for action in parser()._actions:
        if not isinstance(action, argparse._SubParsersAction):
            continue
        for server in action.choices.values():
            for option in server._actions:
                assert option.help
                name = option.option_strings[-1]
                assert name == "--help" or f"| `{name}` |" in TEXT
